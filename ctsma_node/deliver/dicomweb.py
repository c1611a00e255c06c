"""A DICOMweb origin server as a destination: STOW-RS to store, QIDO-RS to prove (PS3.18 10.5, 10.6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from ctsma_node.deliver.association import DeliveryError
from ctsma_node.deliver.c_find import Unanswered
from ctsma_node.deliver.http import HttpError, Response, Session, WebPeer
from ctsma_node.deliver.http_status import http_meaning
from ctsma_node.deliver.multipart import Multipart
from ctsma_node.deliver.status import Outcome
from ctsma_node.deliver.storage import Answer, Outgoing
from ctsma_node.deliver.stow import Failed, answers

_BATCH_BYTES = 16 << 20
_PAGE = 1000
_JSON = {"Accept": "application/dicom+json"}
_SOP_INSTANCE_UID = "00080018"


class WebArchive:
    """A destination over HTTP."""

    def __init__(self, peer: WebPeer) -> None:
        self._session = Session(peer)

    def store(self, instances: Sequence[Outgoing], stop: Callable[[], bool]) -> Iterator[Answer]:
        """Send instances in their order, several in one request, and give one answer for each.

        Where a request is answered as a whole for what one instance may have done, each is sent by itself;
        a server that fails on one is spared the others of that SOP class. Where it fails on two kinds in a
        row, cannot be reached, or answers as it would answer to anything, the rest waits.
        """
        there, gone = _on_disk(instances)
        yield from gone
        batches, failed = _batches(there), 0
        while batches and not stop():
            try:
                found = self._store(batches[0])
            except Failed as error:
                failed += 1
                alike, batches = _parted(batches, batches[0][0].sop_class_uid if failed == 1 else None)
                yield from _left(alike, str(error))
                continue
            except DeliveryError as error:
                yield from _left(batches, str(error))
                return
            batch = batches.pop(0)
            if found is None:
                batches = [[each] for each in batch] + batches
                continue
            failed = 0
            yield from found

    def held(self, study_uid: str, series_uids: Sequence[str]) -> frozenset[str]:
        """SOP Instance UIDs it returns for these series of a study; raises HttpError and Unanswered."""
        return frozenset(uid for series_uid in series_uids for uid in self._instances(study_uid, series_uid))

    def check(self) -> tuple[bool, str]:
        """Whether it answers a search, and a sentence about it."""
        try:
            response = self._session.request("GET", "/studies", _JSON, query={"limit": "1"})
        except HttpError as error:
            return False, str(error)
        fine = response.status in (200, 204)
        return fine, "answers" if fine else _said(response)

    def _store(self, batch: Sequence[Outgoing]) -> list[Answer] | None:
        payload = Multipart([each.path for each in batch])
        return answers(
            self._session.request("POST", "/studies", {**_JSON, **payload.headers}, payload), batch
        )

    def _instances(self, study_uid: str, series_uid: str) -> set[str]:
        """Every page of the search: a server may return fewer matches than there are (PS3.18 8.3.4)."""
        found: set[str] = set()
        while True:
            query = {"limit": str(_PAGE), "offset": str(len(found))}
            path = f"/studies/{study_uid}/series/{series_uid}/instances"
            new = _matches(self._session.request("GET", path, _JSON, query=query)) - found
            found |= new
            if not new:
                return found


def _left(batches: Iterable[Sequence[Outgoing]], why: str) -> Iterator[Answer]:
    return (Answer(each, Outcome.TRANSIENT, None, why) for batch in batches for each in batch)


def _parted(
    batches: Sequence[Sequence[Outgoing]], sop_class_uid: str | None
) -> tuple[list[list[Outgoing]], list[list[Outgoing]]]:
    """Batches of that SOP class, and of the others; of every class where it is None."""
    alike = [[each for each in batch if sop_class_uid in (None, each.sop_class_uid)] for batch in batches]
    others = [[each for each in b if each not in a] for a, b in zip(alike, batches, strict=True)]
    return [each for each in alike if each], [each for each in others if each]


def _matches(response: Response) -> set[str]:
    if response.status == 204:
        return set()
    if response.status != 200:
        raise Unanswered(_said(response))
    try:
        return {str(each[_SOP_INSTANCE_UID]["Value"][0]) for each in json.loads(response.body)}
    except (ValueError, TypeError, KeyError, IndexError):
        raise Unanswered("the search was answered with something else than matches") from None


def _said(response: Response) -> str:
    return f"search answered with HTTP {response.status}: {http_meaning(response.status).text}"


def _on_disk(instances: Sequence[Outgoing]) -> tuple[list[Outgoing], list[Answer]]:
    gone = [each for each in instances if not each.path.exists()]
    there = [each for each in instances if each not in gone]
    return there, [Answer(each, Outcome.PERMANENT, None, "the instance's file is gone") for each in gone]


def _batches(instances: Sequence[Outgoing]) -> list[list[Outgoing]]:
    """In their order, each batch of so many bytes at most, or of one instance."""
    batches: list[list[Outgoing]] = []
    size = 0
    for each in instances:
        length = each.path.stat().st_size
        if not batches or size + length > _BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(each)
        size += length
    return batches
