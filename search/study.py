"""The Optuna study of a run: opened, checked, and made whole after a crash."""

from __future__ import annotations

import json
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

from xoresnet.schema import SpecError
from xoresnet.search.config import PrunerSpec, SearchConfig
from xoresnet.search.errors import CommandError
from xoresnet.search.metric_pruner import MetricPruner
from xoresnet.search.objective import Objective
from xoresnet.search.pareto_pruner import ParetoPruner
from xoresnet.user_code import find_user_code

__all__ = ["JOURNAL", "look_at_study", "make_pruner", "make_sampler", "open_study"]

JOURNAL = "study.journal"


def open_study(config: SearchConfig, folder: Path, *, name: str, epochs: int) -> Study:
    """The study of a run, made if there is none. Raises `CommandError` for another one's."""
    storage = _storage(config.storage, folder)
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        load_if_exists=True,
        directions=[objective.optuna_direction for objective in config.objectives],
        pruner=make_pruner(config.pruner, epochs, config.objectives),
    )
    # a search that goes on must not draw again what it drew before
    study.sampler = make_sampler(config.sampler, (config.seed + 7919 * len(study.get_trials(deepcopy=False))) % 2**32)
    metrics = [objective.metric for objective in config.objectives]
    if study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(metrics)
    elif study.metric_names != metrics:
        raise CommandError(f"the study {name!r} is of {', '.join(study.metric_names)}, not of {', '.join(metrics)}")
    return study


def look_at_study(config: SearchConfig, folder: Path, *, name: str) -> Study | None:
    """The study of a run, to be read and not written; None where there is none yet."""
    if config.storage is None and not (folder / JOURNAL).exists():
        return None
    storage = config.storage or JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None


def make_sampler(name: str, seed: int) -> BaseSampler:
    """A sampler by its name in a configuration; a dotted path is called with `seed`, if it takes one."""
    match name:
        case "tpe":
            return TPESampler(seed=seed)
        case "nsga2":
            # few trials complete under pruning, and only these fill its generations
            return NSGAIISampler(population_size=10, seed=seed)
        case "random" | "grid":
            return RandomSampler(seed=seed)
    kind: Callable[..., BaseSampler] = _by_path(name, BaseSampler, "sampler")
    try:
        return kind(seed=seed)
    except TypeError:
        return kind()


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
            pruner = _by_path(path, BasePruner, "pruner")()
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


def _storage(url: str | None, folder: Path) -> BaseStorage | str:
    if url is not None:
        return url
    path = folder / JOURNAL
    _mend(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))


def _mend(path: Path) -> None:
    """Cut off a last line that a crash left half written: what it would have said was never acknowledged."""
    if not path.exists():
        return
    lock = Path(f"{path}.lock")  # only this process writes, and it has only begun
    lock.unlink(missing_ok=True)
    text = path.read_bytes()
    whole = text.rfind(b"\n") + 1
    lines = text[:whole].splitlines()
    if lines:
        try:
            json.loads(lines[-1])
        except ValueError:
            whole -= len(lines[-1]) + 1
    if whole < len(text):
        path.with_suffix(".journal.torn").write_bytes(text[whole:])
        with path.open("r+b") as file:
            file.truncate(whole)
