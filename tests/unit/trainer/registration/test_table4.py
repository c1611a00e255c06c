from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from tests.unit.trainer.registration.knees import landmarks, moved
from trainer.registration.evaluation import ANTS, METHODS, TEXTURE, target_errors
from trainer.registration.table4 import summary


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
        "tre_mm": errors,
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
