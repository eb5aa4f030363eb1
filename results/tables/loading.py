"""`load`: the tables of a run, while it goes on, after it was killed, or years later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from xoresnet.errors import RunError, YamlError
from xoresnet.files.yaml_text import read_yaml
from xoresnet.results.fronts.objectives import Objectives
from xoresnet.results.fronts.pareto import pareto_front
from xoresnet.results.tables.columns import CONFIRMED, HISTORY, LAYERS, PREDICTED, SCHEMA_VERSION, TRIALS, typed
from xoresnet.results.tables.files import VERSION_KEY

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

__all__ = ["Run", "Runs", "load", "load_many"]


@dataclass(frozen=True)
class Run:
    """What a search wrote down; columns in `columns.py`."""

    name: str
    trials: pd.DataFrame
    """One row for each trial; pruned and failed ones too."""
    history: pd.DataFrame
    """One row for each epoch of each trial."""
    layers: pd.DataFrame
    """One row for each layer of each complete trial."""
    confirmed: pd.DataFrame
    """One row for each network and seed that `confirm` trained again and measured on the test set."""
    config: dict[str, Any]
    """What the search was told."""
    environment: dict[str, Any]
    """With which versions it ran last."""
    predicted: pd.DataFrame = field(default_factory=lambda: typed([], PREDICTED))
    """One row for each network of which shared weights said something; never mixed with what was measured."""
    prior: dict[str, Any] = field(default_factory=dict)
    """What the predictions have cost, or why there are none; empty for a search without them."""

    @property
    def objectives(self) -> Objectives:
        """Metrics with their directions."""
        return {str(one["metric"]): one["direction"] for one in self.config["objectives"]}

    @property
    def front(self) -> pd.DataFrame:
        """Complete trials that no other dominates, best in the last objective first."""
        return pareto_front(self.trials, self.objectives)


@dataclass(frozen=True)
class Runs:
    """Several runs in one; their frames have a column `run` in front."""

    trials: pd.DataFrame
    history: pd.DataFrame
    layers: pd.DataFrame
    confirmed: pd.DataFrame
    predicted: pd.DataFrame
    front: pd.DataFrame
    """The front of each run."""
    configs: dict[str, dict[str, Any]]
    environments: dict[str, dict[str, Any]]


def load(run: str | Path) -> Run:
    """Read the folder of a search, on this machine or at any address that pyarrow or fsspec knows (`s3://...`).

    Frames are as of the last writing: at the latest after each finished trial of a small search, and within a
    twentieth of the time that it took so far of a large one. Raises `RunError`.
    """
    files = _Folder(run)
    text = files.read("config.yaml")
    if text is None:
        raise RunError(f"{run} holds no search: it has no config.yaml")
    try:
        config = read_yaml(text.decode(), f"{run}/config.yaml")
    except YamlError as error:
        raise RunError(str(error)) from None
    except UnicodeDecodeError as error:
        raise RunError(f"{run}/config.yaml cannot be read: {error}") from None
    if not isinstance(config, dict) or config.pop("command", None) != "search":
        raise RunError(f"{run} holds something else than a search")
    if not isinstance(config.get("objectives"), list):
        raise RunError(f"{run}/config.yaml names no objectives")
    frames = {name: files.frame(f"{name}.parquet", columns) for name, columns in _FRAMES.items()}
    environment, prior = (files.mapping(f"{name}.json") for name in ("environment", "prior"))
    return Run(files.name, **frames, config=config, environment=environment, prior=prior)


def load_many(runs: Iterable[str | Path]) -> Runs:
    """Read several searches; each is called by its folder's name, or by its path where two have one name."""
    if isinstance(runs, str | Path):
        raise RunError(f"load_many takes several runs, got {str(runs)!r} alone: load reads one")
    paths = list(runs)
    if not paths:
        raise RunError("no runs to load")
    loaded = [load(path) for path in paths]
    names = [run.name for run in loaded]
    found = {
        run.name if names.count(run.name) == 1 else str(path): run for path, run in zip(paths, loaded, strict=True)
    }

    def stacked(part: str) -> pd.DataFrame:
        frames: dict[str, pd.DataFrame] = {name: getattr(run, part) for name, run in found.items()}
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
        configs={name: run.config for name, run in found.items()},
        environments={name: run.environment for name, run in found.items()},
    )


_FRAMES: Mapping[str, Mapping[str, str]] = {
    "trials": TRIALS, "history": HISTORY, "layers": LAYERS, "confirmed": CONFIRMED, "predicted": PREDICTED,
}  # fmt: skip


class _Folder:
    """Files of a run, wherever it is."""

    def __init__(self, run: str | Path) -> None:
        self._run = str(run)
        self._system, self._path = _find(self._run)
        self.name = Path(self._path).name

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        try:
            with self._system.open_input_stream(f"{self._path}/{name}") as stream:
                return cast(bytes, stream.read())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise RunError(f"{self._run}/{name} cannot be read: {error}") from None

    def mapping(self, name: str) -> dict[str, Any]:
        """A JSON file; empty where there is none."""
        try:
            found = json.loads(self.read(name) or b"{}")
        except ValueError as error:
            raise RunError(f"{self._run}/{name}: {error}") from None
        if not isinstance(found, dict):
            raise RunError(f"{self._run}/{name} holds no mapping")
        return found

    def frame(self, name: str, columns: Mapping[str, str]) -> pd.DataFrame:
        """A table; an empty one as long as none was written."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        content = self.read(name)
        if content is None:
            return typed([], columns)
        try:
            table = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            raise RunError(f"{self._run}/{name} is damaged: {str(error).splitlines()[0]}") from None
        version = (table.schema.metadata or {}).get(VERSION_KEY, b"").decode()
        if not version.isdecimal():
            raise RunError(f"{self._run}/{name} is not a table of a run")
        if int(version) > SCHEMA_VERSION:
            known = f"this xoresnet reads up to {SCHEMA_VERSION}: install a newer one"
            raise RunError(f"{self._run} has tables of version {version}, and {known}")
        return cast(pd.DataFrame, table.to_pandas())


def _find(run: str) -> tuple[FileSystem, str]:
    from pyarrow import ArrowInvalid, fs

    if "://" not in run:
        return fs.LocalFileSystem(), str(Path(run).absolute())
    try:
        return cast("tuple[FileSystem, str]", fs.FileSystem.from_uri(run.rstrip("/")))
    except ArrowInvalid:  # a scheme that pyarrow does not know itself
        import fsspec

        try:
            system, path = fsspec.core.url_to_fs(run.rstrip("/"))
        except (ValueError, ImportError) as error:
            raise RunError(f"{run}: {error}") from None
        return fs.PyFileSystem(fs.FSSpecHandler(system)), path
