"""Durable files: the order of the system calls, and nothing left behind when one fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctsma_node.spool import Spool, make_private, write_durably

DIGEST = "ab" + "0" * 62


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "state" / "spool")
    spool.prepare()
    return spool


def everything_in(spool: Spool) -> list[Path]:
    return [path for path in spool.folder.rglob("*") if path.is_file()]


def is_part(descriptor: int) -> bool:
    return Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".part"


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_file_is_written_whole(spool: Spool) -> None:
    relative = spool.write(DIGEST, (b"head", memoryview(b"body")))
    assert relative == f"ab/{DIGEST}.dcm"
    assert spool.path(relative).read_bytes() == b"headbody"
    assert list(spool.files()) == [relative]


def test_only_the_nodes_user_can_read(spool: Spool) -> None:
    path = spool.path(spool.write(DIGEST, (b"x",)))
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (spool.folder, path.parent)} == {0o700}


def test_the_order_is_write_sync_rename_sync(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    spool.write("ab" + "1" * 62, (b"the folder is there",))

    def traced(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*arguments: Any) -> Any:
            what = "" if name != "fsync" else " file" if is_part(arguments[0]) else " folder"
            calls.append(name + what)
            return real(*arguments)

        return call

    for name in ("open", "write", "fsync", "rename"):
        monkeypatch.setattr(os, name, traced(name))
    spool.write(DIGEST, (b"head", b"body"))
    assert calls == ["open", "write", "write", "fsync file", "rename", "open", "fsync folder"]


def test_a_new_folder_is_durable_before_anything_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "new")
    make_private(spool.folder)
    synced: list[tuple[Path, bool]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((path, (spool.folder / "ab").is_dir() and any((spool.folder / "ab").iterdir())))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    spool.write(DIGEST, (b"x",))
    assert synced[0] == (spool.folder, False)


def test_a_short_write_is_continued(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    assert spool.path(spool.write(DIGEST, (b"0123456789",))).read_bytes() == b"0123456789"


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failure_leaves_nothing(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(number))
        with pytest.raises(OSError, match=os.strerror(number)):
            spool.write(DIGEST, (b"x",))
    assert everything_in(spool) == []
    spool.write(DIGEST, (b"x",))


def test_a_folder_that_cannot_be_synced_keeps_no_file(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def fail_on_folders(descriptor: int) -> None:
        if not is_part(descriptor):
            raise OSError(errno.EIO, "I/O error")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail_on_folders)
        with pytest.raises(OSError, match="I/O error"):
            spool.write(DIGEST, (b"x",))
    assert everything_in(spool) == []


def test_a_part_file_of_somebody_else_is_not_taken(spool: Spool) -> None:
    part = spool.path(spool.relative(DIGEST) + ".part")
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        spool.write(DIGEST, (b"x",))
    assert part.read_bytes() == b"theirs"
    assert spool.remove_parts() == 1
    assert everything_in(spool) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "target", (b"x",))
    assert not (tmp_path / "elsewhere").exists()


def test_folders_above_are_made_and_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("ctsma_node.spool.sync_folder", synced.append)
    for _ in range(2):
        make_private(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")} == {0o700}
    assert synced == [tmp_path, tmp_path / "a"]
