"""Contrast medium beside the bones is marked; noise, vessels and the bones' own edges are not."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.contrast import contrast_marks

LABELS = np.zeros((60, 60, 60), np.uint8)
LABELS[15:45, 5:25, 15:45], LABELS[15:45, 35:55, 15:45] = 1, 2


def tissue() -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(2).normal(50.0, 100.0, LABELS.shape)
    return (noise + 600.0 * (LABELS > 0)).astype(np.float32)


def test_a_filled_joint_is_marked() -> None:
    hu = tissue()
    hu[15:45, 26:34, 15:45] += 350.0
    assert [mark.code for mark in contrast_marks(hu, LABELS)] == ["contrast_medium"]


def test_a_sound_knee_and_an_enhanced_vessel_are_not() -> None:
    hu = tissue()
    assert contrast_marks(hu, LABELS) == ()
    hu[28:34, :, 54:58] += 250.0
    assert contrast_marks(hu, LABELS) == ()


FREED_AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""The C library gives large blocks back as soon as they are freed: whoever reads one then, crashes."""

TWICE = """
import numpy as np
from ctsma_node.analysis.contrast import dense_volume

bone = np.zeros((60, 60, 60), np.uint8)
bone[20:40, 20:40, 20:40] = 1
hu = np.full(bone.shape, 300.0, np.float32)
assert dense_volume(hu, bone) == dense_volume(hu, bone) > 0.0
"""


def test_no_memory_is_read_after_it_was_freed() -> None:
    environment = os.environ | FREED_AT_ONCE
    done = subprocess.run([sys.executable, "-c", TWICE], env=environment, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr.decode())
