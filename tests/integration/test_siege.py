"""A short siege of the real receiver; `python -m benchmarks siege` is the long one."""

from __future__ import annotations

from benchmarks.siege import Sizes, besiege


def test_whoever_means_well_is_served_while_others_hold_on() -> None:
    sizes = Sizes(idle=120, stalled=20, dripping=20, tls_stalled=5, associations=12, stores=3)
    outcome = besiege(sizes)
    assert outcome.failed == 0
    assert len(outcome.stored_s) == 36
    assert outcome.memory_mib < 64
    assert (outcome.threads, outcome.descriptors) == (0, 0)
