"""A run in a few numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import Direction, duration, metric_of
from xoresnet.results.figures.kit.axes import value_text
from xoresnet.results.fronts.objectives import numbers
from xoresnet.results.fronts.selection import knee
from xoresnet.results.tables.loading import Run

__all__ = ["Fact", "elapsed_seconds", "failures", "headline", "moment_text"]

_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "unfinished"}


class Fact(NamedTuple):
    """One number with its name, and what one needs to know to read it."""

    name: str
    value: str
    detail: str = ""


def headline(run: Run, volume: float | None, reference: str) -> list[Fact]:
    """The numbers that matter; volume: the front's hypervolume, None where there is no front; reference: in words."""
    front = run.front
    facts = [_trials(run), Fact("Front", f"{len(front):,}", "network" if len(front) == 1 else "networks")]
    facts += [_best(front, metric, way) for metric, way in run.objectives.items() if len(front)]
    if len(front):
        row = knee(front, run.objectives)
        figures = [value_text(metric, row[metric]) for metric in run.objectives]
        second = metric_of([*run.objectives][1]).heading
        facts.append(Fact("Knee", f"{figures[0]} at {figures[1]} {second}", f"#{row['trial_id']}, {row['arch_id']}"))
    if volume is not None:
        facts.append(Fact("Hypervolume", f"{volume:.4g}", f"up to {reference}"))
    return [*facts, *_times(run)]


def failures(trials: pd.DataFrame) -> list[tuple[str, int]]:
    """Reasons of failed trials with how many trials each ended, the most frequent first."""
    failed = trials[trials["state"] == "FAIL"]
    counts = failed["reason"].fillna("unknown reason").astype(str).value_counts()
    return [(str(reason), int(count)) for reason, count in counts.items()]


def elapsed_seconds(run: Run) -> float:
    """From the first trial's start to the last sign of life; NaN where nothing has begun."""
    last = _last_sign(run)
    return float("nan") if pd.isna(last) else float((last - run.trials["started"].min()).total_seconds())


def moment_text(run: Run) -> str:
    """When the last thing happened that these tables tell of."""
    last = _last_sign(run)
    return "" if pd.isna(last) else f"{last:%Y-%m-%d %H:%M} UTC"


def _last_sign(run: Run) -> Any:
    moments = [run.trials["ended"].max(), run.trials["started"].max(), run.history["reported"].max()]
    return max((moment for moment in moments if not pd.isna(moment)), default=pd.NaT)


def _trials(run: Run) -> Fact:
    counts = run.trials["state"].value_counts()
    parts = [f"{counts[state]:,} {name}" for state, name in _STATES.items() if counts.get(state, 0)]
    return Fact("Trials", f"{len(run.trials):,}", ", ".join(parts))


def _best(front: pd.DataFrame, metric: str, way: Direction) -> Fact:
    values = numbers(front, metric)
    place = int(values.argmax() if way == "max" else values.argmin())
    row = front.iloc[place]
    name = metric_of(metric).heading
    extreme = f"{'Highest' if way == 'max' else 'Lowest'} {name}"
    kind = {"accuracy": "Best accuracy", "spikes": "Fewest spikes"}.get(name, extreme)
    return Fact(kind, value_text(metric, values[place]), f"#{row['trial_id']}, {row['arch_id']}")


def _times(run: Run) -> list[Fact]:
    machine = sum(float(np.nansum(numbers(run.trials, name))) for name in ("train_seconds", "evaluation_seconds"))
    epochs = int(run.trials["epochs_trained"].sum())
    return [
        Fact("Time spent", duration(elapsed_seconds(run)), "from the first start to the last report"),
        Fact("Machine time", duration(machine), f"training and measuring, {epochs:,} epochs"),
    ]
