"""A node's state folder as its processes leave it: cases in every state, real objects, signs of life."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ctsma_node.analysis.result import Side
from ctsma_node.commands import CommandFolder
from ctsma_node.config import DestinationSettings, Settings, SourceSettings
from ctsma_node.config.settings import LimitSettings, NodeSettings
from ctsma_node.heartbeat import Pulse
from ctsma_node.ledger.asked import AskedCases
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.records import (
    Association,
    Case,
    ImageGeometry,
    Quarantined,
    Received,
    SeriesState,
)
from ctsma_node.report import NodeIdentity, ReportObject, build_set
from ctsma_node.worker.outbox import Outbox
from tests.unit.report.knee_results import STUDY, analysis, source_headers

S = SeriesState
NOW = 1_800_000_000.0
BUNDLE = "ab" * 32
CANARY = "Canary^Anna"
STAGES = {"seconds in find knees": 0.4, "seconds in segment bones": 1.3}
PROCESSES: tuple[Literal["receive"], Literal["work"]] = ("receive", "work")
ROOT = "1.2.826.0.1.3680043.8.498"

ARCHIVE = DestinationSettings(name="archive", ae_title="ARCHIVE", host="192.0.2.11", port=104)
PACS = DestinationSettings(name="pacs", ae_title="PACS", host="192.0.2.10", port=104, objects=("picture",))


@dataclass
class Planted:
    """The folder, its ledgers open for writing, and a clock that stands still until it is set."""

    folder: Path
    now: float = NOW
    settings: Settings = field(init=False)
    cases: AskedCases = field(init=False)
    inbox: Inbox = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings(
            node=NodeSettings(state_dir=self.folder),
            sources=(SourceSettings(ae_title="SCANNER", addresses=("192.0.2.20",)),),
            destinations=(PACS, ARCHIVE),
            limits=LimitSettings(min_free_bytes=0),
        )
        self.folder.mkdir(exist_ok=True)
        self.cases = AskedCases(self.settings.ledger_path, clock=self.clock)
        self.inbox = Inbox(self.settings.inbox_path)
        CommandFolder(self.settings.commands_dir).prepare()

    def clock(self) -> float:
        return self.now

    def close(self) -> None:
        self.cases.close()
        self.inbox.close()

    def beat(self, stage: str = "ready") -> None:
        """Both processes say that they live."""
        counts = {"answered stored": 90, "answered unreadable_dataset": 2, "rejected 1/1/3": 4}
        Pulse(self.settings.heartbeat_path("receive"), self.clock).beat(
            "ready", {"answers": self.now}, counts
        )
        alive = {"steps": self.now, "sweep": self.now}
        Pulse(self.settings.heartbeat_path("work"), self.clock).beat(stage, alive, bundle=BUNDLE)

    def series(self, number: int, n_instances: int = 90, source: str = "SCANNER") -> Case:
        """News of a series, whose instances have come in over ten seconds."""
        uid = f"{ROOT}.{number}"
        case = self.cases.upsert_series(uid, STUDY, self.now + 10, n_instances, source)
        self.now += 11
        return case

    def steps(self, case: Case, *to: SeriesState, code: str | None = None, reason: str | None = None) -> Case:
        """Move a case on, each step claimed first and taking a while."""
        for state in to:
            if case.state is not S.RECEIVING:
                self.cases.claim(case.id)
            ended = state in (S.REFUSED, S.FAILED)
            stages = (
                {"seconds in find knees": 0.4, "seconds in segment bones": 1.3} if state is S.ANALYSED else {}
            )
            self.now += 2.5
            case = self.cases.move(
                case.id,
                state,
                code=code if ended else None,
                reason=reason if ended else None,
                completed_by="geometry" if state is S.STABLE else None,
                **({"seconds": 2.5} | stages if case.state is not S.RECEIVING else {}),  # type: ignore[arg-type]
            )
        return case

    def receive(self, number: int, source: str = "SCANNER") -> None:
        """One instance in the inbox, and one in quarantine."""
        self.inbox.open_association(Association(f"a{number}", source, "192.0.2.20", self.now))
        uid, place = f"{ROOT}.{number}.1", f"{number:02d}/{number}.dcm"
        came = (f"a{number}", source, "192.0.2.20")
        geometry = ImageGeometry(2, 2, 1, None, None, "CT")
        series = (f"{ROOT}.{number}", STUDY)
        row = Received(uid, "1.2", "1.2", *series, *came, self.now, place, 1000, "0" * 64, geometry)
        self.inbox.add(row)
        aside = Quarantined(self.now, "unreadable_dataset", *came, None, None, place, 10, "1" * 64)
        self.inbox.add_quarantined(aside)
        self.inbox.close_association(f"a{number}", self.now + 1)

    def report(self, case: Case, objects: tuple[ReportObject, ...]) -> Case:
        """Put objects into the outbox and make their deliveries."""
        self.cases.claim(case.id)
        self.cases.add_results(case.id, Outbox(self.settings.outbox_dir).put(str(case.id), objects))
        self.cases.add_deliveries(case.id, self.settings.destinations)
        self.now += 1.5
        return self.cases.move(case.id, S.REPORTED, seconds=1.5)


def made_objects(side: Side = Side.LEFT) -> tuple[ReportObject, ...]:
    """Volume, maps and picture of a made-up knee, whose source bears a name."""
    node = NodeIdentity("ctsma-node", "CT-SMA node", "0", "CTSMA", None)
    kinds = frozenset({"volume", "parametric_map", "picture"})
    headers = source_headers(PatientName=CANARY, SeriesDescription=CANARY, StudyDescription=CANARY)
    return build_set(analysis(side), headers, node=node, objects=kinds)


def plant_queue(planted: Planted, objects: tuple[ReportObject, ...]) -> dict[str, Case]:
    """A case of every kind, by what is special of it."""
    found = {}
    Outbox(planted.settings.outbox_dir).prepare()
    case = planted.report(planted.steps(planted.series(1), S.STABLE, S.ACCEPTED, S.ANALYSED), objects)
    for delivery in planted.cases.deliveries(case.id):
        planted.now += 0.05
        planted.cases.delivery_done(delivery.id)
    found["delivered"] = planted.cases.move(case.id, S.DELIVERED)
    reason = "The series has 12 slices, at least 30 are needed: send the whole thin series."
    few = planted.steps(planted.series(2, 12), S.STABLE, S.REFUSED, code="too_few_slices", reason=reason)
    found["refused"] = few
    reason = "A file could not be read or written (No space left on device). Given up after 3 attempts."
    lost = planted.steps(planted.series(3), S.STABLE, S.FAILED, code="io_error", reason=reason)
    found["failed"] = lost
    planted.now += 200_000
    found["waiting"] = planted.steps(planted.series(4), S.STABLE)
    found["running"] = planted.cases.claim(planted.steps(planted.series(5), S.STABLE, S.ACCEPTED).id)
    found["receiving"] = planted.series(6, 31)
    return found
