"""A worker that is asked for its settings again while it is reading them reads them once more."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctsma_node.config import Settings
from ctsma_node.config.settings import LimitSettings, NodeSettings
from ctsma_node.worker import service
from tests.acceptance.stand_ins import FakeAnalyser

NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_second_signal_comes_while_the_next_worker_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(node=NodeSettings(port=0, state_dir=tmp_path), limits=LimitSettings(min_free_bytes=0))
    read: list[int] = []

    def read_again() -> Settings:
        read.append(len(read))
        os.kill(os.getpid(), signal.SIGHUP if len(read) == 1 else signal.SIGTERM)
        return settings

    def at_once(state: str) -> None:
        if state == "READY=1":
            os.kill(os.getpid(), signal.SIGHUP)

    monkeypatch.setattr(service, "notify", at_once)
    service.run(settings, lambda _: FakeAnalyser(), read_again)
    assert read == [0, 1]
