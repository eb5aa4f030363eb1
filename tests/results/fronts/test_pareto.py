from __future__ import annotations

import math
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from tests.results.trials import frames, front, objectives_of, points, unchanged
from xoresnet.results.fronts.pareto import is_pareto, pareto_front

INF, NAN = math.inf, math.nan


@given(frames(), objectives_of())
def test_the_front_is_what_no_trial_dominates(frame: pd.DataFrame, objectives: Any) -> None:
    expected = front(frame, objectives)
    flags = unchanged(frame, lambda f: is_pareto(f, objectives))
    assert (flags.name, flags.dtype) == ("is_pareto", bool)
    assert flags.index.equals(frame.index)
    assert np.flatnonzero(flags).tolist() == expected


@given(frames(), objectives_of())
def test_best_in_the_last_objective_first(frame: pd.DataFrame, objectives: Any) -> None:
    losses = points(frame, objectives)
    for trials in (frame, frame.drop(columns="trial_id")):
        rows = unchanged(trials, lambda f: pareto_front(f, objectives))

        def key(place: int, known: bool = "trial_id" in trials) -> tuple[float, int]:
            point = losses[place]
            assert point is not None
            return point[-1], frame["trial_id"].iloc[place] if known else place

        expected = sorted(front(frame, objectives), key=key)
        pd.testing.assert_frame_equal(rows, trials.iloc[expected])


@pytest.mark.parametrize(
    ("accuracy", "spikes", "state", "expected"),
    [
        ([0.9, 0.8, 0.7], [900, 100, 200], None, [1, 0]),
        ([0.9, 0.9, 0.9], [100, 100, 101], None, [0, 1]),  # equal trials are all kept
        ([0.9, NAN, 0.5], [100, 1, NAN], None, [0]),
        ([0.9, 0.8, 0.7], [900, 100, 50], ["PRUNED", "COMPLETE", "RUNNING"], [1]),
        ([INF, 0.9, -INF], [100, -INF, INF], None, [1, 0]),
        ([INF, 0.9, 0.95], [INF, 10, 20], None, [1, 2, 0]),
        ([-INF, -INF], [INF, INF], None, [0, 1]),
        ([NAN], [NAN], None, []),
        ([], [], None, []),
    ],
)
def test_cases(accuracy: list[float], spikes: list[float], state: list[str] | None, expected: list[int]) -> None:
    frame = pd.DataFrame({"val_accuracy": accuracy, "spikes_per_sample": spikes}, dtype=float)
    if state is not None:
        frame["state"] = state
    assert list(pareto_front(frame).index) == expected


def test_an_index_with_repeated_names() -> None:
    frame = pd.DataFrame({"val_accuracy": [0.9, 0.8, 0.1], "spikes_per_sample": [9, 1, 5]}, index=["a", "a", "a"])
    assert is_pareto(frame).tolist() == [True, True, False]
    assert pareto_front(frame)["spikes_per_sample"].tolist() == [1, 9]


def test_a_million_trials() -> None:
    """Takes 0.3 s; the limit tells n log n from n squared, whatever else the machine does."""
    generator = np.random.default_rng(0)
    accuracy, noise = generator.permutation(1_000_000), generator.integers(0, 2, 1_000_000)
    frame = pd.DataFrame({"val_accuracy": accuracy, "spikes_per_sample": accuracy + noise})
    start = process_time()
    rows = pareto_front(frame)
    assert process_time() - start < 5
    assert rows["spikes_per_sample"].is_monotonic_increasing
    assert rows["val_accuracy"].is_monotonic_increasing
