"""Every form answers alike, and its student's depths match its teacher's."""

from __future__ import annotations

import pytest
import torch

from ctsma_node.analysis.features import KNEE_CONTEXT
from ctsma_node.analysis.patches import CONTEXT
from trainer.distillation.cohort_patches import Batch
from trainer.distillation.forms import student_of, teacher_of
from trainer.distillation.losses import Distillation, matched, mistaken, relations_apart, supervised
from trainer.distillation.networks import Answer
from trainer.distillation.settings import Form, LossWeights


def batch(form: Form = Form.LIGHT, n: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(2)
    return Batch(
        ct=300.0 + 100.0 * torch.randn(n, 12, 12, 12, generator=generator),
        ct_mask=torch.ones(n, 12, 12, 12),
        mr=torch.rand(n, 16, 48, 48, generator=generator),
        mr_mask=torch.ones(n, 16, 48, 48),
        native=300.0 + 100.0 * torch.randn(n, 36, 36, 36, generator=generator),
        context=torch.zeros(n, len(CONTEXT + KNEE_CONTEXT * (form is Form.KNEE))),
    )


@pytest.mark.parametrize("form", list(Form))
def test_students_and_teachers_of_a_form_can_be_compared(form: Form) -> None:
    seen = batch(form)
    student, teacher = student_of(form, 4, 0.0), teacher_of(form, 4, 0.0)
    ours, theirs = student(seen), teacher(seen)
    for answer, network in ((ours, student), (theirs, teacher)):
        assert answer.mean.shape == answer.log_variance.shape == (3, 4)
        assert tuple(m.shape[1] for m in answer.maps) == network.channels
    weights = LossWeights(feature=1.0, contrast=1.0)
    terms = Distillation(student.channels, teacher.channels, weights)(ours, theirs)
    assert set(terms) == {"prediction", "feature", "relation", "contrast"}
    assert all(torch.isfinite(term) for term in terms.values())


def test_terms_that_are_left_out_have_nothing_to_train() -> None:
    """Processes side by side would wait for gradients that never come."""
    plain = Distillation((4, 8), (4, 8), LossWeights())
    assert not list(plain.parameters())


def test_students_do_not_look_at_the_mr() -> None:
    for form in Form:
        seen = batch(form)
        unknown = torch.full_like(seen.mr, torch.nan)
        blind = seen._replace(mr=unknown, mr_mask=unknown)
        student = student_of(form, 4, 0.0).eval()
        torch.testing.assert_close(student(seen).mean, student(blind).mean)


def test_a_student_that_is_its_teacher_has_nothing_to_learn() -> None:
    teacher = teacher_of(Form.LIGHT, 4, 0.0).eval()
    answer = teacher(batch())
    terms = Distillation(teacher.channels, teacher.channels, LossWeights(feature=1.0))
    for layer in terms.projections:
        assert isinstance(layer, torch.nn.Conv3d)
        assert layer.bias is not None
        torch.nn.init.dirac_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    for name, value in terms(answer, answer).items():
        assert float(value.detach()) == pytest.approx(0.0, abs=1e-6), name


def test_relations_ignore_size_and_see_shape() -> None:
    points = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    assert float(relations_apart(3.0 * points, points)) == pytest.approx(0.0, abs=1e-6)
    assert float(relations_apart(points.flip(0) ** 2, points)) > 0.01


def test_contrast_is_low_where_partners_are_alike() -> None:
    points = torch.randn(8, 5, generator=torch.Generator().manual_seed(1))
    assert float(mistaken(points, points)) < 0.5 < float(mistaken(points.roll(1, 0), points))


def test_a_wider_stated_spread_forgives_a_wrong_mean() -> None:
    target = torch.zeros(2, 4)
    wrong = torch.full((2, 4), 2.0)
    sure, unsure = (Answer(wrong, torch.full((2, 4), v), []) for v in (-4.0, 1.4))
    assert float(supervised(unsure, target)) < float(supervised(sure, target))


def test_maps_are_brought_to_the_same_cube() -> None:
    assert matched(torch.zeros(2, 5, 16, 12, 12)).shape == matched(torch.zeros(2, 5, 12, 12, 12)).shape
