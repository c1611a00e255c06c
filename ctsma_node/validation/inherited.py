"""Findings about what was taken over from the source as it stands there, fault and all.

Archives hold headers that break the rules, and file by them: a result that kept to the rules would be filed
under another patient. What is the source's own is no reason to withhold a result.
"""

from __future__ import annotations

import re

from ctsma_node.validation.attributes import Attributes, Element, decoded, tag_of
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.source import Source

_STEP = re.compile(r"(?P<name>[^.\[]+)(\[(?P<number>\d+)\])?")
_EQUIPMENT = "ContributingEquipmentSequence"
_RATIO = "LossyImageCompressionRatio"
_TRIAL = "ClinicalTrial"  # modules that a source may hold in part


def is_inherited(finding: Finding, instance: Instance, source: Source) -> bool:
    """Whether a finding is about what the source says: in an attribute, a UID, a sequence, of the scanner."""
    top, leaf = re.split(r"[.\[]", finding.path)[0], finding.path.rpartition(".")[2]
    if finding.path == _RATIO:
        return source.text("LossyImageCompression") == "01" and not source.text(_RATIO)
    if finding.path.startswith(_TRIAL) and not source.text(leaf) and leaf not in instance.ds:
        return True
    said = _text_at(instance.ds, finding.path)
    if said and said in source.uids:
        return True
    if leaf == finding.path or top == _EQUIPMENT:
        return bool(said) and said == source.text(leaf)
    return source.holds(top, instance.ds.items(top))


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
