"""Findings about what was taken over from the source as it stands there, fault and all.

Archives hold identifiers that break the rules, and file by them: a result that kept to the rules would be
filed under another patient, or refer to nothing. What is the source's own is no reason to withhold a result.
"""

from __future__ import annotations

import re

from ctsma_node.validation.attributes import Attributes, Element, decoded, tag_of
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.source import Source

AS_FOUND = frozenset(("PatientName", "PatientID", "IssuerOfPatientID", "StudyID", "AccessionNumber"))
"""What archives file by, in letters that one reader takes for others."""

_STEP = re.compile(r"(?P<name>[^.\[]+)(\[(?P<number>\d+)\])?")
_RATIO = "LossyImageCompressionRatio"


def is_inherited(finding: Finding, instance: Instance, source: Source) -> bool:
    """Whether a finding is about a value or a UID that the source has, or a ratio that it does not say."""
    said = _text_at(instance.ds, finding.path)
    if not said:
        return finding.path == _RATIO
    if finding.path in AS_FOUND and not source.reads_alike(finding.path):
        return True
    return said in source.uids or ("." not in finding.path and said == source.text(finding.path))


def _text_at(ds: Attributes, path: str) -> str | None:
    """The text of the attribute at a path; None where there is none, or it is a private one."""
    found: Element | None = None
    for step in path.split("."):
        parts = _STEP.fullmatch(step)
        if parts is None or parts["name"].startswith("("):
            return None
        found = ds.elements.get(tag_of(parts["name"]))
        if found is None:
            return None
        if parts["number"] is not None:
            items = found.items or ()
            if int(parts["number"]) > len(items):
                return None
            ds = items[int(parts["number"]) - 1]
    return None if found is None else decoded(found, ds.encodings).strip(" \0").rstrip("=^")
