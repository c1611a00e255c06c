"""Sets delivered to an archive that refuses, aborts, closes and lies by a seed, until it has had enough.

Each set has an archive of its own; for half of them the proof is its status, for half a C-FIND. What counts
as delivered must be held by the archive, and in the end everything must be delivered. Success without having
anything is told only where the proof is a C-FIND: no sender could notice it by the status.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from random import Random

from ctsma_node import log
from ctsma_node.records import DeliveryState
from tests.fixtures.lying_archive import LIES, LyingArchive
from tests.fixtures.proving_node import Clock, pacs
from tests.fixtures.reported_case import ReportedCase
from tests.torture.run import Run, Tally

SHORT, LONG = 6, 1_000

_MOST_LIES = 15
_LOOKS, _STEP_S = 100, 20.0  # within the hour of the horizon


def torment(run: Run) -> None:
    """Deliver one set after the other."""
    log.configure("critical", io.StringIO())  # what it logs of all this is tested elsewhere
    for number in run.rounds():
        proof = ("status", "find")[number % 2]
        archive = LyingArchive(_script(run.random, proof))
        clock, folder = Clock(), run.folder / str(number)
        folder.mkdir()
        destination = pacs(archive.ae_title, archive.port, proof)
        site = ReportedCase(folder, destination, clock=clock, acse_s=5.0, dimse_s=5.0, network_s=1.0)
        try:
            _deliver(run, f"round {number}, {proof}", site, archive, clock)
        finally:
            site.cases.close()
            archive.close()
        run.tally.count("sets")
        for lie in archive.told:
            run.tally.count(f"answer: {lie}")


def _script(draw: Random, proof: str) -> Iterator[str]:
    lies = [each for each in LIES if each != "claims" or proof == "find"]
    return iter([draw.choice(lies) for _ in range(draw.randint(0, _MOST_LIES))])


def _deliver(run: Run, what: str, site: ReportedCase, archive: LyingArchive, clock: Clock) -> None:
    """Look again and again, as the courier's thread does, with the clock moved on in between."""
    for _ in range(_LOOKS):
        site.deliver()
        _compare(run.tally, what, site, archive)
        if not any(state.is_open for state in site.states("pacs")):
            break
        clock.now += _STEP_S
    for state in site.states("pacs"):
        if state is not DeliveryState.DELIVERED:
            run.tally.fault("not delivered", f"{what}: {state}, told {archive.told}")


def _compare(tally: Tally, what: str, site: ReportedCase, archive: LyingArchive) -> None:
    """Nothing is delivered that the archive does not hold."""
    for row in site.cases.deliveries(site.case):
        if row.state is DeliveryState.DELIVERED and row.sop_instance_uid not in archive.held:
            tally.fault("delivered and not held", f"{what}: {row.sop_instance_uid}, told {archive.told}")
