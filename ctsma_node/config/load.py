"""Reads node.toml and the environment; says what is wrong, where, and what was probably meant."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ctsma_node.config.peers import DESTINATION_KINDS, AnyDestination
from ctsma_node.config.settings import Settings
from ctsma_node.errors import SettingsError

_TLS_PATHS = ("tls_ca", "tls_crl", "tls_certificate", "tls_key")
_Section = TypeVar("_Section", bound=BaseModel)

ENVIRONMENT_PREFIX = "CTSMA_"
"""CTSMA_NODE__PORT=4242 stands for `port = 4242` in `[node]`, and wins over the file."""


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a file, or the defaults when there is none, under the environment's overrides.

    A relative `state_dir`, bundle folder, or file of keys, certificates or credentials starts at the file's
    own folder.
    Raises SettingsError: one line for each thing that is wrong.
    """
    tree = {} if path is None else _read(path)
    _override(tree, os.environ if environ is None else environ)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        lines = [_line(each["loc"], each["type"], each["msg"]) for each in _causes(error)]
        where = "The settings" if path is None else str(path)
        raise SettingsError("\n  ".join([f"{where} cannot be used:", *lines])) from None
    return settings if path is None else _anchored(settings, path.absolute().parent)


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a node whose settings are its file's alone."""
    return {name: value for name, value in environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from None


def _override(tree: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name, value in sorted(environ.items()):
        section, separator, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if not name.startswith(ENVIRONMENT_PREFIX) or not separator:
            continue
        keys = tree.setdefault(section, {})
        if not isinstance(keys, dict):
            raise SettingsError(f"{name}: `{section}` is a list and can be set in the file only.")
        keys[key] = value


def _anchored(settings: Settings, folder: Path) -> Settings:
    node = settings.node.model_copy(update={"state_dir": folder / settings.node.state_dir})
    analysis = _with_paths(settings.analysis, folder, "public_key")
    if analysis.bundle != "default":
        analysis = analysis.model_copy(update={"bundle": str(folder / analysis.bundle)})
    destinations = tuple(_destination(each, folder) for each in settings.destinations)
    sources = tuple(
        each.model_copy(update={"query": _with_paths(each.query, folder, *_TLS_PATHS)})
        if each.query
        else each
        for each in settings.sources
    )
    tls = _with_paths(settings.tls, folder, "certificate", "key", "ca", "crl")
    audit = _with_paths(settings.audit, folder, "syslog_ca")
    return settings.model_copy(
        update={
            "node": node,
            "analysis": analysis,
            "sources": sources,
            "destinations": destinations,
            "tls": tls,
            "audit": audit,
            "notify": _with_paths(settings.notify, folder, "smtp_password_file", "webhook_token_file"),
            "web": _with_paths(settings.web, folder, "read_token_file", "tls_certificate", "tls_key"),
        }
    )


def _with_paths(section: _Section, folder: Path, *keys: str) -> _Section:
    """The section with relative paths taken from the folder; an empty one stays empty."""
    named = {key: getattr(section, key) for key in keys}
    return section.model_copy(update={key: str(folder / path) for key, path in named.items() if path})


def _destination(destination: AnyDestination, folder: Path) -> AnyDestination:
    if destination.kind == "dicomweb":
        return _with_paths(destination, folder, "token_file", "basic_file", "ca_file")
    return _with_paths(destination, folder, *_TLS_PATHS)


def _causes(error: ValidationError) -> Iterator[Mapping[str, Any]]:
    """What is wrong; not that a list is too short for what is wrong with what it holds."""
    found = error.errors(include_url=False)
    for each in found:
        location = each["loc"]
        within = (other["loc"] for other in found if len(other["loc"]) > len(location))
        if each["type"] != "too_short" or location not in {loc[: len(location)] for loc in within}:
            yield each


def _line(location: tuple[str | int, ...], kind: str, message: str) -> str:
    where = _written(location)
    if kind == "tuple_type" and len(location) == 1:
        return f"{where}: double brackets are wanted: [{where}], one for each."
    if kind != "extra_forbidden":
        return f"{where}: {message.removeprefix('Value error, ')}."
    valid = _keys(location[:-1])
    near = get_close_matches(str(location[-1]), valid, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"valid are: {', '.join(valid)}."
    return f"{where}: unknown key; {hint}"


def _written(location: tuple[str | int, ...]) -> str:
    """`[node] port`, `[[sources]] 2 ae_title`: as an operator would look for it in the file."""
    if not location:
        return "all sections"
    section, *rest = location
    listed = section in ("sources", "destinations")
    head = f"[[{section}]]" if listed and rest else f"[{section}]"
    if section == "destinations" and len(rest) > 1 and rest[1] in DESTINATION_KINDS:
        del rest[1]  # which kind it is stands in the file as a key
    numbered = [str(part + 1) if isinstance(part, int) else part for part in rest]
    return " ".join([head, *numbered])


def _keys(location: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location:
        if part in DESTINATION_KINDS:
            model = DESTINATION_KINDS[str(part)]
        elif isinstance(part, str):
            annotation = model.model_fields[part].annotation
            found = [each for each in (annotation, *get_args(annotation)) if _is_model(each)]
            model = found[0] if found else model  # a list of several kinds: the next part says which
    return list(model.model_fields)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
