"""Why a search has ended, in a sentence."""

from __future__ import annotations

from optuna.study import Study

from xoresnet.search.strategy.sampler import PausingSampler
from xoresnet.search.study.trials import trials_of

__all__ = ["ROUNDING", "why_it_ends"]

ROUNDING = 1e-9
"""Budgets are compared up to so much of a full training."""


def why_it_ends(study: Study, budget: float, left: float) -> str:
    """Why no further trial begins, where nothing proposes one. budget, left: in full trainings."""
    trainings = f"{budget:g} full {'training' if budget == 1 else 'trainings'}"
    if left >= 1 - ROUNDING:
        if not _may_resume(study):
            return "every configuration of the space has been tried"
        nothing = "no network promises a gain that one training could show"
        return f"{nothing}; {left:.1f} of {trainings} were not needed"
    if left > 1e-6:
        return f"what is left of the budget of {trainings} completes no network"
    return f"the budget of {trainings} is spent"


def _may_resume(study: Study) -> bool:
    """Whether there is a stopped trial that could go on."""
    if not isinstance(study.sampler, PausingSampler):
        return False
    trials = trials_of(study)
    continued = {trial.rescues for trial in trials}
    return any(
        trial.paused_at or (trial.is_pruned and not trial.is_answered and trial.number not in continued)
        for trial in trials
    )
