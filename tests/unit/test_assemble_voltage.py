"""The tube voltage, in every place where a header may name it, and what another than the training's means."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from ctsma_node.analysis.voltage import voltage_marks
from ctsma_node.assemble.voltage import tube_voltage


def header(**attributes: Any) -> Dataset:
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def enhanced(keyword: str, *voltages: str) -> Dataset:
    groups = [header(CTXRayDetailsSequence=[header(KVP=kv)]) for kv in voltages]
    return header(**{keyword: groups})


@pytest.mark.parametrize(
    ("headers", "kv"),
    [
        ([header(KVP="120"), header(KVP="120.0")], 120.0),
        ([header(KVP="80"), header()], 80.0),
        ([header(KVP="80"), header(KVP="140")], None),
        ([header(KVP="0")], None),
        ([header(KVP="")], None),
        ([header()], None),
        ([enhanced("SharedFunctionalGroupsSequence", "100")], 100.0),
        ([enhanced("PerFrameFunctionalGroupsSequence", "100", "100")], 100.0),
        ([enhanced("PerFrameFunctionalGroupsSequence", "80", "140")], None),
    ],
)
def test_the_tube_voltage_of_a_series(headers: list[Dataset], kv: float | None) -> None:
    assert tube_voltage(headers) == kv


@pytest.mark.parametrize(
    ("kv", "said"), [(None, ""), (120.0, ""), (110.0, ""), (80.0, "denser and"), (140.0, "less dense")]
)
def test_another_voltage_than_the_trainings_is_marked(kv: float | None, said: str) -> None:
    marks = voltage_marks(kv)
    assert [mark.code for mark in marks] == (["other_tube_voltage"] if said else [])
    assert all(said in mark.text for mark in marks)
