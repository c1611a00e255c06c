from __future__ import annotations

import math

import pytest

from ctsma_node.errors import SettingsError
from trainer.registration import cluster
from trainer.registration.cluster import LOCAL, on_cluster


def test_items_are_made_by_workers() -> None:
    assert sorted(on_cluster(math.isqrt, [4, 9, 16], LOCAL, 1)) == [2, 3, 4]


def test_no_items_need_no_cluster() -> None:
    assert list(on_cluster(math.isqrt, [], "tcp://127.0.0.1:1", 1)) == []


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", "1s")
    with pytest.raises(SettingsError, match=r"tcp://127\.0\.0\.1:9"):
        list(on_cluster(math.isqrt, [4], "tcp://127.0.0.1:9", 1))
