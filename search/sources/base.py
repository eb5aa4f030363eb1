"""What a `TrialBridge` asks for trials: the protocol, and the source that serves any Optuna space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from optuna.study import Study
from optuna.trial import Trial

__all__ = ["Proposal", "SpaceSource", "TrialSource"]


class Proposal(NamedTuple):
    """A trial to be run, and what its trainable is given."""

    trial: Trial
    config: dict[str, Any]


class TrialSource(Protocol):
    """Where trials come from."""

    def next(self) -> Proposal | None:
        """The next one; None when there are no more."""

    def next_rescue(self) -> Proposal | None:
        """Asked when the budget is spent: one that finishes a pruned trial (`RESCUES`); None when there are no more."""

    def again(self, trial: Trial) -> Proposal | None:
        """A trial that was interrupted; None where nothing is left to be run of it."""

    def last_step(self, trial: Trial) -> int | None:
        """With which this trial is done; None where that is the same for all (`max_step`)."""


class SpaceSource:
    """Trials of any Optuna space: a function from a trial to what the trainable is given."""

    def __init__(self, study: Study, space: Callable[[Trial], dict[str, Any]]) -> None:
        self._study, self._space = study, space

    def next(self) -> Proposal:
        trial = self._study.ask()
        return Proposal(trial, self._space(trial))

    def next_rescue(self) -> None:
        return None

    def again(self, trial: Trial) -> Proposal:
        return Proposal(trial, self._space(trial))  # what was suggested once is given again

    def last_step(self, trial: Trial) -> None:
        return None
