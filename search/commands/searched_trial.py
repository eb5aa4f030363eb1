"""`RUN:ID`: a trial of a search, whatever became of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import RunError
from xoresnet.search.folders.run import RunFolder

__all__ = ["SearchedTrial", "find_trial"]


class SearchedTrial(NamedTuple):
    """What it trained, and how."""

    label: str
    arch: Arch
    data: DataSpec
    recipe: Recipe


def find_trial(text: str) -> SearchedTrial | None:
    """The trial that is meant by `RUN:ID`, a trial's number or a network's id; None for a text without a colon.

    Raises `RunError` where there is no such folder, or no such trial in it.
    """
    run, colon, wanted = text.rpartition(":")
    if not colon:
        return None
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise RunError(f"{text}: there is no folder {run}")
    from xoresnet.search.study.opening import look_at_study
    from xoresnet.search.study.trials import trials_of

    config = folder.saved_config() if (folder.path / "config.yaml").exists() else None
    study = look_at_study(config, folder.path) if config is not None else None
    if config is None or study is None:
        raise RunError(f"{text}: {run} holds no search")
    own = [trial for trial in trials_of(study) if trial.has_own_network]
    meant = [trial for trial in own if wanted in (str(trial.number), trial.arch_id)]
    if not meant:
        raise RunError(f"{text}: {run} has no trial {wanted} with a network of its own")
    if len({trial.training_key for trial in meant}) > 1:
        numbers = ", ".join(str(trial.number) for trial in meant)
        raise RunError(f"{text}: that is the network of trials {numbers}: name one of them")
    trial = meant[-1]
    return SearchedTrial(f"{folder.path.name}-{trial.number}", trial.arch, config.data, trial.recipe)
