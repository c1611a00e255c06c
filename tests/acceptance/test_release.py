"""A study that the archive corrected under its UIDs is taken in once a person lets go of what was refused."""

from __future__ import annotations

import copy
from pathlib import Path

from tests.acceptance.site import Pacs, Site, send, until
from tests.fixtures.ct_series import StackPlan, single_frames


def test_a_corrected_series_is_analysed_after_a_release(tmp_path: Path) -> None:
    pacs = Pacs()
    site = Site(tmp_path, pacs.port, long_quiet_s=1.0)
    site.start_receiver()
    site.start_worker()
    try:
        corrected = single_frames(StackPlan(rows=8, columns=8))
        merged = copy.deepcopy(corrected)
        for ds in merged[20:]:
            ds.PatientID = "another"  # the merge came in between
        send(site.port, merged)
        assert site.wait_for_state("refused")["code"] == "several_patients"
        send(site.port, corrected)
        assert len(site.events("instance.conflict")) == 20
        assert "are let go of" in site.run("release", "1")
        send(site.port, corrected)
        until(lambda: [case["state"] for case in site.cases()] == ["refused", "delivered"], "delivered")
    finally:
        site.close()
        pacs.close()
