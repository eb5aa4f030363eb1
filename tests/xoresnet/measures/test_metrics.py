"""What metrics are called, and how their values are written."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from xoresnet.measures.figures import LayerCounts
from xoresnet.measures.metrics import METRICS, SHORT_NAMES, column_of, compact_number, duration, metric_of, percent
from xoresnet.measures.records import EpochRecord

NOT_METRICS = {"epoch", "learning_rate", "layers", "name", "kind"}


def test_everything_that_is_measured_is_in_the_vocabulary() -> None:
    measured = {field.name for field in fields(EpochRecord)} | set(LayerCounts._fields)
    assert measured - NOT_METRICS <= set(METRICS)
    assert set(SHORT_NAMES.values()) <= set(METRICS)


def test_no_two_metrics_share_a_name() -> None:
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)
    assert len({metric.short for metric in METRICS.values()}) == len(METRICS)


@pytest.mark.parametrize(
    ("name", "heading", "long_heading", "axis_label", "direction", "scale"),
    [
        ("val_accuracy", "accuracy", "validation accuracy", "validation accuracy (%)", "max", "linear"),
        ("spikes_per_sample", "spikes", "spikes per sample", "spikes per sample", "min", "log"),
        ("energy_pj_per_sample", "energy (pJ)", "energy per sample (pJ)", "energy per sample (pJ)", "min", "log"),
        ("test_accuracy", "test accuracy", "accuracy on the test set", "accuracy on the test set (%)", "max", "linear"),
        ("test_loss", "test loss", "loss on the test set", "loss on the test set", None, "linear"),
        (
            "test_energy_pj_per_sample", "test energy (pJ)", "energy per sample on the test set (pJ)",
            "energy per sample on the test set (pJ)", "min", "log",
        ),
        ("my_accuracy", "my accuracy", "my accuracy", "my accuracy (%)", "max", "linear"),
        ("tokens_per_sample", "tokens", "tokens per sample", "tokens per sample", None, "log"),
        ("cost", "cost", "cost", "cost", None, "linear"),
        ("latency_ms", "latency (ms)", "latency (ms)", "latency (ms)", None, "linear"),
        ("val_energy_uj", "energy (µJ)", "val energy (µJ)", "val energy (µJ)", None, "linear"),
        ("ms", "ms", "ms", "ms", None, "linear"),
    ],
)  # fmt: skip
def test_names(name: str, heading: str, long_heading: str, axis_label: str, direction: str | None, scale: str) -> None:
    metric = metric_of(name)
    assert (metric.name, metric.heading, metric.long_heading) == (name, heading, long_heading)
    assert (metric.axis_label, metric.direction, metric.scale) == (axis_label, direction, scale)


@pytest.mark.parametrize(
    ("name", "value", "full", "compact"),
    [
        ("val_accuracy", 0.91234, "91.23 %", "91.23 %"),
        ("train_accuracy", 1.0, "100.00 %", "100.00 %"),
        ("accuracy", 0.0, "0.00 %", "0.00 %"),
        ("firing_rate", 0.0512, "5.12 %", "5.12 %"),
        ("spikes_per_sample", 1234.4, "1,234", "1,234"),
        ("spikes_per_sample", 0.0, "0", "0"),
        ("synops_per_sample", 123456.0, "123,456", "123.5 k"),
        ("energy_pj_per_sample", 2.5e9, "2,500,000,000", "2.5 G"),
        ("spikes_per_sample", 999960.0, "999,960", "1 M"),
        ("spikes_per_sample", 9999.0, "9,999", "9,999"),
        ("synops_per_sample", 99995.0, "99,995", "100 k"),
        ("synops_per_sample", 999960000.0, "999,960,000", "1 G"),
        ("spikes_per_sample", 12.34, "12.34", "12.3"),
        ("val_loss", 0.51234, "0.5123", "0.512"),
        ("score", -12.5, "-12.5", "-12.5"),
        ("score", math.nan, "unknown", "unknown"),
        ("val_accuracy", math.nan, "unknown", "unknown"),
        ("score", math.inf, "inf", "inf"),
    ],
)
def test_values(name: str, value: float, full: str, compact: str) -> None:
    assert (metric_of(name).text(value), metric_of(name).compact_text(value)) == (full, compact)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"), (0.84, "0.84 s"), (2.44, "2.4 s"), (12.3, "12 s"), (59.4, "59 s"), (59.6, "1 min"),
        (75.0, "1 min 15 s"), (599.6, "10 min"), (1150.0, "19 min"), (3569.0, "59 min"), (3570.0, "1 h"),
        (3700.0, "1 h 2 min"), (35_990.0, "10 h"), (84_000.0, "23 h"), (86_000.0, "1 d"), (200_000.0, "2 d 8 h"),
        (1e6, "12 d"), (math.inf, "unknown"), (math.nan, "unknown"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_short_names_mean_columns() -> None:
    assert [column_of(name) for name in ("params", "spikes", "val_loss")] == [
        "params_count",
        "spikes_per_sample",
        "val_loss",
    ]


def test_percent_has_two_decimals() -> None:
    assert (percent(0.5), compact_number(0.5)) == ("50.00 %", "0.5")
