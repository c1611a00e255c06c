"""Modules of PS3.3 that several kinds of object have in common."""

from __future__ import annotations

from typing import Any

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from ctsma_node.report.identity import IMPLEMENTATION_CLASS_UID
from ctsma_node.report.items import CHARACTER_SET, explicit_dataset, item, mark_explicit
from ctsma_node.report.origin import Origin

VERSION_NAME = "CTSMA_NODE"
_CLOCK = ("InstanceCreationDate", "InstanceCreationTime", "DateOfSecondaryCapture", "TimeOfSecondaryCapture")


def identification(origin: Origin, series: str) -> dict[str, Any]:
    """The arguments by which highdicom's constructors name an instance, its series and its maker."""
    return {
        "series_instance_uid": origin.series_uid(series),
        "series_number": origin.series_number(series),
        "sop_instance_uid": origin.instance_uid(series),
        "instance_number": 1,
        "manufacturer": origin.node.manufacturer,
        "manufacturer_model_name": origin.node.model_name,
        "device_serial_number": origin.node.serial_number,
        "software_versions": origin.node.software_version,
        "specific_character_set": CHARACTER_SET,
    }


def signed(made: Dataset, origin: Origin, series: str) -> Dataset:
    """What highdicom made, as a plain dataset that says the same on every day it is made."""
    ds = explicit_dataset()
    ds.update(made)
    for keyword in _CLOCK:
        ds.pop(keyword, None)
    mark_explicit(ds)
    sign(ds, origin, series)
    return ds


def sign(ds: Dataset, origin: Origin, series: str, number: int = 1) -> None:
    """Say whose and what an instance is: patient, study, series, equipment and SOP common modules.

    PS3.3 C.7.1.1, C.7.2.1, C.7.2.2, C.7.3.1, C.7.5.1, C.7.5.2, C.12.1. SOP Class UID and Modality stand in it
    already; `number` is the Instance Number.
    """
    ds.SpecificCharacterSet = CHARACTER_SET
    for element in origin.source.patient_and_study:
        ds.add(element)
    ds.SOPInstanceUID = origin.instance_uid(series, number)
    ds.file_meta = _file_meta(ds.SOPClassUID, ds.SOPInstanceUID)
    ds.set_original_encoding(False, True, convert_encodings(CHARACTER_SET))
    ds.SeriesInstanceUID = origin.series_uid(series)
    ds.SeriesNumber = origin.series_number(series)
    ds.SeriesDescription = origin.series_description(series)
    ds.InstanceNumber = number
    ds.SeriesDate, ds.SeriesTime = origin.source.instant
    ds.ContentDate, ds.ContentTime = origin.source.instant
    ds.ContentQualification = "RESEARCH"
    _add_equipment(ds, origin)


def add_coding_scheme(ds: Dataset, origin: Origin) -> None:
    """Identify the private coding scheme (PS3.3 C.12.1.1.5, Coding Scheme Identification)."""
    scheme = origin.templates.scheme
    ds.CodingSchemeIdentificationSequence = [
        CodingSchemeIdentificationItem(
            scheme.designator,
            name=scheme.name,
            version=scheme.version,
            responsible_organization=scheme.responsible_organization,
        )
    ]


def add_frame_of_reference(ds: Dataset, origin: Origin) -> None:
    """The source's space (PS3.3 C.7.4.1): every object lies where the patient lay."""
    ds.FrameOfReferenceUID = origin.source.frame_of_reference_uid
    ds.PositionReferenceIndicator = origin.source.position_reference_indicator


def add_compression_history(ds: Dataset, origin: Origin) -> None:
    """Lossy Image Compression (PS3.3 C.7.6.1.1.5): what the source lost is lost in what is made from it."""
    ds.LossyImageCompression = "00"
    for element in origin.source.lossy:
        ds.add(element)


def pin_dimensions(ds: Dataset, origin: Origin, series: str) -> None:
    """Give the dimensions (PS3.3 C.7.6.17) of a multi-frame object a UID that is no random one."""
    organization = origin.uids.uid(f"dimensions {series}")
    for each in (*ds.DimensionOrganizationSequence, *ds.DimensionIndexSequence):
        each.DimensionOrganizationUID = organization


def _file_meta(sop_class_uid: str, sop_instance_uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = VERSION_NAME
    return meta


def _add_equipment(ds: Dataset, origin: Origin) -> None:
    node = origin.node
    ds.Manufacturer = node.manufacturer
    ds.ManufacturerModelName = node.model_name
    ds.DeviceSerialNumber = node.serial_number
    ds.SoftwareVersions = [node.software_version, origin.bundle[:64]]
    if node.institution_name:
        ds.InstitutionName = node.institution_name
    ds.ContributingEquipmentSequence = [*_scanner(origin), _node(origin)]


def _scanner(origin: Origin) -> list[Dataset]:
    """The acquisition equipment, where the source names its manufacturer (type 1 here)."""
    equipment = origin.source.equipment
    if "Manufacturer" not in equipment:
        return []
    contribution = Dataset()
    for element in equipment:
        contribution.add(element)
    contribution.PurposeOfReferenceCodeSequence = [origin.concept("acquisition_equipment")]
    return [contribution]


def _node(origin: Origin) -> Dataset:
    """This node as processing equipment; its Device UID changes with the bundle (IHE AI Results)."""
    node = origin.node
    return item(
        PurposeOfReferenceCodeSequence=[origin.concept("processing_equipment")],
        Manufacturer=node.manufacturer,
        ManufacturerModelName=node.model_name,
        DeviceSerialNumber=node.serial_number,
        SoftwareVersions=[node.software_version, origin.bundle[:64]],
        DeviceUID=origin.device_uid,
        ContributionDescription=origin.device_name[:1024],
    )
