"""`load`: read the tables of a run while it is running, after a crash, or years later."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa
from pyarrow import fs

from xoresnet.description.schema import nearest
from xoresnet.errors import RunError, UsageError, YamlError
from xoresnet.files.secrets import hidden_address
from xoresnet.files.yaml_text import read_yaml
from xoresnet.limits import MOST_TEXT_BYTES
from xoresnet.results.fronts.objectives import Objectives
from xoresnet.results.fronts.pareto import pareto_front
from xoresnet.results.tables.columns import (
    CONFIRMED,
    HISTORY,
    LAYERS,
    PREDICTED,
    SCHEMA_VERSION,
    TRIALS,
    conformed,
    typed,
)
from xoresnet.results.tables.contents import wrong_content
from xoresnet.results.tables.files import VERSION_KEY, read_table

__all__ = ["DamagedTableError", "Run", "Runs", "load", "load_many", "load_table"]


class DamagedTableError(RunError):
    """A table that cannot be read, and that may be replaced by one from the study."""


@dataclass(frozen=True)
class Run:
    """The tables and settings of one search; docs/results.md describes every column."""

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

    @property
    def objectives(self) -> Objectives:
        """The optimised metrics with their directions, in the order of the configuration."""
        return {str(objective["metric"]): objective["direction"] for objective in self.config["objectives"]}

    @property
    def front(self) -> pd.DataFrame:
        """The complete trials that no other trial dominates, best in the last objective first."""
        return pareto_front(self.trials, self.objectives)


@dataclass(frozen=True)
class Runs:
    """Several runs together; every frame starts with a column `run`."""

    trials: pd.DataFrame
    history: pd.DataFrame
    layers: pd.DataFrame
    confirmed: pd.DataFrame
    predicted: pd.DataFrame
    front: pd.DataFrame
    """The front of each run, not of all runs together."""
    configs: dict[str, dict[str, Any]]
    environments: dict[str, dict[str, Any]]


def load(run: str | Path, *, frames: Mapping[str, pd.DataFrame] | None = None) -> Run:
    """Read a search from a local folder or from any address that pyarrow or fsspec supports (`s3://...`).

    A running search rewrites its tables after every finished trial; a large one at least whenever its duration has
    grown by a twentieth. Raises `RunError` if the folder holds no search, or if a file is damaged or was written by a
    newer version. frames: tables by name that are taken in place of the folder's, whose files are then not read.
    """
    files = _Folder(run)
    text = files.read("config.yaml", MOST_TEXT_BYTES)
    if text is None:
        raise RunError(f"{run} holds no search: it has no config.yaml")
    try:
        config = read_yaml(text.decode(), f"{run}/config.yaml")
    except YamlError as error:
        raise RunError(str(error)) from None
    except UnicodeDecodeError as error:
        raise RunError(f"{run}/config.yaml cannot be read: {error}") from None
    if not isinstance(config, dict) or config.get("command") != "search":
        raise RunError(f"{run} {wrong_content(config, 'search')}")
    config = {name: value for name, value in config.items() if name not in ("command", "run_id")}
    if isinstance(config.get("storage"), str):
        config["storage"] = hidden_address(config["storage"])  # reports and notebooks are passed on
    fault = _objectives_fault(config.get("objectives"))
    if fault:
        raise RunError(f"{run}/config.yaml, objectives: {fault}")
    given = frames or {}
    tables = {name: given[name] if name in given else files.frame(name) for name in _FRAMES}
    environment, prior = (files.mapping(f"{name}.json") for name in ("environment", "prior"))
    return Run(files.name, **tables, config=config, environment=environment, prior=prior)


def load_table(run: str | Path, name: str) -> pd.DataFrame | None:
    """One table of a run by its name, `trials` for example; None if it was not written. Raises `RunError` as `load`."""
    files = _Folder(run)
    return None if files.read(f"{name}.parquet") is None else files.frame(name)


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
}


class _Folder:
    """The files of a run, local or remote."""

    def __init__(self, run: str | Path) -> None:
        self._run = str(run)
        self._system, self._path = _find(self._run)
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


def _find(run: str) -> tuple[fs.FileSystem, str]:
    if "://" not in run:
        return fs.LocalFileSystem(), str(Path(run).absolute())
    try:
        return cast("tuple[fs.FileSystem, str]", fs.FileSystem.from_uri(run.rstrip("/")))
    except OSError as error:  # an address that does not answer
        raise RunError(f"{run} cannot be read: {str(error).splitlines()[0]}") from None
    except pa.ArrowInvalid:  # a scheme that pyarrow does not support itself
        import fsspec  # optional: only addresses that pyarrow cannot read need it

        try:
            system, path = fsspec.core.url_to_fs(run.rstrip("/"))
        except (ValueError, ImportError) as error:
            raise RunError(f"{run}: {error}") from None
        return fs.PyFileSystem(fs.FSSpecHandler(system)), path
