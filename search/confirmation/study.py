"""The study of a confirmation: a second one beside that of the search, in a journal of its own."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping

from optuna.study import Study
from optuna.trial import TrialState

from xoresnet.search.folders.run import CONFIRM_JOURNAL
from xoresnet.search.retraining.side_study import SideStudy
from xoresnet.search.study.attributes import ARCH_ID, RECIPE
from xoresnet.search.study.trials import Attributes, TrainingKey, TrialRecord, trials_of

__all__ = [
    "CONFIRMATION",
    "best_seeds",
    "note_searched",
    "searched_trial",
    "trained",
]

CONFIRMATION = SideStudy(journal=CONFIRM_JOURNAL, name="confirm", table="confirmed", folder="confirmed")
"""Where a confirmation records its trainings."""
_SEARCHED = "searched"
"""User attribute of the study: trials of the search by numbers of trainings, where a training now belongs to
another trial than the one for which it was started."""


def note_searched(study: Study, trainings: Iterable[tuple[Attributes, int | None]]) -> None:
    """Assign earlier trainings, of all seeds and budgets, to the trials of the search that have their networks now.

    They differ if a network was confirmed before the search tried it, or when another trial had it. trainings: the
    attributes of each training, and the number of the search's trial.
    """
    searched = {_network_key(attributes): number for attributes, number in trainings if number is not None}
    known = dict(study.user_attrs.get(_SEARCHED, {}))
    for trial in trained(study):
        number = searched.get(_network_key(trial.attributes))
        if number is not None and number != searched_trial(study, trial):
            known[str(trial.number)] = number
    if known != study.user_attrs.get(_SEARCHED, {}):
        study.set_user_attr(_SEARCHED, known)


def trained(study: Study) -> list[TrialRecord]:
    """The trainings whose networks are known: all but those that `repair` found to be lost."""
    return [trial for trial in trials_of(study) if {ARCH_ID, RECIPE} <= {*trial.attributes}]


def searched_trial(study: Study, trial: TrialRecord) -> int | None:
    """The number of the search's trial that a training confirms; None if the search has not trained this network."""
    known: Mapping[str, int] = study.user_attrs.get(_SEARCHED, {})
    return known.get(str(trial.number), trial.confirms)


def _network_key(attributes: Attributes) -> tuple[str, str]:
    """The same for all seeds and budgets of a network with one recipe."""
    recipe = {name: value for name, value in json.loads(attributes[RECIPE]).items() if name not in ("seed", "epochs")}
    return attributes[ARCH_ID], json.dumps(recipe, sort_keys=True)


def best_seeds(study: Study) -> Iterator[TrialRecord]:
    """For each network the training with the highest validation accuracy, the first of equals.

    The test set has no part in the choice.
    """
    best: dict[TrainingKey, TrialRecord] = {}
    for trial in trials_of(study, TrialState.COMPLETE):
        arch_id, recipe = trial.training_key
        other = best.setdefault((arch_id, recipe.replace(seed=0)), trial)
        if _accuracy(trial) > _accuracy(other):
            best[arch_id, recipe.replace(seed=0)] = trial
    yield from best.values()


def _accuracy(trial: TrialRecord) -> float:
    return float(trial.last_metrics.get("val_accuracy", -math.inf))
