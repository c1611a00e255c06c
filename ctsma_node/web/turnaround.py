"""What the history of all cases says in histograms, kept up as it grows."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric

from ctsma_node.ledger.durations import Duration, Durations
from ctsma_node.records import SeriesState
from ctsma_node.web.families import Histogram, pairs

STEP_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300)
"""Upper bounds in seconds for what the node does by itself."""

TURNAROUND_BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 21600, 86400, 604800)
"""Upper bounds in seconds for what waits for others: up to the week of the retry horizon."""


class Turnaround:
    """Reads what is new at each scrape, and the whole history at the first."""

    def __init__(self, durations: Durations) -> None:
        self._durations = durations
        self._lock = threading.Lock()
        self._ends: Counter[tuple[str, str]] = Counter()
        self._start = Histogram(
            "ctsma_last_instance_to_start_seconds",
            "From a series' last instance to the start of its analysis.",
            TURNAROUND_BUCKETS,
        )
        self._delivered = Histogram(
            "ctsma_last_instance_to_delivered_seconds",
            "From a series' last instance until its whole set was at every destination for the first time.",
            TURNAROUND_BUCKETS,
        )
        self._steps = Histogram(
            "ctsma_step_seconds",
            "What the steps of cases took, by the state that they led to.",
            STEP_BUCKETS,
            "state",
        )
        self._stages = Histogram(
            "ctsma_stage_seconds", "What the stages of analyses took.", STEP_BUCKETS, "stage"
        )
        self._start.declare("")
        self._delivered.declare("")
        self._steps.declare(SeriesState.ACCEPTED, SeriesState.ANALYSED, SeriesState.REPORTED)

    def families(self) -> Iterator[Metric]:
        """The histograms, and how cases ended."""
        with self._lock:
            for duration in self._durations.new():
                self._count(duration)
            text, labels = "Ends of cases, by state and code.", ["state", "code"]
            yield pairs(CounterMetricFamily("ctsma_cases_ended", text, labels=labels), self._ends.items())
            for histogram in (self._start, self._delivered, self._steps, self._stages):
                yield histogram.family()

    def _count(self, duration: Duration) -> None:
        if duration.what == "start":
            self._start.add(duration.seconds)
        elif duration.what == "delivered":
            self._delivered.add(duration.seconds)
        elif duration.what == "step":
            self._steps.add(duration.seconds, duration.name)
        elif duration.what == "stage":
            self._stages.add(duration.seconds, duration.name)
        else:
            self._ends[duration.name, duration.code] += 1
