"""What the response to a Store request says of each of its instances (PS3.18 10.5.3, annex I)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydicom.dataset import Dataset

from ctsma_node.deliver.association import DeliveryError
from ctsma_node.deliver.http import Response
from ctsma_node.deliver.http_status import ABOUT_CONTENT, http_meaning
from ctsma_node.deliver.status import Outcome, classify
from ctsma_node.deliver.storage import Answer, Outgoing

_CLAUSE = "PS3.18 10.5.3"
_DUPLICATE = 0x0111  # among failures, what the server holds already


class Unavailable(DeliveryError):
    """The server answered as it would answer to any instance now. Trying later may help."""


class Failed(DeliveryError):
    """The server failed, be it on the one instance of the request or on all that it is sent now."""


def answers(response: Response, batch: Sequence[Outgoing]) -> list[Answer] | None:
    """One answer for each instance; None where the status is one instance's fault and nobody says whose.

    An instance that is not named by a response that names others is neither stored nor refused.
    Raises Unavailable and Failed.
    """
    told = _named(response.body)
    if told is not None and told.keys() & {each.sop_instance_uid for each in batch}:
        unnamed = (Outcome.TRANSIENT, None, f"HTTP {response.status}: not named in the response ({_CLAUSE})")
        return [Answer(each, *told.get(each.sop_instance_uid, unnamed)) for each in batch]
    meaning = http_meaning(response.status)
    text = f"HTTP {response.status}: {meaning.text} ({_CLAUSE})"
    if len(batch) > 1 and response.status in ABOUT_CONTENT:
        return None
    if meaning.outcome is Outcome.TRANSIENT:
        raise (Failed if response.status in ABOUT_CONTENT else Unavailable)(text)
    status = 0x0000 if meaning.outcome is Outcome.DELIVERED else None
    return [Answer(each, meaning.outcome, status, text) for each in batch]


def _named(body: bytes) -> dict[str, tuple[Outcome, int | None, str]] | None:
    """Outcome, status and sentence by SOP Instance UID; None where the body is no Store response in JSON."""
    try:
        content = json.loads(body)
        ds = Dataset.from_json(content[0] if isinstance(content, list) else content)
        stored = [(_uid(item), _stored(item)) for item in ds.get("ReferencedSOPSequence") or ()]
        failed = [(_uid(item), _failed(item)) for item in ds.get("FailedSOPSequence") or ()]
    except Exception:  # whatever a server sends instead: an empty body, XML, a page
        return None
    return {uid: said for uid, said in (*stored, *failed) if uid}


def _uid(item: Dataset) -> str:
    return str(item.get("ReferencedSOPInstanceUID") or "")


def _stored(item: Dataset) -> tuple[Outcome, int | None, str]:
    warning = int(item.get("WarningReason") or 0)  # (0008,1196), PS3.18 table I.2-1
    return Outcome.DELIVERED, warning & 0xFFFF, "stored"


def _failed(item: Dataset) -> tuple[Outcome, int | None, str]:
    """Failure reasons are those of C-STORE (PS3.18 table I.2-2); without one it may be accepted later."""
    reason = item.get("FailureReason")
    if reason is None:
        return Outcome.TRANSIENT, None, "not stored, and no reason given (PS3.18 I.2.2)"
    meaning = classify(int(reason) & 0xFFFF)
    if meaning.outcome is Outcome.DELIVERED and meaning.first != _DUPLICATE:
        return (
            Outcome.TRANSIENT,
            int(reason) & 0xFFFF,
            "not stored, and a warning for a reason (PS3.18 I.2.2)",
        )
    return meaning.outcome, int(reason) & 0xFFFF, f"{meaning.text} (PS3.18 I.2.2)"
