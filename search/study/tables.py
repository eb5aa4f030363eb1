"""The tables of a run, created from its study; `xoresnet.results` reads them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from optuna.study import Study

from xoresnet.description.layer_table import params_count
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.tables.columns import HISTORY, LAST, LAYERS, SUMMED, TRIALS, config_fields, typed
from xoresnet.results.tables.files import write_csv, write_parquet
from xoresnet.search.objective import Objective
from xoresnet.search.study.trials import TrialRecord, trials_of

__all__ = ["FrameWriter", "Frames", "trial_row"]


class Frames(NamedTuple):
    """One row for each trial, for each epoch of a trial, and for each layer of a complete trial."""

    trials: pd.DataFrame
    history: pd.DataFrame
    layers: pd.DataFrame


class FrameWriter:
    """Writes the tables of a study while it grows. Trials that have ended are read only once."""

    def __init__(self, study: Study, objectives: Sequence[Objective], folder: Path) -> None:
        self._study, self._folder = study, folder
        self._objectives = {objective.metric: objective.direction for objective in objectives}
        self._ended: dict[int, _Rows] = {}
        self._writing = threading.Lock()
        self._wrote = 0.0
        self._took = 0.0

    def write_now_and_then(self, pause: float = 0.0) -> None:
        """Write, unless that would take more than a twentieth of the time. pause: the least time in between, in s."""
        if time.monotonic() - self._wrote >= max(pause, 20 * self._took):
            self._wrote = time.monotonic()  # a write that fails is not repeated at once either
            self.write()

    def write(self) -> None:
        """Write all tables; each file is replaced atomically. Any thread may call it."""
        with self._writing:
            self._write()

    def _write(self) -> None:
        start = time.monotonic()
        frames = self.frames()
        for name, frame in frames._asdict().items():
            write_parquet(self._folder / f"{name}.parquet", frame)
        front = frames.trials[frames.trials["is_pareto"]].sort_values([*self._objectives][-1], kind="stable")
        write_csv(self._folder / "front.csv", front)
        self._wrote = time.monotonic()
        self._took = self._wrote - start

    def frames(self) -> Frames:
        """The tables as the study is now, without trials that train no network of their own."""
        rows = [self._rows(trial) for trial in trials_of(self._study) if trial.has_own_network and not trial.is_waiting]
        table = typed([each.trial for each in rows], TRIALS)
        table["is_pareto"] = is_pareto(table, self._objectives)
        history = typed([epoch for each in rows for epoch in each.history], HISTORY)
        return Frames(table, history, typed([layer for each in rows for layer in each.layers], LAYERS))

    def _rows(self, trial: TrialRecord) -> _Rows:
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


def _rows_of(trial: TrialRecord) -> _Rows:
    identity = {"trial_id": trial.number, "arch_id": trial.arch_id}
    history = [
        {**metrics, **identity, "reported": _from_timestamp(metrics.get("timestamp"))}
        for metrics in trial.metrics.values()
        if "epoch" in metrics
    ]
    layers = [{**identity, "layer": number, **layer} for number, layer in enumerate(trial.layers)]
    return _Rows(trial_row(trial), history, layers)


def trial_row(trial: TrialRecord) -> dict[str, Any]:
    """The columns of `TRIALS`: figures are those of the last epoch, seconds the sum over all epochs."""
    last = trial.last_metrics
    totals = {
        name: sum(metrics.get(name, math.nan) for metrics in trial.metrics.values()) for name in SUMMED if trial.metrics
    }
    return {
        **{LAST.get(name, name): value for name, value in last.items() if LAST.get(name, name) in TRIALS},
        **totals,
        "trial_id": trial.number,
        "arch_id": trial.arch_id,
        "state": trial.state_name,
        "reason": trial.failure,
        "source": trial.source,
        "rescues": trial.rescues,
        "seed": trial.recipe.seed,
        "epochs_trained": last.get("epoch", 0),
        "params_count": params_count(trial.arch),
        "started": _utc(trial.started),
        "ended": _utc(trial.ended),
        "worker": f"{last['hostname']}:{last['pid']}" if "hostname" in last else None,
        "node_id": trial.node,
        "device": trial.device,
        "is_pareto": False,
        **config_fields(trial.arch, trial.recipe),
    }


def _utc(moment: datetime | None) -> datetime | None:
    """Optuna records local times."""
    return None if moment is None else moment.astimezone(UTC)


def _from_timestamp(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
