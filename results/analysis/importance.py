"""Which parameters decide what comes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.results.fronts.objectives import OBJECTIVES, Objectives, eligible, numbers
from xoresnet.results.tables.parameters import codes, parameter_columns

__all__ = ["importance"]

_FEWEST_TRIALS, _MOST_TRIALS = 10, 2000
_FOLDS, _REPEATS, _TREES = 5, 5, 50
_Array = NDArray[np.float64]


def importance(trials: pd.DataFrame, objectives: Objectives = OBJECTIVES, *, seed: int = 0) -> pd.DataFrame:
    """Permutation importance of each parameter for each objective, by a random forest.

    Columns `[metric, parameter, importance, deviation]`; metrics in the order of the objectives, most important first.
    importance: the rise of the squared error when the parameter's values are shuffled among trials that the forest has
    not seen (Breiman 2001, doi 10.1023/A:1010933404324), as a share of twice the metric's variance. So it is the total
    Sobol index, 1 for a parameter that decides everything, where parameters are independent (Gregorutti et al. 2017,
    doi 10.1007/s11222-016-9646-1). Around 0, or below, it does not matter. What parameters do together counts for
    each of them; parameters that say the same share what they have.
    deviation: standard deviation over 5 folds of 5 shufflings each.

    Parameters are the `config.*` columns that vary; one that some trials do not have is at a value of its own there.
    Metrics that are above zero and span more than a factor of ten are taken on a logarithm. Of more than 2,000
    trials as many are drawn. Same frame and seed, same numbers.
    Raises ValueError for fewer than 10 eligible trials (see `pareto_front`) with finite values.
    """
    rows = trials[eligible(trials, objectives)]
    rows = rows[np.all([np.isfinite(numbers(rows, metric)) for metric in objectives], axis=0)]
    if len(rows) < _FEWEST_TRIALS:
        raise ValueError(f"importance needs at least {_FEWEST_TRIALS} complete trials, got {len(rows)}")
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
    """Rise of the squared error on shuffling, as a share of twice the variance, `[parameters, folds * repeats]`."""
    from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]
    from sklearn.inspection import permutation_importance  # type: ignore[import-untyped]
    from sklearn.model_selection import KFold  # type: ignore[import-untyped]

    lost = []
    for seen, unseen in KFold(_FOLDS, shuffle=True, random_state=seed).split(parameters):
        forest = RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=seed)
        forest.fit(parameters[seen], values[seen])
        found = permutation_importance(
            forest,
            parameters[unseen],
            values[unseen],
            scoring="neg_mean_squared_error",
            n_repeats=_REPEATS,
            random_state=seed,
        )
        lost.append(found.importances)
    shares: _Array = np.concatenate(lost, axis=1) / (2 * values.var())
    return shares
