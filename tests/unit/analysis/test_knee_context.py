"""What a student is told of the knee beside the patch."""

from __future__ import annotations

import numpy as np
import torch

from ctsma_node.analysis import measure
from ctsma_node.analysis.bundle import Bundle, empty_networks
from ctsma_node.analysis.device import CPU
from ctsma_node.analysis.features import FEATURES, KNEE_CONTEXT, knee_means, patch_features
from ctsma_node.analysis.measure import Tokens, estimate
from ctsma_node.analysis.patches import CONTEXT
from ctsma_node.analysis.result import SUBREGIONS_PER_BONE
from tests.unit.analysis.conftest import small_plan

SHAPE = (8, 20, 12, 12, 12)


def knee(seed: int = 0) -> Tokens:
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(8), size=20).T
    return Tokens(
        centres=np.zeros((20, 3)),
        positions=np.zeros((20, 3)),
        hu=rng.normal(300.0, 80.0, SHAPE).astype(np.float32),
        mask=np.ones(SHAPE, dtype=np.float32),
        weights=weights,
        context=np.zeros(len(CONTEXT), dtype=np.float32),
        noise=np.zeros(len(CONTEXT), dtype=np.float32),
        partitions={},
    )


def bundle(context: tuple[str, ...]) -> Bundle:
    torch.manual_seed(0)
    plan = small_plan()
    plan = plan.model_copy(update={"student": plan.student.model_copy(update={"context": context})})
    networks = {name: network.eval() for name, network in empty_networks(plan).items()}
    return Bundle(plan=plan, digest="", **networks)  # type: ignore[arg-type]


def test_patches_with_hardly_any_bone_are_not_counted() -> None:
    t = knee()
    hu, mask = torch.from_numpy(t.hu[0]), torch.from_numpy(t.mask[0])
    mask[:5] = 0.0
    hu[:5] = -1000.0
    found = knee_means(hu, mask)
    assert found.shape == (len(FEATURES),)
    torch.testing.assert_close(found, patch_features(hu[5:], mask[5:]).mean(dim=0), rtol=1e-4, atol=1e-5)
    assert torch.isfinite(knee_means(hu, 0.0 * mask)).all()


def test_a_student_is_told_of_the_knee_if_its_plan_says_so() -> None:
    """Another knee around the same patch changes the answer about it, and only then."""
    for context, expected in ((CONTEXT, False), (CONTEXT + KNEE_CONTEXT, True)):
        made = bundle(context)
        first, second = knee(0), knee(0)
        second.hu[:, 1:] += 200.0
        answers = [estimate([each], made, CPU)[0][0][0] for each in (first, second)]
        assert bool(np.abs(answers[0] - answers[1]).max() > 1e-9) is expected


def test_knees_that_are_measured_together_have_the_numbers_that_they_have_alone() -> None:
    made, knees = bundle(CONTEXT), [knee(0), knee(1)]
    alone = [estimate([each], made, CPU, 40)[0] for each in knees]
    for found, expected in zip(estimate(knees, made, CPU, 40), alone, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_batch_that_is_filled_up_changes_no_number() -> None:
    """As on a GPU: batches larger than what there is, and such as hold patches of two knees."""
    made, knees = bundle(CONTEXT), [knee(0), knee(1)]
    alone = [estimate([each], made, CPU)[0] for each in knees]
    for size in (3200, 1000):
        for found, expected in zip(estimate(knees, made, CPU, size), alone, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert estimate([], made, CPU) == []


def test_on_the_cpu_no_batch_holds_patches_of_two_knees() -> None:
    assert 8 * 2 * SUBREGIONS_PER_BONE % measure._BATCH == 0
