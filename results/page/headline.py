"""The summary of a run: a few numbers at the top of its report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import duration
from xoresnet.results.analysis.leading import Leading
from xoresnet.results.fronts.objectives import numbers
from xoresnet.results.fronts.selection import knee
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.spending import STATE_NAMES

__all__ = ["Fact", "elapsed_seconds", "failures", "headline", "leading_text", "moment_text", "trainings_of"]


class Fact(NamedTuple):
    """One number with its name, and a detail that is needed to read it."""

    name: str
    value: str
    detail: str = ""


def headline(run: RunTables, lead: Leading, volume: float | None, reference: str) -> list[Fact]:
    """The most important numbers of a run.

    lead: the figures that lead. volume: the hypervolume of the search's front, None if there is no front. reference:
    its reference point as text.
    """
    if run.is_ablation:
        return [*_ablated(trainings_of(run)), _machine_time(trainings_of(run))]
    facts = [_trials(run), Fact("Front", f"{len(lead.front):,}", _measured(lead))]
    if lead.total:
        facts += [_best(lead, column) for column in lead.objectives]
        facts.append(_knee(lead))
    if volume is not None:
        facts.append(Fact("Hypervolume", f"{volume:.4g}", f"of the search; reference: {reference}"))
    elapsed = Fact("Elapsed time", duration(elapsed_seconds(run)), "from the first start to the last report")
    return [*facts, elapsed, _machine_time(run.trials)]


def trainings_of(run: RunTables) -> pd.DataFrame:
    """The trials of a search, or the trainings of an ablation, each once."""
    return run.ablations.drop_duplicates("training_id") if run.is_ablation else run.trials


def failures(trials: pd.DataFrame) -> list[tuple[str, int]]:
    """The reasons of failed trials and how many trials failed for each, the most frequent first."""
    failed = trials[trials["state"] == "FAIL"]
    counts = failed["reason"].fillna("unknown reason").astype(str).value_counts()
    return [(str(reason), int(count)) for reason, count in counts.items()]


def elapsed_seconds(run: RunTables) -> float:
    """The time from the start of the first trial to the last event; NaN if no trial has started."""
    last = _last_event(run)
    return float("nan") if pd.isna(last) else float((last - trainings_of(run)["started"].min()).total_seconds())


def moment_text(run: RunTables) -> str:
    """The time of the last event in the tables; empty if there is none."""
    last = _last_event(run)
    return "" if pd.isna(last) else f"{last:%Y-%m-%d %H:%M} UTC"


def _last_event(run: RunTables) -> Any:
    trainings = trainings_of(run)
    moments = [trainings["ended"].max(), trainings["started"].max(), run.history["reported"].max()]
    return max((moment for moment in moments if not pd.isna(moment)), default=pd.NaT)


def _trials(run: RunTables) -> Fact:
    counts = run.trials["state"].value_counts()
    parts = [f"{counts[state]:,} {name}" for state, name in STATE_NAMES.items() if counts.get(state, 0)]
    return Fact("Trials", f"{len(run.trials):,}", ", ".join(parts))


def _ablated(trainings: pd.DataFrame) -> list[Fact]:
    states = trainings["state"].value_counts()
    counts = [f"{states[state]:,} {name}" for state, name in STATE_NAMES.items() if states.get(state, 0)]
    networks = trainings["arch_id"].nunique()
    return [
        Fact(
            "Networks", f"{networks:,}", f"the unchanged one and {networks - 1:,} with one change" if networks else ""
        ),
        Fact("Seeds", f"{trainings['seed'].nunique():,}", "the same for all networks" if networks else ""),
        Fact("Trainings", f"{len(trainings):,}", ", ".join(counts)),
    ]


def _measured(lead: Leading) -> str:
    networks = "network" if len(lead.front) == 1 else "networks"
    if lead.is_confirmed:
        return f"{networks} by the means of confirmed trainings"
    return f"{networks}, {lead.covered} of them confirmed" if lead.covered else networks


def _best(lead: Leading, column: str) -> Fact:
    values, direction = numbers(lead.front, column), lead.objectives[column]
    place = int(values.argmax() if direction == "max" else values.argmin())
    row = lead.front.iloc[place]
    metric = lead.metric(column)
    extreme = f"{'Highest' if direction == 'max' else 'Lowest'} {metric.heading}"
    usual = {"accuracy": "Best accuracy", "test accuracy": "Best test accuracy"}
    name = {**usual, "spikes": "Fewest spikes", "test spikes": "Fewest test spikes"}.get(metric.heading, extreme)
    return Fact(name, leading_text(lead, column, row), _which(lead, row))


def _knee(lead: Leading) -> Fact:
    row = knee(lead.front, lead.objectives)
    first, second = list(lead.objectives)[:2]
    values = [lead.metric(column).text(float(row[column])) for column in (first, second)]
    return Fact("Knee", f"{values[0]} at {values[1]} {lead.metric(second).heading}", _which(lead, row))


def leading_text(lead: Leading, column: str, row: Mapping[Any, Any] | pd.Series[Any]) -> str:
    """A leading figure of a network; a confirmed mean with its standard deviation over the seeds."""
    metric = lead.metric(column)
    deviation = float(row[f"{metric.name}_std"]) if lead.is_confirmed else math.nan
    return metric.spread_text(float(row[column]), deviation)


def _which(lead: Leading, row: pd.Series[Any]) -> str:
    number = f"{row['source']}" if pd.isna(row["trial_id"]) else f"#{row['trial_id']}"
    seeds = f", mean of {row['seeds']} seeds" if lead.is_confirmed and row["seeds"] > 1 else ""
    return f"{number}, {row['arch_id']}{seeds}"


def _machine_time(trainings: pd.DataFrame) -> Fact:
    machine = sum(float(np.nansum(numbers(trainings, name))) for name in ("train_seconds", "evaluation_seconds"))
    epochs = int(trainings["epochs_trained"].sum())
    return Fact("Machine time", duration(machine), f"training and evaluation, {epochs:,} epochs")
