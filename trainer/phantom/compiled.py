"""Numba decorators with types, so that strict checking sees through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")

prange = numba.prange


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
