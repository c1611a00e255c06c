"""How many instances a source holds of a series, by C-FIND in the Study Root model (PS3.4 C.4.1, C.6.2.1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydicom.dataset import Dataset
from pynetdicom.association import Association

from ctsma_node.assemble.attributes import text
from ctsma_node.deliver.association import AssociationError, ContextsError, Peer, leave, open_association
from ctsma_node.deliver.c_find import Unanswered, find_contexts, instance_query, matches

_LARGEST = 2**31 - 1  # PS3.5 table 6.2-1, VR IS


class Told(StrEnum):
    """How a question ended."""

    COUNTED = "counted"  # by Number of Series Related Instances (0020,1209)
    LISTED = "listed"  # by counting the responses at IMAGE level
    UNKNOWN_SERIES = "unknown_series"  # the source holds no such series
    NO_ANSWER = "no_answer"  # no association, a failure status, silence, or nothing that could be read


@dataclass(frozen=True)
class SeriesKey:
    """The unique keys of a series (PS3.4 table C.6.2-1): all that a question holds."""

    study_uid: str
    series_uid: str


@dataclass(frozen=True)
class CountAnswer:
    """What a source said of a series."""

    key: SeriesKey
    instances: int | None  # at least 1; None when it did not tell
    told: Told
    reason: str | None = None  # why there is no answer; never what a peer wrote


def count_instances(
    peer: Peer, keys: Sequence[SeriesKey], deadline_s: float, stop: Callable[[], bool] = lambda: False
) -> Iterator[CountAnswer]:
    """Ask about several series over one association; one answer for each, in their order.

    Never raises for what a peer does. `deadline_s` bounds each question, responses included. When `stop` says
    so, the rest gets no answer.
    """
    try:
        assoc = open_association(peer, find_contexts())
    except (AssociationError, ContextsError) as error:
        yield from (CountAnswer(key, None, Told.NO_ANSWER, str(error)) for key in keys)
        return
    try:
        for key in keys:
            if stop():
                return
            yield _ask(assoc, key, deadline_s)
    finally:
        leave(assoc)


def _ask(assoc: Association, key: SeriesKey, deadline_s: float) -> CountAnswer:
    """One series: its own number first, else what a list of its instances comes to."""
    ends_at = time.monotonic() + deadline_s
    try:
        found = [ds for ds in matches(assoc, _series_query(key), ends_at) if _is(ds, key)]
        if not found:
            return CountAnswer(key, None, Told.UNKNOWN_SERIES)
        # A PACS before several archives answers once for each, which may hold parts: the most is waited for.
        counts = [count for ds in found if (count := _count(ds)) is not None]
        if counts:
            return CountAnswer(key, max(counts), Told.COUNTED)
        listed = {
            text(ds, "SOPInstanceUID")
            for ds in matches(assoc, instance_query(key.study_uid, key.series_uid), ends_at)
        } - {""}
        if not listed:
            raise Unanswered("neither a number nor a list of instances")
        return CountAnswer(key, len(listed), Told.LISTED)
    except Unanswered as error:
        return CountAnswer(key, None, Told.NO_ANSWER, str(error))


def _series_query(key: SeriesKey) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = "SERIES"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = key.study_uid, key.series_uid
    ds.NumberOfSeriesRelatedInstances = None
    return ds


def _is(ds: Dataset, key: SeriesKey) -> bool:
    """Whether a response is about the series: some peers leave out a key and match more than was asked."""
    return text(ds, "SeriesInstanceUID") == key.series_uid


def _count(ds: Dataset) -> int | None:
    """Number of Series Related Instances as an integer of at least 1, however it was padded; else None."""
    told = text(ds, "NumberOfSeriesRelatedInstances").removeprefix("+")
    if not (told.isascii() and told.isdigit() and len(told) <= 12):
        return None
    return int(told) if 1 <= int(told) <= _LARGEST else None
