"""Which MR is a balanced steady-state gradient echo."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ctsma_node.errors import Refused
from tests.fixtures.paired_archive import mr, save
from trainer.cohort.instance import Header, Instance
from trainer.cohort.read import read_instance
from trainer.cohort.sequence import balanced
from trainer.cohort.settings import CohortSettings

DEFAULT = CohortSettings()


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> Header:
    root = tmp_path_factory.mktemp("sequence")
    save(root, mr("p", slices=1))
    read = read_instance(root, "p/mr/series/IM005")
    assert isinstance(read, Instance)
    return read.header


def named(header: Header, name: str, **changes: Any) -> Header:
    return replace(header, sequence=(("SeriesDescription", name),), **changes)


@pytest.mark.parametrize(
    "name",
    [
        "BFFE 3D sag", "sag 3D_bFFE_HR", "B-FFE", "b_ffe", "3DBFFE", "bTFE", "Balanced FFE knee",
        "t2_trufi3d_sag", "TrueFISP", "True FISP",
        "*tfi3d1", "FIESTA", "FIESTA-C", "bSSFP iso", "CISS 3D", "3D BASG", "True SSFP",
    ],
)  # fmt: skip
def test_names_of_the_vendors(header: Header, name: str) -> None:
    assert balanced(named(header, name, scanning_sequence=("GR",), sequence_variant=()), DEFAULT)


@pytest.mark.parametrize(
    "name",
    [
        "PD TSE sag",
        "3D DESS",
        "mFFE",
        "FLASH 3D",
        "SPGR",
        "T1 VIBE",
        "PSIF",
        "3D FISP",
        "T2 MAP",
        "MEDIC",
        "SPACE",
    ],
)
def test_other_names_are_refused_even_with_balanced_values(header: Header, name: str) -> None:
    with pytest.raises(Refused, match="other_sequence"):
        balanced(named(header, name), DEFAULT)


def test_a_name_does_not_outweigh_a_spin_echo(header: Header) -> None:
    with pytest.raises(Refused, match="other_sequence"):
        balanced(replace(header, scanning_sequence=("SE",)), DEFAULT)


def test_values_alone_are_enough_and_said_so(header: Header) -> None:
    assert not balanced(named(header, "Knee sag"), DEFAULT)


@pytest.mark.parametrize(
    "changes",
    [{"echo_ms": 2.0}, {"echo_ms": None}, {"sequence_variant": ("SS", "SP")}, {"sequence_variant": ()}],
)
def test_values_that_are_not_balanced(header: Header, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="other_sequence"):
        balanced(named(header, "Knee sag", **changes), DEFAULT)


def test_settings_widen_what_counts(header: Header) -> None:
    settings = CohortSettings(mr_names=("dess",))
    assert balanced(named(header, "3D DESS", sequence_variant=()), settings)


def test_a_name_outside_the_words_is_not_found_in_them(header: Header) -> None:
    """ "Subaffected" holds no BFFE."""
    with pytest.raises(Refused):
        balanced(named(header, "CABFFEX", sequence_variant=()), DEFAULT)
