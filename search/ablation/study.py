"""The study of an ablation, and what it records beside its trainings: which networks are compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from xoresnet.search.folders.run import ABLATION_JOURNAL
from xoresnet.search.retraining.side_study import SideStudy
from xoresnet.search.study.trials import TrainingKey, TrialRecord, trials_of

__all__ = ["ABLATION", "COMPARED", "Compared", "compared", "compared_in", "note_compared", "take_over"]

ABLATION = SideStudy(journal=ABLATION_JOURNAL, name="ablation", table="ablations", folder="ablated")
"""Where an ablation records its trainings."""
COMPARED = "compared"
"""User attribute of the study: a list of `Compared`, as mappings."""


class Compared(NamedTuple):
    """The part of one network in an ablation: it is the unchanged one, or has one field changed."""

    base_trial_id: int | None
    """The trial of the search that trained the unchanged network; None if there is none."""
    base_source: str | None
    """What the unchanged network is called, `xoresnet14`; None if it has no name."""
    base_arch_id: str
    field: str | None
    """The field that is changed; None for the unchanged network."""
    value: str | None
    reference: str | None
    """The value of the field in the unchanged network."""
    arch_id: str
    recipe: str
    """The recipe as JSON, with seed 0."""

    @property
    def key(self) -> tuple[str | None, ...]:
        """The same for one part in the ablation, however its base was named."""
        return self.base_arch_id, self.field, self.value, self.arch_id, self.recipe


_TYPES = {
    **dict.fromkeys(("base_arch_id", "arch_id", "recipe"), str),
    **dict.fromkeys(("base_source", "field", "value", "reference"), str | None),
    "base_trial_id": int | None,
}


def compared(study: Study) -> list[Compared]:
    """What the study compares, in the order in which it was asked for."""
    return compared_in(study.user_attrs.get(COMPARED))


def compared_in(entries: object) -> list[Compared]:
    """What the attribute of a study holds. Entries of another form are left out."""
    wanted = {*Compared._fields}
    return [
        Compared(**entry)
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        and {*entry} == wanted
        and all(isinstance(entry[name], kind) for name, kind in _TYPES.items())
    ]


def note_compared(study: Study, parts: Iterable[Compared]) -> None:
    """Add what a command compares; entries that are there get their present names and trials."""
    before = compared(study)
    now = {part.key: part for part in before} | {part.key: part for part in parts}
    if list(now.values()) != before:
        study.set_user_attr(COMPARED, [part._asdict() for part in now.values()])


def take_over(study: Study, trainings: Iterable[TrialRecord]) -> None:
    """Copy complete trainings of another study that this one has not begun."""
    begun = {trial.training_key for trial in trials_of(study, TrialState.COMPLETE, TrialState.RUNNING)}
    taken: set[TrainingKey] = set()
    for training in trainings:
        if training.training_key not in begun | taken:
            study.add_trial(_copied(training))
            taken.add(training.training_key)


def _copied(training: TrialRecord) -> FrozenTrial:
    """A complete training for another study, where it gets a number of its own."""
    return FrozenTrial(
        number=training.number,
        trial_id=training.number,
        state=training.state,
        value=None,
        values=training.values,
        datetime_start=training.started,
        datetime_complete=training.ended,
        params={},
        distributions={},
        user_attrs=dict(training.attributes),
        system_attrs={},
        intermediate_values={},
    )
