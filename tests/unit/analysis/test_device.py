"""The device: chosen by name, capped, and stood in for by the CPU where it is missing or too small."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from ctsma_node.analysis.bundle import Bundle
from ctsma_node.analysis.device import CPU, MISSING, OUT_OF_MEMORY, choose_device
from ctsma_node.analysis.predict import TOGETHER, Analyser, Progress
from ctsma_node.analysis.result import AnalysisResult, Scan
from ctsma_node.errors import Refused
from ctsma_node.volume import CTVolume

GPU = torch.device("cuda", 0)
VOLUME = cast(CTVolume, None)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How many there seem to be, and how much of the memory was asked for of which."""
    found: dict[str, Any] = {"count": 1, "fractions": []}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found["count"] > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: found["count"])
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(
        torch.cuda, "set_per_process_memory_fraction", lambda *given: found["fractions"].append(given)
    )
    return found


@pytest.mark.parametrize(
    ("name", "count", "device", "troubles"),
    [
        ("auto", 0, CPU, []),
        ("auto", 2, GPU, []),
        ("cpu", 1, CPU, []),
        ("cuda", 1, GPU, []),
        ("cuda:1", 2, torch.device("cuda", 1), []),
        ("cuda", 0, CPU, [MISSING]),
        ("cuda:1", 1, CPU, [MISSING]),
    ],
)
def test_a_device_that_is_missing_is_stood_in_for_and_said(
    gpus: dict[str, Any], name: str, count: int, device: torch.device, troubles: list[str]
) -> None:
    gpus["count"] = count
    found, said = choose_device(name, 0.25)
    assert (found, list(said)) == (device, troubles)
    assert gpus["fractions"] == ([] if found == CPU else [(0.25, found)])
    assert all(name in reason for reason in said.values())


class Network:
    """Knows where it is; the GPU takes it while there is room."""

    room = True
    device = CPU

    def to(self, device: torch.device | None = None, memory_format: object = None) -> None:
        if device is not None and device != CPU and not Network.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.device = device or self.device


class StandIn(Analyser):
    """An analyser whose work is to say where it was done."""

    def _analyse_together(self, scans: Sequence[Scan], progress: Progress) -> list[AnalysisResult | Refused]:
        if self.device != CPU and self.needs_more:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        places = {cast(Network, each).device for each in vars(self.bundle).values()}
        assert places == {self.device}
        return [cast(AnalysisResult, self.device) for _ in scans]

    needs_more = False

    def place(self) -> torch.device:
        return cast(torch.device, self.analyse(VOLUME))


@pytest.fixture
def bundle(gpus: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Bundle:
    monkeypatch.setattr(Network, "room", True)
    networks = ("finder", "segmenter", "student", "aggregator")
    return cast(Bundle, SimpleNamespace(**{name: Network() for name in networks}))


def test_a_series_that_does_not_fit_is_done_by_the_cpu_and_the_next_by_the_gpu(bundle: Bundle) -> None:
    analyser = StandIn(bundle, GPU)
    assert analyser.place() == GPU
    assert analyser.troubles == {}
    assert analyser.together == TOGETHER
    analyser.needs_more = True
    assert analyser.place() == CPU
    assert analyser.together == 1
    assert list(analyser.troubles) == [OUT_OF_MEMORY]
    assert "cuda:0" in analyser.troubles[OUT_OF_MEMORY]
    analyser.needs_more = False
    assert analyser.place() == GPU
    assert analyser.troubles == {}


def test_a_gpu_without_room_is_waited_for(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Network, "room", False)
    analyser = StandIn(bundle, GPU)
    assert analyser.place() == CPU
    assert list(analyser.troubles) == [OUT_OF_MEMORY]
    monkeypatch.setattr(Network, "room", True)
    assert analyser.place() == GPU
    assert analyser.troubles == {}


def test_a_cpu_without_memory_is_an_error(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[AnalysisResult]:
        raise torch.OutOfMemoryError("No memory.")

    monkeypatch.setattr(StandIn, "_analyse_together", fail)
    with pytest.raises(torch.OutOfMemoryError):
        StandIn(bundle, CPU).analyse(VOLUME)


def test_a_missing_gpu_stays_a_trouble(bundle: Bundle, gpus: dict[str, Any]) -> None:
    gpus["count"] = 0
    device, troubles = choose_device("cuda")
    analyser = StandIn(bundle, device, troubles=troubles)
    assert analyser.place() == CPU
    assert list(analyser.troubles) == [MISSING]
