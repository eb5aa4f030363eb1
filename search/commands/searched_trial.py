"""`RUN:ID`: a trial of a search, in whatever state."""

from __future__ import annotations

from typing import NamedTuple

from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.description.user_code import names_only
from xoresnet.errors import RunError, UsageError

__all__ = ["SearchedTrial", "find_trial"]


class SearchedTrial(NamedTuple):
    """The network of a trial, and how it was trained."""

    label: str
    arch: Arch
    data: DataSpec
    recipe: Recipe


def find_trial(text: str, *, trust_code: bool = False) -> SearchedTrial | None:
    """The trial that `RUN:ID` names; ID is a trial's number or a network's id. None for a text without a colon.

    trust_code: whether code that the run names may be imported. Raises `RunError` if RUN is not the folder of a search,
    `UsageError` if it has no such trial, and `UntrustedCodeError` where code would have to be imported.
    """
    run, colon, wanted = text.rpartition(":")
    if not colon:
        return None
    with names_only(run, trust_code=trust_code) as named:
        trial = _find(text, run, wanted)
    named.refuse()
    return trial


def _find(text: str, run: str, wanted: str) -> SearchedTrial:
    # Optuna, which networks without a colon do not need
    from xoresnet.search.study.opening import read_search
    from xoresnet.search.study.trials import trials_of

    folder, config, study, fault = read_search(run)
    own = [trial for trial in trials_of(study) if trial.has_own_network]
    meant = [trial for trial in own if wanted in (str(trial.number), trial.arch_id)]
    if not meant and fault:
        raise RunError(fault)
    if not meant:
        raise UsageError(f"{text}: {run} has no trial {wanted} that trained a network")
    if len({trial.training_key for trial in meant}) > 1:
        numbers = ", ".join(str(trial.number) for trial in meant)
        raise UsageError(f"{text}: this network was trained with several recipes, in trials {numbers}; name a trial")
    trial = meant[-1]
    return SearchedTrial(f"{folder.path.name}-{trial.number}", trial.arch, config.data, trial.recipe)
