"""What one parameter does to a metric, alone and with all else equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.measures.metrics import metric_of
from xoresnet.results.fronts.objectives import complete, numbers
from xoresnet.results.tables.parameters import codes, labels, parameter_column, parameter_columns

__all__ = ["ablation"]

_Array = NDArray[np.float64]
_Codes = NDArray[np.intp]
_Scale = Literal["difference", "ratio"]
_COLUMNS = ["kind", "metric", "level", "reference", "scale", "effect", "low", "high", "count"]
_TYPES = {"effect": "float64", "low": "float64", "high": "float64", "count": "int64"}
_BLOCK = 2_000_000  # so many resampled values at a time: 16 MB


def ablation(
    trials: pd.DataFrame,
    factor: str,
    metrics: Sequence[str] = ("val_accuracy", "spikes_per_sample"),
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Marginal means of a metric at each level of a parameter, and effects between trials that differ in it alone.

    Columns `[kind, metric, level, reference, scale, effect, low, high, count]`. factor: `merge` is `config.merge`.

    kind `marginal`: the mean over all trials at a level; reference is missing, scale is `mean`, count the trials.
    Searches sample good regions more often, so that marginal means also show what else these trials had.
    kind `matched`: a row for each pair of levels. Trials are matched where all other `config.*` columns agree, missing
    values included; several at one level of a match are averaged first. The effect is the mean over the matches of
    metric(level) - metric(reference), scale `difference`; or, for a metric that has a true zero (`*_per_sample`,
    `*_count`, `*_seconds`) and is above it in all trials, the geometric mean of metric(level) / metric(reference),
    scale `ratio`. count: the matches. The reference is the level with more trials, of equals the first in order.

    low, high: percentile bootstrap interval over trials or matches (Efron 1979, doi 10.1214/aos/1176344552); NaN for
    fewer than two of them. effect is NaN where nothing matches. Same frame and seed, same numbers.
    Left out: trials that are not COMPLETE, where there is a column `state`; those that do not have the parameter; for
    each metric, those in which it is not finite.
    Raises ValueError for an unknown parameter or metric, and for resamples and confidence out of range.
    """
    if resamples < 1 or not 0 < confidence < 1:
        raise ValueError(f"resamples >= 1 and 0 < confidence < 1 are needed, got {resamples} and {confidence}")
    measured = {metric: numbers(trials, metric) for metric in ([metrics] if isinstance(metrics, str) else metrics)}
    column = parameter_column(trials, factor)
    kept = trials[column].notna().to_numpy() & complete(trials)
    levels, names = _levels(trials[column][kept])
    matches = _matches(trials[kept].drop(columns=column))
    rows: list[tuple[object, ...]] = []
    for metric, values in measured.items():
        finite = np.isfinite(values[kept])
        given = values[kept][finite], levels[finite], names
        samples = chain(_marginal(*given), _matched(*given, matches[finite], _scale(metric, given[0])))
        for sample in samples:
            estimate = _estimate(sample.values, resamples, confidence, seed)
            effects = np.exp(estimate) if sample.scale == "ratio" else estimate
            rows.append((sample.kind, metric, *sample[1:4], *effects, len(sample.values)))
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    level = frame["level"].convert_dtypes()
    return frame.assign(level=level, reference=frame["reference"].astype(level.dtype)).astype(_TYPES)


def _scale(metric: str, values: _Array) -> _Scale:
    return "ratio" if metric_of(metric).log and bool((values > 0).all()) else "difference"


class _Sample(NamedTuple):
    """Numbers whose mean is an effect; on a natural logarithm where it is a ratio."""

    kind: Literal["marginal", "matched"]
    level: object
    reference: object
    scale: _Scale | Literal["mean"]
    values: _Array


def _marginal(values: _Array, levels: _Codes, names: Sequence[object]) -> Iterator[_Sample]:
    for code, name in enumerate(names):
        yield _Sample("marginal", name, None, "mean", values[levels == code])


def _matched(
    values: _Array, levels: _Codes, names: Sequence[object], matches: _Codes, scale: _Scale
) -> Iterator[_Sample]:
    cells, shape = matches * len(names) + levels, (matches.max(initial=-1) + 1, len(names))
    counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    sums = np.bincount(cells, values, minlength=shape[0] * shape[1]).reshape(shape)
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)  # [matches, levels]
    if scale == "ratio":
        means = np.log(means)
    for reference, level in combinations(range(len(names)), 2):
        effects = means[:, level] - means[:, reference]
        yield _Sample("matched", names[level], names[reference], scale, effects[~np.isnan(effects)])


def _levels(column: pd.Series[Any]) -> tuple[_Codes, list[object]]:
    """The level of each trial by number, and their names; most frequent first, of equals in order."""
    found, names = pd.factorize(labels(column), sort=True)
    order = np.argsort(-np.bincount(found, minlength=len(names)), kind="stable")
    return np.argsort(order)[found], [names[code] for code in order]


def _matches(trials: pd.DataFrame) -> _Codes:
    """The same number for trials that agree in every parameter."""
    found = np.zeros(len(trials), dtype=np.intp)
    for column in parameter_columns(trials).values():
        values = codes(trials[column]) + 1
        found = pd.factorize(found * (values.max(initial=0) + 1) + values)[0]  # counted anew: products stay small
    return found


def _estimate(values: _Array, resamples: int, confidence: float, seed: int) -> _Array:
    """The mean and its interval."""
    if len(values) < 2:
        return np.array([values.mean() if len(values) else np.nan, np.nan, np.nan])
    generator = np.random.default_rng(seed)  # the same draws for each effect: none hangs on which others are asked for
    block = max(1, _BLOCK // len(values))
    means = [
        values[generator.integers(len(values), size=(min(block, resamples - done), len(values)))].mean(axis=1)
        for done in range(0, resamples, block)
    ]
    tail = (1 - confidence) / 2
    return np.array([values.mean(), *np.quantile(np.concatenate(means), [tail, 1 - tail])])
