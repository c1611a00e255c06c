from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ctsma_node.analysis.result import OAClass, Side
from tests.unit.trainer.phantom.pairs import drawn, tiny
from trainer.cli import app
from trainer.evaluation.realism import scans
from trainer.evaluation.realism.apparent import seen
from trainer.evaluation.realism.compare import claims, rows, values_of
from trainer.evaluation.realism.demography import PAPER, Table, by_grade, demography, rank_correlation
from trainer.evaluation.realism.histograms import depth_picture, grade_picture, range_picture
from trainer.evaluation.realism.orders import CONTRASTS, DIRECTIONS
from trainer.evaluation.realism.page import write_page
from trainer.evaluation.realism.pictures import chosen
from trainer.evaluation.realism.published import WORN
from trainer.evaluation.realism.ranges import RANGES
from trainer.evaluation.realism.retest import Repeat
from trainer.evaluation.realism.scans import cohort_settings, read_scans
from trainer.evaluation.realism.summary import PLAIN, Report
from trainer.evaluation.realism.zones import COMPARTMENTS, DEPTHS, F64
from trainer.phantom.pair import write_pair
from trainer.phantom.paired_cohort import PhantomSettings
from trainer.phantom.person import draw_people
from trainer.stage import write_manifest


@pytest.fixture
def table() -> Table:
    """Twelve knees with every figure that the report reads: made up, but for grade and joint space."""
    n = 12
    rng = np.random.default_rng(1)
    keys = {key for p in RANGES for key in p.keys}
    keys |= {key for d in DIRECTIONS for key in (*d.more, *d.less)} | {
        key for c in CONTRASTS for key in c.keys
    }
    keys |= {key for _, key, _ in PLAIN} | {
        "Tb.N tibia",
        "MR SNR asked",
        "joint space smallest",
        "age",
        "MOAKS sum",
    }
    names = ("BV/TV", "Tb.Th", "Tb.Sp", "Tb.N", "HU")
    keys |= {
        f"{name} {bone} {c} {low:g}-{high:g} mm"
        for name in names
        for bone in ("femur", "tibia")
        for c in COMPARTMENTS
        for low, high in DEPTHS
    }
    keys |= {"flexion CT", "flexion MR", "joint space medial", "joint space lateral", "number"}
    keys = {key.replace(WORN, side) for key in keys for side in COMPARTMENTS}
    out = {key: rng.uniform(1.0, 2.0, n) for key in sorted(keys)}
    out["class"] = np.repeat([0.0, 1.0, 2.0], 4)
    out["KL"] = np.repeat([0.0, 1.0, 4.0], 4)
    out["woman"] = np.tile([1.0, 0.0], 6)
    return out


def test_the_papers_own_counts_give_the_papers_own_p() -> None:
    found = {row.variable: row for row in demography(draw_people(80, 1))}
    for variable in ("men", "left knees"):
        assert found[variable].groups == PAPER[variable][:3]
        assert found[variable].p == pytest.approx(PAPER[variable][3], abs=0.01)
    assert found["age, years"].p < 0.001


def test_a_mean_lies_below_inside_or_above(table: Table) -> None:
    fat = next(p for p in RANGES if p.figure == "fat")
    for value, verdict in ((-130.0, "below"), (-100.0, "inside"), (-80.0, "above")):
        row = next(r for r in rows(table | {"HU fat": np.full(12, value)}) if r.figure == "fat")
        assert row.verdict == verdict
        assert (row.knees, row.mean, row.low, row.high) == (12, value, fat.low, fat.high)


def test_only_the_knees_that_a_range_is_about_are_counted(table: Table) -> None:
    space = np.where(table["woman"] > 0.5, 4.0, 6.0) + 10.0 * (table["class"] > 0.5)
    found = {r.figure: r for r in rows(table | {"joint space medial": space})}
    assert (
        found["medial joint space, women, no OA"].mean,
        found["medial joint space, women, no OA"].knees,
    ) == (4.0, 2)
    assert found["medial joint space, men, no OA"].mean == 6.0


def test_the_worn_compartment_is_the_narrower(table: Table) -> None:
    narrow = {
        "joint space medial": np.tile([1.0, 5.0], 6),
        "joint space lateral": np.full(12, 3.0),
        "plate thickness tibia medial": np.full(12, 0.7),
        "plate thickness tibia lateral": np.full(12, 0.4),
    }
    worn = values_of(table | narrow, (f"plate thickness tibia {WORN}",))
    assert worn.tolist() == [0.7, 0.4] * 6


def test_a_published_order_is_judged_by_its_sign(table: Table) -> None:
    higher = {"BV/TV tibia medial 0-3 mm": np.full(12, 0.4), "BV/TV tibia medial 3-6 mm": np.full(12, 0.3)}
    name = "tibia, medial: BV/TV falls over the first 6 mm"
    found = next(c for c in claims(table | higher) if c.claim == name)
    assert (found.verdict, found.share) == ("as published", 1.0)
    assert found.difference == pytest.approx(0.1)
    swapped = dict(zip(higher, reversed(list(higher.values())), strict=True))
    assert next(c for c in claims(table | swapped) if c.claim == name).verdict == "not so"
    mild = {"BV/TV femur": np.where(table["class"] == 1.0, 0.2, 0.3)}
    contrast = next(c for c in claims(table | mild) if c.claim.startswith("BV/TV of the femur"))
    assert (contrast.verdict, contrast.share) == ("as published", 1.0)


def test_grades_are_averaged_and_ranked(table: Table) -> None:
    graded = table | {"MOAKS sum": table["KL"] * 5.0, "joint space smallest": 5.0 - table["KL"]}
    found = by_grade(graded)
    assert {kl: row["knees"] for kl, row in found.items()} == {0: 4.0, 1: 4.0, 4: 4.0}
    assert found[4]["MOAKS sum"] == 20.0
    assert rank_correlation(graded, "MOAKS sum") == pytest.approx(1.0)
    assert rank_correlation(graded, "joint space smallest") == pytest.approx(-1.0)


def test_the_page_holds_its_tables_and_pictures(table: Table, tmp_path: Path) -> None:
    range_picture(table, tmp_path / "ranges.png")
    depth_picture(table, tmp_path / "depths.png")
    grade_picture(table, tmp_path / "grades.png")
    report = Report(
        table=table,
        rows=rows(table),
        claims=claims(table),
        people=demography(draw_people(80, 1)),
        repeats=[Repeat("a < b", 0.9, 0.01)],
        retested=3,
        shown=seen([_labels(seed) for seed in (1, 2)]),
        labelled=2,
        difficulty="easy",
    )
    write_page(report, ["grades.png"], tmp_path)
    markdown, html = ((tmp_path / name).read_text() for name in ("README.md", "index.html"))
    assert all(f"| {p.figure} |" in markdown and p.source in markdown for p in RANGES)
    assert html.count("data:image/png;base64,") == 4
    assert 'src="grades' not in html
    assert "a &lt; b" in html
    assert html.count("<table>") == html.count("</table>") == 7
    tags = Counter(row.count("<td>") for row in html.split("<tr>") if "<td>" in row)
    assert set(tags) <= {3, 5, 6, 9}  # every line of a table has its table's cells
    assert sum(path.stat().st_size for path in tmp_path.glob("*.png")) < 400_000


def _labels(seed: int) -> dict[str, F64]:
    """Apparent values twice the true ones and one unmeasured patch."""
    true = np.random.default_rng(seed).uniform(0.2, 0.4, (50, 4))
    apparent = 2.0 * true
    apparent[7] = np.nan
    return {"true": true, "apparent": apparent, "calibrated": true + 0.1}


def test_what_mr_shows_is_compared_where_it_was_measured() -> None:
    found = seen([_labels(1), _labels(2)])[0]
    assert found.parameter == "BV/TV"
    assert found.apparent[0] == pytest.approx(2.0 * found.true[0])
    assert found.calibrated[1] == pytest.approx(found.true[1])
    assert found.apparent_correlation == found.calibrated_correlation == pytest.approx(1.0)


def test_a_knee_of_each_group_and_side_is_shown() -> None:
    people = [(p.number, p.oa_class, p.side) for p in draw_people(80, 1)]
    shown = chosen(people)
    assert [people[n - 1][1:] for n in shown] == [(c, s) for c in OAClass for s in (Side.RIGHT, Side.LEFT)]


def test_a_subject_is_read_from_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = tiny(drawn())
    write_pair(subject, tmp_path / "archive" / "P0001", tmp_path / "truth" / "P0001")
    monkeypatch.setattr(scans, "draw_again", lambda cohort, number: subject)
    read = read_scans(tmp_path, 1)
    assert read.ct.hu.shape == read.ct_labels.shape
    assert read.mr.signal.shape == read.mr_labels.shape == (3, 32, 32)
    assert np.median(read.ct.hu[read.ct_labels > 0]) > np.median(read.ct.hu[read.ct_labels == 0]) + 200.0
    arrays = dict(np.load(tmp_path / "truth" / "P0001" / "truth.npz"))
    arrays["mr_affine"][0, 3] += 1.0
    np.savez(tmp_path / "truth" / "P0001" / "truth.npz", **arrays)
    with pytest.raises(ValueError, match="MR does not lie where its truth says"):
        read_scans(tmp_path, 1)


def test_a_folder_that_is_no_cohort_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not describe a drawn cohort"):
        cohort_settings(tmp_path)
    write_manifest(tmp_path, {"subjects": 3, "seed": 2, "difficulty": "easy"})
    assert cohort_settings(tmp_path) == PhantomSettings(3, 2, "easy")
    run = CliRunner().invoke(app, ["realism", "--cohort", str(tmp_path), "--out", str(tmp_path / "out")])
    assert run.exit_code == 2
    assert "holds no subject yet" in " ".join(run.output.split())
