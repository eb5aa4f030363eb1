"""A `Progress` from the accuracies that networks have reported at their rungs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xoresnet.search.strategy.progress import Progress, key_of

RUNGS = (1, 3, 9)


def made_progress(
    accuracies: Sequence[Sequence[float]],
    spikes: Sequence[float] | None = None,
    *,
    feasible: Sequence[bool] | None = None,
    running: Sequence[int] = (),
    known: Sequence[int] = (),
    params: Sequence[dict[str, Any]] | None = None,
    evicted: Sequence[int] = (),
    seconds: Sequence[float] | None = None,
) -> Progress:
    """accuracies: of each network at the rungs that it has reached. spikes: of each network; by default descending.

    running, known, evicted: rows. seconds: of a step of each network.
    """
    count, rungs = len(accuracies), len(RUNGS)
    values = np.full((count, rungs, 2), np.nan)
    counts = spikes if spikes is not None else [1000.0 + 10 * (count - row) for row in range(count)]
    for row, own in enumerate(accuracies):
        values[row, : len(own), 0] = own
        values[row, : len(own), 1] = counts[row]
    at = np.array([len(own) - 1 for own in accuracies], dtype=np.int64)
    complete = at == rungs - 1
    is_running = np.isin(np.arange(count), running)
    names = params if params is not None else [{"width": row} for row in range(count)]
    steps = np.array([RUNGS[place] if place >= 0 else 0 for place in at], dtype=np.int64)
    return Progress(
        numbers=np.arange(count, dtype=np.int64),
        params=names,
        values=values,
        at=at,
        running=is_running,
        complete=complete,
        resumable=~complete & ~is_running & (at >= 0),
        feasible=np.ones(count, dtype=np.bool_) if feasible is None else np.array(feasible),
        known=np.isin(np.arange(count), known),
        steps=steps,
        kept=~np.isin(np.arange(count), evicted),
        rungs=RUNGS,
        signs=np.array([-1.0, 1.0]),
        metrics=("val_accuracy", "spikes_per_sample"),
        seen=frozenset(map(key_of, names)),
        spent=float(steps.sum()),
        seconds=np.full(count, np.nan) if seconds is None else np.array(seconds, dtype=np.float64),
    )
