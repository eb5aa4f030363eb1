from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.results.trials import NUMBERS, covers, frames, front, objectives_of, points, says, unchanged
from xoresnet.errors import UsageError
from xoresnet.results.fronts.comparison import compare
from xoresnet.results.fronts.hypervolume import hypervolume, reference_point

NAN = math.nan


def measures(table: pd.DataFrame) -> dict[str, list[float]]:
    assert list(table.columns) == ["measure", "a", "b"]
    assert not table["measure"].duplicated().any()
    return {row.measure: [row.a, row.b] for row in table.itertuples()}


def share_covered(mine: pd.DataFrame, others: pd.DataFrame, objectives: Any) -> float:
    ours, theirs = ([points(f, objectives)[i] or () for i in front(f, objectives)] for f in (mine, others))
    return sum(any(covers(b, a) for b in theirs) for a in ours) / len(ours) if ours else NAN


@settings(max_examples=50)
@given(frames((*NUMBERS, math.inf)), frames((*NUMBERS, math.inf)), objectives_of(), st.booleans())
def test_measures(a: pd.DataFrame, b: pd.DataFrame, objectives: Any, epochs: bool) -> None:
    if epochs:
        a = a.assign(epochs_trained=range(len(a)))
    log = ["spikes_per_sample"] if "spikes_per_sample" in objectives else []
    counted = [[p for p in points(f, objectives) if p is not None] for f in (a, b)]
    finite = [any(math.isfinite(p[i]) for ps in counted for p in ps) for i in range(len(objectives))]
    if any(counted) and not all(finite):
        with pytest.raises(UsageError, match=r"^no reference point"):
            compare(a, b, objectives, log)
        return
    measured = measures(unchanged(a, lambda left: unchanged(b, lambda right: compare(left, right, objectives, log))))
    assert measured["trials"] == [len(a), len(b)]
    assert measured["complete"] == [len(ps) for ps in counted]
    assert measured["front_size"] == [len(front(f, objectives)) for f in (a, b)]
    assert measured["front_covered_by_other"] == pytest.approx(
        [share_covered(a, b, objectives), share_covered(b, a, objectives)], nan_ok=True
    )
    for place, (metric, direction) in enumerate(objectives.items()):
        sign = -1 if direction == "max" else 1
        expected = [sign * min((p[place] for p in ps), default=NAN) for ps in counted]
        assert measured[f"best.{metric}"] == pytest.approx(expected, nan_ok=True)
    assert measured["epochs_trained"] == pytest.approx([sum(range(len(a))) if epochs else NAN, NAN], nan_ok=True)
    assert measured["train_seconds"] == pytest.approx([f["train_seconds"].sum() for f in (a, b)], nan_ok=True)
    if not any(counted):
        assert all(math.isnan(value) for value in measured["hypervolume"])
        return
    both = [f.iloc[[i for i, p in enumerate(points(f, objectives)) if p is not None]] for f in (a, b)]
    reference = reference_point(pd.concat(f[list(objectives)] for f in both), objectives, log)
    for metric in objectives:
        assert measured[f"reference.{metric}"] == [reference[metric]] * 2
    assert measured["hypervolume"] == [hypervolume(f, objectives, reference, log) for f in (a, b)]


def test_a_case() -> None:
    a = pd.DataFrame(
        {"val_accuracy": [0.9, 0.5, 0.1], "spikes_per_sample": [1000, 100, 10], "train_seconds": [1, 2, 3]}
    )
    b = pd.DataFrame({"val_accuracy": [0.9, 0.6], "spikes_per_sample": [1000, 100], "epochs_trained": [5, 7]})
    measured = measures(compare(a, b, log=["spikes_per_sample"]))
    assert measured["front_covered_by_other"] == [pytest.approx(2 / 3), 0.5]
    assert measured["reference.val_accuracy"] == pytest.approx([0.02] * 2)
    assert measured["epochs_trained"] == pytest.approx([NAN, 12], nan_ok=True)
    assert measured["train_seconds"] == pytest.approx([6, NAN], nan_ok=True)


def test_what_is_wrong_is_said() -> None:
    frame = pd.DataFrame({"val_accuracy": [0.9], "spikes_per_sample": [0.0]})
    with says("log: 'accuracy' is not an objective; did you mean 'val_accuracy'?"):
        compare(frame[:0], frame[:0], log=["accuracy"])
    with says("log: spikes_per_sample must be above 0 in every row; 2 rows have values of 0 or less (lowest 0)"):
        compare(frame, frame, log=["spikes_per_sample"])
    with says("the frame has no column 'spikes_per_sample'"):
        compare(frame, frame[["val_accuracy"]])
