"""/health: what stops the node is 503 with its reason, what a person should look at is 200."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog.testing
from typer.testing import CliRunner

from ctsma_node.cli import app
from ctsma_node.config import DestinationSettings, Settings
from ctsma_node.heartbeat import Heartbeat, Pulse, last_heartbeat
from ctsma_node.ledger.figures import Standing
from ctsma_node.records import SeriesState
from ctsma_node.spool import make_private
from ctsma_node.web.app import make_app
from ctsma_node.web.health import Level, Part, judge
from ctsma_node.web.observe import Observed, Observer
from ctsma_node.web.tokens import Token
from ctsma_node.worker.loop import Worker
from tests.acceptance.stand_ins import FakeAnalyser, settings_in
from tests.unit.web.conftest import TOKEN, Served, serving
from tests.unit.web.planted import NOW, Planted

S = SeriesState
FAILED = ((S.FAILED, "internal_error"),) * 3


def beat(at: float = NOW, stage: str = "ready", **alive: float) -> Heartbeat:
    return Heartbeat(at, NOW - 100, "0", stage, alive)


def well() -> Observed:
    return Observed(
        now=NOW,
        receiver=beat(answers=NOW),
        worker=beat(steps=NOW, sweep=NOW),
        free_bytes=10**12,
        least_free_bytes=3 << 30,
        sources=1,
        standings={"pacs": Standing(NOW - 5, None, None), "archive": None},
        last_ends=((S.DELIVERED, None),),
    )


def with_couriers(**ago: float) -> Heartbeat:
    couriers = {f"courier {name}": NOW - seconds for name, seconds in ago.items()}
    return replace(beat(), alive={"steps": NOW, "sweep": NOW} | couriers)


def failing(seconds: float) -> Standing:
    return Standing(NOW - seconds, NOW - 1, NOW - seconds)


def unproven(seconds: float) -> Standing:
    return Standing(NOW - seconds, None, None, NOW - seconds)


def codes(seen: Observed) -> dict[Part, set[str]]:
    health = judge(seen, Settings())
    return {part: {each.code for each in health.findings if each.part is part} for part in Part}


def test_a_node_that_is_well_has_no_findings() -> None:
    assert judge(well(), Settings()).findings == ()
    assert judge(well(), Settings()).level is Level.OK


@pytest.mark.parametrize(
    ("change", "part", "code", "level"),
    [
        ({"receiver": None}, Part.RECEIVE, "receiver_silent", Level.DOWN),
        ({"receiver": beat(NOW - 31)}, Part.RECEIVE, "receiver_silent", Level.DOWN),
        ({"receiver": beat(NOW + 31)}, Part.RECEIVE, "receiver_silent", Level.DOWN),
        ({"receiver": beat(NOW, answers=NOW - 61)}, Part.RECEIVE, "answers_stalled", Level.DOWN),
        ({"sources": 0}, Part.RECEIVE, "no_sources", Level.DOWN),
        ({"free_bytes": (3 << 30) - 1}, Part.RECEIVE, "disk_low", Level.DOWN),
        ({"free_bytes": None}, Part.RECEIVE, "state_missing", Level.DOWN),
        ({"worker": None}, Part.ANALYSE, "worker_silent", Level.DOWN),
        ({"worker": None}, Part.DELIVER, "worker_silent", Level.DOWN),
        ({"worker": beat(stage="loading")}, Part.ANALYSE, "bundle_not_loaded", Level.DOWN),
        ({"worker": beat(steps=NOW - 241, sweep=NOW)}, Part.ANALYSE, "steps_stalled", Level.DOWN),
        ({"worker": beat(steps=NOW, sweep=NOW - 61)}, Part.ANALYSE, "sweep_stalled", Level.DOWN),
        (
            {"worker": replace(beat(steps=NOW, sweep=NOW), troubles={"gpu_missing": "There is none."})},
            Part.ANALYSE,
            "gpu_missing",
            Level.DEGRADED,
        ),
        (
            {"worker": replace(beat(steps=NOW, sweep=NOW), troubles={"outbox_full": "2 of 2 MB."})},
            Part.ANALYSE,
            "outbox_full",
            Level.DOWN,
        ),
        ({"last_ends": FAILED}, Part.ANALYSE, "every_series_fails", Level.DEGRADED),
        ({"standings": {}}, Part.DELIVER, "no_destinations", Level.DEGRADED),
        ({"standings": {"a": failing(901)}}, Part.DELIVER, "destination_failing", Level.DOWN),
        ({"standings": {"a": failing(901), "b": None}}, Part.DELIVER, "destination_failing", Level.DEGRADED),
        (
            {"standings": {"a": failing(901), "b": None}, "paused": {"b": NOW - 5}},
            Part.DELIVER,
            "destination_failing",
            Level.DOWN,
        ),
        ({"worker": with_couriers(pacs=2081)}, Part.DELIVER, "courier_stalled", Level.DEGRADED),
        ({"worker": with_couriers(pacs=2081, archive=2081)}, Part.DELIVER, "courier_stalled", Level.DOWN),
        (
            {"worker": with_couriers(pacs=2081), "paused": {"archive": NOW - 5}},
            Part.DELIVER,
            "courier_stalled",
            Level.DOWN,
        ),
        ({"standings": {"a": unproven(901)}}, Part.DELIVER, "destination_unproven", Level.DEGRADED),
        ({"paused": {"pacs": NOW - 5}}, Part.DELIVER, "destination_paused", Level.DEGRADED),
    ],
)
def test_each_fault_is_found_where_it_is(
    change: dict[str, object], part: Part, code: str, level: Level
) -> None:
    seen = replace(well(), **change)  # type: ignore[arg-type]
    assert code in codes(seen)[part]
    found = [each for each in judge(seen, Settings()).findings if each.code == code and each.part is part]
    assert {each.level for each in found} == {level}


@pytest.mark.parametrize(
    "change",
    [
        {"receiver": beat(NOW - 29, answers=NOW - 29)},
        {"worker": beat(NOW, steps=NOW - 239, sweep=NOW - 59)},
        {"worker": with_couriers(pacs=2079, removed=9e9)},
        {"standings": {"a": failing(899)}},
        {"standings": {"a": unproven(899)}},
        {"last_ends": FAILED[:2]},
        {"last_ends": ((S.FAILED, "cancelled"), (S.FAILED, "not_delivered"), (S.FAILED, "io_error"))},
        {"last_ends": (*FAILED[:2], (S.REFUSED, "no_knee"))},
    ],
)
def test_what_is_within_limits_is_not_found(change: dict[str, object]) -> None:
    assert judge(replace(well(), **change), Settings()).findings == ()  # type: ignore[arg-type]


def test_a_destination_fails_from_its_last_success_on() -> None:
    assert Standing(None, None, None).failing_since is None
    assert Standing(50.0, 40.0, 10.0).failing_since is None  # went through since
    assert Standing(50.0, 60.0, 10.0).failing_since == 50.0
    assert Standing(None, 60.0, 10.0).failing_since == 10.0


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[Planted, Served]]:
    planted = Planted(tmp_path / "state")
    with serving(make_app(planted.settings, Token(TOKEN), clock=planted.clock)) as port:
        yield planted, Served(planted, {}, port)
    planted.close()


def test_the_answer_follows_the_processes(node: tuple[Planted, Served]) -> None:
    planted, served = node
    dead = served.get("/health")
    assert dead.status == 503
    said = json.loads(dead.text)
    assert (said["status"], said["receive"], said["analyse"]) == ("down", "down", "down")
    assert {each["code"] for each in said["reasons"]} == {"receiver_silent", "worker_silent"}
    planted.beat()
    assert (served.get("/health").status, json.loads(served.get("/health").text)["status"]) == (200, "ok")
    planted.beat("loading")
    assert served.get("/health").status == 503
    planted.beat()
    planted.now += 31
    assert served.get("/health").status == 503
    assert served.get("/health/live").status == 200


def test_the_command_says_the_same_without_the_page(tmp_path: Path) -> None:
    planted = Planted(tmp_path / "state", now=time.time())
    config = tmp_path / "node.toml"
    config.write_text(
        '[node]\nstate_dir = "state"\n[limits]\nmin_free_bytes = 0\n'
        '[[sources]]\nae_title = "SCANNER"\naddresses = ["192.0.2.20"]\n'
    )

    def asked(*options: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["health", *options, "--config", str(config)])
        return done.exit_code, done.output

    code, said = asked("--json")
    assert (code, json.loads(said)["status"]) == (1, "down")
    Pulse(planted.settings.heartbeat_path("receive")).beat("ready", {"answers": time.time()})
    code, said = asked("--part", "receive")
    assert (code, said) == (0, "receive ok\n")
    code, said = asked("--part", "receive", "--json")
    assert (code, json.loads(said)) == (0, {"status": "ok", "receive": "ok", "reasons": []})
    code, said = asked("--part", "analyse", "--part", "deliver")
    assert (code, "The worker is not running. (worker_silent)" in said) == (1, True)
    planted.beat()
    code, said = asked()
    assert (code, "deliver degraded" in said, "no_destinations" in said) == (0, True, True)
    planted.close()


def test_a_ledger_that_cannot_be_read_is_told(node: tuple[Planted, Served]) -> None:
    planted, served = node
    planted.beat()
    planted.cases.close()
    planted.settings.ledger_path.write_bytes(b"not a ledger" * 100)
    answer = served.get("/health")
    assert answer.status == 503
    assert {each["code"] for each in json.loads(answer.text)["reasons"]} == {"ledger_unreadable"}
    assert served.get("/").status == 503
    assert served.get("/metrics").status == 503


def test_a_heartbeat_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "alive" / "work.json"
    assert last_heartbeat(path) is None
    pulse = Pulse(path, lambda: 7.0)
    pulse.beat("ready", {"steps": 6.5}, {"stored": 3}, "ab")
    assert last_heartbeat(path) == Heartbeat(7.0, 7.0, "0.1.0", "ready", {"steps": 6.5}, {"stored": 3}, "ab")
    assert [each.name for each in path.parent.iterdir()] == ["work.json"]
    pulse.end()
    pulse.end()
    assert last_heartbeat(path) is None
    path.write_text('{"at": 1, "of another version": 2}')
    assert last_heartbeat(path) is None


def test_a_heartbeat_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "alive").write_text("a file where the folder should be")
    Pulse(tmp_path / "alive" / "work.json").beat("ready")


def test_the_worker_says_when_each_courier_last_showed_a_sign_of_life(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, DestinationSettings(name="pacs", ae_title="P", host="127.0.0.1", port=1))
    make_private(settings.node.state_dir)
    worker = Worker(settings, FakeAnalyser())
    (courier,) = worker._couriers

    def silent_s() -> float:
        worker._beat()
        said = last_heartbeat(settings.heartbeat_path("work"))
        assert said is not None
        return said.at - said.alive["courier pacs"]

    courier.alive_at -= 5000.0  # it hangs
    assert silent_s() > 4000.0
    courier.deliver_due()
    assert silent_s() < 4000.0
    worker.close()


def test_the_worker_says_that_the_cpu_stands_in_and_for_how_long(tmp_path: Path) -> None:
    settings, analyser = settings_in(tmp_path), FakeAnalyser()
    make_private(settings.node.state_dir)
    worker, observer = Worker(settings, analyser), Observer(settings)

    def found() -> list[str]:
        worker._tell_troubles()
        worker._beat()
        return [each.code for each in judge(observer.look(), settings).findings if each.part is Part.ANALYSE]

    with structlog.testing.capture_logs() as logs:
        assert found() == []
        analyser.troubles["gpu_out_of_memory"] = "The memory of cuda:0 did not suffice."
        assert found() == found() == ["gpu_out_of_memory"]
        analyser.troubles.clear()
        assert found() == []
    worker.close()
    told = [(each["event"], each["code"]) for each in logs if each["event"].startswith("analysis.")]
    assert told == [(f"analysis.{event}", "gpu_out_of_memory") for event in ("on_cpu", "back_on_gpu")]
