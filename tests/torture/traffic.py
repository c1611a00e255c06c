"""What is sent to a node, and what of it was acknowledged."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from statistics import median

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.fixtures import raw_peer as raw
from tests.fixtures.ct_series import StackPlan, single_frames
from tests.fixtures.encoded import encoded

SLICES = 12
_PLAN = StackPlan(rows=8, columns=8, slices=SLICES)
_CONTEXT = raw.context_of(str(CTImageStorage), str(ExplicitVRLittleEndian))
_ANSWERED_S = 60.0
_A_RELEASE_RQ = raw.pdu(5, bytes(4))


@dataclass(frozen=True)
class Sent:
    """An instance as a sender sends it."""

    sop_instance_uid: str
    series_uid: str
    dataset: bytes  # Explicit VR Little Endian, without file meta information

    @cached_property
    def sha256(self) -> str:
        """Of the dataset, hexadecimal."""
        return hashlib.sha256(self.dataset).hexdigest()

    def with_other_bytes(self) -> Sent:
        """Another instance under the same UID: its last pixel differs."""
        return replace(self, dataset=self.dataset[:-1] + bytes([self.dataset[-1] ^ 1]))


def series(number: int) -> list[Sent]:
    """A CT series, the only one of its study; the same number gives the same bytes."""
    root = f"1.2.826.0.1.3680043.2.1125.{number + 1}"
    return [_instance(ds, root, n + 1) for n, ds in enumerate(_slices())]


@cache
def _slices() -> list[Dataset]:
    return single_frames(_PLAN)


def _instance(ds: Dataset, root: str, number: int) -> Sent:
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = f"{root}.1", f"{root}.2", f"{root}.3"
    ds.SOPInstanceUID = f"{root}.4.{number}"
    return Sent(str(ds.SOPInstanceUID), str(ds.SeriesInstanceUID), encoded(ds))


def interleaved(first: Sequence[Sent], second: Sequence[Sent], draw: random.Random) -> list[Sent]:
    """Both, each in its own order, mixed as drawn."""
    turns = [0] * len(first) + [1] * len(second)
    draw.shuffle(turns)
    rest = iter(first), iter(second)
    return [next(rest[turn]) for turn in turns]


class Book:
    """What was answered with success, from any thread."""

    def __init__(self) -> None:
        self.kept: dict[str, Sent] = {}  # by SOP Instance UID: the first that was acknowledged
        self.others: dict[str, dict[str, Sent]] = {}  # by SOP Instance UID and sha256: other bytes
        self.contested: set[str] = set()  # other bytes were on their way before the first were answered
        self.refused: list[int] = []  # statuses that were not success
        self.count = 0
        self._answered_at: dict[str, float] = {}
        self._seconds = deque([0.005], maxlen=100)
        self._changed = threading.Condition()

    def acknowledged(self, sent: Sent, began: float, ended: float) -> None:
        """The node said that it has what was sent it between these times of `time.monotonic`."""
        with self._changed:
            uid = sent.sop_instance_uid
            first = self.kept.setdefault(uid, sent)
            answered_at = self._answered_at.setdefault(uid, ended)
            if first.sha256 != sent.sha256:
                self.others.setdefault(uid, {})[sent.sha256] = sent
                if began < answered_at:
                    self.contested.add(uid)
            self.count += 1
            self._seconds.append(ended - began)
            self._changed.notify_all()

    @property
    def set_aside(self) -> dict[str, Sent]:
        """By sha256: what came under a UID that was taken by other bytes."""
        with self._changed:
            return {sha256: sent for others in self.others.values() for sha256, sent in others.items()}

    def wait_for(self, count: int, seconds: float) -> None:
        """Wait until so many were acknowledged, or for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self.count >= count, seconds)

    def latency(self) -> float:
        """Seconds that an answer takes, in the middle."""
        with self._changed:
            return median(self._seconds)

    def missing(self, instances: Sequence[Sent]) -> list[Sent]:
        """Those of them of which nothing was acknowledged."""
        with self._changed:
            return [each for each in instances if each.sop_instance_uid not in self.kept]


class Sender(threading.Thread):
    """Sends instances over one association until it breaks or all are answered."""

    def __init__(
        self,
        port: int,
        instances: Sequence[Sent],
        book: Book,
        before_each: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(daemon=True)
        self._port, self._instances, self._book, self._before_each = port, instances, book, before_each

    def run(self) -> None:
        with suppress(OSError):  # killed: whoever sent it sends it again
            send(self._port, self._instances, self._book, before_each=self._before_each)


def send(
    port: int,
    instances: Sequence[Sent],
    book: Book,
    on_answer: Callable[[int], object] = lambda status: None,
    before_each: Callable[[], object] = lambda: None,
) -> None:
    """Send instances over one association; raises OSError where it broke."""
    with raw.associated(port) as peer:
        peer.settimeout(_ANSWERED_S)
        for each in instances:
            before_each()
            began = time.monotonic()
            request = raw.command(raw.C_STORE_RQ, str(CTImageStorage), each.sop_instance_uid, raw.DATASET)
            peer.sendall(
                raw.p_data(_CONTEXT, raw.COMMAND | raw.LAST, request) + raw.fragmented(_CONTEXT, each.dataset)
            )
            kind, answer = raw.read_pdu(peer)
            status = raw.status_in(answer) if kind == 4 else None
            if status is None:
                raise OSError("no answer")
            if status == 0x0000:
                book.acknowledged(each, began, time.monotonic())
            else:
                book.refused.append(status)
            on_answer(status)
        peer.sendall(_A_RELEASE_RQ)
        raw.read_pdu(peer)
