"""Importance of parameters for the objectives."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.errors import UsageError
from xoresnet.results.fronts.objectives import HasTrials, Objectives, eligible, numbers, trials_of
from xoresnet.results.tables.parameters import codes, parameter_columns

__all__ = ["importance"]

_FEWEST_TRIALS, _MOST_TRIALS = 10, 2000
_FOLDS, _REPEATS, _TREES = 5, 5, 50
_Array = NDArray[np.float64]


def importance(
    trials: pd.DataFrame | HasTrials, objectives: Objectives | None = None, *, seed: int = 0
) -> pd.DataFrame:
    """Permutation importance of each parameter for each objective, estimated by a random forest.

    trials: a frame, or a run. objectives: by default those of the run, for a frame accuracy and spikes (`OBJECTIVES`).
    Returns columns `[metric, parameter, importance, deviation]`: metrics in the order of the objectives, the most
    important parameters first.
    `importance`: the increase of the squared error when the values of the parameter are shuffled among trials that the
    forest was not fitted to (Breiman 2001, doi 10.1023/A:1010933404324), divided by twice the variance of the metric.
    For independent parameters this is the total Sobol index, 1 for a parameter that determines everything (Gregorutti
    et al. 2017, doi 10.1007/s11222-016-9646-1). Values around or below 0 mean no influence. Interactions count for each
    parameter involved; parameters that carry the same information share their importance.
    `deviation`: the standard deviation over 5 folds with 5 permutations each.

    Parameters are the `config.*` columns that vary; a missing value counts as a value of its own. Positive metrics that
    span more than a factor of ten are taken on log10. Of more than 2,000 trials, a random sample of 2,000 is used.
    Equal frames and seeds give equal numbers.
    Raises `UsageError` for fewer than 10 eligible trials (see `pareto_front`) with finite values.
    """
    trials, objectives = trials_of(trials, objectives)
    rows = trials[eligible(trials, objectives)]
    rows = rows[np.all([np.isfinite(numbers(rows, metric)) for metric in objectives], axis=0)]
    if len(rows) < _FEWEST_TRIALS:
        raise UsageError(f"importance requires at least {_FEWEST_TRIALS} complete trials, got {len(rows)}")
    if len(rows) > _MOST_TRIALS:
        rows = rows.iloc[np.random.default_rng(seed).choice(len(rows), _MOST_TRIALS, replace=False)]
    parameters = {name: codes(rows[column]) for name, column in parameter_columns(trials).items()}
    parameters = {name: values for name, values in parameters.items() if np.ptp(values)}
    parts = [_importance_for(metric, numbers(rows, metric), parameters, seed) for metric in objectives]
    return pd.concat(parts, ignore_index=True)


def _importance_for(metric: str, values: _Array, parameters: dict[str, NDArray[np.intp]], seed: int) -> pd.DataFrame:
    if values.min() > 0 and values.max() > 10 * values.min():
        values = np.log10(values)
    shares = np.zeros((len(parameters), 1))
    if parameters and np.ptp(values):
        shares = _lost_shares(np.stack(list(parameters.values()), axis=1), values, seed)
    frame = pd.DataFrame(
        {
            "metric": metric,
            "parameter": pd.Series(list(parameters), dtype="str"),
            "importance": shares.mean(axis=1),
            "deviation": shares.std(axis=1),
        }
    )
    return frame.sort_values(["importance", "parameter"], ascending=[False, True])


def _lost_shares(parameters: NDArray[np.intp], values: _Array, seed: int) -> _Array:
    """The increase of the squared error by shuffling over twice the variance, `[parameters, folds * repeats]`."""
    # scikit-learn is imported here: it is slow to load, and reports of small runs do without it
    from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]
    from sklearn.inspection import permutation_importance  # type: ignore[import-untyped]
    from sklearn.model_selection import KFold  # type: ignore[import-untyped]

    lost = []
    for fitted, held_out in KFold(_FOLDS, shuffle=True, random_state=seed).split(parameters):
        forest = RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=seed)
        forest.fit(parameters[fitted], values[fitted])
        result = permutation_importance(
            forest,
            parameters[held_out],
            values[held_out],
            scoring="neg_mean_squared_error",
            n_repeats=_REPEATS,
            random_state=seed,
        )
        lost.append(result.importances)
    shares: _Array = np.concatenate(lost, axis=1) / (2 * values.var())
    return shares
