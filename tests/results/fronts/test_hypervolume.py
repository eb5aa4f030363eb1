from __future__ import annotations

import math
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.results.trials import INFINITE, NUMBERS, frames, front, grid_volume, objectives_of, points, says, unchanged
from xoresnet.results.fronts.hypervolume import hypervolume, hypervolume_over_time, reference_point
from xoresnet.results.fronts.objectives import OBJECTIVES

INF, NAN = math.inf, math.nan
SPIKES = ("spikes_per_sample",)
ZERO = {"val_accuracy": 0.0, "spikes_per_sample": 100.0}


def trials(accuracy: Any, spikes: Any, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"val_accuracy": accuracy, "spikes_per_sample": spikes, **columns})


def counted(frame: pd.DataFrame, objectives: Any) -> pd.DataFrame:
    places = [place for place, point in enumerate(points(frame, objectives)) if point is not None]
    return frame.iloc[places].sort_values("trial_id")


def on_log(frame: pd.DataFrame, metrics: Any) -> pd.DataFrame:
    return frame.assign(**{metric: np.log10(frame[metric]) for metric in metrics})


@st.composite
def problems(draw: st.DrawFn) -> tuple[pd.DataFrame, Any, dict[str, float], list[str]]:
    """Trials, objectives, a reference in the midst of them or outside, and which are on a logarithm."""
    objectives = draw(objectives_of())
    reference = {metric: draw(st.sampled_from([*NUMBERS, 2.5, 30.0])) for metric in objectives}
    return draw(frames(NUMBERS)), objectives, reference, draw(st.lists(st.sampled_from(list(objectives)), unique=True))


def volume_in_the_plainest_way(frame: pd.DataFrame, objectives: Any, reference: Any, log: Any) -> float:
    corner = points(on_log(pd.DataFrame([reference]), log), objectives)[0]
    assert corner is not None
    return grid_volume([point for point in points(on_log(frame, log), objectives) if point is not None], corner)


@given(problems())
def test_volume(problem: tuple[pd.DataFrame, Any, dict[str, float], list[str]]) -> None:
    frame, objectives, reference, log = problem
    volume = unchanged(frame, lambda f: hypervolume(f, objectives, reference, log))
    assert volume == pytest.approx(volume_in_the_plainest_way(frame, objectives, reference, log), rel=1e-9, abs=1e-12)


@given(problems(), st.randoms(use_true_random=False))
def test_over_time_is_each_beginning_by_itself(
    problem: tuple[pd.DataFrame, Any, dict[str, float], list[str]], random: Any
) -> None:
    frame, objectives, reference, log = problem
    history = unchanged(frame, lambda f: hypervolume_over_time(f, objectives, reference, log))
    rows = counted(frame, objectives)
    assert list(history.columns) == ["trial_id", "hypervolume", "front_size"]
    assert history["trial_id"].tolist() == rows["trial_id"].tolist()
    beginnings = [rows.head(count + 1) for count in range(len(rows))]
    assert history["front_size"].tolist() == [len(front(beginning, objectives)) for beginning in beginnings]
    expected = [volume_in_the_plainest_way(beginning, objectives, reference, log) for beginning in beginnings]
    assert history["hypervolume"].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(frames(INFINITE), objectives_of())
def test_infinities(frame: pd.DataFrame, objectives: Any) -> None:
    reference = dict.fromkeys(objectives, 4.0)
    corner = [-4.0 if direction == "max" else 4.0 for direction in objectives.values()]
    rows = counted(frame, objectives)
    history = hypervolume_over_time(frame, objectives, reference)
    for count, (volume, size) in enumerate(zip(history["hypervolume"], history["front_size"], strict=True), start=1):
        seen = [p for p in points(rows.head(count), objectives) if p is not None and all(np.less(p, corner))]
        expected = INF if any(-INF in point for point in seen) else grid_volume(seen, corner)
        assert volume == pytest.approx(expected, rel=1e-9)
        assert size == len(front(rows.head(count), objectives))
        assert hypervolume(rows.head(count), objectives, reference) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("frame", "log", "expected"),
    [
        (trials([0.9], [10.0]), (), 0.9 * 90),
        (trials([0.9, 0.9], [10.0, 10.0]), (), 0.9 * 90),
        (trials([0.9, 0.5], [10.0, 1.0]), (), 0.9 * 90 + 0.5 * 9),
        (trials([0.9, 0.5], [10.0, 1.0]), SPIKES, 0.9 + 0.5),
        (trials([0.9, 0.5], [10.0, 1.0], state=["COMPLETE", "PRUNED"]), SPIKES, 0.9),
        (trials([0.0, 0.9], [10.0, 100.0]), (), 0.0),  # on the reference: nothing
        (trials([NAN, 0.9], [10.0, 101.0]), (), 0.0),
        (trials([INF], [10.0]), (), INF),
        (trials([INF], [100.0]), (), 0.0),
        (trials([], []), (), 0.0),
    ],
)
def test_cases(frame: pd.DataFrame, log: Any, expected: float) -> None:
    assert hypervolume(frame, OBJECTIVES, ZERO, log) == pytest.approx(expected, abs=1e-12)
    history = hypervolume_over_time(frame.assign(trial_id=range(len(frame))), OBJECTIVES, ZERO, log)
    assert history["hypervolume"].tolist()[-1:] == pytest.approx([expected] if len(history) else [], abs=1e-12)


def test_the_order_in_which_trials_ended() -> None:
    ended = pd.to_datetime(["2026-01-03", None, "2026-01-01", "2026-01-03"], utc=True).as_unit("ms")
    frame = trials([0.3, 0.9, 0.1, 0.2], 10.0, ended=ended)
    history = hypervolume_over_time(frame, OBJECTIVES, ZERO, by="ended")
    assert history["ended"].dtype == frame["ended"].dtype
    assert history["ended"].tolist()[:3] == sorted(ended.dropna())
    assert history["ended"].isna().tolist() == [False, False, False, True]
    assert history["hypervolume"].tolist() == pytest.approx([9, 27, 27, 81])
    assert history["front_size"].tolist() == [1, 1, 1, 1]


@given(frames(), objectives_of())
def test_the_reference_is_a_tenth_of_the_range_beyond_the_worst(frame: pd.DataFrame, objectives: Any) -> None:
    columns = list(zip(*[point for point in points(frame, objectives) if point is not None], strict=True))
    expected = {}
    for (metric, direction), column in zip(objectives.items(), columns, strict=False):
        numbers = [value for value in column if math.isfinite(value)]
        if numbers:
            margin = (max(numbers) - min(numbers)) / 10 or abs(max(numbers)) / 10
            expected[metric] = (max(numbers) + margin) * (-1 if direction == "max" else 1)
    if len(expected) < len(objectives):
        metric = next(name for name in objectives if name not in expected)
        with says(f"no reference point: no eligible trial has a finite {metric}"):
            reference_point(frame, objectives)
        return
    reference = unchanged(frame, lambda f: reference_point(f, objectives))
    assert list(reference) == list(objectives)
    assert reference == pytest.approx(expected)


@pytest.mark.parametrize(
    ("frame", "log", "expected"),
    [
        (trials([0.9, 0.4], [10.0, 1000.0]), (), (0.35, 1099.0)),
        (trials([0.9, 0.4], [10.0, 1000.0]), SPIKES, (0.35, 1000 * 10**0.2)),
        (trials([0.9, 0.4, 0.0], [10.0, 1000.0, NAN]), SPIKES, (0.35, 1000 * 10**0.2)),
        (trials([0.5], [1000.0]), (), (0.45, 1100.0)),
        (trials([0.5], [1000.0]), SPIKES, (0.45, 1000 * 10**0.1)),
        (trials([0.0], [0.0]), (), (-0.1, 0.1)),
        (trials([-2.0], [-5.0]), (), (-2.2, -4.5)),
    ],
)
def test_references(frame: pd.DataFrame, log: Any, expected: tuple[float, float]) -> None:
    reference = reference_point(frame, log=log)
    assert (reference["val_accuracy"], reference["spikes_per_sample"]) == pytest.approx(expected)


def test_what_is_wrong_is_said() -> None:
    frame = trials([0.9, 0.4, 0.1], [10.0, 0.0, -1.0], trial_id=[1, 2, 3])
    with says("reference: no value for spikes_per_sample; it has values for val_accuracy"):
        hypervolume(frame, OBJECTIVES, {"val_accuracy": 0.0})
    with says("reference: val_accuracy must be finite, got nan"):
        hypervolume(frame, OBJECTIVES, {**ZERO, "val_accuracy": NAN})
    with says("reference: spikes_per_sample is in log and must be above 0, got 0"):
        hypervolume(frame[:1], OBJECTIVES, {**ZERO, "spikes_per_sample": 0}, SPIKES)
    rule = "must be a mapping with a value for each objective; reference_point(trials, objectives, log) makes one"
    for wrong in (None, [0.0, 1e4], 0.5, "val_accuracy"):
        with says(f"reference: {rule}, got {wrong!r}"):
            hypervolume(frame, OBJECTIVES, wrong)  # type: ignore[arg-type]
        with says(f"reference: {rule}, got {wrong!r}"):
            hypervolume_over_time(frame, OBJECTIVES, wrong)  # type: ignore[arg-type]
    for value in (None, "0.5"):
        with says(f"reference: val_accuracy must be finite, got {value}"):
            hypervolume(frame, OBJECTIVES, {**ZERO, "val_accuracy": value})  # type: ignore[dict-item]
    with says("log: None is not an objective"):
        hypervolume(frame, OBJECTIVES, ZERO, None)  # type: ignore[arg-type]
    with says("trials must be a pandas DataFrame or a run, got NoneType"):
        hypervolume(None, OBJECTIVES, ZERO)  # type: ignore[arg-type]
    with says("log: 'spikes' is not an objective; did you mean 'spikes_per_sample'?"):
        hypervolume(frame, OBJECTIVES, ZERO, "spikes")
    sentence = "log: spikes_per_sample must be above 0 in every row; 2 rows have values of 0 or less (lowest -1)"
    with says(sentence):
        hypervolume(frame, OBJECTIVES, ZERO, SPIKES)
    with says(sentence):
        hypervolume_over_time(frame, OBJECTIVES, ZERO, SPIKES)
    with says(sentence):
        reference_point(frame, OBJECTIVES, SPIKES)
    with says("the frame has no column 'trial'; did you mean 'trial_id'?"):
        hypervolume_over_time(frame, OBJECTIVES, ZERO, by="trial")


def test_the_reference_may_be_a_series() -> None:
    frame = trials([0.9], [10.0])
    assert hypervolume(frame, OBJECTIVES, pd.Series(ZERO)) == hypervolume(frame, OBJECTIVES, ZERO)  # type: ignore[arg-type]


def test_a_hundred_thousand_trials_all_on_the_front() -> None:
    """Takes 0.6 s; the limit tells it from a volume for each trial, whatever else the machine does."""
    place = np.random.default_rng(0).permutation(100_000)
    frame = trials(place / 1e5, place + 1.0, trial_id=range(100_000))
    start = process_time()
    history = hypervolume_over_time(frame, OBJECTIVES, {"val_accuracy": -0.1, "spikes_per_sample": 2e5}, SPIKES)
    assert process_time() - start < 10
    assert history["front_size"].tolist() == list(range(1, 100_001))
    last = hypervolume(frame, OBJECTIVES, {"val_accuracy": -0.1, "spikes_per_sample": 2e5}, SPIKES)
    assert history["hypervolume"].iloc[-1] == pytest.approx(last, rel=1e-9)
