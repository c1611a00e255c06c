"""The files of a tree, in a fixed order; what cannot be entered is named."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trainer.cohort.findings import Finding, found


@dataclass
class Walk:
    """Paths of regular files relative to the root, sorted, and what was passed over."""

    files: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def walk(root: Path) -> Walk:
    """Every regular file below a folder; links to folders are followed, each folder is entered once.

    Raises FileNotFoundError or NotADirectoryError where the root is no folder.
    """
    if not root.exists():
        raise FileNotFoundError(f"{root}: there is no such folder")
    if not root.is_dir():
        raise NotADirectoryError(f"{root}: not a folder")
    seen = Walk()
    _enter(root, "", {_identity(root.stat())}, seen)
    seen.files.sort()
    return seen


def _enter(folder: Path, below: str, entered: set[tuple[int, int]], seen: Walk) -> None:
    """Real folders come before links to folders, so that a link never takes a folder's place."""
    links = []
    for name in _names(folder, below, seen):
        path, relative = folder / name, f"{below}{name}"
        if not _is_text(name):
            seen.findings.append(found("name_not_utf8", _shown(relative)))
            continue
        try:
            status = path.stat()
        except PermissionError:
            seen.findings.append(found("no_permission", relative))
        except OSError:  # a target that is not there, or a link that leads to itself
            seen.findings.append(found("broken_link", relative))
        else:
            if stat.S_ISREG(status.st_mode):
                seen.files.append(relative)
            elif not stat.S_ISDIR(status.st_mode):
                seen.findings.append(found("not_a_file", relative))
            elif path.is_symlink():
                links.append((path, relative, status))
            else:
                entered.add(_identity(status))
                _enter(path, f"{relative}/", entered, seen)
    for path, relative, status in links:
        if _identity(status) in entered:
            seen.findings.append(found("symlink_loop", relative))
        else:
            entered.add(_identity(status))
            _enter(path, f"{relative}/", entered, seen)


def _names(folder: Path, below: str, seen: Walk) -> Iterator[str]:
    try:
        yield from sorted(os.listdir(folder))  # noqa: PTH208 (names alone, one system call)
    except PermissionError:
        seen.findings.append(found("no_permission", below.rstrip("/") or "."))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _is_text(name: str) -> bool:
    """Whether a name's bytes are UTF-8; the manifest can hold no others."""
    return name.isprintable() or not any("\ud800" <= character <= "\udfff" for character in name)


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
