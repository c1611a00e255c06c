from __future__ import annotations

import dataclasses

import numpy as np

from ctsma_node.analysis.result import KneeNotAnalysed, Mark, OAClass, Side
from ctsma_node.report.picture import render, render_knee
from ctsma_node.report.picture.canvas import BACKGROUND, WARNING, Canvas, wrapped
from ctsma_node.report.picture.maps import COLOURS, DIVERGING, Map, maps_of
from ctsma_node.report.picture.numbers import draw_class
from ctsma_node.report.picture.page import fitting
from ctsma_node.report.picture.slices import OUTLINES, Plane, anatomy, largest_slice, value_map
from ctsma_node.report.templates import load_templates
from tests.unit.report.knee_results import analysis, knee


def test_the_same_result_gives_the_same_pixels() -> None:
    first, second = (render(analysis(Side.LEFT)) for _ in range(2))
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)


def test_two_knees_are_two_pages() -> None:
    left, both = render(analysis(Side.LEFT)), render(analysis(Side.LEFT, Side.RIGHT))
    assert both.shape == (2 * left.shape[0], left.shape[1], 3)
    np.testing.assert_array_equal(both[: left.shape[0]], left)


def test_research_use_is_burned_in() -> None:
    page = render_knee(analysis(Side.LEFT), knee(Side.LEFT), load_templates())
    assert (page[:70] == WARNING).all(axis=2).sum() > 10_000


def test_a_coronal_slice_shows_the_patients_right_on_the_left() -> None:
    source = knee(Side.LEFT)
    hu = np.zeros_like(source.hu)
    hu[60:] = 1000.0  # the patient's right: k grows that way
    shown = largest_slice(dataclasses.replace(source, hu=hu), Plane.CORONAL)
    assert shown.hu[:, 0].min() == 1000.0
    assert shown.hu[:, -1].max() == 0.0


def test_a_sagittal_slice_shows_anterior_on_the_left_and_superior_on_top() -> None:
    source = knee(Side.LEFT)
    j, i = np.mgrid[0:150, 0:150].astype(np.float32)
    hu = np.broadcast_to(10 * j + i, source.hu.shape)
    shown = largest_slice(dataclasses.replace(source, hu=np.array(hu)), Plane.SAGITTAL)
    assert shown.hu[0, -1] > shown.hu[0, 0]
    assert shown.hu[-1, 0] > shown.hu[0, 0]


def test_pictures_keep_the_shape_of_the_patient() -> None:
    for plane in Plane:
        shown = largest_slice(knee(Side.LEFT), plane)
        rows, columns = shown.hu.shape
        assert shown.aspect == columns * shown.pixel[0] / (rows * shown.pixel[1])


def test_outlines_and_colours_follow_labels_and_values() -> None:
    shown = largest_slice(knee(Side.LEFT), Plane.CORONAL)
    size = (200, 330)
    outlined = np.asarray(anatomy(shown, size))
    for colour in OUTLINES.values():
        assert (outlined == colour).all(axis=2).any()
    values = np.full(256, 2.0, np.float32)
    high = Map("", "", values, (0.0, 1.0), ("", "", ""), COLOURS)
    low = dataclasses.replace(high, values=-values)
    top = np.asarray(value_map(shown, high, size)).astype(int)
    bottom = np.asarray(value_map(shown, low, size)).astype(int)
    inside = np.abs(top - bottom).sum(axis=2) > 0
    assert 0.1 < inside.mean() < 0.9
    difference = (top - bottom)[inside].mean(axis=0)
    expected = 0.85 * (COLOURS[-1].astype(int) - COLOURS[0].astype(int))
    np.testing.assert_allclose(difference, expected, atol=1.0)


def test_the_map_of_contributions_diverges_about_zero() -> None:
    templates = load_templates()
    last = maps_of(knee(Side.LEFT), templates)[-1]
    assert last.limits == (-templates.most_contribution, templates.most_contribution)
    assert last.values[7] == np.float32(knee(Side.LEFT).subregions[6].contribution)
    assert ("lowers" in last.ticks[0], "raises" in last.ticks[2]) == (True, True)
    lowest, middle, highest = (DIVERGING[n].astype(int) for n in (0, 128, 255))
    assert middle.min() > 230
    assert lowest[2] > lowest[0]
    assert highest[0] > highest[2]


def test_long_remarks_are_wrapped_and_stay_on_the_page() -> None:
    mark = Mark("long", "A sentence that goes on and on. " * 40)
    source = dataclasses.replace(knee(Side.LEFT), marks=(mark,))
    result = analysis(Side.LEFT, not_analysed=(KneeNotAnalysed(None, "x", "no bone in the field of view"),))
    page = render_knee(result, source, load_templates())
    assert page.shape == render(analysis(Side.LEFT)).shape
    canvas = Canvas(100, 100)
    lines = wrapped(canvas, "one two three four five", 60, 15)
    assert len(lines) > 1
    assert " ".join(lines) == "one two three four five"
    assert all(canvas.text_width(line, 15) <= 60 for line in lines)


def test_remarks_are_sentences_and_what_has_no_room_is_counted() -> None:
    texts, canvas = load_templates().texts, Canvas(100, 100)
    few = fitting(canvas, ["The other knee is metal.", "This one is odd."], 2000, texts)
    assert few == ["The other knee is metal. This one is odd."]
    many = fitting(canvas, ["First of all this."] + ["And then that as well."] * 30, 600, texts)
    assert len(many) == 2
    assert many[0].startswith("First of all this. And")
    left = int(many[1].split()[-5])
    assert many[1].endswith(f"{left} more: see the report.")
    assert " ".join(many).count("And then") == 30 - left


def test_a_text_keeps_to_its_width() -> None:
    for text in ("Advanced osteoarthritis (KL grade 3 to 4)", "no end of words " * 30):
        canvas = Canvas(800, 40)
        canvas.text((10, 5), text, 18, bold=True, within=380)
        columns = np.flatnonzero((canvas.pixels() != BACKGROUND).any(axis=(0, 2)))
        assert 300 < columns.max() <= 390
    plain, fitted = Canvas(800, 40), Canvas(800, 40)
    plain.text((10, 5), "short")
    fitted.text((10, 5), "short", within=380)
    np.testing.assert_array_equal(plain.pixels(), fitted.pixels())


def test_every_class_stays_in_its_panel() -> None:
    templates, width, at = load_templates(), 430, (20, 20)
    for oa_class in OAClass:
        canvas = Canvas(800, 260)
        draw_class(canvas, dataclasses.replace(knee(Side.LEFT), oa_class=oa_class), templates, at, width)
        painted = np.flatnonzero((canvas.pixels() != BACKGROUND).any(axis=(0, 2)))
        assert (painted.min(), painted.max()) == (at[0], at[0] + width - 1)


def test_a_page_speaks_the_language_that_is_asked_for() -> None:
    english, german = (render(analysis(Side.LEFT), language) for language in ("en", "de"))
    assert english.shape == german.shape
    assert (english != german).any(axis=2).mean() > 0.005
