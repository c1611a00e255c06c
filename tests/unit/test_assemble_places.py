"""What a conversion to a multi-frame instance found no macro for is read where it was put."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from ctsma_node.assemble.kernels import kernels
from ctsma_node.assemble.side import named_sides
from ctsma_node.assemble.voltage import tube_voltage


def item(**attributes: Any) -> Dataset:
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


SCANNER = item(KVP="80", ConvolutionKernel=["Br60d", "3"], Laterality="L")


def shared() -> Dataset:
    group = item(UnassignedSharedConvertedAttributesSequence=[SCANNER])
    return item(SharedFunctionalGroupsSequence=[group])


def per_frame() -> Dataset:
    group = item(UnassignedPerFrameConvertedAttributesSequence=[SCANNER])
    return item(PerFrameFunctionalGroupsSequence=[group, group])


@pytest.mark.parametrize("header", [SCANNER, shared(), per_frame()], ids=["single", "shared", "per frame"])
def test_voltage_kernel_and_side_are_found(header: Dataset) -> None:
    assert tube_voltage([header]) == 80.0
    assert kernels([header]) == {"Br60d"}
    assert named_sides(header) == {"L"}


def test_the_kernels_of_frames_are_found_in_their_macro() -> None:
    groups = [item(CTReconstructionSequence=[item(ConvolutionKernel=each)]) for each in ("Br36", "Br76")]
    assert kernels([item(PerFrameFunctionalGroupsSequence=groups)]) == {"Br36", "Br76"}
