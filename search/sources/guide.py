"""`Guide`: chooses what to train next, from the predictions of shared weights and the results of the trials so far.

Predictions by shared weights are biased: the weights train all networks alike, but some networks learn more slowly when
they are trained alone. As soon as some trials are complete, a Gaussian process for each objective is fitted to their
results, with the predictions and the configuration as inputs. The next choice is the network, or the rest of a pruned
trial, with the largest expected gain in hypervolume for its cost. A pruned trial enters with the result it would have
if it grew as the complete trials did from that step, and with their variance.
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
"""How many complete trials it takes to correct the predictions, and to judge whether they mislead."""
_CHANCE = 0.2
"""Predictions whose ranking agrees with the results by less (Kendall's tau) are not used."""
_LEAST = 1e-3
"""Shares are kept at least this far from 0 and 1, where log-odds are infinite."""
_LEAST_COST = 0.05
"""The lowest cost of finishing a pruned trial, in full trainings."""


class Known(NamedTuple):
    """The trials whose networks were predicted, each network once, and their results."""

    trials: list[TrialRecord]
    rows: Rows
    """`[trials]`: the row of each network in the table of predictions."""
    losses: Array
    """`[trials, objectives]`: for pruned trials, the expected final losses."""
    variances: Array
    """`[trials, objectives]`; zero for complete trials."""
    shares: Array
    """`[trials]`: the share of a full training that each trial has had."""

    @property
    def complete(self) -> NDArray[np.bool_]:
        return np.array([trial.is_complete for trial in self.trials], dtype=np.bool_)


class Guide:
    """Chooses by the hypervolume that each network is expected to add to the front."""

    def __init__(self, predicted: pd.DataFrame, objectives: Sequence[Objective], exploration: float) -> None:
        """predicted: a run's table of predictions; networks with a prediction that is not finite are never chosen.

        exploration: the probability of leaving a choice to the sampler.
        """
        values = np.stack([numbers(predicted, f"predicted_{objective.metric}") for objective in objectives], axis=1)
        finite = np.flatnonzero(np.isfinite(values).all(axis=1))
        predicted, values = predicted.iloc[finite], values[finite]
        self._archs: list[str] = list(predicted["arch"])
        self._rows = {str(arch_id): row for row, arch_id in enumerate(predicted["arch_id"])}
        self._objectives, self._exploration = tuple(objectives), exploration
        self._predictions = self._losses(values)
        self._features = np.hstack([_standardised(self._predictions), features(predicted)])

    def choose(self, study: Study, tried: Collection[str], rng: Random) -> Arch | TrialRecord | None:
        """An untried network, or a pruned trial to be finished; None to leave the choice to the sampler.

        tried: ids of networks. The choice is left to the sampler with the probability `exploration`, if the predictions
        demonstrably rank complete trials no better than chance, and if no predicted network is left.
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
        means, deviations = self._expected(known) if enough else (self._predictions, np.zeros_like(self._predictions))
        candidates = np.concatenate([left, known.rows[stopped]])
        remainders = np.maximum(1 - known.shares[stopped], _LEAST_COST)
        costs = np.concatenate([np.full(len(left), known.shares.mean() if enough else 1.0), remainders])
        # running trials count with what is expected of them
        front = self._on_front(np.concatenate([known.losses[known.complete], means[running]]))
        expected = self._on_front(means[candidates])
        reference = self._reference(np.concatenate([front, expected]))
        gained = expected_gains(front, means[candidates], deviations[candidates], reference, self._on_front) / costs
        if len(front) and not gained.any():  # nothing is expected to improve the front: take what comes closest
            gained = -distances(front, expected, reference)
        best = int(np.argmax(gained))
        return Arch.from_json(self._archs[left[best]]) if best < len(left) else known.trials[stopped[best - len(left)]]

    def _reference(self, losses: Array) -> Array:
        """The worst losses plus a tenth of the range; accuracy at chance level or below gains nothing."""
        lowest, highest = losses.min(axis=0), losses.max(axis=0)
        reference: Array = highest + 0.1 * np.where(highest > lowest, highest - lowest, 1.0)
        chance = 1 / Arch.from_json(self._archs[0]).num_classes
        for place, objective in enumerate(self._objectives):
            if (objective.metric, objective.direction) == ("val_accuracy", "max"):
                reference[place] = min(reference[place], -chance)
        return reference

    def _losses(self, values: Array) -> Array:
        """Values as losses on scales on which equal steps matter alike: log-odds for shares, decades for counts."""
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
        """Losses on the scale of the front's hypervolume, where shares are linear."""
        scaled = losses.copy()
        for place, objective in enumerate(self._objectives):
            if metric_of(objective.metric).share:
                sign = -1 if objective.direction == "max" else 1
                scaled[:, place] = sign * expit(sign * losses[:, place])
        return scaled

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
        width = self._predictions.shape[1]
        return Known(
            trials=[trial for trial, *_ in known],
            rows=np.array([row for _, row, *_ in known], dtype=np.int64),
            losses=np.array([values for _, _, values, *_ in known]).reshape(-1, width),
            variances=np.array([spread for *_, spread, _ in known]).reshape(-1, width),
            shares=np.array([share for *_, share in known]),
        )

    def _misleads(self, known: Known) -> bool:
        """Whether the upper confidence limit of the agreement with the results is at chance for some objective."""
        rows, losses = known.rows[known.complete], known.losses[known.complete]
        if len(rows) < _ENOUGH_TO_JUDGE:
            return False
        taus = [agreement(self._predictions[rows, place], losses[:, place]) for place in range(losses.shape[1])]
        return any(tau.high < _CHANCE for tau in taus)

    def _expected(self, known: Known) -> tuple[Array, Array]:
        """The expected losses of each network and their standard deviations, each `[networks, objectives]`."""
        columns = []
        for place in range(known.losses.shape[1]):
            losses, variances = known.losses[:, place], known.variances[:, place]
            columns.append(fitted(self._features[known.rows], losses, variances, self._features))
        means, deviations = (np.stack(column, axis=1) for column in zip(*columns, strict=True))
        return means, deviations


def features(predicted: pd.DataFrame) -> Array:
    """The configuration fields in which networks differ, `[networks, features]`.

    A number is standardised on a logarithmic scale; a name becomes, for each option, the share of stages that have it.
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
            columns += [np.array([stages.count(option) / len(stages) for stages in parts]) for option in options]
    return np.stack(columns, axis=1) if columns else np.zeros((len(predicted), 0))


def _curve(losses: Callable[[Array], Array], trial: TrialRecord) -> dict[int, Array]:
    """The losses of each step."""
    return dict(zip(trial.reports, losses(np.array(list(trial.reports.values()), dtype=np.float64)), strict=True))


def _standardised(values: Array) -> Array:
    """Columns with mean 0 and standard deviation 1; constant columns become 0."""
    if not len(values):
        return values
    spread: Array = values.std(axis=0)
    standardised: Array = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return standardised
