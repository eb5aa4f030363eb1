"""The tables of a run, made from its study: what `xoresnet.results` reads."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count
from xoresnet.description.recipe import Recipe
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.tables.columns import HISTORY, LAYERS, TRIALS, config_fields, typed
from xoresnet.results.tables.files import write_csv, write_parquet
from xoresnet.search.execution.trainable import LAYERS as LAYERS_METRIC
from xoresnet.search.execution.trainable import NODE
from xoresnet.search.objective import Objective
from xoresnet.search.pruning.pareto_pruner import reports
from xoresnet.search.study.attributes import ARCH, ARCH_ID, DUPLICATE, FAILURE, RECIPE, RECORD, RESCUES, SOURCE

__all__ = ["FrameWriter", "Frames", "last_record", "trial_row"]


class Frames(NamedTuple):
    """One row for each trial; for each epoch; for each layer."""

    trials: pd.DataFrame
    history: pd.DataFrame
    layers: pd.DataFrame


class FrameWriter:
    """Writes the tables of a study as it grows. Trials that have ended are read once."""

    def __init__(self, study: Study, objectives: Sequence[Objective], folder: Path) -> None:
        self._study, self._folder = study, folder
        self._objectives = {objective.metric: objective.direction for objective in objectives}
        self._ended: dict[int, _Rows] = {}
        self._wrote = 0.0
        self._took = 0.0

    def write_now_and_then(self, pause: float = 0.0) -> None:
        """Write, unless that would take more than a twentieth of the time; pause: seconds between two times."""
        if time.monotonic() - self._wrote >= max(pause, 20 * self._took):
            self._wrote = time.monotonic()  # also where it fails: not again at once
            self.write()

    def write(self) -> None:
        """Write all tables; each is replaced as a whole."""
        start = time.monotonic()
        frames = self.frames()
        for name, frame in frames._asdict().items():
            write_parquet(self._folder / f"{name}.parquet", frame)
        front = frames.trials[frames.trials["is_pareto"]].sort_values([*self._objectives][-1], kind="stable")
        write_csv(self._folder / "front.csv", front)
        self._wrote = time.monotonic()
        self._took = self._wrote - start

    def frames(self) -> Frames:
        """As the study is now; answers from the record are left out, since nothing was trained for them."""
        trials = [
            trial
            for trial in self._study.get_trials(deepcopy=False)
            if ARCH_ID in trial.user_attrs and DUPLICATE not in trial.user_attrs and trial.state != TrialState.WAITING
        ]
        rows = [self._rows(trial) for trial in trials]
        table = typed([one.trial for one in rows], TRIALS)
        table["is_pareto"] = is_pareto(table, self._objectives)
        history = typed([epoch for one in rows for epoch in one.history], HISTORY)
        return Frames(table, history, typed([layer for one in rows for layer in one.layers], LAYERS))

    def _rows(self, trial: FrozenTrial) -> _Rows:
        known = self._ended.get(trial.number)
        if known is not None:
            return known
        rows = _rows_of(trial)
        if trial.state.is_finished():
            self._ended[trial.number] = rows
        return rows


class _Rows(NamedTuple):
    trial: dict[str, Any]
    history: list[dict[str, Any]]
    layers: list[dict[str, Any]]


def _rows_of(trial: FrozenTrial) -> _Rows:
    identity = {"trial_id": trial.number, "arch_id": trial.user_attrs[ARCH_ID]}
    history = [
        {**record, **identity, "reported": _from_timestamp(record.get("timestamp"))} for record in _records(trial)
    ]
    layers = [
        {**identity, "layer": number, **layer}
        for number, layer in enumerate(json.loads(last_record(trial).get(LAYERS_METRIC, "[]")))
        if trial.state == TrialState.COMPLETE
    ]
    return _Rows(trial_row(trial), history, layers)


def trial_row(trial: FrozenTrial) -> dict[str, Any]:
    """The columns of `TRIALS`; figures are those of the last epoch, seconds those of all epochs."""
    attrs, records, last = trial.user_attrs, _records(trial), last_record(trial)
    arch, recipe = Arch.from_json(attrs[ARCH]), Recipe.from_dict(json.loads(attrs[RECIPE]))
    totals = {
        name: sum(record[name] for record in records) for name in ("train_seconds", "evaluation_seconds") if records
    }
    return {
        **{name: value for name, value in last.items() if name in TRIALS},
        **totals,
        "trial_id": trial.number,
        "arch_id": attrs[ARCH_ID],
        "state": trial.state.name,
        "reason": attrs.get(FAILURE),
        "source": attrs.get(SOURCE),
        "rescues": attrs.get(RESCUES),
        "seed": recipe.seed,
        "epochs_trained": last.get("epoch", 0),
        "params_count": params_count(arch),
        "started": _utc(trial.datetime_start),
        "ended": _utc(trial.datetime_complete),
        "worker": f"{last['hostname']}:{last['pid']}" if "hostname" in last else None,
        "node_id": last.get(NODE),
        "is_pareto": False,
        **config_fields(arch, recipe),
    }


def last_record(trial: FrozenTrial) -> dict[str, Any]:
    """All that it reported in its last epoch; nothing where it reported nothing."""
    records = _records(trial)
    return records[-1] if records else {}


def _records(trial: FrozenTrial) -> list[dict[str, Any]]:
    return [trial.user_attrs[f"{RECORD}{step}"] for step in reports(trial)]


def _utc(moment: datetime | None) -> datetime | None:
    """Optuna writes down local times."""
    return None if moment is None else moment.astimezone(UTC)


def _from_timestamp(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
