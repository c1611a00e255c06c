"""Where the networks of a bundle are: on the device that is wanted, or on the CPU while that has no room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch

from ctsma_node.analysis.bundle import Bundle
from ctsma_node.analysis.device import CPU, OUT_OF_MEMORY, trouble

Done = TypeVar("Done")


class Placed:
    """The networks, and what is said while they are not where they should be."""

    def __init__(
        self, bundle: Bundle, device: torch.device, troubles: Mapping[str, str] | None = None
    ) -> None:
        self.bundle = bundle
        self.device, self._wanted = CPU, device
        self.troubles = dict(troubles or {})
        """Why the networks do not run where they should: sentences by their codes; none where all is well."""
        self._go_back()
        bundle.segmenter.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def wherever_it_fits(self, work: Callable[[], Done]) -> Done:
        """Do it on the device that is wanted, or where the memory of that does not suffice on the CPU."""
        self._go_back()
        try:
            done = work()
        except torch.OutOfMemoryError:
            if self.device == CPU:
                raise
        else:
            if self.device == self._wanted:
                self.troubles.pop(OUT_OF_MEMORY, None)
            return done
        self._leave()  # not in the handler: its exception holds on to the tensors of the GPU
        return work()

    def _go_back(self) -> None:
        """Go to the device that is wanted, if it has room."""
        if self.device == self._wanted:
            return
        try:
            self._place(self._wanted)
        except torch.OutOfMemoryError:
            self._leave()

    def _leave(self) -> None:
        """Go to the CPU, and say why."""
        self.troubles |= trouble(OUT_OF_MEMORY, str(self._wanted))
        self._place(CPU)
        torch.cuda.empty_cache()

    def _place(self, device: torch.device) -> None:
        for network in (
            self.bundle.finder,
            self.bundle.segmenter,
            self.bundle.student,
            self.bundle.aggregator,
        ):
            network.to(device)
        self.device = device
