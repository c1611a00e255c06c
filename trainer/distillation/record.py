"""What the networks of a folder were made of, by its stage.json: those of another making are not mixed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ctsma_node.errors import SettingsError
from trainer.distillation.settings import RegressionSettings
from trainer.stage import MANIFEST


def teachers_of(folder: Path | None) -> dict[str, str]:
    """SHA-256 of each network in a teacher's folder: another one may stand there under the same name."""
    kept = [] if folder is None else sorted(folder.glob("*.safetensors"))
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def _in_full(described: dict[str, Any]) -> dict[str, Any]:
    """A folder's record, with the defaults of settings that came after it."""
    try:
        settings = RegressionSettings.model_validate(described["settings"])
    except (KeyError, ValidationError):
        return described
    return described | {"settings": settings.model_dump(mode="json")}


def recorded(folder: Path) -> dict[str, Any] | None:
    """What the networks of a folder were made of; None where there are none.

    Raises SettingsError where the record is damaged: nothing says what the networks have seen.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return _in_full(json.loads(path.read_text(encoding="utf-8"))["settings"])
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path} is damaged ({error}), and says no more what the networks beside it have seen: "
            "name another folder, or delete this one"
        ) from error


def check_same(folder: Path, before: dict[str, Any], described: dict[str, Any]) -> None:
    """Raises SettingsError where a folder holds networks of another making than `described`."""
    changed = [name for name, value in described.items() if not _agree(name, before.get(name), value)]
    if changed:
        raise SettingsError(
            f"{folder} holds networks of another making ({', '.join(changed)}): "
            "repeat those settings, name another --out, or delete the folder"
        )


def check_teacher(folder: Path, patches: str, validate: bool) -> None:
    """Its networks and the student's are paired by a fold's number, which must leave out the same people.

    `patches` is the digest of the student's pairs. Raises SettingsError where the teacher was trained on
    others, or left out other folds.
    """
    record = recorded(folder)
    if record is None:
        raise SettingsError(f"{folder / MANIFEST} is missing: train it first with: ctsma-train teacher")
    wanted = {"role": "teacher", "patches": patches, "validate": validate}
    other = [name for name, value in wanted.items() if record.get(name) != value]
    if other:
        raise SettingsError(
            f"{folder} is no teacher of these students: it is of another making ({', '.join(other)}) and may "
            "have seen the patients that they are asked about; train one with: ctsma-train teacher"
            + " --validate"
            * validate
        )


def _agree(name: str, before: Any, now: Any) -> bool:
    """Of teachers those that were known: a folder may have got its network of all folds since.

    Of folds no fewer, None being all: answers to a few would take the place of those to all.
    """
    if name == "folds":
        return now is None or (before is not None and before <= now)
    if name == "teachers" and before is not None:
        return all(before.get(fold, digest) == digest for fold, digest in now.items())
    return bool(before == now)
