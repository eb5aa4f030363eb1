"""`load`: read the tables of a run while it is running, after a crash, or years later."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, cast

import pandas as pd
import pyarrow as pa

from xoresnet.description.schema import nearest
from xoresnet.errors import NoRunError, RunError, UsageError, YamlError
from xoresnet.files.places import is_url, local_path
from xoresnet.files.remote import find_place
from xoresnet.files.run_contents import no_run, wrong_content
from xoresnet.files.secrets import hidden_address
from xoresnet.files.yaml_text import read_yaml
from xoresnet.limits import MOST_TEXT_BYTES
from xoresnet.measures.metrics import Direction
from xoresnet.plain_text import visible
from xoresnet.results.fronts.objectives import Objectives, objectives_of, shared_objectives
from xoresnet.results.fronts.pareto import pareto_front
from xoresnet.results.tables.columns import (
    ABLATIONS,
    CONFIRMED,
    HISTORY,
    LAYERS,
    PREDICTED,
    SCHEMA_VERSION,
    TRIALS,
    conformed,
    typed,
)
from xoresnet.results.tables.files import VERSION_KEY, read_table

__all__ = [
    "DamagedTableError",
    "RunTables",
    "Runs",
    "ablation_run",
    "load",
    "load_ablation",
    "load_many",
    "load_table",
]


class DamagedTableError(RunError):
    """A table that cannot be read, and that may be replaced by one from the study."""


@dataclass(frozen=True, eq=False)
class RunTables:
    """The tables and settings of one search; docs/results.md describes every column.

    `xoresnet.results.Run` adds the analysis and the figures as methods.
    """

    name: str
    trials: pd.DataFrame
    """One row per trial, including pruned and failed trials."""
    history: pd.DataFrame
    """One row per trial and epoch."""
    layers: pd.DataFrame
    """One row per complete trial and layer."""
    confirmed: pd.DataFrame
    """One row per network and seed that `confirm` retrained and measured on the test set."""
    config: dict[str, Any]
    """The configuration of the search, with `***` in place of a storage's password."""
    environment: dict[str, Any]
    """The machine and package versions of the last session."""
    predicted: pd.DataFrame = field(default_factory=lambda: typed([], PREDICTED))
    """One row per network that shared weights evaluated; predictions are never mixed with measured values."""
    prior: dict[str, Any] = field(default_factory=dict)
    """The cost of the predictions, or why there are none; empty for a search without shared weights."""
    ablations: pd.DataFrame = field(default_factory=lambda: typed([], ABLATIONS))
    """One row per network and seed that `ablate` trained with one field changed, and of the unchanged networks."""
    place: str = ""
    """The folder or URL that it was loaded from, as commands name it; empty for a run that was made in memory."""

    @property
    def is_ablation(self) -> bool:
        """Whether this is the ablation of a network that belongs to no search: there are no trials."""
        return "arch" in self.config  # that of a search is in its space

    @property
    def objectives(self) -> Objectives:
        """The optimised metrics with their directions, in the order of the configuration."""
        return _objectives(self.config)

    @property
    def front(self) -> pd.DataFrame:
        """The complete trials that no other trial dominates, best in the last objective first."""
        return pareto_front(self.trials, self.objectives)

    @property
    def data_name(self) -> str:
        """The name of the data set; empty where the configuration does not tell."""
        data = self.config.get("data")
        return str((data.get("name") if isinstance(data, Mapping) else data) or "")

    def with_objectives(self, objectives: Mapping[str, Direction] | Sequence[str]) -> Self:
        """The same run seen by other objectives: its front, knee, volume and figures follow them.

        objectives: two or more columns of `trials` with their directions, `{"val_accuracy": "max", ...}`, or only names
        where xoresnet knows the direction; short names such as `accuracy`, `spikes` and `energy` are known, too.
        Raises `UsageError` for a column or direction that is not known, and for fewer than two.
        """
        known = objectives_of(self.trials, objectives)
        listed = [{"metric": metric, "direction": direction} for metric, direction in known.items()]
        return replace(self, config={**self.config, "objectives": listed})


@dataclass(frozen=True, eq=False)
class Runs:
    """Several runs together; every frame starts with a column `run`."""

    trials: pd.DataFrame
    history: pd.DataFrame
    layers: pd.DataFrame
    confirmed: pd.DataFrame
    predicted: pd.DataFrame
    ablations: pd.DataFrame
    front: pd.DataFrame
    """The front of each run, not of all runs together."""
    configs: dict[str, dict[str, Any]]
    environments: dict[str, dict[str, Any]]

    @property
    def objectives(self) -> Objectives:
        """The objectives of all runs. Raises `UsageError` if they differ."""
        return shared_objectives([_objectives(config) for config in self.configs.values()])

    def __repr__(self) -> str:
        counts = ", ".join(f"{visible(name)} ({count:,} trials)" for name, count in self._counts().items())
        return f"<{len(self.configs)} runs: {counts}>"

    def _counts(self) -> dict[str, int]:
        counts = self.trials["run"].value_counts()
        return {name: int(counts.get(name, 0)) for name in list(self.configs)[:_MOST_NAMED]}


_MOST_NAMED = 10
"""How many runs the text of `Runs` names."""


def _objectives(config: Mapping[str, Any]) -> Objectives:
    return {str(objective["metric"]): objective["direction"] for objective in config["objectives"]}


def load(run: str | Path, *, frames: Mapping[str, pd.DataFrame] | None = None) -> RunTables:
    """Read a search from a local folder or from any address that pyarrow or fsspec supports (`s3://...`).

    A running search rewrites its tables after every finished trial; a large one at least whenever its duration has
    grown by a twentieth. Raises `RunError` if the folder holds no search, or if a file is damaged or was written by a
    newer version. frames: tables by name that are taken in place of the folder's, whose files are then not read.
    """
    files = _Folder(run)
    text = files.read("config.yaml", MOST_TEXT_BYTES)
    if text is None:
        raise NoRunError(
            f"{run} holds no search: it has no config.yaml" if is_url(run) else no_run(local_path(run, "run"))
        )
    config = _saved(text, run)
    if not isinstance(config, dict) or config.get("command") != "search":
        raise NoRunError(f"{run} {wrong_content(config, 'search')}")
    config = {name: value for name, value in config.items() if name not in ("command", "run_id")}
    if isinstance(config.get("storage"), str):
        config["storage"] = hidden_address(config["storage"])  # reports and notebooks are passed on
    fault = _objectives_fault(config.get("objectives"))
    if fault:
        raise RunError(f"{run}/config.yaml, objectives: {fault}")
    given = frames or {}
    tables = {name: given[name] if name in given else files.frame(name) for name in _FRAMES}
    environment, prior = (files.mapping(f"{name}.json") for name in ("environment", "prior"))
    place = hidden_address(str(run))
    return RunTables(files.name, **tables, config=config, environment=environment, prior=prior, place=place)


def load_table(run: str | Path, name: str) -> pd.DataFrame | None:
    """One table of a run by its name, `trials` for example; None if it was not written. Raises `RunError` as `load`."""
    files = _Folder(run)
    return None if files.read(f"{name}.parquet") is None else files.frame(name)


def load_ablation(folder: str | Path) -> pd.DataFrame:
    """The trainings of an ablation, one row per compared network and seed; docs/ablate.md describes every column.

    folder: of the ablated search, or of an ablated network; or its URL. Empty where nothing was trained yet. Raises
    `RunError` if the folder holds neither, and as `load`.
    """
    files = _Folder(folder)
    _ablation_config(files, folder)
    return files.frame("ablations")


def ablation_run(folder: str | Path, table: pd.DataFrame | None = None) -> RunTables:
    """The ablation of a network that belongs to no search, as a run without trials, for its findings and its figure.

    table: taken in place of the folder's. Raises as `load_ablation`.
    """
    files = _Folder(folder)
    config = _ablation_config(files, folder)
    fields: dict[str, Any] = {name: value for name, value in config.items() if name not in ("command", "run_id")}
    tables: dict[str, Any] = {name: typed([], columns) for name, columns in _FRAMES.items()}
    tables["ablations"] = files.frame("ablations") if table is None else table
    environment = files.mapping("environment.json")
    return RunTables(files.name, **tables, config={**fields, "objectives": _USUAL}, environment=environment)


_USUAL = [
    {"metric": "val_accuracy", "direction": "max"},
    {"metric": "spikes_per_sample", "direction": "min"},
]
"""The objectives by which an ablation without a search is told."""


def _ablation_config(files: _Folder, folder: str | Path) -> dict[str, Any]:
    text = files.read("config.yaml", MOST_TEXT_BYTES)
    if text is None:
        raise NoRunError(f"{folder} holds no ablation: it has no config.yaml")
    config = _saved(text, folder)
    if not isinstance(config, dict) or config.get("command") not in ("search", "ablate"):
        raise NoRunError(f"{folder} {wrong_content(config, 'ablation')}")
    return config


def _saved(text: bytes, run: str | Path) -> Any:
    """The content of a `config.yaml`. Raises `RunError`."""
    try:
        return read_yaml(text.decode(), f"{run}/config.yaml")
    except YamlError as error:
        raise RunError(str(error)) from None
    except UnicodeDecodeError as error:
        raise RunError(f"{run}/config.yaml cannot be read: {error}") from None


def _objectives_fault(objectives: object) -> str:
    """What is wrong with the objectives of a configuration; empty if nothing is."""
    if not isinstance(objectives, list) or len(objectives) < 2:
        return "at least two are required"
    for objective in objectives:
        metric, direction = (objective.get(key) if isinstance(objective, dict) else None for key in _OBJECTIVE)
        if not isinstance(metric, str) or TRIALS.get(metric) != "float64":
            return f"{metric!r} is not a metric of a trial{nearest(str(metric), _METRICS)}"
        if direction not in ("max", "min"):
            return f"the direction of {metric} must be max or min, got {direction!r}"
    return ""


_OBJECTIVE = ("metric", "direction")
_METRICS = tuple(name for name, kind in TRIALS.items() if kind == "float64" and "." not in name)


def load_many(runs: Iterable[str | Path]) -> Runs:
    """Read several searches. Each is named by its folder, or by its path where folders share a name.

    Raises `UsageError` if no runs or a single path are given, `RunError` as `load` does.
    """
    if isinstance(runs, str | Path):
        raise UsageError(f"load_many expects a list of runs, got the single path {str(runs)!r}; use load for one run")
    paths = list(runs)
    if not paths:
        raise UsageError("load_many expects at least one run")
    loaded = [load(path) for path in paths]
    names = [run.name for run in loaded]
    named = {
        run.name if names.count(run.name) == 1 else str(path): run for path, run in zip(paths, loaded, strict=True)
    }

    def stacked(part: str) -> pd.DataFrame:
        frames: dict[str, pd.DataFrame] = {name: getattr(run, part) for name, run in named.items()}
        return pd.concat(
            [frame.assign(run=name)[["run", *frame.columns]] for name, frame in frames.items()], ignore_index=True
        )

    return Runs(
        trials=stacked("trials"),
        history=stacked("history"),
        layers=stacked("layers"),
        confirmed=stacked("confirmed"),
        predicted=stacked("predicted"),
        ablations=stacked("ablations"),
        front=stacked("front"),
        configs={name: run.config for name, run in named.items()},
        environments={name: run.environment for name, run in named.items()},
    )


_FRAMES: Mapping[str, Mapping[str, str]] = {
    "trials": TRIALS,
    "history": HISTORY,
    "layers": LAYERS,
    "confirmed": CONFIRMED,
    "predicted": PREDICTED,
    "ablations": ABLATIONS,
}


class _Folder:
    """The files of a run, local or remote."""

    def __init__(self, run: str | Path) -> None:
        self._run = str(run)
        self._system, self._path = find_place(self._run)
        self.name = Path(self._path).name

    def read(self, name: str, most: int | None = None) -> bytes | None:
        """The content of a file; None if there is no such file. most: the largest size in bytes that is read."""
        try:
            with self._system.open_input_stream(f"{self._path}/{name}") as stream:
                content = cast(bytes, stream.read(None if most is None else most + 1))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise RunError(f"{self._run}/{name} cannot be read: {error}") from None
        if most is not None and len(content) > most:
            raise RunError(f"{self._run}/{name} is larger than {most / 2**20:g} MiB, too large for a file of settings")
        return content

    def mapping(self, name: str) -> dict[str, Any]:
        """A JSON object; empty if there is no such file."""
        try:
            content = json.loads(self.read(name, MOST_TEXT_BYTES) or b"{}")
        except (ValueError, RecursionError) as error:
            raise RunError(f"{self._run}/{name} is damaged: {error}") from None
        if not isinstance(content, dict):
            raise RunError(f"{self._run}/{name} does not contain a JSON object")
        return content

    def frame(self, table_name: str) -> pd.DataFrame:
        """A table; empty if it was not written yet."""
        name, columns = f"{table_name}.parquet", _FRAMES[table_name]
        content = self.read(name)
        if content is None:
            return typed([], columns)
        try:
            table = read_table(content)
        except RunError as error:  # larger than what is read; also a ValueError
            raise RunError(f"{self._run}/{name}: {error}") from None
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(name, error) from None
        version = (table.schema.metadata or {}).get(VERSION_KEY, b"").decode("ascii", "replace")
        if not version.isdecimal():
            raise DamagedTableError(f"{self._run}/{name} is not a table of a run: its schema version is missing")
        if int(version) > SCHEMA_VERSION:
            known = f"this xoresnet reads versions up to {SCHEMA_VERSION}; install a newer xoresnet"
            raise RunError(f"{self._run} has tables of version {version}, but {known}")
        try:
            return conformed(cast(pd.DataFrame, table.to_pandas()), columns)
        except Exception as error:  # a damaged description of the columns makes pandas raise anything
            raise self._damaged(name, error) from None

    def _damaged(self, name: str, error: Exception) -> DamagedTableError:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        remedy = "" if "://" in self._run else f"; to rebuild it: xoresnet repair {shlex.quote(self._run)}"
        return DamagedTableError(f"{self._run}/{name} is damaged: {reason}{remedy}")
