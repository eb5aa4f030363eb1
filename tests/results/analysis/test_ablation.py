from __future__ import annotations

import itertools
import math
import sys
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.results.trials import STATES, says, unchanged
from xoresnet.results.analysis.ablation import FEWEST_PAIRS, ablation

NAN = math.nan
COLUMNS = ["kind", "metric", "level", "reference", "scale", "effect", "low", "high", "count"]


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    count = draw(st.integers(0, 16))

    def column(values: Any, dtype: str) -> pd.Series:
        return pd.Series([draw(st.sampled_from(values)) for _ in range(count)], dtype=dtype)

    return pd.DataFrame(
        {
            "state": column(STATES, "str"),
            "config.merge": column(["add", "oa", "or", None], "str"),
            "config.block": column(["basic", "bottleneck"], "str"),
            "config.depth": column([8.0, NAN], "float64"),
            "val_accuracy": column([0.0, 0.5, 0.75, 0.9, NAN, math.inf], "float64"),
            "spikes_per_sample": column([1.0, 10.0, 30.0, draw(st.sampled_from([0.0, 2.0]))], "float64"),
        }
    )


def in_the_plainest_way(frame: pd.DataFrame, factor: str, metric: str) -> list[tuple[Any, ...]]:
    rows = [row for row in frame.to_dict("records") if row["state"] == "COMPLETE" and row[factor] == row[factor]]
    counts = {name: sum(row[factor] == name for row in rows) for name in {row[factor] for row in rows}}
    levels = sorted(counts, key=lambda name: (-counts[name], name))
    rows = [row for row in rows if math.isfinite(row[metric])]
    others = [name for name in frame if name.startswith("config.") and name != factor]
    cells: dict[tuple[str, ...], dict[Any, list[float]]] = {}
    for row in rows:
        cell = cells.setdefault(tuple(str(row[name]) for name in others), {})
        cell.setdefault(row[factor], []).append(row[metric])
    effects: list[tuple[Any, ...]] = []
    for level in levels:
        values = [row[metric] for row in rows if row[factor] == level]
        effects.append(("marginal", level, None, "mean", fmean(values) if values else NAN, len(values)))
    ratio = metric == "spikes_per_sample" and all(row[metric] > 0 for row in rows)
    for reference, level in itertools.combinations(levels, 2):
        pairs = [(fmean(c[level]), fmean(c[reference])) for c in cells.values() if level in c and reference in c]
        if ratio:
            effect = math.exp(fmean(math.log(a / b) for a, b in pairs)) if pairs else NAN
        else:
            effect = fmean(a - b for a, b in pairs) if pairs else NAN
        effects.append(("matched", level, reference, "ratio" if ratio else "difference", effect, len(pairs)))
    return effects


def present(column: pd.Series) -> list[Any]:
    return [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]


@given(frames(), st.sampled_from(["merge", "config.depth"]))
def test_effects(frame: pd.DataFrame, factor: str) -> None:
    effects = unchanged(frame, lambda f: ablation(f, factor, resamples=20))
    assert list(effects.columns) == COLUMNS
    column = f"config.{factor.removeprefix('config.')}"
    expected = [
        (metric, *row)
        for metric in ("val_accuracy", "spikes_per_sample")
        for row in in_the_plainest_way(frame, column, metric)
    ]
    names = [present(effects[name]) for name in ("metric", "kind", "level", "reference", "scale", "count")]
    assert list(zip(*names, strict=True)) == [(*row[:5], row[6]) for row in expected]
    assert effects["effect"].tolist() == pytest.approx([row[5] for row in expected], nan_ok=True)
    few = effects["count"] < FEWEST_PAIRS
    assert effects.loc[few, ["low", "high"]].isna().all(axis=None)
    assert (effects["low"] <= effects["high"])[~few].all()


def paired() -> pd.DataFrame:
    """Merge, width, seed: `oa` is 0.1 more accurate at a third of the spikes, whatever the width; `or` has no match."""
    rows = [
        ("add", 8, 0.5, 300.0),
        ("oa", 8, 0.6, 100.0),
        ("add", 16, 0.7, 900.0),
        ("oa", 16, 0.8, 300.0),
        ("oa", 16, 0.8, 300.0),
        ("add", 32, 0.1, 3.0),
        ("add", 32, 0.2, 3.0),
        ("or", 64, 0.9, 1.0),
    ]
    return pd.DataFrame(rows, columns=["config.merge", "config.width", "val_accuracy", "spikes_per_sample"])


def test_matched_pairs() -> None:
    effects = ablation(paired(), "merge")
    rows = effects[(effects["kind"] == "matched") & (effects["level"] == "oa")].set_index("metric")
    assert rows["reference"].tolist() == ["add", "add"]
    assert rows["scale"].tolist() == ["difference", "ratio"]
    np.testing.assert_allclose(rows["effect"], [0.1, 1 / 3], rtol=1e-9)
    assert rows[["low", "high"]].isna().all(axis=None)
    assert rows["count"].tolist() == [2, 2]
    unmatched = effects[effects["level"].eq("or") & effects["reference"].notna()]
    assert unmatched["reference"].tolist() == ["add", "oa"] * 2
    assert unmatched["count"].tolist() == [0] * 4
    assert unmatched[["effect", "low", "high"]].isna().all(axis=None)


def test_numbers_stay_numbers() -> None:
    effects = ablation(paired(), "width", ["val_accuracy"])
    assert effects["level"].tolist()[:4] == [16, 8, 32, 64]
    assert str(effects["level"].dtype) == str(effects["reference"].dtype) == "Int64"


def test_the_interval_is_where_resampled_means_lie() -> None:
    """Against the normal approximation, for 400 trials."""
    values = np.random.default_rng(1).normal(5, 2, 400)
    frame = pd.DataFrame({"config.merge": "oa", "val_accuracy": values})
    (row,) = ablation(frame, "merge", "val_accuracy", resamples=4000, confidence=0.9).to_dict("records")
    half = 1.645 * values.std() / 20
    assert row["effect"] == pytest.approx(values.mean())
    assert (row["low"], row["high"]) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_all_resamples_of_few_values() -> None:
    """The number of ones among six draws is binomial."""
    frame = pd.DataFrame({"config.merge": "oa", "val_accuracy": [0.0, 1.0] * 3})
    for confidence in (0.9, 0.4):
        tail = (1 - confidence) / 2
        expected = tuple(binom.ppf([tail, 1 - tail], 6, 0.5) / 6)
        (row,) = ablation(frame, "merge", ["val_accuracy"], confidence=confidence).to_dict("records")
        assert (row["low"], row["high"]) == pytest.approx(expected)
    (row,) = ablation(frame[:5], "merge", ["val_accuracy"]).to_dict("records")
    assert np.isnan(row["low"])


def test_same_seed_same_numbers() -> None:
    frame = pd.concat([paired()] * 3, ignore_index=True).assign(val_accuracy=lambda f: f.index / 24)
    effects = ablation(frame, "merge", seed=1)
    pd.testing.assert_frame_equal(effects, ablation(frame, "merge", seed=1), check_exact=True)
    reseeded = ablation(frame, "merge", seed=2)
    assert not effects["low"].equals(reseeded["low"])
    alone = ablation(frame, "merge", ["spikes_per_sample"], seed=1)
    together = effects[effects["metric"] == "spikes_per_sample"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


def test_many_trials_are_resampled_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"config.merge": "oa", "val_accuracy": np.arange(50.0)})
    expected = ablation(frame, "merge", ["val_accuracy"], resamples=201)
    monkeypatch.setattr(sys.modules["xoresnet.results.analysis.ablation"], "_BLOCK", 1000)
    effects = ablation(frame, "merge", ["val_accuracy"], resamples=201)
    pd.testing.assert_frame_equal(effects, expected, check_exact=True)


def test_what_is_wrong_is_said() -> None:
    with says("the frame has no parameter 'merg'; did you mean 'merge'?"):
        ablation(paired(), "merg")
    with says("the frame has no column 'accuracy'; did you mean 'val_accuracy'?"):
        ablation(paired(), "merge", ["accuracy"])
    for resamples, confidence in [(0, 0.95), (10, 1.0), (10, 0.0)]:
        with says(f"resamples >= 1 and 0 < confidence < 1 are required, got {resamples} and {confidence}"):
            ablation(paired(), "merge", resamples=resamples, confidence=confidence)
