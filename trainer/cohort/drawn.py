"""Whether a cohort is of drawn knees: each of their instances names the program that drew it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

from pydicom import dcmread

from ctsma_node.assemble.attributes import text
from trainer.cohort.manifest import PairEntry, SeriesEntry
from trainer.phantom.header import SOFTWARE


def all_drawn(archive: Path, pairs: Iterable[PairEntry]) -> bool:
    """Whether there are pairs, and CT and MR of each were drawn; what does not say so is a patient's."""
    series = [each for pair in pairs for each in (pair.ct, pair.mr)]
    return bool(series) and all(_is_drawn(each, archive) for each in series)


def _is_drawn(entry: SeriesEntry, archive: Path) -> bool:
    if entry.source != "dicom":
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values of the header
            ds = dcmread(entry.paths(archive)[0], stop_before_pixels=True, specific_tags=["SoftwareVersions"])
            return text(ds, "SoftwareVersions") == SOFTWARE
    except Exception:  # damaged bytes raise nearly anything
        return False
