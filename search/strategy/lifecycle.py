"""The life of a trial that may pause: `ask`, `pause`, `finish`; in Optuna's terms a paused trial is running.

    study = optuna.create_study(
        directions=["maximize", "minimize"],
        sampler=FreezeThawSampler(max_steps=27, budget=40),
        pruner=FreezeThawPruner(max_steps=27),
    )
    while (trial := ask(study)) is not None:  # a new trial, or one that was paused
        model = build(trial.suggest_int("depth", 8, 20))  # one that was paused gets the same values again
        for epoch in range(last_step(trial) + 1, 28):
            accuracy, spikes = train_one_epoch(model)
            report(trial, [accuracy, spikes], epoch)
            if should_prune(trial):
                pause(trial)
                break
        else:
            study.tell(trial, [accuracy, spikes])
    finish(study)

`study.ask()` alone always begins a new trial.
"""

from __future__ import annotations

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from xoresnet.search.pruning.reports import reports, steps_of
from xoresnet.search.strategy.marks import EVICTED, EVICTED_TRIALS, EXTRA_STEPS, INHERITED, PAUSED, RESCUES, is_evicted
from xoresnet.search.strategy.observing import is_paused
from xoresnet.search.strategy.sampler import PausingSampler

__all__ = ["ask", "evict", "finish", "last_step", "pause", "paused_trials", "recover", "resume"]


def ask(study: Study) -> Trial | None:
    """The next trial of a study: a new one, or one that was paused and goes on; None if nothing is left to train.

    With a sampler that pauses nothing, this is `study.ask()`. Trials that were enqueued come first.
    """
    sampler = study.sampler
    if not isinstance(sampler, PausingSampler):
        return study.ask()
    if study.get_trials(deepcopy=False, states=(TrialState.WAITING,)) and sampler.affords_new(study):
        return study.ask()
    choice = sampler.choose(study)
    if choice is None:
        return None
    if choice.resume is not None:
        return resume(study, choice.resume)
    if study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        return None  # what is enqueued would come first, and cannot be afforded
    if choice.open:  # empty before the first parameters are known
        study.enqueue_trial(dict(choice.open))
    return study.ask()


def pause(trial: Trial) -> None:
    """Stop a trial at its last step for now; `ask` may hand it out again, with its number and all it has reported.

    Raises `ValueError` for a trial that has not reported anything.
    """
    step = last_step(trial)
    if not step:
        raise ValueError(f"trial {trial.number} has not reported anything yet")
    trial.set_user_attr(PAUSED, step)


def resume(study: Study, number: int) -> Trial:
    """Hand out a trial that was paused; one that was told PRUNED goes on as a trial with another number.

    Raises `ValueError` for a trial that is neither.
    """
    frozen = study.get_trials(deepcopy=False)[number]
    if frozen.state == TrialState.PRUNED:
        return _revived(study, frozen)
    if not is_paused(frozen):
        raise ValueError(f"trial {number} is not paused")
    trial = Trial(study, frozen._trial_id)
    trial.set_user_attr(PAUSED, 0)
    return trial


def _revived(study: Study, pruned: FrozenTrial) -> Trial:
    steps = last_step(pruned)
    attributes = {name: value for name, value in pruned.user_attrs.items() if name not in _OF_ONE_LIFE}
    attributes |= {RESCUES: pruned.number, INHERITED: steps}
    if is_evicted(pruned.user_attrs) or pruned.number in study.user_attrs.get(EVICTED_TRIALS, ()):
        attributes[EXTRA_STEPS] = steps
    study.add_trial(
        create_trial(
            state=TrialState.RUNNING,
            params=pruned.params,
            distributions=pruned.distributions,
            user_attrs=attributes,
        )
    )
    return Trial(study, study.get_trials(deepcopy=False)[-1]._trial_id)


_OF_ONE_LIFE = (PAUSED, EVICTED, EXTRA_STEPS, INHERITED)


def recover(study: Study) -> list[FrozenTrial]:
    """Pause the trials that were running when their process died, at the last step they reported; returns them.

    Call it before the first `ask` of a process that opens a study again, and only while no other process trains. Trials
    that had reported their last step are told COMPLETE. Those that had not reported anything are told FAIL, and their
    parameters are enqueued again.
    """
    whole = study.sampler.max_steps if isinstance(study.sampler, PausingSampler) else None
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    interrupted = [trial for trial in running if not is_paused(trial)]
    for trial in interrupted:
        if last_step(trial) == whole:
            study.tell(trial.number, reports(trial)[last_step(trial)])
        elif last_step(trial):
            pause(Trial(study, trial._trial_id))
        else:
            study.enqueue_trial(trial.params)
            study.tell(trial.number, state=TrialState.FAIL)
    return [study.get_trials(deepcopy=False)[trial.number] for trial in interrupted]


def last_step(trial: Trial | FrozenTrial) -> int:
    """The last step that a trial has reported; 0 before the first."""
    return max(steps_of(trial.user_attrs), default=0)


def paused_trials(study: Study) -> list[FrozenTrial]:
    """The trials that are paused, by number."""
    return [trial for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)) if is_paused(trial)]


def evict(study: Study, most: int) -> list[int]:
    """Mark stopped trials beyond the `most` that promise most: their checkpoints may be removed. Returns their numbers.

    A trial without a checkpoint trains from the beginning if it goes on, and is charged for that. Trials that were told
    PRUNED count too, because a larger budget may resume them. The study's sampler must be one that pauses trials.
    """
    assert isinstance(study.sampler, PausingSampler)
    trials = study.get_trials(deepcopy=False)
    gone = list(study.user_attrs.get(EVICTED_TRIALS, ()))
    evicted = [trials[number] for number in study.sampler.beyond(study, most)]
    for trial in evicted:
        if trial.state == TrialState.RUNNING:
            evictions = [*trial.user_attrs.get(EVICTED, ()), last_step(trial)]
            Trial(study, trial._trial_id).set_user_attr(EVICTED, evictions)
    pruned = [trial.number for trial in evicted if trial.state == TrialState.PRUNED]
    if pruned:
        study.set_user_attr(EVICTED_TRIALS, [*gone, *pruned])
    return [trial.number for trial in evicted]


def finish(study: Study) -> list[FrozenTrial]:
    """Tell all paused trials PRUNED, because the search has ended; returns them.

    A sampler with a larger budget may resume them all the same.
    """
    paused = paused_trials(study)
    for trial in paused:
        study.tell(trial.number, state=TrialState.PRUNED)
    return [study.get_trials(deepcopy=False)[trial.number] for trial in paused]
