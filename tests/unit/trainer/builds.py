"""The folders of all stages as `bundle` reads them, with the networks of the default bundle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file
from torch import nn

from ctsma_node.analysis.bundle import read_bundle
from trainer.drawn import ALL_DRAWN
from trainer.stage import MANIFEST, write_manifest

STUDENT = Path("regression") / "student"


def write_build(build: Path, *, drawn: bool | None) -> Path:
    """A segmenter, a student with its answers, an aggregator of these; `drawn` is what both records say."""
    default = read_bundle()
    for name in ("segmenter", STUDENT, "aggregator"):
        (build / name).mkdir(parents=True)
    _save(default.finder, build / "segmenter" / "finder.safetensors")
    _save(default.segmenter, build / "segmenter" / "segmenter.safetensors")
    sizes = {"finder_width": default.plan.finder_width, "segmenter_width": default.plan.segmenter_width}
    write_manifest(build / "segmenter", sizes | {"figures": {}})
    _save(default.student, build / STUDENT / "student.safetensors")
    (build / STUDENT / "student.json").write_text(default.plan.student.model_dump_json())
    np.savez(build / STUDENT / "predictions.npz", answers=np.zeros(3))
    said = {} if drawn is None else {ALL_DRAWN: drawn}
    write_manifest(build / STUDENT, said | {"figures": {}})
    _save(default.aggregator, build / "aggregator" / "aggregator.safetensors")
    (build / "aggregator" / "aggregator.json").write_text(default.plan.aggregator.model_dump_json())
    places = {"femur": default.plan.femur_template, "tibia": default.plan.tibia_template}
    (build / "aggregator" / "templates.json").write_text(json.dumps(places))
    write_manifest(build / "aggregator", said | {"figures": {}}, [build / STUDENT / "predictions.npz"])
    return build


def change_record(folder: Path, **settings: Any) -> None:
    """Other settings in a stage's record; None takes one out."""
    record = json.loads((folder / MANIFEST).read_text())
    changed = record["settings"] | settings
    record["settings"] = {name: value for name, value in changed.items() if value is not None}
    (folder / MANIFEST).write_text(json.dumps(record))


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _save(network: nn.Module, path: Path) -> None:
    save_file({name: each.contiguous() for name, each in network.state_dict().items()}, path)
