"""Modules of PS3.3 that several kinds of object have in common."""

from __future__ import annotations

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from ctsma_node.report.basis import Basis
from ctsma_node.report.identity import IMPLEMENTATION_CLASS_UID
from ctsma_node.report.items import CHARACTER_SET, code_item, explicit_dataset, item

_VERSION_NAME = "CTSMA_NODE"


def begin(basis: Basis, series: str, sop_class_uid: str, modality: str, number: int = 1) -> Dataset:
    """A new instance of one of the series: patient, study, series, equipment and SOP common modules.

    PS3.3 C.7.1.1, C.7.2.1, C.7.2.2, C.7.3.1, C.7.5.1, C.7.5.2, C.12.1. `number` is the Instance Number.
    """
    ds = explicit_dataset()
    ds.SpecificCharacterSet = CHARACTER_SET
    for element in basis.source.patient_and_study:
        ds.add(element)
    ds.SOPClassUID = sop_class_uid
    ds.SOPInstanceUID = basis.instance_uid(series, number)
    ds.file_meta = _file_meta(sop_class_uid, ds.SOPInstanceUID)
    ds.set_original_encoding(False, True, convert_encodings(CHARACTER_SET))
    ds.Modality = modality
    ds.SeriesInstanceUID = basis.series_uid(series)
    ds.SeriesNumber = basis.series_number(series)
    ds.SeriesDescription = basis.series_description(series)
    ds.InstanceNumber = number
    ds.SeriesDate, ds.SeriesTime = basis.source.instant
    ds.ContentDate, ds.ContentTime = basis.source.instant
    ds.ContentQualification = "RESEARCH"
    _add_equipment(ds, basis)
    return ds


def add_coding_scheme(ds: Dataset, basis: Basis) -> None:
    """Identify the private coding scheme (PS3.3 C.12.1.1.5, Coding Scheme Identification)."""
    scheme = basis.templates.scheme
    ds.CodingSchemeIdentificationSequence = [
        item(
            CodingSchemeDesignator=scheme.designator,
            CodingSchemeName=scheme.name,
            CodingSchemeVersion=scheme.version,
            CodingSchemeResponsibleOrganization=scheme.responsible_organization,
        )
    ]


def add_frame_of_reference(ds: Dataset, basis: Basis) -> None:
    """The source's space (PS3.3 C.7.4.1): every object lies where the patient lay."""
    ds.FrameOfReferenceUID = basis.source.frame_of_reference_uid
    ds.PositionReferenceIndicator = basis.source.position_reference_indicator


def add_compression_history(ds: Dataset, basis: Basis) -> None:
    """Lossy Image Compression (PS3.3 C.7.6.1.1.5): what the source lost is lost in what is made from it."""
    ds.LossyImageCompression = "00"
    for element in basis.source.lossy:
        ds.add(element)


def add_content_identification(ds: Dataset, label: str, description: str) -> None:
    """Content Identification macro (PS3.3 table 10-12); the creator is a device, so no person is named."""
    ds.ContentLabel = label
    ds.ContentDescription = description
    ds.ContentCreatorName = ""


def _file_meta(sop_class_uid: str, sop_instance_uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = _VERSION_NAME
    return meta


def _add_equipment(ds: Dataset, basis: Basis) -> None:
    node = basis.node
    ds.Manufacturer = node.manufacturer
    ds.ManufacturerModelName = node.model_name
    ds.DeviceSerialNumber = node.serial_number
    ds.SoftwareVersions = [node.software_version, basis.bundle[:64]]
    if node.institution_name:
        ds.InstitutionName = node.institution_name
    ds.ContributingEquipmentSequence = [*_scanner(basis), _node(basis)]


def _scanner(basis: Basis) -> list[Dataset]:
    """The acquisition equipment, where the source names its manufacturer (type 1 here)."""
    equipment = basis.source.equipment
    if "Manufacturer" not in equipment:
        return []
    contribution = Dataset()
    for element in equipment:
        contribution.add(element)
    contribution.PurposeOfReferenceCodeSequence = [
        code_item(basis.templates.concepts["acquisition_equipment"])
    ]
    return [contribution]


def _node(basis: Basis) -> Dataset:
    """This node as processing equipment; its Device UID changes with the bundle (IHE AI Results)."""
    node = basis.node
    return item(
        PurposeOfReferenceCodeSequence=[code_item(basis.templates.concepts["processing_equipment"])],
        Manufacturer=node.manufacturer,
        ManufacturerModelName=node.model_name,
        DeviceSerialNumber=node.serial_number,
        SoftwareVersions=[node.software_version, basis.bundle[:64]],
        DeviceUID=basis.device_uid,
        ContributionDescription=f"{basis.text('algorithm')}, bundle {basis.bundle}"[:1024],
    )
