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
from ctsma_node.ledger.durations import Durations
from ctsma_node.web.families import counter, gauge, pairs
from ctsma_node.web.health import Level, Part, is_fresh, judge
from ctsma_node.web.observe import Observed, Observer
from ctsma_node.web.turnaround import Turnaround


class NodeMetrics(Collector):
    """Collects at every scrape; raises LedgerError or sqlite3.Error where a ledger cannot be read."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self._settings = settings
        self._observer = observer
        self._turnaround = Turnaround(Durations(settings.ledger_path))
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
        yield from self._turnaround.families()
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
        oldest = figures.oldest_waiting()
        waited = 0.0 if oldest is None else max(seen.now - oldest, 0.0)
        yield _now("ctsma_oldest_waiting_seconds", "Of the case that waits longest for a step.", waited)

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
        unproven = {
            name: 0.0
            if standing is None or standing.unproven_since is None
            else seen.now - standing.unproven_since
            for name, standing in seen.standings.items()
        }
        text = "Since when the oldest instance is stored whose proof was asked for in vain; 0: none."
        yield gauge("ctsma_destination_unproven_seconds", text, "destination", unproven.items())
        paused = {
            name: seen.now - seen.paused[name] if name in seen.paused else 0.0 for name in seen.standings
        }
        text = "How long a destination has been paused; 0: it is not."
        yield gauge("ctsma_destination_paused_seconds", text, "destination", paused.items())

    def _bytes(self, seen: Observed) -> Iterator[Metric]:
        spool, outbox = self._observer.sizes()
        yield _now("ctsma_spool_bytes", "Datasets in the spool, counted once a minute.", spool)
        yield _now("ctsma_outbox_bytes", "Objects in the outbox, counted once a minute.", outbox)
        if seen.free_bytes is not None:
            yield _now("ctsma_free_bytes", "Free on the disk of the state folder.", seen.free_bytes)
        text = "With less free every C-STORE is answered A700."
        yield _now("ctsma_least_free_bytes", text, seen.least_free_bytes)


def _said(beat: Heartbeat | None, prefix: str) -> list[tuple[str, int]]:
    counts = {} if beat is None else beat.counts
    return [(name.removeprefix(prefix), n) for name, n in counts.items() if name.startswith(prefix)]


def _total(name: str, text: str, count: int) -> Metric:
    return CounterMetricFamily(name, text, value=count)


def _now(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
