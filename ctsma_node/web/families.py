"""Metric families out of counts, and histograms that grow."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)


class Histogram:
    """Seconds by one label, or by none (""), counted in buckets; `bounds` are their upper bounds."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], label: str = "") -> None:
        self._name, self._text, self._bounds = name, text, tuple(bounds)
        self._labels = [label] if label else []
        self._counts: dict[str, list[int]] = defaultdict(lambda: [0] * (len(bounds) + 1))
        self._sums: dict[str, float] = defaultdict(float)

    def declare(self, *values: str) -> None:
        """Show values of the label before anything was counted."""
        for value in values:
            self._counts[value]

    def add(self, seconds: float, value: str = "") -> None:
        """Count one; a negative one (a clock that was set back) counts as zero."""
        seconds = max(seconds, 0.0)
        self._counts[value][bisect_left(self._bounds, seconds)] += 1
        self._sums[value] += seconds

    def family(self) -> Metric:
        """As Prometheus takes it: the buckets are cumulative."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for value, counts in sorted(self._counts.items()):
            buckets = [(name, sum(counts[: n + 1])) for n, name in enumerate(names)]
            family.add_metric([value] if self._labels else [], buckets, sum_value=self._sums[value])
        return family


def counter(name: str, text: str, label: str, counts: Iterable[tuple[str, float]]) -> Metric:
    """A counter with one label; its samples end in `_total`."""
    return _labelled(CounterMetricFamily(name, text, labels=[label]), counts)


def gauge(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    """A gauge with one label."""
    return _labelled(GaugeMetricFamily(name, text, labels=[label]), values)


def pairs(
    family: CounterMetricFamily | GaugeMetricFamily, counts: Iterable[tuple[tuple[str, str], int]]
) -> Metric:
    """Fill a family of two labels."""
    for labels, count in sorted(counts):
        family.add_metric(labels, count)
    return family


def _labelled(family: CounterMetricFamily | GaugeMetricFamily, values: Iterable[tuple[str, float]]) -> Metric:
    for label, value in sorted(values):
        family.add_metric([label], value)
    return family
