"""The Optuna study of a run: created or opened, and checked to belong to it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage
from optuna.study import Study
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from xoresnet.errors import RunError, UsageError, XOResNetError
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.differences import differences
from xoresnet.search.folders.run import JOURNAL, RunFolder
from xoresnet.search.registry import make_pruner, make_sampler
from xoresnet.search.study.attributes import ENQUEUED, IDENTITY
from xoresnet.search.study.journal import JournalReader, open_journal

__all__ = ["SavedSearch", "check_storage", "has_begun", "look_at_study", "open_study", "read_search"]

_STORAGE_ERRORS = (SQLAlchemyError, ImportError, OSError, ValueError)
"""Raised for storage addresses; `ValueError` for text that is not an address."""


def open_study(config: SearchConfig, folder: Path, epochs: int) -> Study:
    """The study of a run, created if there is none. Raises `RunError` if it belongs to another search.

    epochs: of a full training, for the pruner.
    """
    try:
        study = optuna.create_study(
            storage=_storage(config.storage, folder),
            study_name=_name(config, folder),
            load_if_exists=True,
            directions=[objective.optuna_direction for objective in config.objectives],
            pruner=make_pruner(config.pruner, epochs, config.objectives),
        )
    except XOResNetError:  # a damaged journal; also a ValueError
        raise
    except _STORAGE_ERRORS as error:
        raise RunError(f"storage: {config.storage or folder}: {_first_line(error)}") from None
    # a resumed search must not repeat the samples it drew before
    study.sampler = make_sampler(config.sampler, (config.seed + 7919 * len(study.get_trials(deepcopy=False))) % 2**32)
    _check_objectives(study, config)
    _check_identity(study, config)
    return study


def has_begun(folder: RunFolder) -> bool:
    """Whether the search in this folder has enqueued its known networks, which it does before any trial runs."""
    try:
        saved = folder.saved_config()
        study = look_at_study(saved, folder.path) if saved is not None else None
    except XOResNetError:  # reported when the folder is opened
        return False
    return study is not None and ENQUEUED in study.user_attrs


def check_storage(url: str | None) -> None:
    """Raises `UsageError` for text that is not a storage address, and for storages whose driver is not installed."""
    if url is None:
        return
    try:
        make_url(url).get_dialect()
    except _STORAGE_ERRORS as error:
        raise UsageError(f"storage: {url}: {_first_line(error)}") from None


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


def _check_identity(study: Study, config: SearchConfig) -> None:
    """A storage may hold a study with the same name that a search in another folder has begun. Raises `RunError`."""
    fields = config.model_dump(mode="json")
    mine = {"space": fields["space"], "recipe": fields["recipe"], "epochs": fields["epochs"], "data": config.data.name}
    theirs = study.user_attrs.get(IDENTITY)
    if theirs is None:
        study.set_user_attr(IDENTITY, mine)
        return
    changes = [line for _, line in differences(theirs, mine)]
    if changes:
        what = f"the study {study.study_name!r} in {config.storage or JOURNAL} belongs to another search"
        raise RunError(f"{what}: {'; '.join(changes)}; choose another name with study=")


class SavedSearch(NamedTuple):
    """An existing search, for reading only."""

    folder: RunFolder
    config: SearchConfig
    study: Study


def read_search(run: str | Path) -> SavedSearch:
    """Read the configuration and the study of the search in a folder. Raises `RunError` if there is none."""
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise RunError(f"there is no folder {run}")
    config = folder.saved_config() if (folder.path / "config.yaml").exists() else None
    if config is None:
        raise RunError(f"{run} holds no search: it has no config.yaml")
    study = look_at_study(config, folder.path)
    if study is None:
        raise RunError(f"{run} holds a search that has no study yet")
    return SavedSearch(folder, config, study)


def look_at_study(config: SearchConfig, folder: Path) -> Study | None:
    """The study of a run for reading only; None if there is none yet. Raises `RunError` if it cannot be read."""
    if config.storage is None:
        if not (folder / JOURNAL).exists():
            return None
    elif config.storage.startswith("sqlite"):
        file = make_url(config.storage).database
        if file and not Path(file).exists():  # opening it would create it
            return None
    try:
        storage: BaseStorage | str | None = config.storage
        if storage is None:
            storage = JournalStorage(JournalReader(folder / JOURNAL))
        name = _name(config, folder)
        if name not in optuna.get_all_study_names(storage):
            return None
        return optuna.load_study(study_name=name, storage=storage)
    except (*_STORAGE_ERRORS, KeyError, TypeError) as error:
        raise RunError(f"storage: {config.storage or folder}: {_first_line(error)}") from None


def _name(config: SearchConfig, folder: Path) -> str:
    return config.study or folder.name


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _storage(url: str | None, folder: Path) -> BaseStorage | str:
    if url is not None:
        return url
    return open_journal(folder / JOURNAL)
