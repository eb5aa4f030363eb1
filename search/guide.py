"""`Guide`: which network to try next, by what shared weights said of all of them and what came of those tried.

What shared weights say of a network is not what it will come to: they train all networks alike, and some learn slower
alone. So, as soon as some trials are complete, a Gaussian process is fitted to these for each objective, on what was
predicted and on the configuration; its mean is what a network promises. Trials that were pruned count with what they
would have come to, had they grown from there as complete ones did.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from random import Random

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from xoresnet.arch import Arch
from xoresnet.results.objectives import numbers
from xoresnet.results.ranks import agreement
from xoresnet.search.attributes import ARCH_ID, DUPLICATE
from xoresnet.search.objective import Objective
from xoresnet.search.pareto_pruner import reports

__all__ = ["Guide", "distances", "features", "gains"]

Array = NDArray[np.float64]
_ENOUGH = 8
"""Complete trials from which on predictions are corrected by them, and judged."""
_CHANCE = 0.2
"""Kendall's tau below which a ranking is not worth its trouble."""


class Guide:
    """Orders networks that were not tried by the hypervolume that they promise to add to the front."""

    def __init__(self, predicted: pd.DataFrame, objectives: Sequence[Objective], exploration: float) -> None:
        """predicted: a run's table of predictions. exploration: how often the choice is left to the sampler."""
        self._archs: list[str] = list(predicted["arch"])
        self._rows = {str(arch_id): row for row, arch_id in enumerate(predicted["arch_id"])}
        self._objectives, self._exploration = tuple(objectives), exploration
        values = np.stack([numbers(predicted, f"predicted_{one.metric}") for one in objectives], axis=1)
        self._said = self._losses(values)
        self._features = np.hstack([_standardised(self._said), features(predicted)])

    def choose(self, study: Study, tried: Collection[str], rng: Random) -> Arch | None:
        """The most promising network that was not tried; None to leave the choice to the sampler.

        tried: ids of networks. It is left to the sampler for the share of exploration; where predictions rank complete
        trials no better than chance would, beyond doubt; and where all that was predicted is tried.
        """
        left = np.array([row for arch_id, row in self._rows.items() if arch_id not in tried], dtype=np.int64)
        if not len(left) or rng.random() < self._exploration:
            return None
        trials = [trial for trial in study.get_trials(deepcopy=False) if DUPLICATE not in trial.user_attrs]
        rows, losses, complete = self._known(trials)
        if self._misleads(rows[complete], losses[complete]):
            return None
        promised = self._promised(rows, losses, enough=complete.sum() >= _ENOUGH)
        running = [self._rows[trial.user_attrs[ARCH_ID]] for trial in trials
                   if trial.state == TrialState.RUNNING and trial.user_attrs.get(ARCH_ID) in self._rows]  # fmt: skip
        front = np.concatenate([losses[complete], promised[running]])  # those that run, as if they kept their promise
        reference = self._reference(np.concatenate([front, promised[left]]))
        gained = gains(front, promised[left], reference)
        if len(front) and not gained.any():  # the front is as good as all that is promised: what comes closest to it
            gained = -distances(front, promised[left], reference)
        return Arch.from_json(self._archs[left[int(np.argmax(gained))]])

    def _reference(self, losses: Array) -> Array:
        """A tenth of the range beyond the worst; but a network no better than guessing is worth nothing."""
        lowest, highest = losses.min(axis=0), losses.max(axis=0)
        reference: Array = highest + 0.1 * np.where(highest > lowest, highest - lowest, 1.0)
        chance = 1 / Arch.from_json(self._archs[0]).num_classes
        for place, objective in enumerate(self._objectives):
            if objective.metric == "val_accuracy":
                reference[place] = min(reference[place], -chance)
        return reference

    def _losses(self, values: Array) -> Array:
        """To be minimised, on scales on which equal steps matter equally: shares of errors, decades of counts."""
        columns = []
        for place, objective in enumerate(self._objectives):
            column = values[:, place]
            if objective.metric.endswith("_per_sample"):
                column = np.log10(np.maximum(column, 0.0) + 1.0)
            columns.append(-column if objective.direction == "max" else column)
        return np.stack(columns, axis=1)

    def _known(self, trials: Sequence[FrozenTrial]) -> tuple[NDArray[np.int64], Array, NDArray[np.bool_]]:
        """Of trials whose networks were predicted: row, losses, and whether these are final."""
        mine = [trial for trial in trials if trial.user_attrs.get(ARCH_ID) in self._rows and reports(trial)]
        grown = {trial.number: _curve(self._losses, trial) for trial in mine
                 if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)}  # fmt: skip
        complete = {trial.number: grown[trial.number] for trial in mine if trial.state == TrialState.COMPLETE}
        rows, losses, final = [], [], []
        for trial in mine:
            if trial.number not in grown:
                continue
            step, values = max(grown[trial.number].items())
            growth = [max(other.items())[1] - other[step] for other in complete.values() if step in other]
            is_final = trial.number in complete
            if not is_final and not growth:
                continue
            rows.append(self._rows[trial.user_attrs[ARCH_ID]])
            losses.append(values if is_final else values + np.median(growth, axis=0))
            final.append(is_final)
        width = len(self._objectives)
        return np.array(rows, dtype=np.int64), np.array(losses).reshape(-1, width), np.array(final, dtype=np.bool_)

    def _misleads(self, rows: NDArray[np.int64], losses: Array) -> bool:
        if len(rows) < _ENOUGH:
            return False
        found = [agreement(self._said[rows, place], losses[:, place]) for place in range(losses.shape[1])]
        return any(one.high < _CHANCE for one in found)

    def _promised(self, rows: NDArray[np.int64], losses: Array, *, enough: bool) -> Array:
        """What each network is expected to come to."""
        if not enough:
            return self._said
        columns = []
        for place in range(losses.shape[1]):
            known = losses[:, place] - self._said[rows, place]  # what the prediction was off by
            columns.append(self._said[:, place] + _fitted(self._features[rows], known, self._features))
        return np.stack(columns, axis=1)


def features(predicted: pd.DataFrame) -> Array:
    """What networks differ in, `[networks, features]`: numbers standardised on a logarithm, of names the shares of
    stages that have them.
    """
    columns: list[Array] = []
    for name in predicted.columns:
        values = predicted[name]
        if not str(name).startswith("config.") or values.nunique(dropna=False) < 2:
            continue
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            amounts = values.to_numpy(dtype=np.float64, na_value=0.0)
            columns.append(_standardised(np.log1p(np.maximum(amounts, 0.0))[:, None])[:, 0])
        else:
            parts = [str(value).split("/") for value in values]
            options = sorted({part for stages in parts for part in stages})
            columns += [np.array([stages.count(one) / len(stages) for stages in parts]) for one in options]
    return np.stack(columns, axis=1) if columns else np.zeros((len(predicted), 0))


def gains(front: Array, points: Array, reference: Array) -> Array:
    """The hypervolume, up to a reference point, that each point would add to a front; lower is better in both,
    `[rows, objectives]`.
    """
    from moocore import hypervolume  # type: ignore[import-untyped]

    before = hypervolume(front, ref=reference) if len(front) else 0.0
    return np.array([hypervolume(np.vstack([front, point]), ref=reference) - before for point in points])


def distances(front: Array, points: Array, reference: Array) -> Array:
    """By how much all objectives of each point would have to be lower for it to be on the front, in shares of the way
    from the front's best to the reference point, as far as which there must be a front.
    """
    scale = np.maximum(reference - front.min(axis=0), 1e-12)
    behind: Array = ((points[:, None] - front[None]) / scale).min(axis=2).max(axis=1)
    found: Array = np.maximum(behind, ((points - reference) / scale).max(axis=1))
    return found


def _curve(losses: Callable[[Array], Array], trial: FrozenTrial) -> dict[int, Array]:
    said = reports(trial)
    return dict(zip(said, losses(np.array(list(said.values()), dtype=np.float64)), strict=True))


def _fitted(inputs: Array, targets: Array, wanted: Array) -> Array:
    """The mean of a Gaussian process through some points, elsewhere."""
    from sklearn.gaussian_process import GaussianProcessRegressor  # type: ignore[import-untyped]
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel  # type: ignore[import-untyped]

    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * RBF(2.0, (0.5, 20.0)) + WhiteKernel(0.1, (1e-3, 1.0))
    model = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of kernels at their bounds
        found: Array = model.fit(inputs, targets).predict(wanted)
    return found


def _standardised(values: Array) -> Array:
    spread: Array = values.std(axis=0)
    found: Array = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return found
