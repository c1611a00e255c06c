"""Metric families out of plain counts and lists of seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)


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


def grouped(samples: Iterable[tuple[str, float]], names: Sequence[str] = ()) -> dict[str, list[float]]:
    """Seconds by name; the names given are there in any case."""
    groups: dict[str, list[float]] = {name: [] for name in names}
    for name, seconds in samples:
        groups.setdefault(name, []).append(seconds)
    return groups


def histogram(
    name: str, text: str, groups: Mapping[str, Sequence[float]], bounds: Sequence[float], label: str = ""
) -> Metric:
    """A histogram of seconds with one label, or none; a negative one (a clock set back) counts as zero."""
    family = HistogramMetricFamily(name, text, labels=[label] if label else [])
    for value, seconds in groups.items():
        kept = [max(each, 0.0) for each in seconds]
        buckets = [(str(float(bound)), sum(each <= bound for each in kept)) for bound in bounds]
        family.add_metric([value] if label else [], [*buckets, ("+Inf", len(kept))], sum_value=sum(kept))
    return family


def _labelled(family: CounterMetricFamily | GaugeMetricFamily, values: Iterable[tuple[str, float]]) -> Metric:
    for label, value in sorted(values):
        family.add_metric([label], value)
    return family
