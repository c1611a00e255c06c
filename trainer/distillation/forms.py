"""Networks by form and by what they see."""

from __future__ import annotations

from collections.abc import Callable

from trainer.distillation.networks import (
    JoinedStudent,
    KneeStudent,
    LightStudent,
    LightTeacher,
    NativeStudent,
    Regressor,
)
from trainer.distillation.paper_form import PaperStudent, PaperTeacher
from trainer.distillation.preprint_form import PreprintStudent, PreprintTeacher
from trainer.distillation.settings import Form

_Build = Callable[[int, float], Regressor]
_TEACHERS: dict[Form, _Build] = {
    Form.LIGHT: LightTeacher,
    Form.JOINED: LightTeacher,
    Form.KNEE: LightTeacher,
    Form.NATIVE: LightTeacher,
    Form.PAPER: PaperTeacher,
    Form.PREPRINT: PreprintTeacher,
}
_STUDENTS: dict[Form, _Build] = {
    Form.LIGHT: LightStudent,
    Form.JOINED: JoinedStudent,
    Form.KNEE: KneeStudent,
    Form.NATIVE: NativeStudent,
    Form.PAPER: PaperStudent,
    Form.PREPRINT: PreprintStudent,
}


def teacher_of(form: Form, width: int, dropout: float) -> Regressor:
    """A network that sees the MR, from torch's random numbers."""
    return _TEACHERS[form](width, dropout)


def student_of(form: Form, width: int, dropout: float) -> Regressor:
    """A network that sees the CT."""
    return _STUDENTS[form](width, dropout)
