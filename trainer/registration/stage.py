"""The stage `register`: every pair of a cohort to transforms with a verdict, or to the reason why not."""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from ctsma_node.analysis.bundle import read_bundle
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Side
from ctsma_node.errors import Refused
from trainer.cohort.images import read_ct, read_mr
from trainer.cohort.manifest import PairEntry, read_manifest, sources_of
from trainer.registration.cluster import on_cluster
from trainer.registration.pair import Registration, register_pair
from trainer.registration.picture import write_picture
from trainer.registration.quality import Limits, Verdict
from trainer.stage import side_by_side, write_manifest
from trainer.synthesis.overlap import mask_overlap
from trainer.synthesis.synthesise import weights_digest
from trainer.unread import is_unread, mark_of, reading

NOT_REGISTERED, PICTURES = "not_registered", "pictures"
TABLE, ROWS = "registration.csv", "registration.json"
_COLUMNS = (
    *(
        "pair_id",
        "verdict",
        "code",
        "reason",
        "error_mm",
        "flexion_degrees",
        "other_turn_degrees",
        "shift_mm",
    ),
    *(
        f"{bone}_{figure}"
        for bone in ("femur", "tibia")
        for figure in (
            "information",
            "texture",
            "overlap",
            "inside",
            "agreeing",
            "moved_mm",
            "halves_mm",
            "error_mm",
        )
    ),
    "seconds",
)


@dataclass(frozen=True)
class RegisterRequest:
    """Folders of the stage: the archive, its `cohort.json`, and where the transforms go."""

    archive: Path
    cohort: Path
    out: Path
    bundle: Path | None = None
    jobs: int = 2
    dask: str = ""
    """Address of a dask.distributed scheduler, "local" for a cluster of this machine, "" for none."""
    synthesis: Path | None = None
    """Folder of a trained synthesis, a third witness of each pair; None for two."""
    pictures: bool = True
    limits: Limits = field(default_factory=Limits)


def run(request: RegisterRequest) -> Iterator[dict[str, Any]]:
    """Register what is missing, could not be read, or was made of other scans or with other limits, bundle or
    synthesis; yields each pair's row as it is done.

    Writes `out`/PAIR.json ({"ct_to_mr": ..., figures, verdict}), or `out`/not_registered/PAIR.json without a
    transform; a picture of each; registration.csv and registration.json with a row for every pair;
    stage.json. Raises SettingsError where there is no cohort, bundle or synthesis.
    """
    pairs = read_manifest(request.cohort).pairs
    made_by = _made_by(request)
    for folder in (request.out, request.out / NOT_REGISTERED, request.out / PICTURES):
        folder.mkdir(parents=True, exist_ok=True)
    settings = {**made_by, "cohort": request.cohort.name}
    write_manifest(request.out, settings, [request.cohort / "cohort.json"])
    rows = {pair.pair_id: row for pair in pairs if (row := _row_of(request.out, pair, made_by)) is not None}
    yield from rows.values()
    missing = [pair for pair in pairs if pair.pair_id not in rows]
    make = partial(register_entry, request=request, made_by=made_by)
    made = (
        on_cluster(make, missing, request.dask, request.jobs)
        if request.dask
        else side_by_side(make, missing, request.jobs)
    )
    for row in made:
        rows[row["pair_id"]] = row
        yield row
    _write_rows(request.out, [rows[pair.pair_id] for pair in pairs])


def count_pairs(cohort: Path) -> int:
    """How many pairs `run` will go through."""
    return len(read_manifest(cohort).pairs)


def register_entry(pair: PairEntry, request: RegisterRequest, made_by: dict[str, Any]) -> dict[str, Any]:
    """One pair, written with what it was `made_by`; its row.

    What is wrong with a pair is its answer, and the others go on.
    """
    begun = time.perf_counter()
    overlap = partial(mask_overlap, request.synthesis, request.bundle) if request.synthesis else None
    try:
        with reading():
            ct, mr = read_ct(pair.ct, request.archive), read_mr(pair.mr, request.archive)
        read = time.perf_counter() - begun
        found = register_pair(ct, mr, Side(pair.side), _analyser(request.bundle), request.limits, overlap)
    except Refused as refused:
        described = _refused(refused.code, refused.reason) | mark_of(refused)
    except ValueError as error:
        described = _refused("not_measured", str(error))
    else:
        described = found.described()
        described["seconds"] = {"read": read, **found.seconds}
        if request.pictures:
            _draw(found, mr, request.out / PICTURES / f"{pair.pair_id}.png")
    content = {"pair_id": pair.pair_id, **sources_of(pair), **made_by, **described}
    registered = "ct_to_mr" in described
    _write(_path(request.out, pair, registered), content)
    _path(request.out, pair, not registered).unlink(missing_ok=True)
    return row_of(content)


def row_of(content: dict[str, Any]) -> dict[str, Any]:
    """A pair's file as one flat row of the table."""
    row: dict[str, Any] = {name: content[name] for name in _COLUMNS[:5]}
    row.update(content.get("motion") or {})
    for bone, figures in (content.get("bones") or {}).items():
        row.update({f"{bone}_{name}": value for name, value in figures.items()})
    row["seconds"] = sum(content["seconds"].values())
    return {name: row.get(name) for name in _COLUMNS}


def _draw(found: Registration, mr: Any, path: Path) -> None:
    part = path.with_suffix(f".{os.getpid()}.part.png")
    write_picture(found, mr, part)
    part.rename(path)


def _refused(code: str, reason: str) -> dict[str, Any]:
    verdict = Verdict.NOT_REGISTERED
    return {"verdict": verdict, "code": code, "reason": reason, "error_mm": None, "seconds": {}}


def _made_by(request: RegisterRequest) -> dict[str, Any]:
    """What the result of every pair depends on, beside its scans."""
    return {
        "limits": asdict(request.limits),
        "bundle_digest": read_bundle(request.bundle).digest,
        "synthesis": None if request.synthesis is None else weights_digest(request.synthesis),
    }


def _path(out: Path, pair: PairEntry, registered: bool) -> Path:
    folder = out if registered else out / NOT_REGISTERED
    return folder / f"{pair.pair_id}.json"


def _row_of(out: Path, pair: PairEntry, made_by: dict[str, Any]) -> dict[str, Any] | None:
    """The row of a pair that is there, made of the scans that the cohort names now, and as is asked now.

    None where its scans could not be read: they are tried again.
    """
    wanted = {**sources_of(pair), **made_by}
    for registered in (True, False):
        path = _path(out, pair, registered)
        if path.is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.items() >= wanted.items() and not is_unread(content):
                return row_of(content)
    return None


def _write(path: Path, content: dict[str, Any]) -> None:
    """A file appears whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.rename(path)


def _write_rows(out: Path, rows: list[dict[str, Any]]) -> None:
    _write(out / ROWS, {"rows": rows})
    with (out / TABLE).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, _COLUMNS)
        table.writeheader()
        table.writerows(rows)


@cache
def _analyser(bundle: Path | None) -> Analyser:
    """One for each process."""
    return Analyser.load(bundle, device="cpu", threads=1)
