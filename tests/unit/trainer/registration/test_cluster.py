from __future__ import annotations

import math
from typing import Any

import distributed
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


def test_a_scheduler_elsewhere_is_worked_on_by_its_address() -> None:
    """Its workers are not ours: they end with it and not with the client."""
    dask: Any = distributed
    with dask.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        assert cluster.scheduler_address.startswith("tcp://")
        for _ in range(2):
            assert sorted(on_cluster(math.isqrt, [4, 9, 16], cluster.scheduler_address, 0)) == [2, 3, 4]
