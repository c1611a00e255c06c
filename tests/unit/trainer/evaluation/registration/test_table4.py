from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from tests.unit.trainer.registration.knees import landmarks, moved
from trainer.cli.table4 import show_table4
from trainer.evaluation.registration.errors import target_errors
from trainer.evaluation.registration.methods import ANTS, METHODS, TEXTURE
from trainer.evaluation.registration.table4 import summary


def test_target_errors_are_distances_of_landmarks() -> None:
    known = {bone: (landmarks(bone), landmarks(bone) + np.array([3.0, 0.0, 4.0])) for bone in Bone}
    still = dict.fromkeys(Bone, np.eye(4))
    np.testing.assert_allclose(target_errors(still, known), 5.0)
    assert max(target_errors({bone: moved(bone) for bone in Bone}, known)) > 50.0


def evaluated(n: int, refused: str = "", wrong: str = "other_patient") -> dict[str, Any]:
    rise = {name: 0.1 * n * (1 if m == 0 else 1 + m * n) for m, name in enumerate(METHODS)}
    errors = {name: [1.0 + m + rise[name], 2.0 + m + rise[name]] for m, name in enumerate(METHODS)}
    return {
        "pair_id": f"P{n}",
        "tre_mm": errors | {f"{ANTS} + SPSNet": [4.0, 5.0 + n]},
        "syntheses": {
            name: {
                "errors_mm": [e, e + n],
                "correlation": [0.5, 0.7],
                "overlap": {"femur": 0.9, "tibia": 0.8},
            }
            for name, e in (("SPSNet", 1.0), ("CycleGAN", 3.0 + n))
        },
        "seconds": {ANTS: 8.0 + n, TEXTURE: 1.0},
        "quality": {"code": refused, "error_mm": 0.05},
        "wrong": {"kind": "other patient", "code": wrong, "verdict": "", "reason": ""},
    }


def test_each_pair_counts_once() -> None:
    figures = summary([evaluated(0), evaluated(1, refused="unstable"), evaluated(2, wrong="")])
    first = figures["methods"][METHODS[0]]
    assert first["mean"] == pytest.approx(1.6)
    assert first["sd"] == pytest.approx(0.1)
    # Student's t of two degrees of freedom: 4.303 * 0.1 / sqrt(3).
    assert first["ci_high"] - first["mean"] == pytest.approx(0.2484, abs=1e-4)
    assert first["largest_landmark"] == pytest.approx(2.2)
    assert figures["seconds"][ANTS]["median"] == 9.0
    assert figures["right_pairs_refused"] == ["unstable"]
    assert figures["wrong_pairs_registered"] == 1
    assert figures["estimated_error_mm"]["pairs_within_twice"] == 0


def test_syntheses_are_compared_with_spsnet() -> None:
    figures = summary([evaluated(n) for n in range(4)])
    ours, baseline = figures["syntheses"]["SPSNet"], figures["syntheses"]["CycleGAN"]
    assert ours["mean"] == pytest.approx(1.75)
    assert ours["p"] == 1.0
    assert baseline["mean"] == pytest.approx(5.25)
    assert 0.0 < baseline["p"] < 0.05
    assert ours["correlation"] == pytest.approx(0.6)
    assert ours["overlap_tibia"] == pytest.approx(0.8)
    assert figures["methods"][f"{ANTS} + SPSNet"]["mean"] == pytest.approx(5.25)


def test_a_pair_far_off_that_was_registered_is_counted() -> None:
    far = evaluated(1)
    far["tre_mm"][TEXTURE] = [9.0, 9.0]
    refused = evaluated(1, refused="unstable")
    refused["tre_mm"][TEXTURE] = [9.0, 9.0]
    near = evaluated(0)
    near["tre_mm"][TEXTURE] = [0.1, 0.1]
    assert summary([near, far, refused])["pairs_beyond_3_mm_registered"] == 1


def test_the_tables_are_printed_and_kept(tmp_path: Path) -> None:
    show_table4(summary([evaluated(n) for n in range(3)]), tmp_path / "table4.txt")
    text = (tmp_path / "table4.txt").read_text()
    for each in ("SPSNet", "CycleGAN", "6.70 ± 4.22", "13.56 ± 8.41", "11.72 to 15.40", "other patient"):
        assert each in text
