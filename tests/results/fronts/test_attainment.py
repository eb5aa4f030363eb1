from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.results.trials import INFINITE, covers, dominates, frames, objectives_of, points, says, unchanged
from xoresnet.results.fronts.attainment import attainment


@st.composite
def searches(draw: st.DrawFn) -> tuple[pd.DataFrame, Any, list[float]]:
    """Trials of some runs, not in the order of the runs, at levels that are exact shares or between them."""
    frame = draw(frames((*INFINITE, 4.0, 7.0), most=9))
    run = st.integers(0, draw(st.integers(0, 4)))
    frame["run"] = pd.Series([f"run {draw(run)}" for _ in frame.index], index=frame.index, dtype="str")
    levels = st.sampled_from([0.1, 0.2, 1 / 3, 0.25, 0.5, 0.6, 2 / 3, 0.75, 0.8, 1.0])
    return frame, draw(objectives_of()), draw(st.lists(levels, max_size=3))


def surface(sets: list[list[tuple[float, ...]]], level: float) -> set[tuple[float, ...]]:
    """Minimal points of the grid through all coordinates that at least the share of the sets covers."""
    everything = [point for points_of in sets for point in points_of]
    grid = list(itertools.product(*map(set, zip(*everything, strict=True)))) if everything else []
    attained = []
    for point in grid:
        count = sum(any(covers(reached, point) for reached in points_of) for points_of in sets)
        if count / len(sets) >= level - 1e-12:
            attained.append(point)
    return {point for point in attained if not any(dominates(other, point) for other in attained)}


@given(searches())
def test_surfaces(search: tuple[pd.DataFrame, Any, list[float]]) -> None:
    frame, objectives, levels = search
    surfaces = unchanged(frame, lambda f: attainment(f, objectives, levels=levels))
    assert list(surfaces.columns) == ["level", *objectives]
    assert (surfaces.dtypes == np.float64).all()
    losses, runs = points(frame, objectives), frame["run"].tolist()
    sets = [[p for p, r in zip(losses, runs, strict=True) if r == run and p is not None] for run in sorted(set(runs))]
    start = 0
    for level in levels:
        expected = surface(sets, level)
        rows = surfaces.iloc[start : start + len(expected)]
        start += len(expected)
        corners = [point for point in points(rows, objectives) if point is not None]
        assert rows["level"].tolist() == [level] * len(expected)
        assert set(corners) == expected
        assert corners == sorted(corners, key=lambda corner: corner[::-1])
    assert len(surfaces) == start


@pytest.mark.parametrize("runs", [3, 7, 10, 49])
def test_levels_are_whole_shares(runs: int) -> None:
    """Run k reaches k and no less: k + 1 of the runs attain k."""
    frame = pd.DataFrame({"run": range(runs), "val_accuracy": 0.5, "spikes_per_sample": np.arange(runs) + 1.0})
    levels = [count / runs for count in range(1, runs + 1)]
    assert attainment(frame, levels=levels)["spikes_per_sample"].tolist() == list(range(1, runs + 1))
    just_above = [math.nextafter(count / runs, 1) for count in range(1, runs)]
    assert attainment(frame, levels=just_above)["spikes_per_sample"].tolist() == list(range(1, runs))
    above = [(count + 0.01) / runs for count in range(1, runs)]
    assert attainment(frame, levels=above)["spikes_per_sample"].tolist() == list(range(2, runs + 1))


def test_a_run_without_complete_trials_attained_nothing() -> None:
    frame = pd.DataFrame(
        {"run": ["a", "b"], "state": ["COMPLETE", "FAIL"], "val_accuracy": 0.5, "spikes_per_sample": 1.0}
    )
    assert attainment(frame, levels=[0.5, 1.0])["level"].tolist() == [0.5]
    assert attainment(frame.drop(columns="state"), levels=[0.5, 1.0])["level"].tolist() == [0.5, 1.0]


def test_runs_by_another_column() -> None:
    frame = pd.DataFrame({"seed": [2, 1, 2], "val_accuracy": [0.5, 0.4, 0.6], "spikes_per_sample": [1.0, 2.0, 3.0]})
    assert attainment(frame, by="seed", levels=[1.0]).values.tolist() == [[1.0, 0.4, 2.0]]


def test_what_is_wrong_is_said() -> None:
    frame = pd.DataFrame({"run": ["a", None], "val_accuracy": 0.5, "spikes_per_sample": 1.0})
    for level in (0.0, 1.1, math.nan):
        with says(f"a level is a share of the runs, above 0 and at most 1, got {level}"):
            attainment(frame, levels=[level])
    with says("column 'run' must name the run of every trial; it is empty in 1 rows"):
        attainment(frame)
    with says("the frame has no column 'runs'; did you mean 'run'?"):
        attainment(frame, by="runs")
