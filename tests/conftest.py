"""What every test may ask for, and the limits all tests run under."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import NoReturn

import pytest
import structlog
from hypothesis import settings

RequireTool = Callable[[str], Path]

# Before the first import of torch, numpy or numba: the pools are sized when the libraries load.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "2")
# The processes that share the tests are told 80 columns, and a console keeps the width that it is made with.
for variable in ("COLUMNS", "LINES"):
    os.environ.pop(variable, None)

# Examples that need decoding or resampling have no fair deadline on a shared machine.
settings.register_profile("workstation", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "workstation")

# Debian puts Orthanc where only root's PATH looks; dcmqi's tools lie beside the interpreter.
_INTERPRETER = Path(sys.executable).parent
_SYSTEM = [each for each in os.get_exec_path() if Path(each) != _INTERPRETER] + [
    "/usr/local/sbin",
    "/usr/sbin",
]
# Beside the interpreter these are pynetdicom's own, not the peers of the same names that DCMTK brings.
_PYNETDICOM = {each.name for each in distribution("pynetdicom").entry_points}


def find_tool(name: str) -> Path | None:
    """The program's path, or None where it is not installed. `storescu` and its like are DCMTK's."""
    folders = _SYSTEM if name in _PYNETDICOM else [*_SYSTEM, str(_INTERPRETER)]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return Path(found) if found else None


def missing(peer: str) -> NoReturn:
    """Skip the test whose peer is not there; fail it on a build machine."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{peer} is not here, and with CI=true no peer may be missing (see .ci/run)")
    pytest.skip(f"{peer} is not here")


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    """A service's command holds SIGHUP back until the service hears of it; children inherit the mask."""
    held = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, held - {signal.SIGHUP})


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """What a test lets the log be, such as errors alone, must not keep the next from seeing its events."""
    configuration = structlog.get_config()
    yield
    structlog.configure(**configuration)


@pytest.fixture(scope="session")
def require_tool() -> RequireTool:
    """`require_tool("storescu")` gives the program's path.

    Where the program is missing the test is skipped with its name as the reason; with `CI=true` it fails
    instead, so that a build machine that lost a peer cannot pass by skipping.
    """

    def require(name: str) -> Path:
        return find_tool(name) or missing(name)

    return require
