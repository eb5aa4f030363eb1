from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.results.trials import says, unchanged
from xoresnet.results.analysis.importance import importance
from xoresnet.results.fronts.objectives import OBJECTIVES

ACCURACY: Any = {"val_accuracy": "max"}


def trials(count: int = 120, seed: int = 0) -> pd.DataFrame:
    """Merge decides accuracy; width, and in some blocks depth, decide the spikes; noise decides nothing."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "config.merge": generator.choice(["add", "oa", "or"], count),
            "config.width": generator.choice([8, 16, 32, 64], count),
            "config.block": generator.choice(["basic", "bottleneck"], count),
            "config.noise": generator.choice([1, 2, 3], count),
            "config.stem": "conv3",
        }
    )
    frame["config.depth"] = np.where(frame["config.block"] == "basic", generator.choice([8.0, 110.0], count), np.nan)
    frame["val_accuracy"] = frame["config.merge"].map({"add": 0.5, "oa": 0.9, "or": 0.4})
    depth = frame["config.depth"].fillna(30.0)
    frame["spikes_per_sample"] = 10.0 * frame["config.width"] ** 2 * depth
    return frame


@pytest.fixture
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it does not matter how good they are."""
    monkeypatch.setattr(sys.modules["xoresnet.results.analysis.importance"], "_TREES", 4)


def shares(frame: pd.DataFrame, metric: str) -> dict[str, float]:
    rows = frame[frame["metric"] == metric]
    return dict(zip(rows["parameter"], rows["importance"], strict=True))


def test_what_decides_is_important_and_what_does_not_is_not() -> None:
    importances = unchanged(trials(), importance)
    assert list(importances.columns) == ["metric", "parameter", "importance", "deviation"]
    assert list(importances["metric"]) == ["val_accuracy"] * 5 + ["spikes_per_sample"] * 5  # stem does not vary
    accuracy, spikes = shares(importances, "val_accuracy"), shares(importances, "spikes_per_sample")
    assert next(iter(accuracy)) == "merge"
    assert accuracy["merge"] == pytest.approx(1, abs=0.25)
    assert max(abs(share) for name, share in accuracy.items() if name != "merge") < 0.05
    assert next(iter(spikes)) == "width"
    assert spikes["depth"] > 0.1  # though half of the trials do not have it
    assert max(abs(spikes["merge"]), abs(spikes["noise"])) < 0.05
    for shown in (accuracy, spikes):
        assert list(shown.values()) == sorted(shown.values(), reverse=True)
    assert (importances["deviation"] >= 0).all()


@pytest.mark.usefixtures("small_forests")
def test_same_seed_same_numbers_whatever_the_index() -> None:
    frame = trials(30)
    importances = importance(frame, ACCURACY, seed=3)
    pd.testing.assert_frame_equal(
        importances, importance(frame.set_index(frame.index + 7), ACCURACY, seed=3), check_exact=True
    )
    assert not importances.equals(importance(frame, ACCURACY, seed=4))


@pytest.mark.parametrize(
    ("values", "log"),
    [([1.0, 10.5], True), ([1.0, 10.0], False), ([0.0, 100.0], False), ([-1.0, 100.0], False), ([1e-9, 1.0], True)],
)
def test_a_logarithm_is_taken_of_what_spans_more_than_a_factor_of_ten(
    values: list[float], log: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained = []

    def explain(parameters: Any, given: Any, seed: int) -> Any:
        explained.append(given)
        return np.zeros((parameters.shape[1], 1))

    monkeypatch.setattr(sys.modules["xoresnet.results.analysis.importance"], "_lost_shares", explain)
    importance(trials(20).assign(spikes_per_sample=values * 10), {"spikes_per_sample": "min"})
    np.testing.assert_allclose(explained, [np.tile(np.log10(values) if log else values, 10)])


@pytest.mark.usefixtures("small_forests")
def test_only_trials_that_count() -> None:
    frame = trials(20).assign(state="COMPLETE")
    waste = frame.assign(state="PRUNED", val_accuracy=range(20))
    hole = frame[:3].assign(val_accuracy=[np.nan, np.inf, -np.inf])
    expected = importance(frame, ACCURACY)
    pd.testing.assert_frame_equal(importance(pd.concat([frame, waste, hole]), ACCURACY), expected)
    with says("importance requires at least 10 complete trials, got 9"):
        importance(pd.concat([frame[:9], waste, hole]))
    importance(frame[:10])


@pytest.mark.usefixtures("small_forests")
def test_of_very_many_trials_a_part_is_drawn() -> None:
    """A parameter varies only if the one trial that differs in it is among the 2,000 of 2,001."""
    frame = trials(2001)[["config.noise", "config.stem", "val_accuracy"]]
    (left_out,) = {*range(2001)} - {*np.random.default_rng(0).choice(2001, 2000, replace=False).tolist()}
    assert 0 < left_out < 2000
    for place in (0, left_out, 2000):
        varied = frame.assign(**{"config.stem": np.where(np.arange(2001) == place, "conv7-pool", "conv3")})
        importances = importance(varied, ACCURACY)
        assert set(importances["parameter"]) == {"noise"} | ({"stem"} if place != left_out else set())


def test_what_a_forest_learns_by_heart_does_not_count() -> None:
    frame = trials().assign(**{"config.recipe.lr": lambda f: np.arange(len(f))})
    frame["val_accuracy"] = np.random.default_rng(1).random(len(frame))
    assert importance(frame, ACCURACY)["importance"].max() < 0.1


@pytest.mark.usefixtures("small_forests")
def test_nothing_varies() -> None:
    frame = trials(12)
    constant = importance(frame.assign(val_accuracy=0.5), ACCURACY)
    assert (constant[["importance", "deviation"]] == 0).all(axis=None)
    assert sorted(constant["parameter"]) == ["block", "depth", "merge", "noise", "width"]
    fixed = importance(frame[["val_accuracy", "config.stem"]], ACCURACY)
    assert (list(fixed.columns), len(fixed)) == (["metric", "parameter", "importance", "deviation"], 0)


@pytest.mark.usefixtures("small_forests")
def test_parameters_of_every_kind() -> None:
    frame = trials(20).assign(
        **{
            "config.neuron.detach_reset": pd.array([True, None] * 10, dtype="boolean"),
            "config.timesteps": pd.array([2, 4] * 10, dtype="Int64"),
            "config.xor": [["none", "both"], "none"] * 10,
        }
    )
    assert set(importance(frame, OBJECTIVES)["parameter"]) > {"neuron.detach_reset", "timesteps", "xor"}
