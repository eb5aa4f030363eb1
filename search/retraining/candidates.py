"""Which networks of a search are confirmed, and with which recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from optuna.study import Study

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, RunError, SpecError
from xoresnet.results.analysis.pick import pick
from xoresnet.results.tables.loading import RunTables
from xoresnet.search.study.attributes import DRAWN
from xoresnet.search.study.trials import TrainingKey, TrialRecord, trials_of

__all__ = ["Candidate", "candidates"]


class Candidate(NamedTuple):
    """A network to be trained again."""

    trial_id: int | None
    """The trial of the search that trained it; None for a baseline that the search did not try."""
    source: str | None
    """Where the search had it from, if not from its sampler or prior."""
    arch: Arch
    recipe: Recipe
    """The full-budget recipe; each training gets a seed of its own."""


def candidates(
    run: RunTables,
    study: Study,
    wanted: Sequence[str] = (),
    *,
    known: Mapping[str, Arch],
    with_baselines: bool,
    recipe: Recipe,
    epochs: int | None = None,
    by_search: bool = False,
) -> list[Candidate]:
    """The networks of the front, or those in `wanted`, followed by the baselines if they are asked for; no duplicates.

    wanted: words that `pick` understands, or names of baselines. known: the baselines of the space by name. recipe: for
    baselines that the search did not try. epochs: in place of the epochs of each recipe. by_search: whether `knee` and
    the like go by the figures of the search even if others lead.
    Raises `RunError` for a front without networks, `UsageError` for unknown words, and `SpecError` for epochs that a
    recipe forbids.
    """
    picked = [pick(run, name, any_state=True, names=known, by_search=by_search) for name in wanted if name not in known]
    named = [name for name in wanted if name in known]
    named += [str(row["source"]) for row in picked if pd.isna(row["trial_id"])]  # baselines that were confirmed alone
    numbers = [int(row["trial_id"]) for row in picked if not pd.isna(row["trial_id"])]
    if not wanted:
        numbers = [int(number) for number in run.front["trial_id"]]
    chosen = [_of_trial(TrialRecord(study.get_trials(deepcopy=False)[number])) for number in numbers]
    chosen += [_baseline(name, known[name], study, recipe) for name in (known if with_baselines else named)]
    if not chosen:
        raise RunError(f"{run.name} has no front yet: no trial is complete")
    if epochs is not None:
        chosen = [candidate._replace(recipe=_for_epochs(candidate.recipe, epochs)) for candidate in chosen]
    distinct: dict[TrainingKey, Candidate] = {}
    for candidate in chosen:
        distinct.setdefault((candidate.arch.arch_id, candidate.recipe), candidate)
    return list(distinct.values())


def _of_trial(trial: TrialRecord) -> Candidate:
    source = None if trial.source == DRAWN else trial.source
    return Candidate(trial.number, source, trial.arch, trial.recipe)


def _baseline(name: str, arch: Arch, study: Study, recipe: Recipe) -> Candidate:
    """A baseline as the search trained it to the end, otherwise as a trial with this recipe, if there is one."""
    arch = arch.canonical()
    tried = [trial for trial in trials_of(study) if trial.has_own_network and trial.arch_id == arch.arch_id]
    complete = [trial for trial in tried if trial.is_complete]
    same_recipe = [trial for trial in tried if trial.recipe == recipe]
    for trial in complete + same_recipe:
        return _of_trial(trial)._replace(source=name)
    return Candidate(None, name, arch, recipe)


def _for_epochs(recipe: Recipe, epochs: int) -> Recipe:
    try:
        return recipe.replace(epochs=epochs)
    except SpecError as error:
        raise SpecError(Fault("epochs", fault.message) for fault in error.faults) from None
