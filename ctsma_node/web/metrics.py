"""/metrics for Prometheus: counts and durations from the ledgers, so that no restart loses them.

What only the receiver's memory knows (answers other than stored, rejected associations) starts anew with it,
as counters may. Labels are names of this node's own making, of its settings, or codes: never of a header.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ctsma_node.config.settings import Settings
from ctsma_node.heartbeat import Heartbeat
from ctsma_node.records import SeriesState
from ctsma_node.web.families import counter, gauge, grouped, histogram, pairs
from ctsma_node.web.health import Level, Part, is_fresh, judge
from ctsma_node.web.observe import Observed, Observer

STEP_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300)
"""Upper bounds in seconds for what the node does by itself."""

TURNAROUND_BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 21600, 86400, 604800)
"""Upper bounds in seconds for what waits for others: up to the week of the retry horizon."""

_STEPS = (SeriesState.ACCEPTED, SeriesState.ANALYSED, SeriesState.REPORTED)


class NodeMetrics(Collector):
    """Collects at every scrape; raises LedgerError or sqlite3.Error where a ledger cannot be read."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self._settings = settings
        self._observer = observer
        self._sources = {source.ae_title for source in settings.sources}
        self._destinations = {destination.name for destination in settings.destinations}

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering does not read the ledgers."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every metric of the node."""
        seen = self._observer.look()
        yield from self._node(seen)
        yield from self._received(seen)
        yield from self._cases(seen)
        yield from self._durations()
        yield from self._deliveries(seen)
        yield from self._bytes(seen)

    def _node(self, seen: Observed) -> Iterator[Metric]:
        build = GaugeMetricFamily("ctsma_build_info", "1, by the worker's version and bundle.")
        if seen.worker is not None:
            labels = {"version": seen.worker.version, "bundle": seen.worker.bundle or ""}
            build.add_sample("ctsma_build_info", labels, 1)
        yield build
        beats = {"receive": seen.receiver, "work": seen.worker}
        fresh = {name: float(is_fresh(beat, seen.now)) for name, beat in beats.items()}
        yield gauge("ctsma_up", "1 while the process shows signs of life.", "process", fresh.items())
        health = judge(seen, self._settings)
        able = {part.value: float(health.of(part) is not Level.DOWN) for part in Part}
        yield gauge("ctsma_able", "1 while the node can do this, as /health says.", "part", able.items())

    def _received(self, seen: Observed) -> Iterator[Metric]:
        inbox = self._observer.inbox
        yield _total("ctsma_instances_stored", "Instances stored and acknowledged.", inbox.stored())
        text = "Different instances that were set aside, by why."
        yield counter("ctsma_instances_quarantined", text, "code", inbox.quarantined().items())
        text = "C-STORE requests answered since the receiver started, by what became of the instance."
        yield counter("ctsma_store_answers", text, "outcome", _said(seen.receiver, "answered "))
        text = "Associations rejected since the receiver started: result/source/reason, PS3.8 table 9-21."
        yield counter("ctsma_associations_rejected", text, "answer", _said(seen.receiver, "rejected "))
        by_source = Counter(dict.fromkeys(self._sources, 0))
        for name, count in inbox.associations().items():
            by_source[name if name in self._sources else "other"] += count
        yield counter(
            "ctsma_associations", "Associations that brought instances.", "source", by_source.items()
        )
        yield _now("ctsma_associations_open", "Those that are open.", inbox.open_associations())
        behind = inbox.behind(self._observer.ledger.cursor())
        yield _now("ctsma_instances_waiting", "Instances that the worker has not taken over.", behind)

    def _cases(self, seen: Observed) -> Iterator[Metric]:
        figures = self._observer.cases
        yield gauge("ctsma_cases", "Cases by state.", "state", figures.cases().items())
        ends = CounterMetricFamily(
            "ctsma_cases_ended", "Ends of cases, by state and code.", labels=["state", "code"]
        )
        yield pairs(ends, figures.ends().items())
        oldest = figures.oldest_waiting()
        waited = 0.0 if oldest is None else max(seen.now - oldest, 0.0)
        yield _now("ctsma_oldest_waiting_seconds", "Of the case that waits longest for a step.", waited)

    def _durations(self) -> Iterator[Metric]:
        figures = self._observer.cases
        text = "From a series' last instance to the start of its analysis."
        groups = {"": figures.seconds_to_start()}
        yield histogram("ctsma_last_instance_to_start_seconds", text, groups, TURNAROUND_BUCKETS)
        text = "From a series' last instance until its whole set was delivered to every destination."
        groups = {"": figures.seconds_to_delivered()}
        yield histogram("ctsma_last_instance_to_delivered_seconds", text, groups, TURNAROUND_BUCKETS)
        steps = grouped(figures.step_seconds(), _STEPS)
        text = "What the steps of cases took, by the state that they led to."
        yield histogram("ctsma_step_seconds", text, steps, STEP_BUCKETS, "state")
        stages = grouped(figures.stage_seconds())
        yield histogram(
            "ctsma_stage_seconds", "What an analysis' stages took.", stages, STEP_BUCKETS, "stage"
        )

    def _deliveries(self, seen: Observed) -> Iterator[Metric]:
        found = self._observer.cases.deliveries()
        known = [(key, count) for key, count in found.items() if key[0] in self._destinations]
        text, labels = "Objects by destination and state of delivery.", ["destination", "state"]
        yield pairs(GaugeMetricFamily("ctsma_deliveries", text, labels=labels), known)
        failing = {
            name: 0.0 if since is None else max(seen.now - since, 0.0)
            for name, since in seen.failing_since.items()
        }
        text = (
            "Since when nothing has reached a destination although tried; 0 where the last attempt went well."
        )
        yield gauge("ctsma_destination_failing_seconds", text, "destination", failing.items())

    def _bytes(self, seen: Observed) -> Iterator[Metric]:
        yield _now("ctsma_spool_bytes", "Datasets in the spool.", self._observer.inbox.spool_bytes())
        yield _now("ctsma_outbox_bytes", "Objects in the outbox.", self._observer.cases.result_bytes())
        if seen.free_bytes is not None:
            yield _now("ctsma_free_bytes", "Free on the disk of the state folder.", seen.free_bytes)
        yield _now("ctsma_least_free_bytes", "Kept free.", self._settings.limits.min_free_bytes)


def _said(beat: Heartbeat | None, prefix: str) -> list[tuple[str, int]]:
    counts = {} if beat is None else beat.counts
    return [(name.removeprefix(prefix), n) for name, n in counts.items() if name.startswith(prefix)]


def _total(name: str, text: str, count: int) -> Metric:
    return CounterMetricFamily(name, text, value=count)


def _now(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
