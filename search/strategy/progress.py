"""`Progress`: what a study knows of its networks at the moment of a decision, as arrays.

A network is one trial for its whole life. It is running, stopped at a rung, or complete; stopped ones may go on.
Everything that a strategy decides is a function of this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Flags", "Key", "Params", "Progress", "Rows", "key_of", "rungs_of"]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
Params = Mapping[str, Any]
"""The parameters of a network as Optuna suggests them."""
Key = frozenset[tuple[str, Any]]


def key_of(params: Params) -> Key:
    """Equal for equal parameters."""
    return frozenset(params.items())


def rungs_of(last: int, factor: int) -> tuple[int, ...]:
    """The steps at which networks are compared: powers of a factor below the last step, and the last step.

    >>> rungs_of(12, 2), rungs_of(100, 3), rungs_of(1, 3)
    ((1, 2, 4, 8, 12), (1, 3, 9, 27, 81, 100), (1,))
    """
    rungs = []
    step = 1
    while step < last:
        rungs.append(step)
        step *= factor
    return (*rungs, last)


@dataclass(frozen=True, eq=False)
class Progress:
    """The networks of a study; n networks, r rungs, m objectives."""

    numbers: Rows
    """`[n]`: trial numbers, ascending."""
    params: Sequence[Params]
    values: Array
    """`[n, r, m]`: what each network reported at each rung; NaN where it has not got there."""
    at: Rows
    """`[n]`: the deepest rung that each network has reached; -1 before the first."""
    running: Flags
    """`[n]`"""
    complete: Flags
    """`[n]`"""
    resumable: Flags
    """`[n]`: stopped, and may go on."""
    feasible: Flags
    """`[n]`: breaks no constraint."""
    known: Flags
    """`[n]`: one of the known networks, which use a limited share of the budget."""
    steps: Rows
    """`[n]`: the steps that each network has trained."""
    kept: Flags
    """`[n]`: its checkpoint was kept; a network without one trains from the beginning if it goes on."""
    rungs: tuple[int, ...]
    signs: Array
    """`[m]`: -1 for objectives that are maximised."""
    metrics: tuple[str, ...] | None
    """`[m]`: the names of the objectives; None if the study has none."""
    seen: frozenset[Key]
    """The parameters of all networks that were ever tried, failed ones included."""
    spent: float
    """What all trials have cost so far, in steps."""
    seconds: Array
    """`[n]`: how long a step of each network takes; NaN if that was not measured."""
    first: int = 0
    """The first rung at which networks stop; earlier ones tell nothing."""

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def reported(self) -> Rows:
        """The rows that have reached the first rung."""
        return np.flatnonzero(self.at >= 0)

    @cached_property
    def last(self) -> Array:
        """`[n, m]`: what each network reported at its deepest rung; NaN before the first."""
        last: Array = self.values[np.arange(len(self)), np.maximum(self.at, 0)]
        return last

    @property
    def epochs(self) -> int:
        """The steps of a full training."""
        return self.rungs[-1]

    @cached_property
    def remaining(self) -> Array:
        """`[n]`: the steps it takes to complete each network."""
        return self.epochs - np.where(self.kept, self.steps, 0).astype(np.float64)

    @property
    def fingerprint(self) -> tuple[bytes | float, ...]:
        """Equal for equal records of one study; parameters and reports never change once they are written."""
        arrays = (
            self.numbers,
            self.at,
            self.steps,
            self.running,
            self.complete,
            self.resumable,
            self.kept,
            self.seconds,
        )
        return (*(array.tobytes() for array in arrays), self.spent, float(len(self.seen)))

    @property
    def next_rungs(self) -> Rows:
        """`[n]`: the step to which each network would go on."""
        following = np.minimum(np.maximum(self.at + 1, self.first), len(self.rungs) - 1)
        steps: Rows = np.array(self.rungs, dtype=np.int64)[following]
        return steps
