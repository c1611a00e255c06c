"""How sharp a CT's convolution kernel is, by its vendor's name for it; bone wants the sharp one.

The paper's is U70u. Only kernels of one scanner are ever compared, so each vendor has a scale of its own.
"""

from __future__ import annotations

import re

_GE = {"SOFT": 1, "STANDARD": 2, "STND": 2, "CHEST": 2, "DETAIL": 3, "LUNG": 4, "BONE": 4}
_GE |= {"BONEPLUS": 5, "EDGE": 6}
_PHILIPS = {"A": 1, "B": 2, "UB": 2, "C": 3, "UC": 3, "D": 4, "YA": 4, "YB": 5, "L": 5}
_PHILIPS |= {"E": 6, "YC": 6, "YD": 7}
_SIEMENS = re.compile(r"^[BUHTDJQ][A-Z]?(\d{2})")
_CANON = re.compile(r"^FC(\d{2})")


def sharpness(kernel: str) -> int:
    """A number that grows with sharpness; 0 for a name that is not known."""
    name = kernel.strip().upper()
    if siemens := _SIEMENS.match(name):
        return int(siemens.group(1))
    if canon := _CANON.match(name):
        number = int(canon.group(1))
        return 3 if number >= 80 else 2 if number in range(30, 40) else 1
    return _GE.get(name) or _PHILIPS.get(name) or 0
