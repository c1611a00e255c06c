"""Where an object comes from: the series it is about, who signs it, and by which UIDs."""

from __future__ import annotations

from dataclasses import dataclass

from highdicom.sr import CodedConcept

from ctsma_node.analysis.result import Side
from ctsma_node.report.identity import NodeIdentity, ObjectReference, UidSpace, uid_from
from ctsma_node.report.items import coded
from ctsma_node.report.source import Source
from ctsma_node.report.templates import Templates


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What every object has, also one about a series of which no knee was analysed."""

    side: Side | None  # None: of the whole series, or of a knee whose side is not known
    source: Source
    node: NodeIdentity
    templates: Templates
    uids: UidSpace
    bundle: str  # name and version of the bundle of networks
    bundle_digest: str
    revision: int = 1
    predecessors: tuple[ObjectReference, ...] = ()

    @property
    def device_uid(self) -> str:
        """The UID of the device: another one for each bundle and each installation."""
        node = self.node
        return uid_from("device", node.model_name, node.serial_number, self.bundle_digest)

    @property
    def device_name(self) -> str:
        """The algorithm and its bundle."""
        return f"{self.text('algorithm')}, bundle {self.bundle}"

    def series_uid(self, series: str) -> str:
        """Series Instance UID of one of the series in the templates."""
        return self.uids.uid(f"series {series}")

    def series_number(self, series: str) -> int:
        """Series Number; a right knee's series follow those of a left one."""
        offset = self.templates.right_knee_offset if self.side is Side.RIGHT else 0
        return self.templates.series[series].number + offset

    def series_description(self, series: str) -> str:
        """Series Description; it begins with RESEARCH and names the analysed series.

        Where there was an analysis before, it says which this is: in a list of series nothing else does.
        """
        text = self.templates.series[series].description
        filled = text.format(side=self.side or "", series=self.source.series_number)
        which = f" rev. {self.revision}" if self.revision > 1 else ""
        return " ".join(filled.split())[: 64 - len(which)] + which

    def instance_uid(self, series: str, number: int = 1) -> str:
        """SOP Instance UID of an instance of one of the series."""
        return self.uids.uid(f"instance {series} {number}")

    def concept(self, name: str) -> CodedConcept:
        """A concept of the templates; not to be changed."""
        return coded(self.templates.concepts[name])

    def text(self, name: str, **values: str) -> str:
        """A text of the templates with its blanks filled in."""
        return self.templates.texts.of(name, **values)
