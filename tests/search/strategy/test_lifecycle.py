"""Trials that pause, in plain Optuna: what `ask` hands out, what a study keeps, and what everything costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from tests.search.curve_tables import EPOCHS, curve, made_study, run_all, run_one, suggested
from xoresnet.search.pruning.reports import report, should_prune
from xoresnet.search.strategy.lifecycle import ask, evict, finish, last_step, pause, paused_trials, recover, resume
from xoresnet.search.strategy.pruner import FreezeThawPruner, PausingPruner, PromotionPruner
from xoresnet.search.strategy.sampler import FreezeThawSampler, PausingSampler, PromotionSampler

KINDS = {"freeze-thaw": (FreezeThawSampler, FreezeThawPruner), "promotion": (PromotionSampler, PromotionPruner)}


def made(kind: str, budget: float, seed: int = 0) -> tuple[PausingSampler, PausingPruner]:
    sampler, pruner = KINDS[kind]
    return sampler(max_steps=EPOCHS, budget=budget, seed=seed), pruner(max_steps=EPOCHS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_from_beginning_to_end(kind: str) -> None:
    sampler, pruner = made(kind, 12)
    study = made_study(sampler, pruner)
    stretches = run_all(study)
    trials = study.get_trials()
    assert stretches > len(trials)  # some went on
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.RUNNING}
    assert 11 < sampler.spent(study) <= 12
    assert {trial.number for trial in finish(study)} == {t.number for t in trials if t.state == TrialState.RUNNING}
    assert {trial.state for trial in study.get_trials()} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert len({frozenset(trial.params.items()) for trial in trials}) == len(trials)
    assert ask(study) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_budget_goes_on_with_what_was_stopped(kind: str) -> None:
    study = made_study(*made(kind, 6))
    run_all(study)
    stopped = {frozenset(trial.params.items()) for trial in finish(study)}
    before = len(study.trials)
    study.sampler, study.pruner = made(kind, 30)
    run_all(study)
    assert 29 < study.sampler.spent(study) <= 30
    later = study.trials[before:]
    continued = [trial for trial in later if "rescues" in trial.user_attrs]
    assert continued
    assert {frozenset(trial.params.items()) for trial in continued} <= stopped
    assert all(last_step(trial) > trial.user_attrs["inherited_steps"] for trial in continued)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), kind=st.sampled_from(sorted(KINDS)), killed=st.lists(st.integers(0, 4), max_size=3))
def test_decisions_are_functions_of_the_record(seed: int, kind: str, killed: list[int]) -> None:
    """At every moment, a sampler that has just been made decides as the one that was there all the time."""
    sampler, pruner = made(kind, 6, seed)
    study = made_study(sampler, pruner)
    for number in range(18):
        copy = made_study(*made(kind, 6, seed))
        copy.add_trials(study.get_trials())
        assert copy.sampler.choose(copy) == sampler.choose(study)
        if run_one(study, most=1 if number in killed else EPOCHS) is None:
            break


@pytest.mark.parametrize("kind", KINDS)
def test_a_journal_that_is_opened_again_goes_on_as_if_it_had_never_been_closed(kind: str, tmp_path: Path) -> None:
    alone = made_study(*made(kind, 6))
    run_all(alone)
    while True:
        storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
        study = made_study(*made(kind, 6), storage=storage)
        if run_one(study) is None:
            break
    assert [trial.params for trial in study.trials] == [trial.params for trial in alone.trials]
    assert [last_step(trial) for trial in study.trials] == [last_step(trial) for trial in alone.trials]


def test_a_paused_trial_keeps_its_number_its_parameters_and_its_reports() -> None:
    study = made_study()
    trial = ask(study)
    assert trial is not None
    params = suggested(trial)
    report(trial, curve(params, 1), 1)
    assert should_prune(trial)
    pause(trial)
    assert [paused.number for paused in paused_trials(study)] == [trial.number]
    again = resume(study, trial.number)
    assert again.number == trial.number
    assert suggested(again) == params
    assert last_step(again) == 1
    assert not paused_trials(study)


def test_a_trial_that_lost_its_checkpoint_is_charged_again() -> None:
    study = made_study()
    for _ in range(8):
        run_one(study)
    paused = len(paused_trials(study))
    assert isinstance(study.sampler, PausingSampler)
    before = study.sampler.spent(study)
    gone = evict(study, 2)
    assert len(gone) == paused - 2
    assert evict(study, 2) == []  # those are gone
    assert study.sampler.spent(study) == before
    trial = resume(study, gone[0])
    assert study.sampler.spent(study) == pytest.approx(before + last_step(trial) / EPOCHS)


def test_study_ask_alone_begins_new_trials() -> None:
    study = made_study()
    for _ in range(20):
        run_one(study)
    count = len(study.trials)
    trial = study.ask()
    assert trial.number == count
    params = suggested(trial)
    assert params not in [other.params for other in study.trials[:-1]]


def test_enqueued_trials_come_first() -> None:
    study = made_study()
    study.enqueue_trial({"depth": 5, "kind": "b"})
    trial = ask(study)
    assert trial is not None
    assert suggested(trial) == {"depth": 5, "kind": "b"}


def test_infeasible_trials_do_not_go_on() -> None:
    study = made_study(budget=10)
    while (trial := ask(study)) is not None:
        params = suggested(trial)
        if not last_step(trial):
            trial.set_constraint("depth", params["depth"] - 15)
        for epoch in range(last_step(trial) + 1, EPOCHS + 1):
            report(trial, curve(params, epoch), epoch)
            if should_prune(trial):
                pause(trial)
                break
        else:
            study.tell(trial, curve(params, EPOCHS))
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    assert len(complete) >= 4
    assert sum(trial.params["depth"] > 15 for trial in complete) <= 1  # before anything is known


def test_misuse_is_refused() -> None:
    study = made_study()
    with pytest.raises(ValueError, match="has not reported anything yet"):
        pause(study.ask())
    with pytest.raises(ValueError, match="trial 0 is not paused"):
        resume(study, 0)
    with pytest.raises(ValueError, match="max_steps must be at least 1, got 0"):
        FreezeThawSampler(max_steps=0)
    with pytest.raises(ValueError, match="budget must be positive, got 0"):
        PromotionSampler(max_steps=3, budget=0)


def test_a_level_alone_is_that_of_the_first_objective() -> None:
    study = made_study(FreezeThawSampler(max_steps=EPOCHS, budget=10, chance=0.1))
    run_all(study, lambda params, epoch: [0.1 if params["kind"] == "b" else curve(params, epoch)[0], 1.0])
    assert {trial.params["kind"] for trial in study.get_trials(states=(TrialState.COMPLETE,))} == {"a"}
    with pytest.raises(ValueError, match="chance must be an accuracy, as 0\\.1, or a Chance, got 'low'"):
        FreezeThawSampler(max_steps=EPOCHS, chance="low")  # type: ignore[arg-type]


def test_sampler_and_pruner_must_have_the_same_rungs() -> None:
    study = made_study(FreezeThawSampler(max_steps=EPOCHS, budget=4), FreezeThawPruner(max_steps=4))
    with pytest.raises(ValueError, match=r"the pruner has the rungs \(1, 3, 4\), but the study's sampler \(1, 3, 9\)"):
        run_all(study)


def test_other_samplers_are_asked_as_ever() -> None:
    study = optuna.create_study(storage=InMemoryStorage(), directions=["maximize", "minimize"])
    trial = ask(study)
    assert trial is not None
    assert trial.number == 0


@pytest.mark.parametrize("kind", KINDS)
def test_reports_that_are_not_finite_stop_only_their_trial(kind: str) -> None:
    study = made_study(*made(kind, 10))

    def broken(params: dict[str, Any], epoch: int) -> list[float]:
        accuracy, spikes = curve(params, epoch)
        if params["kind"] == "b":
            return [float("nan"), spikes] if params["depth"] % 2 else [accuracy, float("inf")]
        return [accuracy, spikes]

    while (trial := ask(study)) is not None:
        params = suggested(trial)
        for epoch in range(last_step(trial) + 1, EPOCHS + 1):
            report(trial, broken(params, epoch), epoch)
            if should_prune(trial):
                pause(trial)
                break
        else:
            study.tell(trial, curve(params, EPOCHS))
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    assert sum(trial.params["kind"] == "a" for trial in complete) >= 3
    assert sum(trial.params["kind"] == "b" for trial in complete) <= 1


def test_what_is_enqueued_does_not_exceed_the_budget() -> None:
    study = made_study(budget=2)
    for depth in range(2, 30):
        study.enqueue_trial({"depth": depth, "kind": "b"})
    run_all(study)
    assert isinstance(study.sampler, PausingSampler)
    assert study.sampler.spent(study) <= 2
    assert study.get_trials(states=(TrialState.WAITING,))


def test_what_was_told_pruned_counts_among_the_checkpoints_that_are_kept() -> None:
    study = made_study(budget=4)
    run_all(study)
    stopped = len(finish(study))
    assert stopped > 3
    gone = evict(study, 3)
    assert len(gone) == stopped - 3
    study.sampler = FreezeThawSampler(max_steps=EPOCHS, budget=60)
    before = study.sampler.spent(study)
    trial = resume(study, gone[0])
    assert study.sampler.spent(study) == pytest.approx(before + last_step(trial) / EPOCHS)


def test_recover_pauses_what_was_running() -> None:
    study = made_study()
    run_one(study, most=1)
    while not paused_trials(study):
        run_one(study)
    begun = study.ask()
    suggested(begun)
    killed = ask(study)
    assert killed is not None
    report(killed, curve(suggested(killed), last_step(killed) + 1), last_step(killed) + 1)
    recovered = recover(study)
    assert {trial.number for trial in recovered} >= {begun.number, killed.number}
    assert not [
        trial for trial in study.get_trials(states=(TrialState.RUNNING,)) if not trial.user_attrs.get("paused_at")
    ]
    again = ask(study)
    assert again is not None
    assert suggested(again) == study.trials[begun.number].params


def test_one_sampler_serves_two_studies() -> None:
    sampler, pruner = made("freeze-thaw", 6)
    first, second = (made_study(sampler, pruner) for _ in range(2))
    alone = [made_study(*made("freeze-thaw", 6)) for _ in range(2)]
    for _ in range(25):
        for study in (first, second, *alone):
            run_one(study)
    for study, other in zip((first, second), alone, strict=True):
        assert [trial.params for trial in study.trials] == [trial.params for trial in other.trials]
