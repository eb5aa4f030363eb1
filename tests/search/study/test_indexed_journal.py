"""`IndexedJournal`: the same trials as Optuna's own storage has, whatever is done to them."""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from xoresnet.search.study.indexed_journal import IndexedJournal
from xoresnet.search.study.journal import open_journal

STATES = (None, *((state,) for state in TrialState), (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING))


def agree(path: Path, study: optuna.Study) -> None:
    """Compare with what Optuna's storage reads from the same file."""
    fresh = JournalStorage(JournalFileBackend(str(path)))
    for states in STATES:
        theirs = fresh.get_all_trials(study._study_id, deepcopy=False, states=states)
        assert study.get_trials(deepcopy=False, states=states) == theirs
        assert study.get_trials(states=states) == theirs


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_has_the_trials_that_optuna_has(tmp_path: Path, seed: int) -> None:
    path, rng = tmp_path / "study.journal", Random(seed)
    storage = open_journal(path)
    studies = [optuna.create_study(storage=storage, study_name=name) for name in "ab"]
    running: list[tuple[optuna.Study, optuna.Trial]] = []
    for step in range(80):
        study = rng.choice(studies)
        match rng.randrange(5):
            case 0 | 1:
                running.append((study, study.ask()))
            case 2 if running:
                rng.choice(running)[1].set_user_attr("step", step)
            case 3:
                study.enqueue_trial({"x": 0.5})
            case 4 if running:
                owner, trial = running.pop(rng.randrange(len(running)))
                state = rng.choice([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
                owner.tell(trial, 1.0 if state == TrialState.COMPLETE else None, state)
        if step % 9 == 0:
            study.get_trials(deepcopy=False)  # so that the index is behind at times, and at others it is not
    for study in studies:
        agree(path, study)


def test_it_follows_another_writer_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    study = optuna.create_study(storage=open_journal(path), study_name="a")
    assert study.get_trials(deepcopy=False) == []
    other = optuna.load_study(storage=open_journal(path), study_name="a")
    other.tell(other.ask(), 1.0)
    other.ask().set_user_attr("x", 1)
    agree(path, study)


def test_lists_are_the_callers_own(tmp_path: Path) -> None:
    study = optuna.create_study(storage=open_journal(tmp_path / "study.journal"))
    study.tell(study.ask(), 1.0)
    study.get_trials(deepcopy=False).clear()
    study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)).clear()
    assert len(study.get_trials(deepcopy=False)) == 1


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    storage = open_journal(tmp_path / "study.journal")
    study = optuna.create_study(storage=storage, study_name="a")
    study.ask()
    study.get_trials(deepcopy=False)
    optuna.delete_study(study_name="a", storage=storage)
    with pytest.raises(KeyError):
        storage.get_all_trials(study._study_id, deepcopy=False)


def test_a_copy_reads_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    study = optuna.create_study(storage=open_journal(path), study_name="a")
    study.tell(study.ask(), 1.0)
    study.get_trials(deepcopy=False)
    copied = copy.copy(study._storage)
    assert isinstance(copied, IndexedJournal)
    study.tell(study.ask(), 2.0)
    assert [trial.value for trial in copied.get_all_trials(study._study_id, deepcopy=False)] == [1.0, 2.0]
