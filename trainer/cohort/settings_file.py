"""Settings from a TOML file; an unknown key is an error that names the nearest valid one."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path

from pydantic import ValidationError

from ctsma_node.errors import SettingsError
from trainer.cohort.settings import CohortSettings


def read_settings(path: Path | None) -> CohortSettings:
    """The defaults without a file. Raises SettingsError that says file, key and what is wrong."""
    if path is None:
        return CohortSettings()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return CohortSettings.model_validate(values)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        near = difflib.get_close_matches(key, CohortSettings.model_fields, n=1)
        hint = f"; did you mean {near[0]}?" if near and first["type"] == "extra_forbidden" else ""
        raise SettingsError(f"{path}: {key}: {first['msg']}{hint}") from error
