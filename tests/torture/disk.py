"""A file system of its own on a loop device, whose power can be cut. Linux, ext4, root."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32): fs/ext4/ext4.h of the kernel
_NO_LOG_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH: the journal in memory is lost, too
_OPTIONS = "loop,noatime,commit=600"
"""The journal is committed at an fsync, and by itself in ten minutes at the earliest: ext4's own five seconds
would save what nobody had synced. The kernel writes pages back that are 30 s old, later than any cut here."""

_MEMORY = Path("/dev/shm")


def lacking() -> str | None:
    """What the machine lacks for such a disk, or None."""
    if os.geteuid() != 0:
        return "root, who may mount a loop device,"
    if not Path("/dev/loop-control").exists():
        return "a loop device"
    if not shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        return "mkfs.ext4"
    return None


class Disk:
    """Mounted at `folder` from start to end. Its image lies in memory where it can: a sync is quick there.

    What was synced is on the image and survives `cut`; all else is gone, as with a disk that loses its power.
    """

    def __init__(self, folder: Path, size: int = 8 << 30) -> None:
        self.folder = folder
        self._images = tempfile.TemporaryDirectory(
            prefix="torture-disk-", dir=_MEMORY if _MEMORY.is_dir() else folder.parent
        )
        self._image = Path(self._images.name) / "image"
        with self._image.open("wb") as image:
            image.truncate(size)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=16", str(self._image))
        self._mounted = False
        self._copies = 0

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mount()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.unmount()
        self._images.cleanup()

    def mount(self) -> None:
        """Mount it; after a cut the journal is replayed."""
        _run("mount", "-t", "ext4", "-o", _OPTIONS, str(self._image), str(self.folder))
        self._mounted = True

    def unmount(self) -> None:
        """Let go of it; whoever has a file open there must have ended."""
        if self._mounted:
            _run("umount", str(self.folder))
            self._mounted = False

    def cut(self) -> None:
        """Nothing reaches the image from now on: every write and sync fails with EIO."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def come_back(self) -> None:
        """Mount it again as the cut left it.

        Where another process of the machine has made a mount namespace meanwhile, the dead file system lives
        on in there, and would be what is mounted: its disk goes on in a copy of the image.
        """
        self.unmount()
        if _run("losetup", "--associated", str(self._image)):
            image = self._image.with_suffix(f".{self._copies}")
            _run("cp", "--sparse=always", str(self._image), str(image))
            self._image.unlink()
            self._image, self._copies = image, self._copies + 1
        self.mount()


def _run(*command: str) -> str:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
