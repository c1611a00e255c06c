"""One Parametric Map (PS3.3 A.75) for each trabecular parameter.

Float32, since DCMQI and OHIF read no other kind; frames ascend along n, since both place frames in file
order; 0 outside the bone, not NaN, since OHIF colours nothing where it meets one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import ParametricMapStorage

from ctsma_node.analysis.result import UNITS, KneeResult, Parameter
from ctsma_node.report.basis import Basis
from ctsma_node.report.functional_groups import (
    FrameGroups,
    add_dimensions,
    add_referenced_volume,
    pixel_measures,
    plane_orientation,
)
from ctsma_node.report.grid import decimal
from ctsma_node.report.items import add, code_item, item, raw_sequence
from ctsma_node.report.modules import (
    add_coding_scheme,
    add_compression_history,
    add_content_identification,
    add_frame_of_reference,
    begin,
)

SERIES = {
    Parameter.BVTV: "parametric_map_bvtv",
    Parameter.TBTH: "parametric_map_tbth",
    Parameter.TBSP: "parametric_map_tbsp",
    Parameter.TBN: "parametric_map_tbn",
}
_IMAGE_TYPE = ["DERIVED", "PRIMARY", "VOLUME", "QUANTITY"]


def parametric_map(basis: Basis, parameter: Parameter) -> Dataset:
    """The map of a parameter on the grid of the analysed volume."""
    series = SERIES[parameter]
    ds = begin(basis, series, ParametricMapStorage, "OT")
    add_coding_scheme(ds, basis)
    add_frame_of_reference(ds, basis)
    add_referenced_volume(ds, basis)
    add_content_identification(ds, parameter.name, basis.text("map"))
    add_compression_history(ds, basis)
    ds.ImageType = _IMAGE_TYPE
    ds.BurnedInAnnotation, ds.RecognizableVisualFeatures = "NO", "NO"
    ds.PixelPresentation, ds.PresentationLUTShape = "MONOCHROME", "IDENTITY"
    ds.AcquisitionContextSequence = []
    ds.SharedFunctionalGroupsSequence = [_shared_groups(basis, parameter)]
    add_dimensions(ds, basis, series, [("ImagePositionPatient", "PlanePositionSequence")])
    _add_frames(ds, basis, values_by_voxel(basis.knee, parameter))
    return ds


def values_by_voxel(knee: KneeResult, parameter: Parameter) -> npt.NDArray[np.float32]:
    """[k, j, i]: the value of the subregion a voxel belongs to, in the parameter's unit; 0 outside."""
    return by_label(knee, parameter)[knee.subregion_labels]


def by_label(knee: KneeResult, parameter: Parameter) -> npt.NDArray[np.float32]:
    """The value of each label of `subregion_labels` in an array of 256; 0 for a label that is not used."""
    values = np.zeros(256, dtype=np.float32)
    for subregion in knee.subregions:
        values[subregion.label] = subregion.values[parameter].value
    return values


def _add_frames(ds: Dataset, basis: Basis, values: npt.NDArray[np.float32]) -> None:
    """Floating Point Image Pixel (PS3.3 C.7.6.24) and multi-frame modules."""
    placed = np.asarray(basis.grid.place(values, 0.0), dtype="<f4")
    groups = FrameGroups(basis, basis.templates.concepts["calculation"])
    items = [groups.encoded(frame, (frame + 1,)) for frame in range(basis.grid.frames)]
    element = raw_sequence("PerFrameFunctionalGroupsSequence", b"".join(items))
    add(ds, element)
    ds.NumberOfFrames = basis.grid.frames
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.BitsAllocated = 1, "MONOCHROME2", 32
    ds.Rows, ds.Columns = basis.grid.rows, basis.grid.columns
    ds.add_new("FloatPixelData", "OF", placed.tobytes())


def _shared_groups(basis: Basis, parameter: Parameter) -> Dataset:
    low, high = basis.templates.display_range[parameter]
    return item(
        PixelMeasuresSequence=pixel_measures(basis),
        PlaneOrientationSequence=plane_orientation(basis),
        FrameAnatomySequence=[_frame_anatomy(basis)],
        FrameVOILUTSequence=[
            # A window of less than one is allowed with this function only (C.11.2.1.3).
            item(
                WindowCenter=decimal((low + high) / 2),
                WindowWidth=decimal(high - low),
                VOILUTFunction="LINEAR_EXACT",
            )
        ],
        PixelValueTransformationSequence=[item(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")],
        RealWorldValueMappingSequence=[_real_world_values(basis, parameter)],
        ParametricMapFrameTypeSequence=[item(FrameType=_IMAGE_TYPE)],
    )


def _frame_anatomy(basis: Basis) -> Dataset:
    """Frame Anatomy (C.7.6.16.2.8). DCMQI 1.5 crashes on a map without it."""
    return item(
        FrameLaterality=basis.side.value,
        AnatomicRegionSequence=[code_item(basis.templates.concepts["knee"])],
    )


def _real_world_values(basis: Basis, parameter: Parameter) -> Dataset:
    """Real World Value Mapping (C.7.6.16.2.11): the stored value is the quantity itself, in its unit."""
    templates = basis.templates
    limits = np.finfo(np.float32)
    quantity = item(
        ValueType="CODE",
        ConceptNameCodeSequence=[code_item(templates.concepts["quantity"])],
        ConceptCodeSequence=[code_item(templates.parameters[parameter])],
    )
    return item(
        LUTLabel=parameter.name,
        LUTExplanation=templates.parameters[parameter].meaning,
        MeasurementUnitsCodeSequence=[code_item(templates.units[UNITS[parameter]])],
        DoubleFloatRealWorldValueFirstValueMapped=float(limits.min),
        DoubleFloatRealWorldValueLastValueMapped=float(limits.max),
        RealWorldValueIntercept=0.0,
        RealWorldValueSlope=1.0,
        QuantityDefinitionSequence=[quantity],
    )
