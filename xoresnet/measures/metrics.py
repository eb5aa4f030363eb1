"""The vocabulary of measures: the name, unit, direction, scale and text form of every metric.

Every table heading, axis, report and terminal line takes its words from here:

    >>> spikes = metric_of("spikes_per_sample")
    >>> spikes.label, spikes.short, spikes.direction, spikes.scale
    ('spikes per sample', 'spikes', 'min', 'log')
    >>> spikes.text(123456.7), spikes.compact_text(123456.7), metric_of("val_accuracy").text(0.9123)
    ('123,457', '123.5 k', '91.23 %')
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, NamedTuple

__all__ = [
    "METRICS",
    "SHORT_NAMES",
    "Direction",
    "Metric",
    "column_of",
    "compact_number",
    "duration",
    "full_number",
    "metric_of",
    "percent",
]

Direction = Literal["max", "min"]
Scale = Literal["linear", "log"]


class Metric(NamedTuple):
    """One measured quantity."""

    name: str
    """The column of tables and records: `spikes_per_sample`."""
    label: str
    """In full, without its unit: `energy per sample`."""
    short: str
    """For headings and lines with little room: `energy`."""
    unit: str = ""
    """`%`, `pJ`, `s` or `MiB`; empty for counts. The values of a metric in % are shares from 0 to 1."""
    direction: Direction | None = None
    """Whether more (`max`) or less (`min`) is better; None where that is not known."""
    scale: Scale = "linear"
    """`log` for amounts, which have a true zero and are compared by ratios."""

    @property
    def share(self) -> bool:
        """Whether values are shares, written in percent."""
        return self.unit == "%"

    @property
    def log(self) -> bool:
        """Whether the scale is logarithmic."""
        return self.scale == "log"

    @property
    def heading(self) -> str:
        """The short label, with the unit where values are written without it: `energy (pJ)`."""
        return _with_unit(self.short, "" if self.share else self.unit)

    @property
    def long_heading(self) -> str:
        """The label, with the unit where values are written without it: `energy per sample (pJ)`."""
        return _with_unit(self.label, "" if self.share else self.unit)

    @property
    def axis_label(self) -> str:
        """The label with its unit, shares in %: `validation accuracy (%)`."""
        return _with_unit(self.label, self.unit)

    def text(self, value: float) -> str:
        """A value with all its digits before the decimal point; NaN is `unknown`."""
        return percent(value) if self.share else full_number(value)

    def compact_text(self, value: float) -> str:
        """A value in at most eight characters, for lines and tables on a terminal; NaN is `unknown`."""
        return percent(value) if self.share else compact_number(value)

    def spread_text(self, mean: float, deviation: float, *, compact: bool = False) -> str:
        """A mean with its standard deviation; without it if that is NaN, as for a single value.

        >>> metric_of("test_accuracy").spread_text(0.9, 0.0123), metric_of("params_count").spread_text(7.0, math.nan)
        ('90.00 ± 1.23 %', '7')
        """
        text = self.compact_text if compact else self.text
        if math.isnan(deviation) or math.isnan(mean):
            return text(mean)
        return f"{100 * mean:.2f} ± {percent(deviation)}" if self.share else f"{text(mean)} ± {text(deviation)}"


def _with_unit(text: str, unit: str) -> str:
    return f"{text} ({unit})" if unit else text


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        known.name: known
        for known in (
            Metric("val_accuracy", "validation accuracy", "accuracy", "%", "max"),
            Metric("train_accuracy", "training accuracy", "training accuracy", "%", "max"),
            Metric("test_accuracy", "accuracy on the test set", "test accuracy", "%", "max"),
            Metric("val_loss", "validation loss", "loss", "", "min"),
            Metric("train_loss", "training loss", "training loss", "", "min"),
            Metric("spikes_per_sample", "spikes per sample", "spikes", "", "min", "log"),
            Metric("stream_spikes_per_sample", "stream spikes per sample", "stream spikes", "", "min", "log"),
            Metric("input_spikes_per_sample", "spikes read per sample", "spikes read", "", "min", "log"),
            Metric("synops_per_sample", "synaptic operations per sample", "synops", "", "min", "log"),
            Metric("macs_per_sample", "multiply-adds per sample", "MACs", "", "min", "log"),
            Metric("energy_pj_per_sample", "energy per sample", "energy", "pJ", "min", "log"),
            Metric(
                "energy_memory_pj_per_sample", "energy with memory per sample", "energy, memory", "pJ", "min", "log"
            ),
            Metric("energy_loihi_pj_per_sample", "energy on Loihi per sample", "energy Loihi", "pJ", "min", "log"),
            Metric("twin_energy_pj_per_sample", "energy of the ReLU twin per sample", "twin", "pJ", "min", "log"),
            Metric(
                "twin_energy_memory_pj_per_sample",
                "energy with memory of the ReLU twin per sample",
                "twin+memory",
                "pJ",
                "min",
                "log",
            ),
            Metric("firing_rate", "firing rate", "firing rate", "%"),
            Metric("params_count", "parameters", "parameters", "", "min", "log"),
            Metric("train_seconds", "training time", "training time", "s", "min", "log"),
            Metric("evaluation_seconds", "evaluation time", "evaluation time", "s", "min", "log"),
            Metric("peak_memory_mib", "peak memory", "peak memory", "MiB", "min"),
        )
    }
)
"""All metrics that xoresnet measures itself, by name."""

SHORT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "val_accuracy",
        "energy": "energy_pj_per_sample",
        "energy_loihi": "energy_loihi_pj_per_sample",
        "energy_memory": "energy_memory_pj_per_sample",
        "params": "params_count",
        "spikes": "spikes_per_sample",
        "synops": "synops_per_sample",
    }
)
"""Names that users may write for the columns that they ask for most."""

_NAMED_UNITS = {
    "ms": "ms",
    "us": "µs",
    "ns": "ns",
    "uj": "µJ",
    "mj": "mJ",
    "nj": "nJ",
    "pj": "pJ",
    "mw": "mW",
    "mib": "MiB",
}
"""Units with which the names of users' metrics end: `latency_ms`."""
_AMOUNTS = ("_per_sample", "_count", "_seconds")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def metric_of(name: str) -> Metric:
    """What is known of a metric; for names that are not in `METRICS`, what the name itself says.

    `test_<metric>` is that metric on the test set. Of others, `*accuracy` is a share of which more is better, and
    `*_per_sample`, `*_count` and `*_seconds` are amounts, and `*_ms`, `*_mj` and the like have that unit; their
    direction is not known.

    >>> metric_of("test_spikes_per_sample").label, metric_of("tokens_per_sample").scale, metric_of("my_cost").label
    ('spikes per sample on the test set', 'log', 'my cost')
    >>> metric_of("latency_ms").label, metric_of("latency_ms").axis_label
    ('latency', 'latency (ms)')
    """
    if name in METRICS:
        return METRICS[name]
    if name.startswith("test_"):
        measured = metric_of(name.removeprefix("test_"))
        return measured._replace(name=name, label=f"{measured.label} on the test set", short=f"test {measured.short}")
    quantity, _, ending = name.rpartition("_")
    if quantity and ending in _NAMED_UNITS:
        return metric_of(quantity)._replace(name=name, unit=_NAMED_UNITS[ending])
    words = name.replace("_", " ")
    short = name.removeprefix("val_").removesuffix("_per_sample").replace("_", " ")
    if name.endswith("accuracy"):
        return Metric(name, words, short, "%", "max")
    return Metric(name, words, short, scale="log" if name.endswith(_AMOUNTS) else "linear")


def column_of(name: str) -> str:
    """The column that a short name means; other names are columns themselves.

    >>> column_of("energy"), column_of("firing_rate")
    ('energy_pj_per_sample', 'firing_rate')
    """
    return SHORT_NAMES.get(name, name)


def percent(share: float) -> str:
    """A share from 0 to 1 in percent; NaN is `unknown`.

    >>> percent(0.9123), percent(float("nan"))
    ('91.23 %', 'unknown')
    """
    return "unknown" if math.isnan(share) else f"{100 * share:.2f} %"


def full_number(value: float) -> str:
    """A number: whole from 100 on and where it is whole, else to four digits; NaN is `unknown`.

    >>> full_number(12345.6), full_number(580.3), full_number(12.34), full_number(0.51234), full_number(3.0)
    ('12,346', '580', '12.34', '0.5123', '3')
    """
    if math.isnan(value):
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value, 0) else f"{value:.4g}"


def compact_number(value: float) -> str:
    """A number of at most eight characters, in thousands (k), millions (M), ... from 10,000 on; NaN is `unknown`.

    >>> compact_number(1234.4), compact_number(0.512), compact_number(123456), compact_number(2e9)
    ('1,234', '0.512', '123.5 k', '2 G')
    """
    if not math.isfinite(value):
        return full_number(value)
    if abs(value) < 1e4:
        return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    rounded = float(f"{value:.4g}")  # 999,960 is 1 M
    power = min(4, int(math.log10(abs(rounded)) // 3))
    return f"{value / 1000**power:.4g} {'kMGT'[power - 1]}"


def duration(seconds: float) -> str:
    """A duration in its largest unit, below ten of it with the next smaller unit; `unknown` where it is not finite.

    >>> duration(0.84), duration(75), duration(1150), duration(3700), duration(200_000)
    ('0.84 s', '1 min 15 s', '19 min', '1 h 2 min', '2 d 8 h')
    """
    if not math.isfinite(seconds):
        return "unknown"
    for (size, unit), (smaller, smaller_unit) in pairwise(_UNITS):
        if seconds >= 10 * size - smaller / 2:
            return f"{round(seconds / size)} {unit}"
        if seconds >= size - smaller / 2:
            whole, rest = divmod(round(seconds / smaller), size // smaller)
            return f"{whole} {unit}" + (f" {rest} {smaller_unit}" if rest else "")
    return f"{seconds:.2g} s"
