"""The Optuna study of a run: created or opened, and checked to belong to it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import RandomSampler
from optuna.study import Study

from xoresnet.errors import NoRunError, RunError, XOResNetError
from xoresnet.files.run_contents import no_run
from xoresnet.results.tables.loading import load_table
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.differences import differences
from xoresnet.search.folders.mirror import named_as
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.registry import make_pruner, make_sampler
from xoresnet.search.study.attributes import ENQUEUED, IDENTITY
from xoresnet.search.study.faults import record_fault
from xoresnet.search.study.ownership import check_owner, may_be_forgotten, take_ownership
from xoresnet.search.study.storage import named_errors, place_of, storage_of, storage_to_read, study_name

__all__ = ["SavedSearch", "forget_study", "has_begun", "identity_of", "look_at_study", "open_study", "read_search"]


def open_study(config: SearchConfig, folder: Path, epochs: int) -> Study:
    """The study of a run, created if there is none. Raises `RunError` if it belongs to another search.

    epochs: of a full training, for the pruner. A strategy that pauses trials is to be set by the caller. Raises
    `RunError` too where the study lacks trials that the run's tables have, or is damaged.
    """
    _refuse_faults(config, folder)
    with named_errors(config, folder):
        study = optuna.create_study(
            storage=storage_of(config, folder),
            study_name=study_name(config, folder),
            load_if_exists=True,
            directions=[objective.optuna_direction for objective in config.objectives],
            pruner=None if config.pruner is None else make_pruner(config.pruner, epochs, config.objectives),
        )
    if config.sampler is not None:  # a resumed search must not repeat the samples it drew before
        drawn = len(study.get_trials(deepcopy=False))
        study.sampler = make_sampler(config.sampler, (config.seed + 7919 * drawn) % 2**32)
    changes = _changes(study, config)
    if config.storage is not None:
        take_ownership(study, folder, place_of(config, folder), changes)
    _check_objectives(study, config)
    if changes:
        what = f"the study {study.study_name!r} in {place_of(config, folder)} belongs to another search"
        raise RunError(f"{what}: {'; '.join(changes)}; choose another name with study=")
    study.set_user_attr(IDENTITY, {**study.user_attrs.get(IDENTITY, {}), **identity_of(config)})
    return study


def forget_study(config: SearchConfig, folder: Path) -> None:
    """Delete from a database the study of a search that was refused before its first trial, to free its name."""
    if config.storage is None:
        return
    with named_errors(config, folder):
        storage, name = storage_of(config, folder), study_name(config, folder)
        if name not in optuna.get_all_study_names(storage):
            return
        study = optuna.load_study(study_name=name, storage=storage, sampler=RandomSampler())  # never asked
        if may_be_forgotten(study, folder):
            optuna.delete_study(study_name=name, storage=storage)


def has_begun(folder: RunFolder) -> bool:
    """Whether the search in this folder has enqueued its known networks, which it does before any trial runs."""
    try:
        saved = folder.saved_config()
        study = look_at_study(saved, folder.path) if saved is not None else None
    except XOResNetError:  # reported when the folder is opened
        return False
    return study is not None and ENQUEUED in study.user_attrs


def _refuse_faults(config: SearchConfig, folder: Path) -> None:
    """Searching on would repeat what finished, and replace its tables. Raises `RunError`."""
    trials = _trials_table(folder)
    if config.storage is not None and (trials is None or trials.empty):
        return
    fault = record_fault(config, folder, look_at_study(config, folder), trials)
    if fault:
        raise RunError(fault)


def _trials_table(folder: Path) -> pd.DataFrame | None:
    """None if it is missing or cannot be read; then the study alone counts."""
    try:
        return load_table(folder, "trials")
    except RunError:
        return None


def _check_objectives(study: Study, config: SearchConfig) -> None:
    wanted = [(objective.metric, objective.optuna_direction) for objective in config.objectives]
    directions = [direction.name.lower() for direction in study.directions]
    if study.metric_names is None and directions == [direction for _, direction in wanted]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([metric for metric, _ in wanted])
    existing = list(zip(study.metric_names or ["?"] * len(directions), directions, strict=False))
    if existing != wanted:
        theirs, mine = (
            ", ".join(f"{metric} ({direction})" for metric, direction in each) for each in (existing, wanted)
        )
        raise RunError(f"the study {study.study_name!r} has the objectives {theirs} instead of {mine}")


def identity_of(config: SearchConfig) -> dict[str, Any]:
    """What makes two searches the same search: all that decides which networks are trained, and how."""
    fields = config.model_dump(mode="json")
    data = {name: value for name, value in fields["data"].items() if name not in ("root", "verify")}
    names = ("space", "recipe", "epochs", "seed", "strategy", "sampler", "pruner", "baselines")
    return {**{name: fields[name] for name in names}, "data": data}


def _changes(study: Study, config: SearchConfig) -> list[str]:
    """How the search that began the study differs from this one; fields that it did not record count as equal."""
    theirs, mine = dict(study.user_attrs.get(IDENTITY, {})), identity_of(config)
    if isinstance(theirs.get("data"), str):  # earlier versions recorded the name alone
        theirs["data"] = {**mine["data"], "name": theirs["data"]}
    return [text for _, text in differences(theirs, {name: mine[name] for name in theirs if name in mine})]


class SavedSearch(NamedTuple):
    """An existing search, for reading only."""

    folder: RunFolder
    config: SearchConfig
    study: Study
    fault: str
    """What is wrong with its record, as `record_fault` says it; empty if nothing is."""


def read_search(run: str | Path) -> SavedSearch:
    """Read the configuration and the study of the search in a folder.

    Raises `RunError` if there is none, and for a study that is lost while the tables have finished trials.
    """
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise NoRunError(no_run(run))
    with named_as(folder.path, str(run)):
        config = folder.saved_config() if (folder.path / "config.yaml").exists() else None
    if config is None:
        raise NoRunError(no_run(run))
    study = look_at_study(config, folder.path)
    fault = record_fault(config, folder.path, study, _trials_table(folder.path))
    if study is None:
        raise RunError(fault or f"{run} holds a search that has no study yet")
    return SavedSearch(folder, config, study, fault)


def look_at_study(config: SearchConfig, folder: Path) -> Study | None:
    """The study of a run for reading only; None if there is none yet.

    Raises `RunError` if it cannot be read or belongs to another run.
    """
    with named_errors(config, folder, KeyError, TypeError):
        storage, name = storage_to_read(config, folder), study_name(config, folder)
        if storage is None or name not in optuna.get_all_study_names(storage):
            return None
        study = optuna.load_study(study_name=name, storage=storage, sampler=RandomSampler())  # never asked
    if config.storage is not None:
        check_owner(study, folder, place_of(config, folder))
    return study
