"""The Optuna study of a run: opened, checked, and made whole after a crash."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import Study
from sqlalchemy.exc import SQLAlchemyError

from xoresnet.schema import SpecError
from xoresnet.search.config import PrunerSpec, SearchConfig
from xoresnet.search.errors import CommandError
from xoresnet.search.journal import JournalReader, mend
from xoresnet.search.metric_pruner import MetricPruner
from xoresnet.search.objective import Objective
from xoresnet.search.pareto_pruner import ParetoPruner
from xoresnet.search.run_folder import JOURNAL
from xoresnet.user_code import find_user_code

__all__ = ["look_at_study", "make_pruner", "make_sampler", "open_study"]


_STORAGE_ERRORS = (SQLAlchemyError, ImportError, OSError, ValueError)  # of addresses; the latter where it is none


def open_study(config: SearchConfig, folder: Path, epochs: int) -> Study:
    """The study of a run, made if there is none. Raises `CommandError` for another one's."""
    try:
        study = optuna.create_study(
            storage=_storage(config.storage, folder),
            study_name=_name(config, folder),
            load_if_exists=True,
            directions=[objective.optuna_direction for objective in config.objectives],
            pruner=make_pruner(config.pruner, epochs, config.objectives),
        )
    except _STORAGE_ERRORS as error:
        raise CommandError(f"storage: {config.storage or folder}: {_first_line(error)}") from None
    # a search that goes on must not draw again what it drew before
    study.sampler = make_sampler(config.sampler, (config.seed + 7919 * len(study.get_trials(deepcopy=False))) % 2**32)
    wanted = [(objective.metric, objective.optuna_direction) for objective in config.objectives]
    if study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([metric for metric, _ in wanted])
    directions = [direction.name.lower() for direction in study.directions]
    found = list(zip(study.metric_names or [], directions, strict=False))
    if found != wanted:
        told, known = (", ".join(f"{metric} ({direction})" for metric, direction in pairs) for pairs in (wanted, found))
        raise CommandError(f"the study {study.study_name!r} is of {known}, not of {told}")
    return study


def look_at_study(config: SearchConfig, folder: Path) -> Study | None:
    """The study of a run, to be read and not written; None where there is none yet. Raises `CommandError`."""
    if config.storage is None:
        if not (folder / JOURNAL).exists():
            return None
        storage: BaseStorage | str = JournalStorage(JournalReader(folder / JOURNAL))
    else:
        storage = config.storage
        file = storage.partition(":///")[2] if storage.startswith("sqlite") else ""
        if file and not Path(file).exists():  # it would be made
            return None
    try:
        return optuna.load_study(study_name=_name(config, folder), storage=storage)
    except KeyError:
        return None
    except _STORAGE_ERRORS as error:
        raise CommandError(f"storage: {config.storage or folder}: {_first_line(error)}") from None


def make_sampler(name: str, seed: int) -> BaseSampler:
    """A sampler by its name in a configuration; a dotted path is called with `seed`, if it takes one.

    Raises `CommandError`.
    """
    match name:
        case "tpe":
            return TPESampler(seed=seed)
        case "nsga2":
            # few trials complete under pruning, and only these fill its generations
            return NSGAIISampler(population_size=10, seed=seed)
        case "random" | "grid":
            return RandomSampler(seed=seed)
    kind = _by_path(name, BaseSampler, "sampler")
    try:
        takes_seed = "seed" in inspect.signature(kind).parameters
    except ValueError:
        takes_seed = False
    sampler: BaseSampler = _made(kind, name, "sampler", **({"seed": seed} if takes_seed else {}))
    return sampler


def make_pruner(spec: PrunerSpec, epochs: int, objectives: Sequence[Objective]) -> BasePruner:
    """The pruner of a search whose trials are done after so many epochs."""
    if spec.kind == "pareto":
        return ParetoPruner(
            spec.min_epochs, max_steps=epochs, reduction_factor=spec.reduction_factor, min_trials=spec.min_trials,
            ties=spec.ties, brackets=spec.brackets,
        )  # fmt: skip
    metrics = [objective.metric for objective in objectives]
    place = metrics.index(spec.metric) if spec.metric is not None else 0
    match spec.kind:
        case "none":
            return NopPruner()
        case "median":
            pruner: BasePruner = MedianPruner(n_warmup_steps=spec.min_epochs)
        case "successive-halving":
            pruner = SuccessiveHalvingPruner(spec.min_epochs, reduction_factor=spec.reduction_factor)
        case "hyperband":
            pruner = HyperbandPruner(spec.min_epochs, epochs, reduction_factor=spec.reduction_factor)
        case path:
            pruner = _made(_by_path(path, BasePruner, "pruner"), path, "pruner")
    return MetricPruner(pruner, place)


def _by_path(path: str, base: type[Any], what: str) -> Callable[..., Any]:
    """A class of the user's or of Optuna's."""
    try:
        kind: Callable[..., Any] = find_user_code(
            path, lambda value: isinstance(value, type) and issubclass(value, base), f"Optuna {what}"
        )
    except SpecError as error:
        raise CommandError(f"{what}: {error}", exit_code=2) from None
    return kind


def _made(kind: Callable[..., Any], path: str, what: str, **arguments: Any) -> Any:
    try:
        return kind(**arguments)
    except Exception as error:  # it may be the user's
        raise CommandError(
            f"{what}: {path} cannot be made without arguments: {_first_line(error)}", exit_code=2
        ) from None


def _name(config: SearchConfig, folder: Path) -> str:
    return config.study or folder.name


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _storage(url: str | None, folder: Path) -> BaseStorage | str:
    if url is not None:
        return url
    path = folder / JOURNAL
    mend(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))
