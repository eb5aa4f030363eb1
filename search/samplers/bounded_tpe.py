"""`BoundedTPESampler`: Optuna's TPESampler, whose proposals take no longer after 20,000 trials than after 500.

TPE divides the trials into the best tenth and the others, and models both, for each parameter of each proposal; in a
study of 20,000 trials that takes a second. Beyond `most` trials, this sampler shows TPE representatives of them
(`history.py`): the best complete trials, a quarter of `most` where there are several objectives and a tenth otherwise,
and an even sample of all others, running ones among them. Up to `most` trials it proposes exactly what TPESampler does.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Container
from typing import Any
from weakref import WeakKeyDictionary

from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from xoresnet.search.samplers.history import History

__all__ = ["BoundedTPESampler"]

_GOOD, _GOOD_OF_SEVERAL = 0.1, 0.25
"""The share of the representatives that are the best trials, and that TPE counts among the good ones, for one objective
and for several: a whole front takes more of them than a tenth of what is left of a large study."""


class BoundedTPESampler(TPESampler):
    """TPE on at most `most` trials."""

    def __init__(self, *, most: int = 500, **options: Any) -> None:
        """options: as for `TPESampler`. Raises `ValueError` for fewer than 50 trials, which tell TPE little."""
        if most < 50:
            raise ValueError(f"most must be at least 50, got {most}")
        super().__init__(**options)
        self._most, self._own_gamma = most, self._gamma
        self._histories: WeakKeyDictionary[Study, tuple[History, int, Study]] = WeakKeyDictionary()
        """For each study its history, the number of the trial that was proposed last, and what TPE was shown for it."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_histories"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._histories = WeakKeyDictionary()

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(self._shown(study, trial), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return super().sample_independent(self._shown(study, trial), trial, param_name, param_distribution)

    def _shown(self, study: Study, trial: FrozenTrial) -> Study:
        """The study as TPE sees it: with representatives of its trials, the same for all parameters of a proposal."""
        known = self._histories.get(study)
        if known is not None and known[1] == trial.number:
            return known[2]
        several = len(study.directions) > 1
        best = math.ceil((_GOOD_OF_SEVERAL if several else _GOOD) * self._most)
        history = known[0] if known else History(study.directions, self._most, best)
        trials = study.get_trials(deepcopy=False)
        history.follow(trials)
        representatives = history.representatives(trials, trial.number)
        shown = study if representatives is None else _Part(study, representatives)
        self._gamma = self._own_gamma
        if representatives is not None and several and self._own_gamma is None:
            self._gamma = _good_of_several
        self._histories[study] = history, trial.number, shown
        return shown


def _good_of_several(trials: int) -> int:
    return math.ceil(_GOOD_OF_SEVERAL * trials)


class _Part(Study):
    """A study in which only some of its trials are seen."""

    def __init__(self, study: Study, trials: list[FrozenTrial]) -> None:
        self.__dict__.update(study.__dict__)
        self._part = trials

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        seen = [trial for trial in self._part if states is None or trial.state in states]
        return copy.deepcopy(seen) if deepcopy else seen

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        return self.get_trials(deepcopy, states)
