"""An hour without the PACS: Orthanc routes a knee, is away, and comes back; it gets the whole set, once."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ctsma_node.config.settings import DeliverySettings
from ctsma_node.deliver import RetrySchedule
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.records import SeriesState
from tests.acceptance.site import ROOT, Site, until
from tests.conftest import RequireTool
from tests.fixtures.ct_series import StackPlan, single_frames, write
from tests.fixtures.orthanc import Archive

PLAN = StackPlan(rows=8, columns=8)
HOUR = 3600.0
COUNTS = """\
function ReceivedInstanceFilter(dicom, origin, info)
  print('received ' .. dicom['SOPInstanceUID'])
  return true
end
"""
SOURCE = """
[[sources]]
ae_title = "ORTHANC"
addresses = ["127.0.0.1"]
query = {{ ae_title = "ORTHANC", host = "127.0.0.1", port = {port} }}
"""


class CountingOrthanc(Archive):
    """Routes knees to the node, and says of every instance that it comes, one that it holds already too."""

    def _settings(self) -> dict[str, Any]:
        scripts = [str(ROOT / "deploy" / "orthanc" / "route-knees.lua"), str(self._folder / "counts.lua")]
        (self._folder / "counts.lua").write_text(COUNTS)
        return super()._settings() | {"LuaScripts": scripts, "OverwriteInstances": False}

    def received(self) -> Counter[str]:
        """SOP Instance UIDs, since it was last started."""
        lines = (self._folder / "orthanc.log").read_text(errors="replace").splitlines()
        return Counter(line.rpartition("received ")[2] for line in lines if "Lua says: received " in line)


def attempts_in_an_hour() -> int:
    """How often a delivery is tried in an hour, as the settings are by default."""
    defaults = DeliverySettings()
    schedule = RetrySchedule(defaults.first_s, defaults.factor, defaults.max_s, defaults.horizon_h * HOUR)
    now, attempts = 0.0, 1
    while (due := schedule.next_due(attempts, "k", since=0.0, now=now)) is not None and due < HOUR:
        now, attempts = due, attempts + 1
    return attempts


@pytest.fixture
def routed(require_tool: RequireTool, tmp_path: Path) -> Iterator[tuple[Site, CountingOrthanc]]:
    orthanc = CountingOrthanc(require_tool("Orthanc"), tmp_path / "orthanc")
    more = SOURCE.format(port=orthanc.port)
    site = Site(tmp_path, orthanc.port, orthanc.ae_title, more_settings=more, proof="commitment")
    text = site.config.read_text()
    site.config.write_text(text.replace("first_s = 0.3\nmax_s = 1.0", "first_s = 0.1\nmax_s = 0.4"))
    orthanc.node_port = site.port
    orthanc.start()
    site.start_receiver()
    site.start_worker(analysis_seconds=2.0)
    yield site, orthanc
    site.close()
    orthanc.stop()


def test_an_hours_attempts_fail_and_then_everything_arrives_once(
    routed: tuple[Site, CountingOrthanc], require_tool: RequireTool, tmp_path: Path
) -> None:
    """As many attempts as an hour has, at a quicker pace: what counts is how often it was in vain."""
    site, orthanc = routed
    folder = tmp_path / "knee"
    folder.mkdir()
    write(single_frames(PLAN, BodyPartExamined="KNEE"), folder)
    called = ["-aet", "SCANNER", "-aec", orthanc.ae_title, "+sd", "127.0.0.1", str(orthanc.port)]
    subprocess.run([require_tool("storescu"), *called, folder], check=True, capture_output=True)
    with closing(CasesReader(site.folder / "state" / "ledger.sqlite3")) as ledger:
        until(lambda: any(case.running for case in ledger.in_state(SeriesState.ACCEPTED)), "analysing")
        source = set(orthanc.instances())
        orthanc.stop()

        wanted = attempts_in_an_hour()
        assert wanted >= 7
        (case,) = ledger.in_state()

        def in_vain() -> int:
            return min((each.attempts for each in ledger.deliveries(case.id)), default=0)

        until(lambda: in_vain() >= wanted, f"{wanted} attempts")
        orthanc.start()
        until(lambda: site.events("case.ended"), "the end")
        ended, deliveries = ledger.get(case.id), ledger.deliveries(case.id)
    assert (ended.state, ended.code, ended.completed_by) == (SeriesState.DELIVERED, None, "count")
    made = {each.sop_instance_uid for each in deliveries}
    assert orthanc.received() == dict.fromkeys(made, 1)
    assert set(orthanc.instances()) == source | made
    assert len(source) == PLAN.slices
