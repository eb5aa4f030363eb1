from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from tests.results.trials import frames, objectives_of, points, says, unchanged
from xoresnet.results.fronts.objectives import OBJECTIVES, eligible, losses

NAN = math.nan


@given(frames(), objectives_of())
def test_losses_and_rows_that_count(frame: pd.DataFrame, objectives: Any) -> None:
    expected = points(frame, objectives)
    rows = unchanged(frame, lambda f: eligible(f, objectives))
    assert rows.tolist() == [point is not None for point in expected]
    values = unchanged(frame, lambda f: losses(f, objectives))
    assert values.shape == (len(frame), len(objectives))
    assert values.dtype == np.float64
    assert [tuple(row) for row in values[rows]] == [point for point in expected if point is not None]


def test_any_kind_of_number_will_do() -> None:
    frame = pd.DataFrame(
        {
            "val_accuracy": pd.array([1, None, 3], dtype="Int64"),
            "spikes_per_sample": pd.Series([1.5, None, True], dtype=object),
        }
    )
    np.testing.assert_array_equal(losses(frame), [[-1, 1.5], [NAN, NAN], [-3, 1]])


@pytest.mark.parametrize("dtype", ["str", "string", "category", "object"])
def test_states_of_any_type(dtype: Any) -> None:
    states = pd.Series(["COMPLETE", "PRUNED", None, "FAIL"], dtype=dtype)
    frame = pd.DataFrame({"state": states, "val_accuracy": 0.5, "spikes_per_sample": 1.0})
    assert eligible(frame).tolist() == [True, False, False, False]


def test_logarithms() -> None:
    frame = pd.DataFrame({"val_accuracy": [1.0, 0.1, 0.0, -1.0], "spikes_per_sample": [100.0, 1, 0, -1]})
    logarithms = losses(frame, log=["spikes_per_sample", "val_accuracy"])
    np.testing.assert_array_equal(logarithms, [[0, 2], [1, 0], [math.inf, -math.inf], [NAN, NAN]])
    np.testing.assert_array_equal(losses(frame, log="spikes_per_sample")[:2], [[-1, 2], [-0.1, 0]])


FRAME = pd.DataFrame({"val_accuracy": [0.5], "spikes_per_sample": [1.0], "arch_id": ["a"], "ended": [pd.Timestamp(0)]})


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        ({}, "objectives must map at least one metric to 'max' or 'min', got {}"),
        (["val_accuracy"], "objectives must map at least one metric to 'max' or 'min', got ['val_accuracy']"),
        ({"x": "maximum"}, "the direction of x must be 'max' or 'min', got 'maximum'; did you mean 'max'?"),
        ({"accuracy": "max"}, "the frame has no column 'accuracy'; did you mean 'val_accuracy'?"),
        ({"zzz": "max"}, "the frame has no column 'zzz'"),
        ({"arch_id": "max"}, "column 'arch_id' must contain numbers, got str"),
        ({"ended": "max"}, f"column 'ended' must contain numbers, got {FRAME['ended'].dtype}"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_objectives_is_said(objectives: Any, message: str) -> None:
    with says(message):
        losses(FRAME, objectives)


def test_what_is_wrong_with_values_and_logarithms_is_said() -> None:
    with says("column 'x' must contain numbers: could not convert string to float: 'many'"):
        losses(pd.DataFrame({"x": pd.Series([1, "many"], dtype=object)}), {"x": "max"})
    with says("log: 'spikes' is not an objective; did you mean 'spikes_per_sample'?"):
        losses(FRAME, log=["spikes"])


def test_the_default_cannot_be_changed() -> None:
    assert dict(OBJECTIVES) == {"val_accuracy": "max", "spikes_per_sample": "min"}
    with pytest.raises(TypeError):
        OBJECTIVES["val_accuracy"] = "min"  # type: ignore[index]
