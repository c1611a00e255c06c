"""Numba decorators with types, so that strict checking sees through them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")

prange = numba.prange


def _keep_kernels_of_these_sources() -> None:
    """Compiled kernels are kept beside the sources, in a folder named by all sources that hold any.

    numba looks at the file of a kernel alone: after a change to a function that is inlined into it from
    another file it would go on with the old one. NUMBA_CACHE_DIR, where it is set, is left as it is.
    """
    if numba.config.CACHE_DIR:
        return
    here = Path(__file__)
    holding = [path.read_bytes() for path in sorted(here.parent.parent.rglob("*.py"))]
    kernels = b"".join(source for source in holding if b"phantom.compiled import" in source)
    digest = hashlib.sha256(kernels + here.read_bytes()).hexdigest()[:16]
    folder = here.parent / "__pycache__" / f"kernels-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a read-only installation: numba finds a folder of the user's
    numba.config.CACHE_DIR = str(folder)


_keep_kernels_of_these_sources()


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a small function that kernels call."""
    compiled: Callable[P, R] = numba.njit(cache=True, fastmath=True, nogil=True, inline="always")(function)
    return compiled


def serial(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel that runs on one core."""
    compiled: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
    return compiled


def parallel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel whose `prange` rows are independent: the result does not depend on the threads."""
    compiled: Callable[P, R] = numba.njit(cache=True, fastmath=True, parallel=True, nogil=True)(function)
    return compiled
