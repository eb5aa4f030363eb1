"""`RUN:ID`: a trial of a search, whatever became of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from xoresnet.arch import Arch
from xoresnet.data_spec import DataSpec
from xoresnet.recipe import Recipe
from xoresnet.search.errors import CommandError
from xoresnet.search.run_folder import RunFolder

__all__ = ["SearchedTrial", "find_trial"]


class SearchedTrial(NamedTuple):
    """What it trained, and how."""

    label: str
    arch: Arch
    data: DataSpec
    recipe: Recipe


def find_trial(text: str) -> SearchedTrial | None:
    """The trial that is meant by `RUN:ID`, a trial's number or a network's id; None for a text without a colon.

    Raises `CommandError` where there is no such folder, or no such trial in it.
    """
    run, colon, wanted = text.rpartition(":")
    if not colon:
        return None
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise CommandError(f"{text}: there is no folder {run}", exit_code=2)
    from xoresnet.search.attributes import ARCH_ID, DUPLICATE
    from xoresnet.search.candidates import trial_network
    from xoresnet.search.study import look_at_study

    config = folder.saved_config() if (folder.path / "config.yaml").exists() else None
    study = look_at_study(config, folder.path) if config is not None else None
    if config is None or study is None:
        raise CommandError(f"{text}: {run} holds no search", exit_code=2)
    for trial in study.get_trials(deepcopy=False):
        arch_id = trial.user_attrs.get(ARCH_ID)
        if arch_id is not None and DUPLICATE not in trial.user_attrs and wanted in (str(trial.number), arch_id):
            arch, recipe = trial_network(trial)
            return SearchedTrial(f"{folder.path.name}-{trial.number}", arch, config.data, recipe)
    raise CommandError(f"{text}: {run} has no trial {wanted} with a network of its own", exit_code=2)
