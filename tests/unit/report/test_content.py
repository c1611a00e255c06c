from __future__ import annotations

import io
import math

import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian

from ctsma_node.analysis.result import Side
from ctsma_node.report import NodeIdentity, build_set, content
from ctsma_node.report.templates import load_templates
from tests.unit.report.conftest import encode
from tests.unit.report.knee_results import analysis, source_headers

TEMPLATES = load_templates()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_no_measurement(value: float) -> None:
    with pytest.raises(ValueError, match="not a measurement"):
        content.number(TEMPLATES.concepts["volume"], value, TEMPLATES.units["mm3"], "CONTAINS")


@pytest.mark.parametrize("value", [0.1 + 0.2, -1.23456789e-5, 123456789.0, 0.0, 1 / 3])
def test_a_decimal_string_is_short_and_keeps_nine_digits(value: float) -> None:
    item = content.number(TEMPLATES.concepts["volume"], value, TEMPLATES.units["mm3"], "CONTAINS")
    text = str(item.MeasuredValueSequence[0].NumericValue)
    assert len(text) <= 16
    assert float(text) == pytest.approx(value, rel=1e-8)


def test_a_report_survives_another_transfer_syntax(node: NodeIdentity) -> None:
    """What is encoded in advance is decoded where a peer wants implicit little endian."""
    report = build_set(
        analysis(Side.LEFT), source_headers(2), node=node, objects=frozenset({"viewer_report"})
    )[-1]
    explicit = dcmread(io.BytesIO(encode(report)))
    report.dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    implicit = dcmread(io.BytesIO(encode(report)))
    assert implicit.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert implicit.to_json_dict() == explicit.to_json_dict()
