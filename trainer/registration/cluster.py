"""Items made on a dask.distributed cluster: one by address, or one of this machine's processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

import distributed

from ctsma_node.errors import SettingsError

T = TypeVar("T")
R = TypeVar("R")

LOCAL = "local"
_PATIENCE = "20s"
"""For a scheduler to answer."""


def on_cluster(make: Callable[[T], R], items: Sequence[T], address: str, workers: int) -> Iterator[R]:
    """`make(item)` of every item, as they are done, on the cluster at `address` or on a LOCAL one.

    A local cluster has `workers` processes of one thread. Workers of another machine must see the archive
    and the output under the same paths. An item whose worker died is tried again by another. Raises
    SettingsError where no scheduler answers.
    """
    if not items:
        return
    dask: Any = distributed  # without annotations
    with ExitStack() as stack:
        source = address
        if address == LOCAL:
            source = stack.enter_context(
                dask.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
            )
        try:
            client = stack.enter_context(dask.Client(source, timeout=_PATIENCE))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{address}: no dask scheduler answers there ({error})") from error
        client.run(_one_thread)
        for future in dask.as_completed(client.map(make, list(items), pure=False)):
            yield future.result()


def _one_thread() -> None:
    """Workers side by side: one thread each."""
    import numba
    import torch

    numba.set_num_threads(1)
    torch.set_num_threads(1)
