"""Orthanc with what deploy/orthanc holds: knee CTs are routed to the node, the results come back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from ctsma_node.demo.pacs import Orthanc
from ctsma_node.ledger.inbox import InboxReader
from tests.acceptance.site import ROOT, Site, until
from tests.conftest import RequireTool
from tests.fixtures.ct_series import StackPlan, single_frames, write

DEPLOY = ROOT / "deploy" / "orthanc"
PLAN = StackPlan(rows=8, columns=8)
SOURCE = """
[[sources]]
ae_title = "ORTHANC"
addresses = ["127.0.0.1"]
query = {{ ae_title = "ORTHANC", host = "127.0.0.1", port = {port} }}
"""


class RoutingOrthanc(Orthanc):
    """Takes the settings of deploy/orthanc, with the ports and folders of this test."""

    node_port = 0

    def _settings(self) -> dict[str, Any]:
        shipped: dict[str, Any] = json.loads((DEPLOY / "orthanc.json").read_text(encoding="utf-8"))
        (node,) = shipped["DicomModalities"].values()
        node[1:] = ["127.0.0.1", self.node_port]
        shipped["LuaScripts"] = [str(DEPLOY / Path(each).name) for each in shipped["LuaScripts"]]
        return shipped | super()._settings()


@pytest.fixture(scope="module")
def connected(
    require_tool: RequireTool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, Orthanc]]:
    folder = tmp_path_factory.mktemp("site")
    orthanc = RoutingOrthanc(require_tool("Orthanc"), tmp_path_factory.mktemp("orthanc"))
    more = SOURCE.format(port=orthanc.port)
    site = Site(folder, orthanc.port, orthanc.ae_title, objects=("volume", "picture"), more_settings=more)
    orthanc.node_port = site.port
    try:
        site.start_receiver()
        site.start_worker()
        orthanc.start()
        yield site, orthanc
    finally:
        site.close()
        orthanc.stop()


def store(storescu: Path, orthanc: Orthanc, folder: Path, **attributes: str) -> str:
    """Send a series to Orthanc as a scanner would; returns its UID."""
    slices = single_frames(PLAN, **attributes)
    folder.mkdir()
    write(slices, folder)
    called = ["-aet", "SCANNER", "-aec", orthanc.ae_title, "+sd", "127.0.0.1", str(orthanc.port)]
    subprocess.run([storescu, *called, folder], check=True, capture_output=True)
    return str(slices[0].SeriesInstanceUID)


def test_a_knee_is_routed_and_its_results_come_back(
    connected: tuple[Site, Orthanc], require_tool: RequireTool, tmp_path: Path
) -> None:
    site, orthanc = connected
    storescu = require_tool("storescu")
    others = [
        store(storescu, orthanc, tmp_path / "head", BodyPartExamined="HEAD"),
        store(storescu, orthanc, tmp_path / "mr", BodyPartExamined="KNEE", Modality="MR"),
        store(
            storescu,
            orthanc,
            tmp_path / "localizer",
            BodyPartExamined="KNEE",
            ImageType="DERIVED\\PRIMARY\\LOCALIZER",
        ),
    ]
    knee = store(storescu, orthanc, tmp_path / "knee", SeriesDescription="Knie re. 0,6 Br64")
    case = site.wait_for_state("delivered")
    assert (case["series_uid"], case["code"], case["completed_by"]) == (knee, None, "count")

    made = {each["sop_instance_uid"] for each in case["deliveries"]}
    (tmp_path / "back").mkdir()
    back = orthanc.fetch(case["study_uid"], tmp_path / "back")
    assert made <= {path.stem for path in back}
    assert {
        str(dcmread(path, stop_before_pixels=True).Manufacturer) for path in back if path.stem in made
    } == {"ctsma-node"}

    # Orthanc had stored what came back before this series came; the node has seen none of it.
    second = store(storescu, orthanc, tmp_path / "second", StudyDescription="CT KNEE")
    until(lambda: second in {each["series_uid"] for each in site.cases()}, "the second knee arrived")
    assert {each["series_uid"] for each in site.cases()} == {knee, second}
    inbox = InboxReader(site.folder / "state" / "inbox.sqlite3")
    held = {uid: len(inbox.instances(uid)) for uid in (knee, *others)}
    inbox.close()
    assert held == {knee: PLAN.slices} | dict.fromkeys(others, 0)
