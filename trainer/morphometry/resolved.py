"""All that can be measured where trabeculae are resolved: micro-CT, HR-pQCT, a phantom's structure."""

from __future__ import annotations

from dataclasses import replace

from trainer.morphometry.direct import direct
from trainer.morphometry.distance import Mask, Voxel
from trainer.morphometry.fabric import degree_of_anisotropy
from trainer.morphometry.parameters import TrabecularParameters
from trainer.morphometry.structure_model import structure_model_index
from trainer.morphometry.topology import connectivity_density


def resolved(bone: Mask, voxel: Voxel, region: Mask | None = None) -> TrabecularParameters:
    """Direct parameters with DA, Conn.D and SMI of a mask [k, j, i]; ValueError where voxels are no cubes."""
    return replace(
        direct(bone, voxel, region),
        anisotropy=degree_of_anisotropy(bone, voxel, region),
        connectivity=connectivity_density(bone, voxel, region),
        structure_model_index=structure_model_index(bone, voxel, region),
    )
