"""The set's bytes follow from input, bundle and settings: neither from the process nor from its machine."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

from pydicom.dataset import Dataset

from ctsma_node.analysis.result import Side
from ctsma_node.report import NodeIdentity, ReportObject, build_set
from tests.unit.report.knee_results import analysis

ROOT = Path(__file__).resolve().parents[3]
MACHINES = (
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C", "OMP_NUM_THREADS": "1", "USER": "one"},
    {"PYTHONHASHSEED": "2", "TZ": "America/Lima", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "2", "HOME": "/"},
)


def test_two_processes_that_share_no_setting_make_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.unit.report.print_digests"]
    printed = [
        subprocess.run(
            command,
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **machine},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
            check=True,
        ).stdout
        for machine in MACHINES
    ]
    assert printed[0].count("\n") > 95
    assert printed[0] == printed[1]


def device_uid(obj: ReportObject) -> str:
    return str(obj.dataset.ContributingEquipmentSequence[-1].DeviceUID)


def test_another_bundle_has_other_uids(node: NodeIdentity, headers: tuple[Dataset, ...]) -> None:
    result = analysis(Side.RIGHT)
    other = dataclasses.replace(result, bundle_digest="cd" * 32)
    first, second = (build_set(each, headers, node=node) for each in (result, other))
    assert not {o.sop_instance_uid for o in first} & {o.sop_instance_uid for o in second}
    assert not {o.series_uid for o in first} & {o.series_uid for o in second}
    assert {device_uid(o) for o in first}.isdisjoint(device_uid(o) for o in second)
    assert len({device_uid(o) for o in first}) == 1
