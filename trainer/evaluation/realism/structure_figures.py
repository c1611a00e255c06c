"""The true trabecular structure of a knee: by depth and compartment, and at the node's subregions."""

from __future__ import annotations

import numpy as np

from ctsma_node.analysis.result import Bone
from trainer.evaluation.realism.scans import Scans
from trainer.evaluation.realism.zones import COMPARTMENTS, DEPTHS, in_bone_frame, loaded_columns
from trainer.morphometry.parameters import NAMES
from trainer.phantom.knee import Knee
from trainer.phantom.structure import Channel, Part
from trainer.phantom.truth import parameters_at

Figures = dict[str, float]

STEP = 1.0
"""Distance of the points at which the law is read, mm."""


def structure_figures(scans: Scans) -> Figures:
    """Means of the four parameters, thickness of plate and cartilage, joint space and flexion."""
    out: Figures = {}
    for bone in Bone:
        out |= columns(scans.knee, bone)
        out |= _subregions(scans, bone)
    drawn = scans.knee.disease
    out |= {f"joint space {c}": v for c, v in zip(COMPARTMENTS, drawn.joint_space, strict=True)}
    out["joint space smallest"] = min(drawn.joint_space)
    out["flexion CT"], out["flexion MR"] = scans.knee.flexion, scans.subject.mr_knee.flexion
    return out


def columns(knee: Knee, bone: Bone) -> Figures:
    """The law at points of the loaded columns, by depth under the endosteal surface of the joint's plate."""
    structure = knee.structures[Part(bone.value)]
    every = max(1, round(STEP / structure.step))
    maps = structure.maps[::every, ::every, ::every]
    k, j, i = np.nonzero(np.abs(maps[..., Channel.DISTANCE] + 10.0) < 12.0)
    own = structure.origin + structure.step * every * np.stack([i, j, k], axis=1)
    pose = knee.poses[structure.part]
    points = own @ pose[:3, :3].T + pose[:3, 3]
    channels = maps[k, j, i]
    depth = -channels[:, Channel.DISTANCE] - channels[:, Channel.CORTEX]
    out: Figures = {}
    for compartment in COMPARTMENTS:
        inside = loaded_columns(knee, bone, compartment, points)
        for low, high in DEPTHS:
            values = parameters_at(knee, bone, points[inside & (depth > low) & (depth <= high)])
            for name, value in zip(NAMES, np.nanmean(values, axis=0), strict=True):
                out[f"{name} {bone} {compartment} {low:g}-{high:g} mm"] = float(value)
        plate = inside & (np.abs(channels[:, Channel.DISTANCE]) < 2.0)
        for what, channel in (
            ("plate thickness", Channel.CORTEX),
            ("cartilage thickness", Channel.CARTILAGE),
        ):
            out[f"{what} {bone} {compartment}"] = float(channels[plate, channel].mean())
    return out


def _subregions(scans: Scans, bone: Bone) -> Figures:
    """Mean and SD over the 100 subregions, and the means of the compartments."""
    values = scans.parameters[bone]
    medial = in_bone_frame(scans.knee, bone, scans.centres[bone])[:, 0] > 0.0
    out: Figures = {}
    for c, name in enumerate(NAMES):
        out[f"{name} {bone}"] = float(np.nanmean(values[:, c]))
        out[f"{name} {bone} SD"] = float(np.nanstd(values[:, c]))
        out[f"{name} {bone} medial"] = float(np.nanmean(values[medial, c]))
        out[f"{name} {bone} lateral"] = float(np.nanmean(values[~medial, c]))
    return out
