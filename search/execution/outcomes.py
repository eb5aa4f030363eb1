"""Why a search has ended, in a sentence."""

from __future__ import annotations

from optuna.study import Study

from xoresnet.search.strategy.sampler import PausingSampler
from xoresnet.search.study.spending import may_go_on

__all__ = ["PLATEAU", "ROUNDING", "why_it_ends"]

PLATEAU = "no network promises a gain that one training could show"
ROUNDING = 1e-9
"""Budgets are compared up to so much of a full training."""


def why_it_ends(study: Study, budget: float, left: float) -> str:
    """Why no further trial begins, where nothing proposes one. budget, left: in full trainings."""
    trainings = f"{budget:g} full {'training' if budget == 1 else 'trainings'}"
    if left >= 1 - ROUNDING:
        if not (isinstance(study.sampler, PausingSampler) and may_go_on(study)):
            return "every configuration of the space has been tried"
        return f"{PLATEAU}; {left:.1f} of {trainings} were not needed"
    if left > 1e-6:
        return f"what is left of the budget of {trainings} completes no network"
    return f"the budget of {trainings} is spent"
