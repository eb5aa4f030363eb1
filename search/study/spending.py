"""What a search has spent, from its study alone."""

from __future__ import annotations

from typing import Any

from optuna.study import Study

from xoresnet.search.study.attributes import EPOCHS, PRIOR
from xoresnet.search.study.trials import trials_of

__all__ = ["may_go_on", "prior_of", "spent_on_prior", "spent_trainings"]


def prior_of(study: Study) -> dict[str, Any]:
    """`epochs_charged`, `seconds` and `networks`; or `failed`, the reason; empty without a prior."""
    record: dict[str, Any] = study.user_attrs.get(PRIOR, {})
    return record


def spent_on_prior(study: Study) -> float:
    """What the prior has cost, in epochs."""
    return float(prior_of(study).get("epochs_charged", 0))


def may_go_on(study: Study) -> int:
    """How many networks stopped before their end and did not go on since."""
    trials = [trial for trial in trials_of(study) if not trial.is_answered]
    continued = {trial.rescues for trial in trials}
    return sum(bool(trial.paused_at) or (trial.is_pruned and trial.number not in continued) for trial in trials)


def spent_trainings(study: Study) -> float:
    """What all trials and the prior have cost, in full trainings; 0 before the first trial."""
    trials = [trial for trial in trials_of(study) if trial.has_own_network]
    if not trials:
        return 0.0
    epochs = study.user_attrs.get(EPOCHS) or max(trial.recipe.epochs for trial in trials)  # earlier versions lack it
    return (sum(trial.charged_steps for trial in trials) + spent_on_prior(study)) / float(epochs)
