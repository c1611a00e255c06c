"""The same slices as one multi-frame instance: Enhanced CT (PS3.3 A.38) or its legacy conversion (A.70)."""

from __future__ import annotations

import numpy as np
from highdicom.legacy import LegacyConvertedEnhancedCTImage
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian

from trainer.phantom.acquisition import CTAcquisition
from trainer.phantom.header import DATE, KNEE, TIME, Header, sequence_item

_SHARED = [
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "PatientSex",
    "PatientBirthDate",
    "PatientAge",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "ReferringPhysicianName",
    "AccessionNumber",
    "StudyDescription",
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "SeriesDate",
    "SeriesTime",
    "PatientPosition",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "Manufacturer",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "SoftwareVersions",
    "ProtocolName",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "BurnedInAnnotation",
    "ImageType",
    "ContentDate",
    "ContentTime",
    "BodyPartExamined",
]


def legacy_ct(slices: list[Dataset], header: Header) -> Dataset:
    """Legacy Converted Enhanced CT, as a PACS makes it from single frames."""
    for ds in slices:
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    converted = LegacyConvertedEnhancedCTImage(
        legacy_datasets=slices,
        series_instance_uid=header.uid("legacy series", header.series),
        series_number=header.series + 101,
        sop_instance_uid=header.uid("legacy instance", header.series),
        instance_number=1,
    )
    anatomy = converted.SharedFunctionalGroupsSequence[0].FrameAnatomySequence[0]
    anatomy.FrameLaterality = header.laterality or "U"
    _pin(converted, header)
    # It names the series that was converted, but no instance of it (highdicom 0.28).
    del converted.ReferencedSeriesSequence
    return converted


def _pin(converted: Dataset, header: Header) -> None:
    """Put fixed values where highdicom takes the clock and random UIDs, for equal bytes."""
    converted.InstanceCreationDate, converted.InstanceCreationTime = DATE, TIME
    for equipment in converted.ContributingEquipmentSequence:
        equipment.ContributionDateTime = DATE + TIME
    organization = header.uid("legacy dimensions", header.series)
    for item in (*converted.DimensionOrganizationSequence, *converted.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization


def enhanced_ct(slices: list[Dataset], acquisition: CTAcquisition, header: Header) -> Dataset:
    """Enhanced CT Image Storage; frames in the order of the slices."""
    first = slices[0]
    ds = Dataset()
    ds.SOPClassUID = EnhancedCTImageStorage
    ds.SOPInstanceUID = header.uid("enhanced instance", header.series)
    for keyword in _SHARED:
        ds[keyword] = first[keyword]
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.InstanceNumber, ds.AcquisitionNumber = 1, 1
    ds.AcquisitionDateTime, ds.AcquisitionDuration = DATE + TIME, 2.0
    ds.PixelPresentation, ds.VolumetricProperties, ds.VolumeBasedCalculationTechnique = (
        "MONOCHROME",
        "VOLUME",
        "NONE",
    )
    ds.ContentQualification, ds.PresentationLUTShape, ds.LossyImageCompression = "RESEARCH", "IDENTITY", "00"
    ds.AcquisitionContextSequence = Sequence()
    ds.NumberOfFrames = len(slices)
    _add_dimensions(ds, header)
    ds.SharedFunctionalGroupsSequence = [_shared_groups(first, acquisition, header)]
    ds.PerFrameFunctionalGroupsSequence = [
        _frame_groups(one, n, ds.ImageType) for n, one in enumerate(slices)
    ]
    ds.PixelData = b"".join(one.PixelData for one in slices)
    ds["PixelData"].VR = "OW"
    return ds


def _item(**attributes: object) -> Sequence:
    """A sequence of one item with the given attributes."""
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return Sequence([item])


def _add_dimensions(ds: Dataset, header: Header) -> None:
    organization = header.uid("dimensions", header.series)
    ds.DimensionOrganizationSequence = _item(DimensionOrganizationUID=organization)
    ds.DimensionIndexSequence = _item(
        DimensionOrganizationUID=organization,
        DimensionIndexPointer=0x00209057,  # In-Stack Position Number
        FunctionalGroupPointer=0x00209111,  # Frame Content Sequence
    )


def _shared_groups(first: Dataset, acquisition: CTAcquisition, header: Header) -> Dataset:
    """What does not change between frames (PS3.3 table A.38-2)."""
    side = header.laterality or "U"
    groups = Dataset()
    groups.PixelMeasuresSequence = _item(PixelSpacing=first.PixelSpacing, SliceThickness=first.SliceThickness)
    groups.PlaneOrientationSequence = _item(ImageOrientationPatient=first.ImageOrientationPatient)
    groups.FrameAnatomySequence = _item(FrameLaterality=side, AnatomicRegionSequence=[sequence_item(KNEE)])
    groups.PixelValueTransformationSequence = _item(RescaleIntercept="0", RescaleSlope="1", RescaleType="HU")
    groups.FrameVOILUTSequence = _item(WindowCenter="350", WindowWidth="1500")
    groups.IrradiationEventIdentificationSequence = _item(IrradiationEventUID=header.uid("irradiation"))
    if first.ImageType[0] == "ORIGINAL":
        _add_acquisition(groups, acquisition, header)
    return groups


def _add_acquisition(groups: Dataset, a: CTAcquisition, header: Header) -> None:
    """How an original image was scanned and rebuilt (PS3.3 C.8.15.3)."""
    groups.CTAcquisitionTypeSequence = _item(
        AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO"
    )
    groups.CTAcquisitionDetailsSequence = _item(
        RotationDirection="CW",
        RevolutionTime=0.5,
        SingleCollimationWidth=0.6,
        TotalCollimationWidth=38.4,
        TableHeight=0.0,
        GantryDetectorTilt=a.tilt,
        DataCollectionDiameter=500.0,
    )
    groups.CTTableDynamicsSequence = _item(TableSpeed=40.0, TableFeedPerRotation=20.0, SpiralPitchFactor=0.52)
    groups.CTGeometrySequence = _item(
        DistanceSourceToDetector=1085.0, DistanceSourceToDataCollectionCenter=595.0
    )
    groups.CTReconstructionSequence = _item(
        ReconstructionAlgorithm="FILTER_BACK_PROJ",
        ConvolutionKernel=a.kernel_name,
        ConvolutionKernelGroup="BONE",
        ReconstructionFieldOfView=[a.fov_mm, a.pixel * a.rows],
        ReconstructionPixelSpacing=[a.pixel, a.pixel],
        ReconstructionAngle=360.0,
        ImageFilter="NONE",
    )
    groups.CTExposureSequence = _item(
        ExposureTimeInms=500.0,
        XRayTubeCurrentInmA=200.0,
        ExposureInmAs=100.0,
        ExposureModulationType="NONE",
        CTDIvol=5.0,
        CTDIPhantomTypeCodeSequence=_phantom_type(),
    )
    groups.CTXRayDetailsSequence = _item(
        KVP=120.0,
        FocalSpots=[0.7],
        FilterType="NONE",
        FilterMaterial="ALUMINUM",
    )


def _phantom_type() -> Sequence:
    return _item(CodeValue="113691", CodingSchemeDesignator="DCM", CodeMeaning="IEC Body Dosimetry Phantom")


def _frame_groups(one: Dataset, n: int, image_type: list[str]) -> Dataset:
    """What changes: position, and the frame's place in the stack."""
    groups = Dataset()
    moment = DATE + TIME
    groups.FrameContentSequence = _item(
        StackID="1",
        InStackPositionNumber=n + 1,
        DimensionIndexValues=[n + 1],
        FrameAcquisitionNumber=1,
        FrameReferenceDateTime=moment,
        FrameAcquisitionDateTime=moment,
        FrameAcquisitionDuration=500.0,
    )
    groups.PlanePositionSequence = _item(ImagePositionPatient=one.ImagePositionPatient)
    groups.CTImageFrameTypeSequence = _item(
        FrameType=list(image_type),
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    if image_type[0] == "ORIGINAL":
        where = np.array([float(v) for v in one.ImagePositionPatient])
        groups.CTPositionSequence = _item(
            TablePosition=float(where[2]),
            DataCollectionCenterPatient=[0.0, 0.0, float(where[2])],
            ReconstructionTargetCenterPatient=where.tolist(),
        )
    return groups
