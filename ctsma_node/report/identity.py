"""Who makes an object and by which UIDs: the same input always gives the same UIDs.

A UID is 2.25 and a version-5-shaped UUID (PS3.5 B.2, RFC 4122) of a sha256 over everything that decides the
object's content. So a repeated delivery cannot double an object in the archive, and a new model, template or
late slice cannot silently replace one.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from pathlib import PurePath

from pydicom.dataset import Dataset

from ctsma_node.analysis.result import Side

IMPLEMENTATION_CLASS_UID = "2.25.200131942463155204106373172126184906483"
"""Names this implementation in file meta information and associations (PS3.7 D.3.3.2)."""


@dataclass(frozen=True)
class NodeIdentity:
    """The device that makes the objects (PS3.3 C.7.5.1, C.7.5.2: all four are type 1 there)."""

    manufacturer: str
    model_name: str
    software_version: str
    serial_number: str
    institution_name: str | None = None

    def __post_init__(self) -> None:
        for value in (self.manufacturer, self.model_name, self.software_version, self.serial_number):
            if not 0 < len(value) <= 64 or "\\" in value:
                raise ValueError("manufacturer, model, version and serial number: 1 to 64 characters, no \\")


@dataclass(frozen=True)
class ObjectReference:
    """Where to find an object, for instance one of the set that a revision replaces."""

    kind: str
    side: Side | None
    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class ReportObject:
    """One composite instance of a report, ready to be written or sent."""

    kind: str  # as in the set's ALL_OBJECTS
    side: Side | None  # None: about a whole series, or a knee whose side is not known
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    dataset: Dataset

    @property
    def reference(self) -> ObjectReference:
        """What a later revision needs to name this object as its predecessor."""
        study = str(self.dataset.StudyInstanceUID)
        return ObjectReference(
            self.kind, self.side, study, self.series_uid, self.sop_class_uid, self.sop_instance_uid
        )

    @property
    def file_name(self) -> PurePath:
        """A name that sorts a folder in the order of sending, such as L-901-segmentation-001.dcm."""
        number, instance = self.dataset.SeriesNumber, self.dataset.InstanceNumber
        return PurePath(f"{self.side or 'series'}-{number}-{self.kind}-{int(instance):03d}.dcm")


@dataclass(frozen=True)
class UidSpace:
    """UIDs of one set; `key` is the digest of everything that decides its content."""

    key: str

    def uid(self, role: str) -> str:
        """The UID of a role, such as "instance report 1" or "tracking F001"."""
        return uid_from(self.key, role)

    def within(self, *parts: str) -> UidSpace:
        """The UIDs of a part of the set, such as one knee."""
        return UidSpace(_digest(self.key, *parts))


def uid_space(
    series_uid: str,
    source_uids: list[str],
    node: NodeIdentity,
    bundle_digest: str,
    templates_digest: str,
    revision: int,
) -> UidSpace:
    """The UIDs of the set made from a series by this software, bundle, configuration and template."""
    device = (value or "" for value in astuple(node))
    return UidSpace(
        _digest(series_uid, *sorted(source_uids), *device, bundle_digest, templates_digest, str(revision))
    )


def uid_from(*parts: str) -> str:
    """2.25 and the decimal form of a version-5-shaped UUID of the parts."""
    number = int(_digest(*parts)[:32], 16)
    number = number & ~(0xF << 76) | (5 << 76)  # version, RFC 4122 section 4.1.3
    number = number & ~(0x3 << 62) | (0x2 << 62)  # variant, section 4.1.1
    return f"2.25.{number}"


def _digest(*parts: str) -> str:
    # The separator cannot occur in a part: nothing the parts are made of holds a unit separator.
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
