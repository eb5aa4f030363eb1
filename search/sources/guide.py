"""`Guide`: what to train next, by what shared weights said of all networks and what came of those tried.

What shared weights say of a network is not what it will come to: they train all networks alike, and some learn slower
alone. So, as soon as some trials are complete, a Gaussian process is fitted to these for each objective, on what was
predicted and on the configuration. What is expected of it to add most to the front, for what it costs, comes next: a
network that was not tried, or the rest of a trial that was pruned. Pruned trials count with what they would come to,
did they grow from there as complete ones did, as uncertain as these differ in that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optuna.study import Study
from scipy.special import expit, logit  # type: ignore[import-untyped]

from xoresnet.description.arch import Arch
from xoresnet.measures.metrics import metric_of
from xoresnet.results.fronts.objectives import numbers
from xoresnet.results.fronts.ranks import agreement
from xoresnet.search.objective import Objective
from xoresnet.search.sources.expected_gain import distances, expected_gains, fitted
from xoresnet.search.study.near_front import FINISHABLE, near_front
from xoresnet.search.study.trials import TrialRecord, own_trials

__all__ = ["Guide", "features"]

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
_ENOUGH_TO_CORRECT, _ENOUGH_TO_JUDGE = 4, 8
"""Complete trials from which on predictions are corrected by them; and left alone, where they mislead."""
_CHANCE = 0.2
"""Kendall's tau below which a ranking is not worth its trouble."""
_LEAST = 1e-3
"""Shares closer to 0 or 1 are as good as this."""
_LEAST_COST = 0.05
"""Of finishing a trial, in trainings."""


class Known(NamedTuple):
    """What came of trials whose networks were predicted, each once."""

    trials: list[TrialRecord]
    rows: Rows
    """Of the networks in the table of predictions."""
    losses: Array
    """Of pruned ones, what they would come to."""
    variances: Array
    shares: Array
    """Of its training that each has had, `[trials]`."""

    @property
    def complete(self) -> NDArray[np.bool_]:
        return np.array([trial.is_complete for trial in self.trials], dtype=np.bool_)


class Guide:
    """Chooses by the hypervolume that each network promises to add to the front."""

    def __init__(self, predicted: pd.DataFrame, objectives: Sequence[Objective], exploration: float) -> None:
        """predicted: a run's table of predictions; networks of which it says nan or infinity are left to the sampler.
        exploration: how often the choice is left to it anyway.
        """
        values = np.stack([numbers(predicted, f"predicted_{one.metric}") for one in objectives], axis=1)
        known = np.flatnonzero(np.isfinite(values).all(axis=1))
        predicted, values = predicted.iloc[known], values[known]
        self._archs: list[str] = list(predicted["arch"])
        self._rows = {str(arch_id): row for row, arch_id in enumerate(predicted["arch_id"])}
        self._objectives, self._exploration = tuple(objectives), exploration
        self._said = self._losses(values)
        self._features = np.hstack([_standardised(self._said), features(predicted)])

    def choose(self, study: Study, tried: Collection[str], rng: Random) -> Arch | TrialRecord | None:
        """A network that was not tried, or a pruned trial to be finished; None to leave the choice to the sampler.

        tried: ids of networks. It is left to the sampler for the share of exploration; where predictions rank complete
        trials no better than chance would, beyond doubt; and where all that was predicted is tried.
        """
        left = np.array([row for arch_id, row in self._rows.items() if arch_id not in tried], dtype=np.int64)
        if not len(left) or rng.random() < self._exploration:
            return None
        trials = [trial for trial in own_trials(study) if trial.has_network and trial.arch_id in self._rows]
        known = self._known(trials)
        if self._misleads(known):
            return None
        running = [self._rows[trial.arch_id] for trial in trials if trial.is_running]
        enough = known.complete.sum() >= _ENOUGH_TO_CORRECT
        finishable = {trial.number for trial in near_front(study)[:FINISHABLE]} if enough else set()
        stopped = [place for place, trial in enumerate(known.trials) if trial.number in finishable]
        means, deviations = self._promised(known) if enough else (self._said, np.zeros_like(self._said))
        candidates = np.concatenate([left, known.rows[stopped]])
        remainders = np.maximum(1 - known.shares[stopped], _LEAST_COST)
        costs = np.concatenate([np.full(len(left), known.shares.mean() if enough else 1.0), remainders])
        # those that run, as if they came to what is expected of them
        front = self._on_front(np.concatenate([known.losses[known.complete], means[running]]))
        expected = self._on_front(means[candidates])
        reference = self._reference(np.concatenate([front, expected]))
        gained = expected_gains(front, means[candidates], deviations[candidates], reference, self._on_front) / costs
        if len(front) and not gained.any():  # the front is as good as all that is promised: what comes closest to it
            gained = -distances(front, expected, reference)
        best = int(np.argmax(gained))
        return Arch.from_json(self._archs[left[best]]) if best < len(left) else known.trials[stopped[best - len(left)]]

    def _reference(self, losses: Array) -> Array:
        """A tenth of the range beyond the worst; but a network no better than guessing is worth nothing."""
        lowest, highest = losses.min(axis=0), losses.max(axis=0)
        reference: Array = highest + 0.1 * np.where(highest > lowest, highest - lowest, 1.0)
        chance = 1 / Arch.from_json(self._archs[0]).num_classes
        for place, objective in enumerate(self._objectives):
            if (objective.metric, objective.direction) == ("val_accuracy", "max"):
                reference[place] = min(reference[place], -chance)
        return reference

    def _losses(self, values: Array) -> Array:
        """To be minimised, on scales on which a step means much the same everywhere: log-odds of being right, decades
        of counts.
        """
        columns = []
        for place, objective in enumerate(self._objectives):
            column = values[:, place]
            if metric_of(objective.metric).log:
                column = np.log10(np.maximum(column, 0.0) + 1.0)
            elif metric_of(objective.metric).share:
                column = logit(np.clip(column, _LEAST, 1 - _LEAST))
            columns.append(-column if objective.direction == "max" else column)
        return np.stack(columns, axis=1)

    def _on_front(self, losses: Array) -> Array:
        """The same on the scales of the front's hypervolume, on which shares are themselves."""
        found = losses.copy()
        for place, objective in enumerate(self._objectives):
            if metric_of(objective.metric).share:
                sign = -1 if objective.direction == "max" else 1
                found[:, place] = sign * expit(sign * losses[:, place])
        return found

    def _known(self, trials: Sequence[TrialRecord]) -> Known:
        ended = [trial for trial in trials if trial.reports and (trial.is_complete or trial.is_pruned)]
        curves = {trial.number: _curve(self._losses, trial) for trial in ended}
        complete = {trial.number: curves[trial.number] for trial in ended if trial.is_complete}
        finished = {trial.rescues for trial in ended if trial.is_complete}
        last = max((max(curve) for curve in complete.values()), default=0)
        known: list[tuple[TrialRecord, int, Array, Array, float]] = []
        for trial in ended:
            if trial.number in finished:
                continue
            step, values = max(curves[trial.number].items())
            spread = np.zeros_like(values)
            if trial.number not in complete:
                growth = [other[max(other)] - other[step] for other in complete.values() if step in other]
                if not growth:
                    continue
                values, spread = values + np.median(growth, axis=0), np.var(growth, axis=0)
            known.append((trial, self._rows[trial.arch_id], values, spread, step / last))
        width = self._said.shape[1]
        return Known(
            trials=[trial for trial, *_ in known],
            rows=np.array([row for _, row, *_ in known], dtype=np.int64),
            losses=np.array([values for _, _, values, *_ in known]).reshape(-1, width),
            variances=np.array([spread for *_, spread, _ in known]).reshape(-1, width),
            shares=np.array([share for *_, share in known]),
        )

    def _misleads(self, known: Known) -> bool:
        rows, losses = known.rows[known.complete], known.losses[known.complete]
        if len(rows) < _ENOUGH_TO_JUDGE:
            return False
        found = [agreement(self._said[rows, place], losses[:, place]) for place in range(losses.shape[1])]
        return any(one.high < _CHANCE for one in found)

    def _promised(self, known: Known) -> tuple[Array, Array]:
        """What each network is expected to come to, and how far off that may be."""
        columns = []
        for place in range(known.losses.shape[1]):
            losses, variances = known.losses[:, place], known.variances[:, place]
            columns.append(fitted(self._features[known.rows], losses, variances, self._features))
        means, deviations = (np.stack(some, axis=1) for some in zip(*columns, strict=True))
        return means, deviations


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


def _curve(losses: Callable[[Array], Array], trial: TrialRecord) -> dict[int, Array]:
    """The losses of each step."""
    return dict(zip(trial.reports, losses(np.array(list(trial.reports.values()), dtype=np.float64)), strict=True))


def _standardised(values: Array) -> Array:
    if not len(values):
        return values
    spread: Array = values.std(axis=0)
    found: Array = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return found
