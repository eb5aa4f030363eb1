"""Numbers as they stand in sentences."""

from __future__ import annotations

import math

import pytest

from xoresnet.results.analysis.intervals import Interval
from xoresnet.results.analysis.wording import Number


@pytest.mark.parametrize(
    ("number", "text", "is_clear"),
    [
        (Number("val_accuracy", 0.9123), "91.23 %", False),
        (Number("val_accuracy", 0.9123, Interval(0.9, 0.95)), "91.23 % [90.00, 95.00]", True),
        (Number("spikes_per_sample", 12345.6, Interval(12000, 13000)), "12,346 [12,000, 13,000]", True),
        (Number("val_accuracy", 0.012, Interval(0.001, 0.02), 7, "difference"), "+1.20 [+0.10, +2.00] points", True),
        (Number("val_accuracy", -0.012, Interval(-0.02, 0.0), 7, "difference"), "-1.20 [-2.00, +0.00] points", False),
        (Number("val_accuracy", -1e-17, Interval(-1e-17, 0), 7, "difference"), "+0.00 [+0.00, +0.00] points", False),
        (Number("train_seconds", 2.5, Interval(1.25, 3), 7, "difference"), "+2.5 [+1.25, +3] s", True),
        (Number("spikes_per_sample", 1.904, Interval(1.8, 2.0), 7, "ratio"), "1.90 [1.80, 2.00]", True),
        (Number("spikes_per_sample", 0.96, Interval(0.9, 1.02), 7, "ratio"), "0.960 [0.900, 1.020]", False),
        (Number("spikes_per_sample", 0.4, scale="ratio"), "0.40", False),
        (Number("val_accuracy", 0.0138, scale="deviation"), "1.38 points", False),
        (Number("networks", 12.0, scale="count"), "12", False),
    ],
)  # fmt: skip
def test_a_number(number: Number, text: str, is_clear: bool) -> None:
    assert number.text == text
    assert not math.isnan(number.estimate)
    if number.scale in ("difference", "ratio"):
        assert number.is_clear == is_clear
