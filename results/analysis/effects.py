"""Effects of an ablation: differences that are paired by seed, with Student's interval and Holm's adjusted p-values.

from xoresnet.results import load, paired_effects

effects = paired_effects(load("runs/digits").ablations)
effects[effects["metric"] == "test_accuracy"][["field", "value", "effect", "low", "high", "p_value_holm"]]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit  # type: ignore[import-untyped]

from xoresnet.errors import UsageError
from xoresnet.measures.metrics import metric_of
from xoresnet.results.fronts.objectives import numbers

__all__ = ["holm", "leading_effects", "paired_effects"]

_Array = NDArray[np.float64]
_Scale = Literal["difference", "ratio"]
_SEED = "config.recipe.seed"
_EPOCHS = "config.recipe.epochs"
_TYPES = {
    "base_trial_id": "Int64",
    "base_source": "str",
    "base_arch_id": "str",
    "networks": "int64",
    "epochs": "Int64",
    "field": "str",
    "value": "str",
    "reference": "str",
    "metric": "str",
    "scale": "str",
    "effect": "float64",
    "low": "float64",
    "high": "float64",
    "p_value": "float64",
    "p_value_holm": "float64",
    "seeds": "int64",
    "failed": "int64",
}
_ROUNDING = 1e-12


def paired_effects(
    ablations: pd.DataFrame,
    metrics: Sequence[str] = ("test_accuracy", "test_spikes_per_sample"),
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The effect of each change on each metric, from trainings of both networks on the same seeds.

    ablations: `load(run).ablations`, or what `load_ablation` returns. confidence: of the intervals, between 0 and 1.
    Returns columns `[base_trial_id, base_source, base_arch_id, networks, epochs, field, value, reference, metric,
    scale, effect, low, high, p_value, p_value_holm, seeds, failed]`:

    - `effect`: with `scale` `difference` the mean over seeds of metric(value) - metric(reference), shares from 0 to 1,
      so that 0.01 is a percentage point; with `scale` `ratio` the geometric mean of metric(value) / metric(reference).
      Amounts (`*_per_sample`, `*_count`, `*_seconds`) that are positive in all trainings are compared by ratios.
    - `low`, `high`: Student's interval of the paired differences, of the logarithms for ratios (Student 1908,
      doi 10.1093/biomet/6.1.1). It holds for this one comparison, not for all of them at once.
    - `p_value`: of the two-sided paired t-test of no effect. `p_value_holm`: adjusted for all comparisons of the same
      metric and unchanged network (Holm 1979, jstor 4615733).
    - `seeds`: how many pairs there are. `failed`: on how many seeds one of the two trainings has failed, which leaves
      the others a selection of those that went well.

    Interval and p-values are NaN for fewer than two seeds, and where all differences are equal, because then nothing
    is known of their spread; `effect` is NaN without pairs, which are left out where a metric is not finite.

    Rows without `base_arch_id` pool all unchanged networks with equal `epochs`, where there are at least two
    (`networks`): the reference is the value that most of them have (ties go to the first), another network's own value
    counts like any other, and each seed contributes the mean over the networks of their differences on it. The
    interval is then for the mean over these very networks, not for networks in general.
    Raises `UsageError` for an unknown metric, for a table with several runs, and if confidence is out of range.
    """
    if not 0 < confidence < 1:
        raise UsageError(f"0 < confidence < 1 is required, got {confidence}")
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    scales = {name: _scale(name, ablations) for name in names}
    bases = list(_bases(ablations, scales))
    rows: list[dict[str, Any]] = []
    for base in bases:
        for name in names:
            rows += _adjusted([_row(change, base.facts, confidence) for change in base.changes(name, scales[name])])
    for epochs in dict.fromkeys(base.facts["epochs"] for base in bases):
        alike = [base for base in bases if base.facts["epochs"] == epochs]
        for name in names if len(alike) > 1 else ():
            pooled = list(_pooled(alike, name, scales[name]))
            rows += _adjusted([_row(change, {"epochs": epochs}, confidence) for change in pooled])
    return pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)


def leading_effects(ablations: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """The rows of `paired_effects` that speak for a run: pooled over all networks, or of the one with most changes.

    Of several budgets, the largest one; without effects that are NaN, and without metrics that the table does not have.
    """
    effects: pd.DataFrame = paired_effects(ablations, [name for name in metrics if name in ablations])
    effects = effects.loc[effects["effect"].notna()]
    largest = effects["epochs"].fillna(0).eq(effects["epochs"].fillna(0).max())
    pooled = effects["base_arch_id"].isna() & largest
    if effects.empty or pooled.any():
        return effects.loc[pooled]
    bases = effects.loc[largest].groupby(["base_arch_id", "base_trial_id"], sort=False, dropna=False).ngroup()
    shown: pd.DataFrame = effects.loc[bases.index[bases == bases.value_counts(sort=True).index[0]]]
    return shown


def holm(p_values: _Array) -> _Array:
    """Holm's step-down adjustment of p-values; NaN stays NaN and does not count.

    >>> holm(np.array([0.01, 0.04, 0.03, np.nan])).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return adjusted


class _Change(NamedTuple):
    """Paired values of one change in one metric; logarithms if the scale is `ratio`."""

    field: str
    value: str
    reference: str
    metric: str
    scale: _Scale
    differences: _Array
    """One for each seed."""
    rounding: float
    """Differences that are closer to each other are equal."""
    failed: int
    networks: int


_Level = tuple[str | None, str | None]
"""A field and its value; both are None for the unchanged network."""
_Values = dict[_Level, dict[int, float]]
"""By level and seed the finite values of one metric, of logarithms for ratios; NaN where the training has failed."""


class _Base(NamedTuple):
    """An unchanged network with all that was trained for it with one recipe, seeds aside."""

    facts: dict[str, Any]
    references: dict[str, str]
    """Its own value by field."""
    levels: list[_Level]
    """One for each row, like the following."""
    seeds: list[int | None]
    """None for a training that has not ended."""
    figures: Mapping[str, _Array]
    """By metric; NaN for a training that has failed."""

    def options(self, field: str) -> list[str]:
        """The values of a field other than its own, in the order of the table."""
        return [str(value) for name, value in dict.fromkeys(self.levels) if name == field]

    def values(self, metric: str) -> _Values:
        found: _Values = {}
        for level, seed, figure in zip(self.levels, self.seeds, self.figures[metric].tolist(), strict=True):
            if seed is not None:
                found.setdefault(level, {})[seed] = figure
        return found

    def level(self, field: str, value: str) -> _Level:
        """Where the values are with this value of a field."""
        return (None, None) if value == self.references[field] else (field, value)

    def changes(self, metric: str, scale: _Scale) -> Iterator[_Change]:
        values = self.values(metric)
        for field, reference in self.references.items():
            for value in self.options(field):
                yield _compared([(self, values)], field, value, reference, metric, scale)


def _bases(ablations: pd.DataFrame, scales: Mapping[str, _Scale]) -> Iterator[_Base]:
    recipe = [name for name in ablations.columns if name.startswith("config.recipe.") and name != _SEED]
    figures = {metric: _figures(ablations, metric, scale) for metric, scale in scales.items()}
    has_ended = ablations["state"].isin(["COMPLETE", "FAIL"]).to_numpy()
    for places in ablations.groupby(["base_arch_id", *recipe], dropna=False, sort=False).indices.values():
        rows = ablations.iloc[places]
        levels = [(_text(field), _text(value)) for field, value in zip(rows["field"], rows["value"], strict=True)]
        if len(set(zip(levels, rows[_SEED], strict=True))) < len(rows):
            raise UsageError("a network was trained several times with one seed; give the ablations of a single run")
        first = rows.iloc[0]
        facts = {name: first[name] for name in ("base_trial_id", "base_source", "base_arch_id")}
        references = {
            str(field): str(reference)
            for field, reference in zip(rows["field"], rows["reference"], strict=True)
            if _text(field) is not None
        }
        seeds = [int(seed) if ended else None for seed, ended in zip(rows[_SEED], has_ended[places], strict=True)]
        own = {metric: figures[metric][places] for metric in scales}
        yield _Base({**facts, "epochs": first[_EPOCHS]}, references, levels, seeds, own)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _figures(rows: pd.DataFrame, metric: str, scale: _Scale) -> _Array:
    """The values of a metric, as `_Values` has them."""
    values = np.where(rows["state"] == "COMPLETE", numbers(rows, metric), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(values) if scale == "ratio" else values
    return np.where(np.isfinite(values), values, np.nan)


def _compared(
    bases: Sequence[tuple[_Base, _Values]], field: str, value: str, reference: str, metric: str, scale: _Scale
) -> _Change:
    """The change from one value to another in all of these networks; by seed the mean over them."""
    pairs = [
        (values.get(base.level(field, value), {}), values.get(base.level(field, reference), {}))
        for base, values in bases
    ]
    seeds = [seed for seed in pairs[0][0] if all(seed in side for pair in pairs for side in pair)]
    sides = np.array([[[side[seed] for side in pair] for pair in pairs] for seed in seeds]).reshape(-1, len(pairs), 2)
    means = (sides[:, :, 0] - sides[:, :, 1]).mean(axis=1)  # NaN where one of them has failed
    known = ~np.isnan(means)
    rounding = _ROUNDING * float(np.abs(sides[known]).max(initial=1e-300))
    return _Change(field, value, reference, metric, scale, means[known], rounding, int((~known).sum()), len(bases))


def _pooled(bases: Sequence[_Base], metric: str, scale: _Scale) -> Iterator[_Change]:
    measured = [(base, base.values(metric)) for base in bases]
    for field in dict.fromkeys(field for base in bases for field in base.references):
        having = [each for each in measured if field in each[0].references]
        own = [base.references[field] for base, _ in having]
        reference = max(dict.fromkeys(own), key=own.count)
        levels = [{*base.options(field), mine} for (base, _), mine in zip(having, own, strict=True)]
        options = [option for base, _ in having for option in (*base.options(field), base.references[field])]
        for value in dict.fromkeys(options):
            both = [each for each, known in zip(having, levels, strict=True) if {value, reference} <= known]
            if value != reference and len(both) > 1:
                yield _compared(both, field, value, reference, metric, scale)


def _row(change: _Change, facts: dict[str, Any], confidence: float) -> dict[str, Any]:
    effects = _student(change.differences, change.rounding, confidence)
    mean, low, high = np.exp(effects[:3]) if change.scale == "ratio" else effects[:3]
    return {
        **facts,
        "networks": change.networks,
        **{name: getattr(change, name) for name in ("field", "value", "reference", "metric", "scale", "failed")},
        "effect": mean,
        "low": low,
        "high": high,
        "p_value": effects[3],
        "seeds": len(change.differences),
    }


def _student(differences: _Array, rounding: float, confidence: float) -> _Array:
    """Mean, lower and upper bound of its interval, and p-value."""
    count = len(differences)
    if not count:
        return np.full(4, np.nan)
    mean = float(differences.mean())
    if count < 2 or np.ptp(differences) <= rounding:
        return np.array([mean, np.nan, np.nan, np.nan])
    error = float(differences.std(ddof=1)) / np.sqrt(count)
    reach = float(stdtrit(count - 1, (1 + confidence) / 2)) * error
    return np.array([mean, mean - reach, mean + reach, 2 * float(stdtr(count - 1, -abs(mean / error)))])


def _adjusted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    adjusted = holm(np.array([row["p_value"] for row in rows], dtype=np.float64))
    return [{**row, "p_value_holm": value} for row, value in zip(rows, adjusted, strict=True)]


def _scale(metric: str, ablations: pd.DataFrame) -> _Scale:
    values = numbers(ablations, metric)[(ablations["state"] == "COMPLETE").to_numpy()]
    return "ratio" if metric_of(metric).log and bool((values > 0).all()) else "difference"
