"""One Parametric Map (PS3.3 A.75) for each trabecular parameter.

Float32, since DCMQI and OHIF read no other kind; frames ascend along n, since both place frames in file
order; 0 outside the bone, not NaN, since OHIF colours nothing where it meets one.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import numpy.typing as npt
from highdicom import VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import UNITS, KneeResult, Parameter
from ctsma_node.report.basis import Basis
from ctsma_node.report.items import add, coded, encoded_sequence, item, mark_explicit
from ctsma_node.report.modules import (
    add_coding_scheme,
    add_compression_history,
    identification,
    pin_dimensions,
    sign,
    signed,
)
from ctsma_node.report.references import planes

SERIES = {
    Parameter.BVTV: "parametric_map_bvtv",
    Parameter.TBTH: "parametric_map_tbth",
    Parameter.TBSP: "parametric_map_tbsp",
    Parameter.TBN: "parametric_map_tbn",
}


def parametric_maps(basis: Basis) -> list[Dataset]:
    """The map of each parameter on the grid of the analysed volume.

    highdicom makes what the four have in common, once: it takes a tenth of a second for each.
    """
    model = _model(basis)
    frames = encoded_sequence("PerFrameFunctionalGroupsSequence", ascending_groups(model))
    del model.PerFrameFunctionalGroupsSequence, model.FloatPixelData
    return [_map(basis, parameter, model, frames) for parameter in Parameter]


def values_by_voxel(knee: KneeResult, parameter: Parameter) -> npt.NDArray[np.float32]:
    """[k, j, i]: the value of the subregion a voxel belongs to, in the parameter's unit; 0 outside."""
    return by_label(knee, parameter)[knee.subregion_labels]


def by_label(knee: KneeResult, parameter: Parameter) -> npt.NDArray[np.float32]:
    """The value of each label of `subregion_labels` in an array of 256; 0 for a label that is not used."""
    values = np.zeros(256, dtype=np.float32)
    for subregion in knee.subregions:
        values[subregion.label] = subregion.values[parameter].value
    return values


def ascending_groups(ds: Dataset) -> list[Dataset]:
    """Per-frame functional groups in ascending order along n = row direction x column direction.

    That is the order of the grid's frames. highdicom 0.28 always writes them descending. DCMQI 1.5 and OHIF
    3.13 take the order of the file for that in space, and show such a map upside down, tibia on femur.
    """
    orientation = ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
    n = np.cross(*np.reshape(orientation, (2, 3)).astype(np.float64))
    groups = list(ds.PerFrameFunctionalGroupsSequence)
    groups.sort(key=lambda g: np.dot(n, np.float64(g.PlanePositionSequence[0].ImagePositionPatient)))
    for number, group in enumerate(groups, start=1):
        group.FrameContentSequence[0].DimensionIndexValues = [number]
    return groups


def _model(basis: Basis) -> Dataset:
    """A map of the first parameter that is zero everywhere."""
    parameter, series = next(iter(SERIES.items()))
    grid = basis.grid
    made = ParametricMap(
        planes(basis),
        np.zeros((grid.frames, grid.rows, grid.columns), np.float32),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_real_world_values(basis, parameter)],
        voi_lut_transformations=[_window(basis, parameter)],
        content_label=parameter.name,
        content_description=basis.text("map"),
        content_creator_name="",  # type 2, and the creator is a device
        derivation=basis.concept("calculation"),
        **identification(basis, series),
    )
    ds = signed(made, basis, series)
    add_coding_scheme(ds, basis)
    add_compression_history(ds, basis)
    ds.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [_frame_anatomy(basis)]
    return ds


def _map(basis: Basis, parameter: Parameter, model: Dataset, frames: RawDataElement) -> Dataset:
    ds = deepcopy(model)
    sign(ds, basis, SERIES[parameter])
    pin_dimensions(ds, basis, SERIES[parameter])
    ds.ContentLabel = parameter.name
    shared = ds.SharedFunctionalGroupsSequence[0]
    shared.RealWorldValueMappingSequence = [_real_world_values(basis, parameter)]
    shared.FrameVOILUTSequence = [_window(basis, parameter)]
    mark_explicit(ds)
    add(ds, frames)
    values = np.asarray(basis.grid.place(values_by_voxel(basis.knee, parameter), 0.0), "<f4")
    ds.add_new("FloatPixelData", "OF", values.tobytes())
    return ds


def _window(basis: Basis, parameter: Parameter) -> VOILUTTransformation:
    """The display range; a window of less than one is allowed with this function only (C.11.2.1.3)."""
    low, high = basis.templates.display_range[parameter]
    return VOILUTTransformation(
        window_center=round((low + high) / 2, 6),
        window_width=round(high - low, 6),
        voi_lut_function="LINEAR_EXACT",
    )


def _frame_anatomy(basis: Basis) -> Dataset:
    """Frame Anatomy (C.7.6.16.2.8). DCMQI 1.5 crashes on a map without it."""
    return item(FrameLaterality=basis.side.value, AnatomicRegionSequence=[basis.concept("knee")])


def _real_world_values(basis: Basis, parameter: Parameter) -> RealWorldValueMapping:
    """Real World Value Mapping (C.7.6.16.2.11): the stored value is the quantity itself, in its unit."""
    limits = np.finfo(np.float32)
    quantity = basis.templates.parameters[parameter]
    return RealWorldValueMapping(
        lut_label=parameter.name,
        lut_explanation=quantity.meaning,
        unit=coded(basis.templates.units[UNITS[parameter]]),
        value_range=(float(limits.min), float(limits.max)),
        slope=1.0,
        intercept=0.0,
        quantity_definition=coded(quantity),
    )
