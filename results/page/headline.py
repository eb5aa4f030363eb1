"""The summary of a run: a few numbers at the top of its report."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import Direction, duration, metric_of
from xoresnet.results.figures.kit.axes import value_text
from xoresnet.results.figures.kit.networks import STATE_NAMES
from xoresnet.results.fronts.objectives import numbers
from xoresnet.results.fronts.selection import knee
from xoresnet.results.tables.loading import Run

__all__ = ["Fact", "elapsed_seconds", "failures", "headline", "moment_text"]


class Fact(NamedTuple):
    """One number with its name, and a detail that is needed to read it."""

    name: str
    value: str
    detail: str = ""


def headline(run: Run, volume: float | None, reference: str) -> list[Fact]:
    """The most important numbers of a run.

    volume: the hypervolume of the front, None if there is no front. reference: its reference point as text.
    """
    front = run.front
    facts = [_trials(run), Fact("Front", f"{len(front):,}", "network" if len(front) == 1 else "networks")]
    facts += [_best(front, metric, direction) for metric, direction in run.objectives.items() if len(front)]
    if len(front):
        row = knee(front, run.objectives)
        values = [value_text(metric, row[metric]) for metric in run.objectives]
        second = metric_of([*run.objectives][1]).heading
        facts.append(Fact("Knee", f"{values[0]} at {values[1]} {second}", f"#{row['trial_id']}, {row['arch_id']}"))
    if volume is not None:
        facts.append(Fact("Hypervolume", f"{volume:.4g}", f"reference: {reference}"))
    return [*facts, *_times(run)]


def failures(trials: pd.DataFrame) -> list[tuple[str, int]]:
    """The reasons of failed trials and how many trials failed for each, the most frequent first."""
    failed = trials[trials["state"] == "FAIL"]
    counts = failed["reason"].fillna("unknown reason").astype(str).value_counts()
    return [(str(reason), int(count)) for reason, count in counts.items()]


def elapsed_seconds(run: Run) -> float:
    """The time from the start of the first trial to the last event; NaN if no trial has started."""
    last = _last_event(run)
    return float("nan") if pd.isna(last) else float((last - run.trials["started"].min()).total_seconds())


def moment_text(run: Run) -> str:
    """The time of the last event in the tables; empty if there is none."""
    last = _last_event(run)
    return "" if pd.isna(last) else f"{last:%Y-%m-%d %H:%M} UTC"


def _last_event(run: Run) -> Any:
    moments = [run.trials["ended"].max(), run.trials["started"].max(), run.history["reported"].max()]
    return max((moment for moment in moments if not pd.isna(moment)), default=pd.NaT)


def _trials(run: Run) -> Fact:
    counts = run.trials["state"].value_counts()
    parts = [f"{counts[state]:,} {name}" for state, name in STATE_NAMES.items() if counts.get(state, 0)]
    return Fact("Trials", f"{len(run.trials):,}", ", ".join(parts))


def _best(front: pd.DataFrame, metric: str, direction: Direction) -> Fact:
    values = numbers(front, metric)
    place = int(values.argmax() if direction == "max" else values.argmin())
    row = front.iloc[place]
    heading = metric_of(metric).heading
    extreme = f"{'Highest' if direction == 'max' else 'Lowest'} {heading}"
    name = {"accuracy": "Best accuracy", "spikes": "Fewest spikes"}.get(heading, extreme)
    return Fact(name, value_text(metric, values[place]), f"#{row['trial_id']}, {row['arch_id']}")


def _times(run: Run) -> list[Fact]:
    machine = sum(float(np.nansum(numbers(run.trials, name))) for name in ("train_seconds", "evaluation_seconds"))
    epochs = int(run.trials["epochs_trained"].sum())
    return [
        Fact("Elapsed time", duration(elapsed_seconds(run)), "from the first start to the last report"),
        Fact("Machine time", duration(machine), f"training and evaluation, {epochs:,} epochs"),
    ]
