"""What a `TrialBridge` asks for trials: the protocol, and the source that serves any Optuna space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from optuna.study import Study
from optuna.trial import Trial

from xoresnet.search.strategy.lifecycle import ask, last_step, pause

__all__ = ["Proposal", "SpaceSource", "TrialSource"]


class Proposal(NamedTuple):
    """A trial to be run, and the configuration for its trainable."""

    trial: Trial
    config: dict[str, Any]
    goes_on: bool = False
    """Whether it was paused: everything up to its last step has been decided."""


class TrialSource(Protocol):
    """Where a bridge gets its trials."""

    def next(self) -> Proposal | None:
        """The next trial; None if there is none, at least until another trial stops or ends."""

    def again(self, trial: Trial) -> Proposal | None:
        """An interrupted trial, to be continued; None if nothing of it is left to run."""

    def last_step(self, trial: Trial) -> int | None:
        """The step with which this trial is complete; None if that is the bridge's `max_step`."""


class SpaceSource:
    """Trials of any Optuna space, given as a function from a trial to the configuration for its trainable."""

    def __init__(self, study: Study, space: Callable[[Trial], dict[str, Any]]) -> None:
        self._study, self._space = study, space

    def next(self) -> Proposal | None:
        trial = ask(self._study)
        if trial is None:
            return None
        goes_on = last_step(trial) > 0
        try:
            return Proposal(trial, self._space(trial), goes_on)
        except Exception:
            if goes_on:
                pause(trial)
            raise

    def again(self, trial: Trial) -> Proposal:
        return Proposal(trial, self._space(trial))  # Optuna repeats what it suggested before

    def last_step(self, trial: Trial) -> None:
        return None
