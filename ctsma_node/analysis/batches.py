"""Run a network over many inputs, a few at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

Output = TypeVar("Output")


def in_batches(
    network: Callable[..., Output], inputs: tuple[Tensor, ...], size: int, device: torch.device
) -> list[Output]:
    """`network(*batch)` for consecutive batches of at most `size` along the first axis, without gradients.

    On the CPU each thread takes whole batches. Torch's own way, all threads on one batch, waits for the
    slowest of them after every layer: where the machine has other work to do, most of the time goes there.
    A batch whose activations fit into the caches also costs half of one that is written to memory layer by
    layer, and the numbers do not depend on how many threads there are. So a single batch has one thread: on a
    busy machine the finder took three times as long with two, which spun while they waited.
    """

    def run(batch: tuple[Tensor, ...]) -> Output:
        with torch.inference_mode():
            return network(*(each.to(device) for each in batch))

    batches = list(zip(*(each.split(size) for each in inputs), strict=True))
    if device.type != "cpu":
        return [run(batch) for batch in batches]
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(run, batches))
