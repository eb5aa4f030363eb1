"""A journal written anew from trials: the intact ones of a damaged journal, and those that the tables have."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from optuna.storages import JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from xoresnet.files.atomic import replaced
from xoresnet.search.pruning.reports import REPORT, steps_of
from xoresnet.search.study.attributes import (
    ARCH,
    ARCH_ID,
    CONFIRMS,
    DUPLICATE,
    EXCLUDED,
    FAILURE,
    LAYERS,
    RECIPE,
    RECORD,
    RESCUES,
)
from xoresnet.search.study.journal import JournalFile

__all__ = ["Merged", "StudyFacts", "Tables", "is_complete", "merged", "rebuild_journal"]


class StudyFacts(NamedTuple):
    """What a study is apart from its trials."""

    name: str
    directions: Sequence[StudyDirection]
    user_attrs: Mapping[str, Any]
    system_attrs: Mapping[str, Any]


class Merged(NamedTuple):
    """Trials by number, without gaps."""

    trials: list[FrozenTrial]
    from_tables: list[int]
    """Those of which the tables had to give something."""
    lost: list[int]
    """Those of which nothing is known; most had been answered from the record, which tables do not have."""


class Tables(Protocol):
    """The finished trials that tables have."""

    @property
    def numbers(self) -> list[int]: ...

    def trial(self, number: int) -> FrozenTrial | None:
        """The trial with one of these numbers; None where the tables do not have enough of it."""
        ...


def merged(known: Sequence[FrozenTrial | None], tables: Tables) -> Merged:
    """The trials of a journal, completed by those of the tables; where they contradict each other, the tables count.

    known: by number, as far as the journal is intact; None for trials that are wrong. Tables are checked when they are
    read, and finished trials never change in them.
    """
    result = Merged([], [], [])
    in_tables = {_identity(trial) for number in tables.numbers if (trial := tables.trial(number)) is not None}
    for number in range(max([len(known), *(number + 1 for number in tables.numbers)])):
        of_journal = known[number] if number < len(known) else None
        of_tables = tables.trial(number)
        if of_tables is not None and not (_agree(of_journal, of_tables) or _is_further(of_journal, of_tables)):
            result.from_tables.append(number)
            result.trials.append(_completed(of_tables, of_journal))
        elif of_journal is not None and (of_tables is not None or _is_kept(of_journal, in_tables)):
            result.trials.append(of_journal)
        else:
            result.lost.append(number)
            result.trials.append(_lost(number))
    return result


def rebuild_journal(path: Path, study: StudyFacts, trials: Iterable[FrozenTrial]) -> None:
    """Write a journal with this study; it replaces the file once it is complete. Raises `OSError`."""
    with replaced(path) as partial:
        storage = JournalStorage(JournalFile(partial, durable=False))
        study_id = storage.create_new_study(list(study.directions), study.name)
        for name, value in study.system_attrs.items():
            storage.set_study_system_attr(study_id, name, value)
        for name, value in study.user_attrs.items():
            storage.set_study_user_attr(study_id, name, value)
        for trial in trials:
            storage.create_new_trial(study_id, trial)


def _is_kept(trial: FrozenTrial, in_tables: Container[object]) -> bool:
    """Whether a trial that the tables do not have is whole, and not one of theirs that a lost line has renumbered."""
    if trial.state.is_finished():
        return is_complete(trial) and _identity(trial) not in in_tables
    attributes = trial.user_attrs
    has_network = all(name in attributes for name in (ARCH, ARCH_ID, RECIPE))
    is_new = bool(trial.params) and not steps_of(attributes) and RESCUES not in attributes
    return trial.state == TrialState.WAITING or has_network or is_new


def _identity(trial: FrozenTrial) -> object:
    """What no two trials have in common: a network may be trained again with its seed, but not end at that moment."""
    moment = trial.datetime_complete.replace(microsecond=0) if trial.datetime_complete is not None else None
    recipe = trial.user_attrs.get(RECIPE)
    seed = json.loads(recipe).get("seed") if recipe is not None else None
    return trial.user_attrs.get(ARCH_ID), seed, trial.state, moment


def _is_further(of_journal: FrozenTrial | None, of_tables: FrozenTrial) -> bool:
    """Whether the tables have a trial as paused, and the journal has all of that, and perhaps what came after."""
    if of_journal is None or of_tables.state.is_finished():
        return False
    mine, theirs = of_journal.user_attrs, of_tables.user_attrs
    reports = [name for name in theirs if name.startswith((RECORD, REPORT))]
    return all(name in mine for name in (ARCH, ARCH_ID, RECIPE)) and all(
        name in mine and _same(mine[name], theirs[name]) for name in reports
    )


def _agree(of_journal: FrozenTrial | None, of_tables: FrozenTrial) -> bool:
    """Whether a trial of the journal has all that the tables have, with the same figures."""
    if of_journal is None or of_journal.state != of_tables.state:
        return False
    if of_journal.datetime_start is None or of_journal.datetime_complete is None:
        return False
    mine, theirs = of_journal.user_attrs, of_tables.user_attrs
    if of_tables.state == TrialState.COMPLETE and of_journal.values != of_tables.values:
        return False
    return all(name in mine and _same(mine[name], theirs[name]) for name in theirs if name not in (ARCH, RECIPE)) and (
        ARCH in mine and RECIPE in mine
    )


def _same(mine: Any, theirs: Any) -> bool:
    """Whether the figures of an epoch, or any other attributes, are the same as far as the tables have them."""
    if isinstance(theirs, dict):
        return (
            isinstance(mine, dict)
            and _same(_layers(mine), _layers(theirs))
            and all(
                _same(mine.get(name, math.nan), value)
                for name, value in theirs.items()
                if isinstance(value, int | float) and name != "timestamp"
            )
        )
    if isinstance(theirs, list):
        return isinstance(mine, list) and len(mine) == len(theirs) and all(map(_same, mine, theirs))
    both_missing = isinstance(mine, float) and isinstance(theirs, float) and math.isnan(mine) and math.isnan(theirs)
    return both_missing or mine == theirs


def _layers(figures: Mapping[str, Any]) -> Any:
    """The figures of the layers of an epoch; None where they cannot be read."""
    try:
        return json.loads(figures.get(LAYERS, "[]"))
    except (TypeError, ValueError):
        return None


def _completed(of_tables: FrozenTrial, of_journal: FrozenTrial | None) -> FrozenTrial:
    """The trial of the tables, with what only the journal has of it."""
    if of_journal is not None:
        kept = of_journal.user_attrs
        if any(name.startswith(RECORD) for name in of_tables.user_attrs):  # in a confirmation the sums of all epochs
            kept = {name: value for name, value in kept.items() if not name.startswith((RECORD, REPORT))}
        of_tables.user_attrs = {**kept, **of_tables.user_attrs}
        of_tables.system_attrs = of_journal.system_attrs
    return of_tables


def is_complete(trial: FrozenTrial) -> bool:
    """Whether nothing is missing of what a study has of a finished trial.

    That includes its figures of every step, but only those of the last step in a confirmation, whose table has no more.
    """
    attributes = trial.user_attrs
    steps = steps_of(attributes)
    is_answered = DUPLICATE in attributes
    is_described = is_answered or all(name in attributes for name in (ARCH, ARCH_ID, RECIPE))
    has_values = trial.state != TrialState.COMPLETE or (is_answered and trial.values is not None)
    has_values = has_values or (bool(steps) and trial.values == attributes[f"{REPORT}{steps[-1]}"])
    has_records = {name for name in attributes if name.startswith(RECORD)} == {f"{RECORD}{step}" for step in steps}
    first = steps[0] if CONFIRMS in attributes and steps else 1
    return is_described and has_values and has_records and steps == list(range(first, first + len(steps)))


def _lost(number: int) -> FrozenTrial:
    now = datetime.now()
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=TrialState.FAIL,
        value=None,
        datetime_start=now,
        datetime_complete=now,
        params={},
        distributions={},
        user_attrs={FAILURE: "lost when the journal was damaged", DUPLICATE: EXCLUDED},  # which counts nowhere
        system_attrs={},
        intermediate_values={},
    )
