"""/metrics: Prometheus reads it, its numbers are those of the ledgers, its labels are none of a header's."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ctsma_node.ledger.durations import Durations
from ctsma_node.ledger.figures import CaseFigures, InboxFigures, Standing
from ctsma_node.ledger.inbox_purge import PurgeQueries
from ctsma_node.ledger.sqlite import Reader
from ctsma_node.records import DeliveryState, SeriesState
from ctsma_node.web.families import Histogram
from ctsma_node.web.observe import Observer
from ctsma_node.web.views import case_page
from tests.unit.ledger.test_cases import Peer, result
from tests.unit.web.conftest import Served
from tests.unit.web.planted import BUNDLE, Planted

S = SeriesState
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


@pytest.fixture(scope="module")
def scraped(served: Served) -> Samples:
    answer = served.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return samples(answer.text)


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("ctsma_build_info", {"version": "0.1.0", "bundle": BUNDLE}, 1),
        ("ctsma_up", {"process": "receive"}, 1),
        ("ctsma_up", {"process": "work"}, 1),
        ("ctsma_able", {"part": "deliver"}, 1),
        ("ctsma_instances_stored_total", {}, 1),
        ("ctsma_instances_quarantined_total", {"code": "unreadable_dataset"}, 1),
        ("ctsma_store_answers_total", {"outcome": "stored"}, 90),
        ("ctsma_associations_rejected_total", {"answer": "1/1/3"}, 4),
        ("ctsma_associations_total", {"source": "SCANNER"}, 1),
        ("ctsma_associations_open", {}, 0),
        ("ctsma_instances_waiting", {}, 1),
        ("ctsma_cases", {"state": "receiving"}, 1),
        ("ctsma_cases", {"state": "analysed"}, 0),
        ("ctsma_cases_ended_total", {"state": "failed", "code": "io_error"}, 1),
        ("ctsma_cases_ended_total", {"state": "delivered", "code": ""}, 1),
        ("ctsma_last_instance_to_start_seconds_count", {}, 4),
        ("ctsma_last_instance_to_start_seconds_bucket", {"le": "2.5"}, 0),
        ("ctsma_last_instance_to_start_seconds_bucket", {"le": "5.0"}, 4),
        ("ctsma_last_instance_to_delivered_seconds_count", {}, 1),
        ("ctsma_step_seconds_count", {"state": "analysed"}, 1),
        ("ctsma_step_seconds_sum", {"state": "analysed"}, 2.5),
        ("ctsma_stage_seconds_sum", {"stage": "segment bones"}, 1.3),
        ("ctsma_deliveries", {"destination": "archive", "state": "delivered"}, 95),
        ("ctsma_destination_failing_seconds", {"destination": "pacs"}, 0),
        ("ctsma_spool_bytes", {}, 1000),
    ],
)
def test_the_figures_are_those_of_the_ledgers(
    scraped: Samples, name: str, labels: dict[str, str], value: float
) -> None:
    assert scraped[name, tuple(sorted(labels.items()))] == pytest.approx(value)


def test_openmetrics_is_spoken_where_it_is_asked_for(served: Served) -> None:
    answer = served.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_who_asks_for_a_version_that_is_no_number_gets_the_plain_format(served: Served) -> None:
    answer = served.get("/metrics", Accept="application/openmetrics-text; version=abc")
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")


def test_a_source_that_is_not_configured_has_no_label_of_its_own(served: Served) -> None:
    served.planted.receive(50, "Canary^Anna")
    found = samples(served.get("/metrics").text)
    assert found["ctsma_associations_total", (("source", "other"),)] == 1
    assert "Canary" not in served.get("/metrics").text


def test_figures_of_a_node_that_has_never_run(tmp_path: Path) -> None:
    cases, inbox = CaseFigures(tmp_path / "a.sqlite3"), InboxFigures(tmp_path / "b.sqlite3")
    assert set(cases.cases().values()) == {0}
    assert (cases.oldest_waiting(), cases.standing("pacs"), cases.last_ends(3)) == (None, None, [])
    assert list(Durations(tmp_path / "a.sqlite3").new()) == []
    assert (inbox.stored(), inbox.quarantined(), inbox.spool_bytes()) == (0, {}, 0)


def test_a_requeued_case_counts_each_of_its_ends(tmp_path: Path) -> None:
    planted = Planted(tmp_path / "state")
    case = planted.steps(planted.series(1), S.STABLE, S.FAILED, code="io_error", reason="The disk.")
    planted.cases.requeue(case.id, planted.cases.events(case.id)[-1].id, lambda series_uid: 0)
    planted.steps(planted.cases.get(case.id), S.REFUSED, code="no_knee", reason="None.")
    found = list(Durations(planted.settings.ledger_path).new())
    assert [(each.name, each.code) for each in found if each.what == "end"] == [
        ("failed", "io_error"),
        ("refused", "no_knee"),
    ]
    assert len([each for each in found if each.what == "start"]) == 1
    last = CaseFigures(planted.settings.ledger_path).last_ends(5)
    assert last == [(S.REFUSED, "no_knee"), (S.FAILED, "io_error")]
    planted.close()


def test_what_is_sent_again_counts_as_when_it_was_first_delivered(tmp_path: Path) -> None:
    planted = Planted(tmp_path / "state")
    cases = planted.cases
    case = planted.steps(planted.series(1), S.STABLE, S.ACCEPTED, S.ANALYSED)
    cases.add_results(case.id, [result(1)])
    cases.add_deliveries(case.id, [Peer("pacs")])
    case = planted.steps(case, S.REPORTED, S.DELIVERED)
    took = planted.now - case.last_instance_at
    assert cases.resend(case.id, cases.events(case.id)[-1].id) is not None
    planted.now += 1_000_000
    cases.move(case.id, S.DELIVERED)
    found = list(Durations(planted.settings.ledger_path).new())
    assert [each.seconds for each in found if each.what == "delivered"] == [took]
    assert [each.name for each in found if each.what == "end"] == ["delivered", "delivered"]
    inbox = PurgeQueries(Reader(planted.settings.inbox_path, "inbox.sql").rows)
    page = case_page(cases, inbox, planted.settings.outbox_dir, case.id, planted.now)
    assert page.turnaround == took
    planted.close()


def test_each_duration_is_given_once_and_a_new_reader_gives_them_all(tmp_path: Path) -> None:
    planted = Planted(tmp_path / "state")
    durations = Durations(planted.settings.ledger_path)
    case = planted.steps(planted.series(1), S.STABLE, S.ACCEPTED)
    first = list(durations.new())
    assert [(each.what, each.name, each.seconds) for each in first] == [
        ("start", "", 3.5),
        ("step", "accepted", 2.5),
    ]
    assert list(durations.new()) == []
    planted.steps(case, S.ANALYSED)
    second = list(durations.new())
    assert [(each.what, each.name) for each in second] == [
        ("step", "analysed"),
        ("stage", "find knees"),
        ("stage", "segment bones"),
    ]
    again = list(Durations(planted.settings.ledger_path).new())
    assert sorted(map(str, again)) == sorted(map(str, first + second))
    planted.close()


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram("seconds", "Of things.", (1, 2.5))
    for seconds in (-1.0, 1.0, 1.1, 2.5, 9.0):
        histogram.add(seconds)
    counted = {s.labels.get("le", s.name): s.value for s in histogram.family().samples}
    assert counted == {"1.0": 2, "2.5": 4, "+Inf": 5, "seconds_count": 5, "seconds_sum": 13.6}


def failing_since(figures: CaseFigures) -> float | None:
    standing = figures.standing("pacs")
    return None if standing is None else standing.failing_since


def test_how_a_destination_does_is_told_by_its_deliveries(tmp_path: Path) -> None:
    planted = Planted(tmp_path / "state")
    case = planted.steps(planted.series(1), S.STABLE, S.ACCEPTED, S.ANALYSED)
    planted.cases.add_results(case.id, [result(1), result(2)])
    planted.cases.add_deliveries(case.id, [Peer("pacs")])
    created = planted.now
    first, second = planted.cases.deliveries(case.id)
    figures = CaseFigures(planted.settings.ledger_path)
    assert failing_since(figures) is None
    planted.now += 10
    planted.cases.delivery_retry(first.id, planted.now + 60, None, "No route.")
    assert failing_since(figures) == created
    planted.now += 10
    planted.cases.delivery_done(second.id)
    assert failing_since(figures) is None
    sent = planted.now
    planted.now += 10
    planted.cases.delivery_retry(first.id, planted.now + 60, None, "No route.")
    assert failing_since(figures) == sent
    assert figures.deliveries() == {("pacs", DeliveryState.DELIVERED): 1, ("pacs", DeliveryState.PENDING): 1}
    planted.close()


def test_a_proof_that_does_not_come_is_told_from_when_the_instance_was_stored(tmp_path: Path) -> None:
    planted = Planted(tmp_path / "state")
    case = planted.steps(planted.series(1), S.STABLE, S.ACCEPTED, S.ANALYSED)
    planted.cases.add_results(case.id, [result(1), result(2)])
    planted.cases.add_deliveries(case.id, [Peer("pacs")])
    first, second = planted.cases.deliveries(case.id)
    figures = CaseFigures(planted.settings.ledger_path)
    planted.cases.delivery_stored(first.id, 0x0000, planted.now)
    stored = planted.now
    assert figures.standing("pacs") == Standing(stored, None, None, None)  # nobody has asked yet
    planted.now += 10
    planted.cases.proof_later(first.id, planted.now + 60, "No report.", 1)
    planted.cases.delivery_retry(second.id, planted.now + 60, 0xA700, "Out of resources.")
    assert unproven_since(figures) == stored
    planted.cases.pause("pacs")
    assert unproven_since(figures) is None
    planted.cases.resume("pacs")
    assert unproven_since(figures) == stored
    planted.cases.proven(first.id, "found")
    assert unproven_since(figures) is None
    planted.close()


def unproven_since(figures: CaseFigures) -> float | None:
    standing = figures.standing("pacs")
    assert standing is not None
    return standing.unproven_since


def test_what_a_peer_has_stored_has_reached_it_before_it_is_proven(tmp_path: Path) -> None:
    planted = Planted(tmp_path / "state")
    case = planted.steps(planted.series(1), S.STABLE, S.ACCEPTED, S.ANALYSED)
    planted.cases.add_results(case.id, [result(1), result(2)])
    planted.cases.add_deliveries(case.id, [Peer("pacs")])
    first, second = planted.cases.deliveries(case.id)
    planted.cases.delivery_retry(second.id, planted.now + 60, 0xA700, "Out of resources.")
    planted.now += 10
    planted.cases.delivery_stored(first.id, 0x0000, planted.now)
    assert failing_since(CaseFigures(planted.settings.ledger_path)) is None
    planted.close()


def test_sizes_are_summed_up_again_however_the_clock_is_set(tmp_path: Path) -> None:
    planted, steady = Planted(tmp_path), [100.0]
    observer = Observer(planted.settings, planted.clock, lambda: steady[0])
    assert observer.sizes() == (0, 0)
    planted.receive(1)
    planted.now -= 86400
    steady[0] += 59
    assert observer.sizes() == (0, 0)
    steady[0] += 1
    assert observer.sizes() == (1000, 0)
    planted.close()
