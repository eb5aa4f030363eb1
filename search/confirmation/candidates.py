"""Which networks of a search are confirmed, and how each is to be trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from optuna.study import Study

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, RunError, SpecError
from xoresnet.results.analysis.pick import pick
from xoresnet.results.tables.loading import Run
from xoresnet.search.study.attributes import DRAWN, GUIDED
from xoresnet.search.study.trials import TrialRecord, trials_of

__all__ = ["Candidate", "candidates"]


class Candidate(NamedTuple):
    """A network to be trained again."""

    trial_id: int | None
    """In the search; None for a baseline that it did not try."""
    source: str | None
    arch: Arch
    recipe: Recipe
    """For the full budget; its seed is another one each time."""


def candidates(
    run: Run,
    study: Study,
    wanted: Sequence[str] = (),
    *,
    known: dict[str, Arch],
    with_baselines: bool,
    recipe: Recipe,
    epochs: int | None = None,
) -> list[Candidate]:
    """The front, or what is wanted (`pick`'s words, or baselines by name), and the baselines if they are asked for.

    known: the baselines of the space by name; recipe: for those that the search did not try; epochs: in place of what
    each was to be trained for. Raises `RunError`, `SpecError`.
    """
    named = [name for name in wanted if name in known]
    trials = [int(pick(run, name, any_state=True, names=known)["trial_id"]) for name in wanted if name not in named]
    if not wanted:
        trials = [int(number) for number in run.front["trial_id"]]
    found = [_of_trial(TrialRecord(study.get_trials(deepcopy=False)[number])) for number in trials]
    found += [_baseline(name, known[name], study, recipe) for name in (known if with_baselines else named)]
    if not found:
        raise RunError(f"{run.name} has no front yet: no trial is complete")
    if epochs is not None:
        found = [one._replace(recipe=_for_epochs(one.recipe, epochs)) for one in found]
    once: dict[tuple[str, Recipe], Candidate] = {}
    for one in found:
        once.setdefault((one.arch.arch_id, one.recipe), one)
    return list(once.values())


def _of_trial(trial: TrialRecord) -> Candidate:
    source = None if trial.source in (DRAWN, GUIDED) else trial.source
    return Candidate(trial.number, source, trial.arch, trial.recipe)


def _baseline(name: str, arch: Arch, study: Study, recipe: Recipe) -> Candidate:
    """As the search trained it to the end, if it did; of other trials that with this recipe, if there is one."""
    arch = arch.canonical()
    tried = [trial for trial in trials_of(study) if trial.has_own_network and trial.arch_id == arch.arch_id]
    ended_well = [trial for trial in tried if trial.is_complete]
    alike = [trial for trial in tried if trial.recipe == recipe]
    for trial in ended_well + alike:
        return _of_trial(trial)._replace(source=name)
    return Candidate(None, name, arch, recipe)


def _for_epochs(recipe: Recipe, epochs: int) -> Recipe:
    try:
        return recipe.replace(epochs=epochs)
    except SpecError as error:
        raise SpecError(Fault("--epochs", fault.message) for fault in error.faults) from None
