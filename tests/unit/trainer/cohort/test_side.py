"""Which knee a header names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ctsma_node.errors import Refused
from tests.fixtures.paired_archive import mr, save
from trainer.cohort.instance import Header, Instance
from trainer.cohort.read import read_instance
from trainer.cohort.side import own_side, side_in

NAMED = {
    "R": [
        "Right knee", "KNEE RT", "knee_R_sag", "BFFE 3D sag R", "R Knee", "KneeRight", "Knie re.", "re Knie",
        "Kniegelenk rechts", "genou droit", "Genou D", "ginocchio dx", "ginocchio destro", "rodilla derecha",
        "rodilla dcha. sin contraste",
        "joelho direito", "kolano prawe", "høyre kne", "höger knä", "右膝关节", "右膝",
        "오른쪽 무릎", "우측 슬관절", "правый коленный сустав",
    ],
    "L": [
        "LEFT", "Lt knee", "knee-L", "Knie li.", "Li Knie", "linkes Knie", "genou gauche",
        "genou G", "ginocchio sx",
        "rodilla izquierda", "rodilla izq", "vänster knä",
        "左膝", "왼쪽 무릎", "sol diz", "bal térd",
    ],
    "B": [
        "both knees", "bilateral knee", "R/L knee", "R + L", "Knie bds.", "beide Knie", "les deux genoux",
        "KNEES",
        "双膝", "両膝", "左右膝",
    ],
    "": [
        "", "Knee", "BFFE 3D sag", "LOCALIZER", "KNEE 3D", "re-scan", "Referral", "Large FOV",
        "TrueFISP",
        "rodilla sin contraste", "MRT der Knie", "leftover", "brightness", "RL phase", "PD TSE", "G 3D",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("side", "text"), [(side, text) for side, texts in NAMED.items() for text in texts])
def test_side_in_free_text(side: str, text: str) -> None:
    assert side_in(text) == side


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> Header:
    root = tmp_path_factory.mktemp("side")
    save(root, mr("p", slices=1, attributes={"Laterality": None}))
    read = read_instance(root, "p/mr/series/IM005")
    assert isinstance(read, Instance)
    return read.header


def test_coded_sides_and_names_agree_or_are_refused(header: Header) -> None:
    left = replace(header, laterality=("L",))
    assert own_side(left) == "L"
    assert own_side(replace(left, names=(("SeriesDescription", "Knee left"),))) == "L"
    with pytest.raises(Refused, match="contradicting_side"):
        own_side(replace(left, names=(("SeriesDescription", "Knee right"),)))


def test_the_order_counts_only_where_the_series_says_nothing(header: Header) -> None:
    ordered = replace(header, study_names=(("StudyDescription", "MRT Knie rechts"),))
    assert own_side(ordered) == "R"
    assert own_side(replace(ordered, laterality=("L",))) == "L"


def test_unpaired_and_unknown_codes_tell_nothing(header: Header) -> None:
    assert own_side(replace(header, laterality=("U",))) == ""
    assert own_side(replace(header, laterality=("B",))) == "B"


def test_one_knee_of_a_field_of_both_is_that_knee(header: Header) -> None:
    """Body part BOTH KNEES from the order's template, Laterality R from the technologist."""
    assert own_side(replace(header, laterality=("R",), names=(("ProtocolName", "both knees"),))) == "R"


def test_coded_anatomy_modifiers_are_read(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    region, modifier = Dataset(), Dataset()
    modifier.CodeValue, modifier.CodingSchemeDesignator, modifier.CodeMeaning = "7771000", "SCT", "Left"
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "72696002", "SCT", "Knee"
    region.AnatomicRegionModifierSequence = Sequence([modifier])
    attributes = {"Laterality": None, "AnatomicRegionSequence": Sequence([region])}
    save(tmp_path, mr("p", slices=1, attributes=attributes))
    read = read_instance(tmp_path, "p/mr/series/IM005")
    assert isinstance(read, Instance)
    assert own_side(read.header) == "L"
