"""The cohort's files: `cohort.json` for programs, `cohort.csv` for people, `cohort.schema.json` for both."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

from trainer.cohort.clinical import MOAKS
from trainer.cohort.manifest import MANIFEST, SCHEMA, TABLE, CohortManifest, PairEntry, SeriesEntry

_COLUMNS = (
    *("pair_id", "pseudonym", "side", "fold", "oa_class", "kl", "age", "sex", "bmi", *MOAKS, "days"),
    *("ct_size", "ct_spacing_mm", "ct_folder", "ct_others", "mr_size", "mr_spacing_mm", "mr_folder"),
)


def write_cohort(folder: Path, manifest: CohortManifest) -> None:
    """Each file appears whole or not at all; the manifest comes last, so that it stands for all."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = json.dumps(CohortManifest.model_json_schema(), indent=1)
    write_whole(folder / SCHEMA, schema + "\n")
    write_whole(folder / TABLE, pairs_table(manifest))
    write_whole(folder / MANIFEST, manifest.model_dump_json(indent=1) + "\n")


def pairs_table(manifest: CohortManifest) -> str:
    """One line for each pair, CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_line(pair) for pair in manifest.pairs)
    return text.getvalue()


def write_whole(path: Path, text: str) -> None:
    """Write beside, sync, rename: a reader sees the old file or the new one."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _line(pair: PairEntry) -> dict[str, object]:
    line: dict[str, object] = {
        name: getattr(pair, name) for name in ("pair_id", "pseudonym", "side", "fold", "oa_class", "days")
    }
    if pair.clinical:
        line |= {name: getattr(pair.clinical, name) for name in ("kl", "age", "sex", "bmi")}
        line |= {f"moaks_{name}": score for name, score in pair.clinical.moaks_cartilage.items()}
    return line | _columns("ct", pair.ct) | _columns("mr", pair.mr) | {"ct_others": len(pair.ct_alternatives)}


def _columns(modality: str, entry: SeriesEntry) -> dict[str, object]:
    return {
        f"{modality}_size": " x ".join(map(str, entry.size)),
        f"{modality}_spacing_mm": " x ".join(f"{each:.3f}" for each in entry.spacing_mm),
        f"{modality}_folder": entry.folder,
    }
