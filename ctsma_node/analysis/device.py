"""The device that the networks run on, and what is said where it is not the one that was asked for."""

from __future__ import annotations

import torch

MISSING, OUT_OF_MEMORY = "gpu_missing", "gpu_out_of_memory"
CPU = torch.device("cpu")

_REASONS = {
    MISSING: "[analysis] device asks for {device}, which torch does not find: the CPU does its work, slowly.",
    OUT_OF_MEMORY: "The memory of {device} did not suffice for the last series: the CPU did it, slowly.",
}


def trouble(code: str, device: str) -> dict[str, str]:
    """A code with its sentence, as `Analyser.troubles` holds them."""
    return {code: _REASONS[code].format(device=device)}


def choose_device(name: str, memory_fraction: float = 1.0) -> tuple[torch.device, dict[str, str]]:
    """The device of "auto", "cpu", "cuda" or "cuda:1", and the trouble with it: the CPU where it is missing.

    Of a GPU's memory this process takes at most `memory_fraction`; for it the GPU has no more.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not count):
        return CPU, {}
    index = torch.device("cuda" if name == "auto" else name).index or 0
    if index >= count:
        return CPU, trouble(MISSING, name)
    device = torch.device("cuda", index)
    torch.cuda.set_per_process_memory_fraction(memory_fraction, device)
    return device, {}
