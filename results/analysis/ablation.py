"""The effect of one parameter on a metric: over all trials, and with all else equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.errors import UsageError
from xoresnet.measures.metrics import metric_of
from xoresnet.results.fronts.objectives import HasTrials, complete, numbers, trials_of
from xoresnet.results.tables.parameters import codes, labels, parameter_column, parameter_columns

__all__ = ["FEWEST_PAIRS", "ablation"]

_Array = NDArray[np.float64]
_Codes = NDArray[np.intp]
_Scale = Literal["difference", "ratio"]
_COLUMNS = ["kind", "metric", "level", "reference", "scale", "effect", "low", "high", "count"]
_TYPES = {"effect": "float64", "low": "float64", "high": "float64", "count": "int64"}
FEWEST_PAIRS = 6
"""Values below which there is no interval: five that agree in sign do so by chance in one case of 16 (sign test)."""
_BLOCK = 2_000_000  # resampled values held at a time: 16 MB


def ablation(
    trials: pd.DataFrame | HasTrials,
    factor: str,
    metrics: Sequence[str] | None = None,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Marginal means of metrics at each level of a parameter, and effects between trials that differ in it alone.

    trials: a frame, or a run. factor: a parameter, with or without `config.`. metrics: columns; by default the
    objectives of the run, for a frame accuracy and spikes. confidence: of the intervals, between 0 and 1.
    Returns columns `[kind, metric, level, reference, scale, effect, low, high, count]`:

    - kind `marginal`: the mean over all trials at a level. `reference` is missing, `scale` is `mean`, `count` is the
      number of trials. Searches sample good regions more often, so marginal means also reflect the other parameters.
    - kind `matched`: one row per pair of levels. Trials match if all other `config.*` columns agree, including missing
      values; trials at the same level of a match are averaged first. The effect is the mean over the matches of
      metric(level) - metric(reference), with `scale` `difference`. For amounts (`*_per_sample`, `*_count`,
      `*_seconds`) that are positive in all trials it is the geometric mean of metric(level) / metric(reference), with
      `scale` `ratio`. `count` is the number of matches. The reference is the level with more trials; ties go to the
      first in order.

    `low`, `high`: the percentile bootstrap interval over trials or matches (Efron 1979, doi 10.1214/aos/1176344552),
    NaN for fewer than six of them (`FEWEST_PAIRS`), of which resampling shows little more than the extremes. `effect`
    is NaN without matches. Equal frames and seeds give equal numbers.
    Ignored are trials that are not COMPLETE (if the frame has a column `state`), trials without the parameter, and, by
    metric, trials in which it is not finite.
    Raises `UsageError` for an unknown parameter or metric, and if resamples < 1 or confidence is out of range.
    """
    if resamples < 1 or not 0 < confidence < 1:
        raise UsageError(f"resamples >= 1 and 0 < confidence < 1 are required, got {resamples} and {confidence}")
    trials, objectives = trials_of(trials)
    chosen = list(objectives) if metrics is None else [metrics] if isinstance(metrics, str) else metrics
    measured = {metric: numbers(trials, metric) for metric in chosen}
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
    """Values whose mean is an effect; natural logarithms if the scale is `ratio`."""

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
    """The code of each trial's level, and the levels by code; the most frequent first, ties in order."""
    values, names = pd.factorize(labels(column), sort=True)
    order = np.argsort(-np.bincount(values, minlength=len(names)), kind="stable")
    return np.argsort(order)[values], [names[code] for code in order]


def _matches(trials: pd.DataFrame) -> _Codes:
    """One number per trial, the same for trials that agree in every parameter."""
    groups = np.zeros(len(trials), dtype=np.intp)
    for column in parameter_columns(trials).values():
        values = codes(trials[column]) + 1
        groups = pd.factorize(groups * (values.max(initial=0) + 1) + values)[0]  # renumbered: products stay small
    return groups


def _estimate(values: _Array, resamples: int, confidence: float, seed: int) -> _Array:
    """The mean, and the lower and upper bound of its interval."""
    if len(values) < FEWEST_PAIRS:
        return np.array([values.mean() if len(values) else np.nan, np.nan, np.nan])
    generator = np.random.default_rng(seed)  # the same draws for each effect, whatever other effects are computed
    block = max(1, _BLOCK // len(values))
    means = [
        values[generator.integers(len(values), size=(min(block, resamples - done), len(values)))].mean(axis=1)
        for done in range(0, resamples, block)
    ]
    tail = (1 - confidence) / 2
    return np.array([values.mean(), *np.quantile(np.concatenate(means), [tail, 1 - tail])])
