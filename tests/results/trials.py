"""Frames of trials for the tests, and dominance in the plainest way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import strategies as st

from xoresnet.errors import UsageError
from xoresnet.results.fronts.objectives import Objectives

METRICS = ("val_accuracy", "spikes_per_sample", "energy_pj_per_sample", "train_seconds")
STATES = ("COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "FAIL", "RUNNING")
NUMBERS = (1.0, 2.0, 3.0, 5.0, 20.0)  # few, so that there are ties
INFINITE = (*NUMBERS, math.inf, -math.inf)


@st.composite
def objectives_of(draw: st.DrawFn, least: int = 1, most: int = 4) -> dict[str, Any]:
    metrics = METRICS[: draw(st.integers(least, most))]
    return {metric: draw(st.sampled_from(["max", "min"])) for metric in metrics}


@st.composite
def frames(
    draw: st.DrawFn, values: Sequence[float] = INFINITE, *, missing: bool = True, least: int = 0, most: int = 14
) -> pd.DataFrame:
    """Trials in any order under an index of their own, with ties, with NaN if `missing`, some without `state`."""
    count = draw(st.integers(least, most))
    any_value = st.sampled_from([*values, math.nan] if missing else list(values))
    frame = pd.DataFrame(
        {
            "trial_id": pd.Series(draw(st.permutations(range(count))), dtype="int64"),
            "state": pd.Series([draw(st.sampled_from(STATES)) for _ in range(count)], dtype="str"),
            **{metric: pd.Series([draw(any_value) for _ in range(count)], dtype="float64") for metric in METRICS},
        }
    )
    frame.index = pd.Index([f"row {place}" for place in range(count)], dtype="str")
    return frame.drop(columns="state") if draw(st.booleans()) else frame


def points(frame: pd.DataFrame, objectives: Objectives) -> list[tuple[float, ...] | None]:
    """The losses of each row; None for those that do not count."""
    losses: list[tuple[float, ...] | None] = []
    for row in frame.to_dict("records"):
        point = tuple(-row[name] if way == "max" else row[name] for name, way in objectives.items())
        counts = row.get("state", "COMPLETE") == "COMPLETE" and not any(map(math.isnan, point))
        losses.append(point if counts else None)
    return losses


def covers(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True))


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return covers(a, b) and tuple(a) != tuple(b)


def front(frame: pd.DataFrame, objectives: Objectives) -> list[int]:
    """The places of the rows that no other dominates."""
    all_points = points(frame, objectives)
    others = [point for point in all_points if point is not None]
    return [i for i, p in enumerate(all_points) if p is not None and not any(dominates(o, p) for o in others)]


def grid_volume(losses: Sequence[Sequence[float]], corner: Sequence[float]) -> float:
    """What the points dominate up to the corner, cell by cell of the grid through all their coordinates."""
    inside = [point for point in losses if all(x < c for x, c in zip(point, corner, strict=True))]
    axes = [sorted({*(point[axis] for point in inside), c}) for axis, c in enumerate(corner)]

    def below(axis: int, lows: tuple[float, ...], size: float) -> float:
        if axis == len(axes):
            return size if any(covers(point, lows) for point in inside) else 0.0
        cells = zip(axes[axis], axes[axis][1:], strict=False)
        return sum(below(axis + 1, (*lows, low), size * (high - low)) for low, high in cells)

    return below(0, (), 1.0)


def unchanged(frame: pd.DataFrame, call: Callable[[pd.DataFrame], Any]) -> Any:
    """The result of a call that must leave the frame as it was."""
    before = frame.copy(deep=True)
    result = call(frame)
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    return result


def says(message: str) -> Any:
    """`pytest.raises` for a `UsageError` with exactly this sentence."""

    def check(error: UsageError) -> bool:
        assert str(error) == message
        return True

    return pytest.raises(UsageError, check=check)
