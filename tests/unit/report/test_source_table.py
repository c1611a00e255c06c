"""Every odd header gives a valid result in the right study, or a refusal with a name."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import config, dcmread, dcmwrite
from pydicom.datadict import dictionary_VM
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import validate_value

from ctsma_node.analysis.result import Side
from ctsma_node.assemble import read_series
from ctsma_node.errors import Refused
from ctsma_node.receive.contexts import NATIVE
from ctsma_node.receive.header import read_header
from ctsma_node.receive.refusal import Unfit
from ctsma_node.report import NodeIdentity, build_set, secondary_capture
from ctsma_node.report.attributes import AS_FOUND, EQUIPMENT, PATIENT_AND_STUDY, TYPE_2
from ctsma_node.report.header_text import TEXT_VRS
from ctsma_node.report.source import read_source
from tests.unit.report.header_letters import LETTERS
from tests.unit.report.header_structures import SEQUENCES, STRUCTURES
from tests.unit.report.header_table import VALUES
from tests.unit.report.knee_results import analysis
from tests.unit.report.odd_headers import OddHeader, raw, series, written

TABLE = (*VALUES, *SEQUENCES, *STRUCTURES, *LETTERS)


def _name(case: OddHeader) -> str:
    return case.name


every_case = pytest.mark.parametrize("case", TABLE, ids=_name)
pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom warns while the cases are written


@pytest.fixture(autouse=True)
def small_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture's page says nothing of the source: there is no need to draw it a hundred times."""
    monkeypatch.setattr(secondary_capture, "render_knee", lambda *_: np.zeros((8, 8, 3), np.uint8))


@every_case
def test_it_is_answered_by_a_valid_result_or_a_refusal(
    case: OddHeader, node: NodeIdentity, tmp_path: Path
) -> None:
    answer = answered(written(case, tmp_path), node)
    if isinstance(answer, str):
        assert answer in {case.refused.get("assemble"), case.refused.get("report")}
        return
    assert not {"assemble", "report"} & set(case.refused)
    assert answer.StudyInstanceUID == read_series([tmp_path / "source-0.dcm"]).study_uid
    assert {keyword: told(answer, keyword) for keyword in case.said} == dict(case.said)
    assert invalid_attributes(answer) == case.kept
    assert not [element for element in answer if element.tag.is_private]


@pytest.mark.parametrize("case", [case for case in TABLE if case.syntax in NATIVE], ids=_name)
def test_the_receiver_stores_it_or_names_why_not(case: OddHeader, tmp_path: Path) -> None:
    assert receipt(written(case, tmp_path)[0].read_bytes(), case.syntax) == case.refused.get("receive")


@every_case
def test_nothing_is_quoted_in_a_warning(case: OddHeader, node: NodeIdentity, tmp_path: Path) -> None:
    paths = written(case, tmp_path)
    if {"assemble", "report"} & set(case.refused):
        return
    headers = read_series(paths).headers
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Invalid value for VR UI")  # the logs name series by UID anyway
        result_of(headers, node)


@given(
    keyword=st.sampled_from([*TYPE_2, *PATIENT_AND_STUDY, *EQUIPMENT]),
    content=st.binary(max_size=80) | st.text(max_size=20).map(str.encode),
    declared=st.sampled_from([None, b"ISO_IR 100", b"ISO_IR 192", b"\\ISO 2022 IR 87", b"GB18030", b"x"]),
)
def test_any_bytes_are_copied_validly_or_not_at_all(
    keyword: str, content: bytes, declared: bytes | None
) -> None:
    header = next(series(OddHeader("", raw(SpecificCharacterSet=declared, **{keyword: content}))))
    with contextlib.suppress(Refused):
        source = read_source([header])
        for copied in (source.patient_and_study, source.equipment):
            assert invalid_attributes(copied) <= AS_FOUND
            dcmwrite(BytesIO(), copied, implicit_vr=False, little_endian=True)


def answered(paths: Sequence[Path], node: NodeIdentity) -> Dataset | str:
    """A result, or the code of the refusal."""
    try:
        return result_of(read_series(paths).headers, node)
    except Refused as refusal:
        return refusal.code


def receipt(part_10: bytes, syntax: str) -> str | None:
    """The code by which the receiver refuses a file's dataset; None where it stores it."""
    after_meta = 144 + int.from_bytes(part_10[140:144], "little")  # PS3.10 7.1
    try:
        read_header(BytesIO(part_10[after_meta:]), syntax)
    except Unfit as unfit:
        return unfit.refusal.code
    return None


def result_of(headers: Sequence[Dataset], node: NodeIdentity) -> Dataset:
    """An object made from these headers, as whoever receives it reads it."""
    result = analysis(Side.LEFT)
    (picture,) = build_set(result, headers, node=node, objects=frozenset({"picture"}))
    sent = BytesIO()
    dcmwrite(sent, picture.dataset, enforce_file_format=True)
    return dcmread(BytesIO(sent.getvalue()))


def told(ds: Dataset, keyword: str) -> str | None:
    """What an attribute says; the values of a sequence one after another."""
    if keyword not in ds:
        return None
    element = ds[keyword]
    if element.VR == "SQ":
        below = (each for item in element.value for each in item.iterall())
        return " ".join(str(each.value) for each in below if each.VR != "SQ")
    return (
        "\\".join(map(str, element.value))
        if isinstance(element.value, MultiValue)
        else str(element.value or "")
    )


def invalid_attributes(ds: Dataset) -> set[str]:
    """The attributes that break their value representation or have too many values."""
    found = set()
    for element in ds.iterall():
        if element.is_empty:
            continue
        many = element.value if isinstance(element.value, MultiValue) else [element.value]
        try:
            for each in many:
                validate_value(element.VR, str(each) if element.VR in TEXT_VRS else each, config.RAISE)
        except ValueError:
            found.add(element.keyword)
        if element.VM > 1 and dictionary_VM(element.tag) == "1":
            found.add(element.keyword)
        if element.VR == "PN" and max(len(group.split("^")) for group in str(element.value).split("=")) > 5:
            found.add(element.keyword)
    return found
