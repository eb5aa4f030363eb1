"""Trials from the tables of a run: the inverse of `tables.py`, for a journal that has lost them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError
from xoresnet.results.tables.columns import SUMMED
from xoresnet.results.tables.loading import RunTables
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.pruning.reports import REPORT
from xoresnet.search.study.attributes import (
    DEVICE,
    EVICTED,
    FAILURE,
    INHERITED,
    LAYERS,
    NODE,
    PAUSED,
    RECORD,
    RESCUES,
    SOURCE,
)
from xoresnet.search.study.trials import network_attributes
from xoresnet.space.optuna_adapter import distributions
from xoresnet.space.search_space import SearchSpace
from xoresnet.space.walk import parameters_of

__all__ = ["TableRows", "TrialTables", "place_of", "plain_rows", "recipe_of", "report_of", "trial_of"]

_ARCH, _RECIPE = "config.", "config.recipe."


class TableRows(ABC):
    """The trials of a table that have stopped, as Optuna's trials."""

    def __init__(self, folder: Path, kind: str, metrics: Sequence[str]) -> None:
        """folder: the run's. kind: that of the trials' folders. metrics: of the objectives."""
        self._folder, self._kind, self._metrics = folder, kind, metrics
        self._rows: dict[int, dict[str, Any]] = {}

    @property
    def numbers(self) -> list[int]:
        """The numbers that the trials have, or get."""
        return sorted(self._rows)

    def trial(self, number: int) -> FrozenTrial | None:
        """A trial; None if there is no such row, or if its network cannot be told from it."""
        row = self._rows.get(number)
        if row is None:
            return None
        network = _network_of(row, self._folder_of(row, number))
        return None if network is None else self._trial(number, row, network)

    def _folder_of(self, row: Mapping[str, Any], number: int) -> TrialFolder:
        return TrialFolder.in_run(self._folder, self._kind, number, row["arch_id"])

    @abstractmethod
    def _trial(self, number: int, row: Mapping[str, Any], network: tuple[Arch, Recipe]) -> FrozenTrial: ...


class TrialTables(TableRows):
    """The finished and the paused trials in the tables of a search."""

    def __init__(self, folder: Path, run: RunTables, space: SearchSpace) -> None:
        super().__init__(folder, "trials", [*run.objectives])
        self._space = space
        stopped = run.trials[run.trials["state"].isin(("COMPLETE", "PRUNED", "FAIL", "PAUSED"))]
        self._rows = {int(row["trial_id"]): row for row in plain_rows(stopped)}
        self._epochs: dict[int, list[dict[str, Any]]] = _grouped(run.history)
        self._layers: dict[int, list[dict[str, Any]]] = _grouped(run.layers)

    def _trial(self, number: int, row: Mapping[str, Any], network: tuple[Arch, Recipe]) -> FrozenTrial:
        origin = {FAILURE: row["reason"], SOURCE: row["source"], RESCUES: row["rescues"]}
        known = {name: value for name, value in origin.items() if value is not None}
        reports = self._reports(number, row)
        epochs = self._epochs.get(number, ())
        last = {name: epochs[-1][name] for name in SUMMED} if epochs else {}
        trial = trial_of({**row, **last}, number, self._metrics, {**network_attributes(*network), **known, **reports})
        if row["state"] == "PAUSED":
            trial.user_attrs[PAUSED] = int(row["epochs_trained"])
            if not self._folder_of(row, number).has_checkpoint():
                trial.user_attrs[EVICTED] = [int(row["epochs_trained"])]
        continued = self._rows.get(int(row["rescues"])) if row["rescues"] is not None else None
        if continued is not None and "report:1" in trial.user_attrs:
            trial.user_attrs[INHERITED] = int(continued["epochs_trained"])
        with suppress(SpecError):  # a network outside of the space has no parameters
            parameters = parameters_of(self._space, *network)
            trial.distributions = distributions(self._space, parameters, network[1])
            trial.params = parameters
        return trial

    def _reports(self, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes that hold the figures of each epoch, and of the layers in the last one."""
        attributes: dict[str, Any] = {}
        for epoch in self._epochs.get(number, ()):
            figures = {name: value for name, value in epoch.items() if name not in ("trial_id", "arch_id", "reported")}
            when = {"timestamp": epoch["reported"].timestamp()} if epoch["reported"] is not None else {}
            attributes |= report_of(int(epoch["epoch"]), figures, self._metrics, {**place_of(row), **when})
        last = attributes.get(f"{RECORD}{row['epochs_trained']}")
        if self._layers.get(number) and last is not None:
            layers = [
                {name: _number(value) for name, value in layer.items() if name not in ("trial_id", "arch_id", "layer")}
                for layer in sorted(self._layers[number], key=lambda layer: int(layer["layer"]))
            ]
            last[LAYERS] = json.dumps(layers)
        return attributes


def trial_of(row: Mapping[str, Any], number: int, metrics: Sequence[str], attributes: dict[str, Any]) -> FrozenTrial:
    """The finished or paused trial of a row without parameters."""
    state = TrialState.RUNNING if row["state"] == "PAUSED" else TrialState[row["state"]]
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=state,
        value=None,
        values=[row[name] for name in metrics] if state == TrialState.COMPLETE else None,
        datetime_start=_local(row["started"]),
        datetime_complete=_local(row["ended"]) if state.is_finished() else None,
        params={},
        distributions={},
        user_attrs=attributes,
        system_attrs={},
        intermediate_values={},
    )


def recipe_of(row: Mapping[str, Any]) -> Recipe | None:
    """The recipe of a row; None for one that this version does not know."""
    try:
        return Recipe.from_dict(_fields(row, _RECIPE))
    except SpecError:
        return None


def _network_of(row: Mapping[str, Any], folder: TrialFolder) -> tuple[Arch, Recipe] | None:
    """The network of a row, from its folder or its columns, and its recipe; None unless the id is the same."""
    recipe = recipe_of(row)
    if recipe is None:
        return None
    fields = {name: value for name, value in _fields(row, _ARCH).items() if name != "recipe"}
    for arch in (_arch_in(folder), _arch_of(fields)):
        if arch is not None and arch.arch_id == row["arch_id"]:
            return arch, recipe
    return None


def _arch_in(folder: TrialFolder) -> Arch | None:
    try:
        return Arch.from_json(folder.arch.read_bytes())
    except (SpecError, OSError):
        return None


def _arch_of(fields: Mapping[str, Any]) -> Arch | None:
    try:
        return Arch.from_dict(dict(fields))
    except SpecError:
        return None


def report_of(
    step: int, figures: Mapping[str, Any], metrics: Sequence[str], more: Mapping[str, Any]
) -> dict[str, dict[str, Any] | list[Any]]:
    """The attributes of a step that was reported; more: what its record has besides the figures."""
    values = {name: _number(value) for name, value in figures.items()}
    return {f"{RECORD}{step}": {**values, **more}, f"{REPORT}{step}": [values[name] for name in metrics]}


def place_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Where a trial ran, as its records say it."""
    host, _, process = (row["worker"] or "").rpartition(":")
    worker = {"hostname": host, "pid": int(process)} if host and process.isdecimal() else {}
    known = {NODE: row["node_id"], DEVICE: row.get("device")}
    return {**worker, **{name: value for name, value in known.items() if value is not None}}


def plain_rows(frame: pd.DataFrame) -> Sequence[dict[str, Any]]:
    """Rows of Python's own values; missing ones are None."""
    rows: list[dict[Any, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _grouped(frame: pd.DataFrame) -> dict[int, list[dict[str, Any]]]:
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in plain_rows(frame):
        groups.setdefault(int(row["trial_id"]), []).append(row)
    return groups


def _fields(row: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The fields of a description from its columns; those of a nested one are dotted."""
    fields: dict[str, Any] = {}
    for column, value in row.items():
        if not column.startswith(prefix) or value is None:
            continue
        *outer, name = column.removeprefix(prefix).split(".")
        inner = fields
        for each in outer:
            inner = inner.setdefault(each, {})
        if name == "input_shape":
            inner[name] = [int(size) for size in str(value).split("x")]
        elif name in ("merge", "xor") and "/" in str(value):
            inner[name] = str(value).split("/")
        else:
            inner[name] = value
    return fields


def _local(moment: Any) -> Any:
    """Optuna's times are local and have no zone."""
    return None if moment is None else moment.to_pydatetime().astimezone().replace(tzinfo=None)


def _number(value: Any) -> Any:
    return float("nan") if value is None else value
