"""The machine: state folder, disk, clock, and what the bundle runs on."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ctsma_node.cli.doctor.finding import Finding, ok, skipped, warning, wrong
from ctsma_node.config import Settings
from ctsma_node.errors import NodeError
from ctsma_node.quota import Quota
from ctsma_node.spool import free_bytes, write_durably

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SLOW_S = 0.1  # of one instance made durable: a series of 300 then takes half a minute
_PROBES = 5
_RELEASED = 1_767_225_600.0  # 2026-01-01: no clock of a running node is before it


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything that can be known without the network."""
    yield from _state(settings)
    yield from _clock()
    yield _bundle(settings)
    yield from _processor(settings)


def _state(settings: Settings) -> Iterator[Finding]:
    folder = settings.node.state_dir
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        remedy = f"Run this as the service's user, or give it the folder: chown -R ctsma-node {folder}."
        yield wrong("state", "folder", f"{there} cannot be written by this user", remedy)
        return
    if there != folder:
        yield ok("state", "folder", f"{folder} is made at the first start")
    elif folder.stat().st_mode & _OTHERS:
        mode = stat.S_IMODE(folder.stat().st_mode)
        yield warning("state", "folder", f"{folder} is open to others (mode {mode:o})", f"chmod 700 {folder}")
    else:
        yield ok("state", "folder", f"{folder}, for its owner alone")
    yield _space(settings, there)
    yield _fsync(there)


def _space(settings: Settings, folder: Path) -> Finding:
    quota = Quota(settings.outbox_dir, settings.limits.outbox_quota_bytes)
    free, least = free_bytes(folder), quota.least_free(settings.limits.min_free_bytes)
    text = f"{free / 1e9:.1f} GB free; the receiver refuses below {least / 1e9:.1f} GB"
    remedy = "Free space, let [retention] keep files for fewer days, or put state_dir on a larger disk."
    if free < least:
        return wrong("state", "disk", text, remedy)
    return warning("state", "disk", text, remedy) if free < 2 * least else ok("state", "disk", text)


def _fsync(folder: Path) -> Finding:
    """How long one instance of half a megabyte takes to be durable, as the receiver makes it."""
    probe, seconds = folder / ".doctor", []
    try:
        probe.with_name(f"{probe.name}.part").unlink(missing_ok=True)  # of a doctor that was killed
        for _ in range(_PROBES):
            started = time.monotonic()
            write_durably(probe, [bytes(524_288)])
            seconds.append(time.monotonic() - started)
    except OSError as error:
        return wrong("state", "fsync", error.strerror or "failed", "Look at the disk and its file system.")
    finally:
        probe.unlink(missing_ok=True)
    typical = sorted(seconds)[_PROBES // 2]
    text = f"an instance of 0.5 MB is durable after {typical * 1000:.1f} ms"
    if typical < _SLOW_S:
        return ok("state", "fsync", text)
    return warning("state", "fsync", text, "Put state_dir on a local disk, not on a network file system.")


def _clock() -> Iterator[Finding]:
    if time.time() < _RELEASED:
        yield wrong("clock", "date", "the clock is years behind", "Set the clock, and switch NTP on.")
    program = shutil.which("timedatectl")
    answer = "" if program is None else _synchronised(program)
    if answer == "yes":
        yield ok("clock", "NTP", "synchronised")
    elif answer == "no":
        remedy = "timedatectl set-ntp true: dates in reports and TLS certificates depend on the clock."
        yield warning("clock", "NTP", "the clock is not synchronised", remedy)
    else:
        yield skipped("clock", "NTP", "timedatectl does not tell here")


def _synchronised(program: str) -> str:
    command = [program, "show", "--property=NTPSynchronized", "--value"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _bundle(settings: Settings) -> Finding:
    from ctsma_node.analysis.bundle import read_bundle

    chosen = settings.analysis
    try:
        bundle = read_bundle(chosen.bundle_folder, chosen.signer)
    except NodeError as error:
        return wrong("analysis", "bundle", str(error), "[analysis] bundle names the bundle's folder.")
    signed = ", signed" if chosen.signer else ""
    return ok(
        "analysis", "bundle", f"{bundle.plan.name} {bundle.plan.version}, sha256 {bundle.digest}{signed}"
    )


def _processor(settings: Settings) -> Iterator[Finding]:
    import torch

    wanted, cores = settings.analysis.device, len(os.sched_getaffinity(0))
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        yield ok(
            "analysis", "GPU", f"{name}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free; device = {wanted}"
        )
    elif wanted.startswith("cuda"):
        remedy = 'Install the CUDA build of torch and the driver, or set [analysis] device = "auto".'
        yield wrong("analysis", "GPU", f"device = {wanted}, but torch finds none", remedy)
    else:
        yield ok("analysis", "GPU", "none; the CPU is used")
    threads = settings.analysis.threads or cores
    text = f"{threads} threads on {cores} cores, torch {torch.__version__}"
    if threads > cores:
        yield warning("analysis", "threads", text, "Set [analysis] threads to the number of cores, or to 0.")
    else:
        yield ok("analysis", "threads", text)
