"""How sharp a CT's convolution kernel (0018,1210) is, by its vendor's name for it; bone wants a sharp one.

The paper's is U70u. Each vendor has a scale of its own, so the numbers of `sharpness` are comparable within
one scanner only; `grade` brings them to one rough scale.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import text
from ctsma_node.assemble.places import places

_GE = {"SOFT": 1, "STANDARD": 2, "STND": 2, "CHEST": 2, "DETAIL": 3, "LUNG": 4, "BONE": 4}
_GE |= {"BONEPLUS": 5, "EDGE": 6}
_PHILIPS = {"A": 1, "B": 2, "UB": 2, "C": 3, "UC": 3, "D": 4, "YA": 4, "YB": 5, "L": 5}
_PHILIPS |= {"E": 6, "YC": 6, "YD": 7}
_SIEMENS = re.compile(r"^[BUHTDIJQ][A-Z]?(\d{2})")  # I and J: iterative, of the body and of the head
_CANON = re.compile(r"^FC(\d{2})")


class Grade(IntEnum):
    """What a kernel is made for."""

    UNKNOWN = 0
    SOFT = 1  # soft tissue, smoothed: texture is gone
    STANDARD = 2
    MEDIUM = 3  # detail
    SHARP = 4  # bone
    VERY_SHARP = 5  # bone edges: noise hides texture


_LOWEST = {
    "siemens": ((76, Grade.VERY_SHARP), (60, Grade.SHARP), (46, Grade.MEDIUM), (36, Grade.STANDARD)),
    "canon": ((3, Grade.VERY_SHARP), (2, Grade.SHARP), (1, Grade.STANDARD)),
    "ge": ((6, Grade.VERY_SHARP), (4, Grade.SHARP), (3, Grade.MEDIUM), (2, Grade.STANDARD)),
    "philips": ((7, Grade.VERY_SHARP), (4, Grade.SHARP), (3, Grade.MEDIUM), (2, Grade.STANDARD)),
}
"""The least sharpness of each grade on each vendor's scale; below the last one is soft."""


def kernels(headers: Iterable[Dataset]) -> frozenset[str]:
    """Convolution Kernel (0018,1210) as each image names it first; of many frames, in the CT Reconstruction
    macro (PS3.3 C.8.15.3.7).
    """
    named = (
        text(place, "ConvolutionKernel") for ds in headers for place in places(ds, "CTReconstructionSequence")
    )
    return frozenset(each for each in named if each)


def sharpness(kernel: str) -> int:
    """A number that grows with sharpness on its vendor's scale; 0 for a name that is not known."""
    return _placed(kernel)[1]


def grade(kernel: str) -> Grade:
    """What the kernel is made for, on one scale for all vendors."""
    vendor, number = _placed(kernel)
    if not vendor:
        return Grade.UNKNOWN
    return next((grade for lowest, grade in _LOWEST[vendor] if number >= lowest), Grade.SOFT)


def _placed(kernel: str) -> tuple[str, int]:
    """The vendor whose name it is, and its place on the vendor's scale; "" and 0 for an unknown one."""
    name = kernel.strip().upper()
    if siemens := _SIEMENS.match(name):
        return "siemens", int(siemens.group(1))
    if canon := _CANON.match(name):
        number = int(canon.group(1))
        return "canon", 3 if number >= 80 else 2 if number in range(30, 40) else 1
    if name in _GE:
        return "ge", _GE[name]
    return ("philips", _PHILIPS[name]) if name in _PHILIPS else ("", 0)
