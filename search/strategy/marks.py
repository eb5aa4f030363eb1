"""User attributes by which strategies tell the state of a trial, and what they say of its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xoresnet.search.pruning.reports import steps_of

__all__ = [
    "DUPLICATE",
    "EVICTED",
    "EVICTED_TRIALS",
    "EXTRA_STEPS",
    "INHERITED",
    "PAUSED",
    "RESCUES",
    "charged_steps",
    "is_evicted",
]

PAUSED = "paused_at"
"""The step at which the trial is stopped for now; 0 while it is running. Its state in Optuna is RUNNING."""
EVICTED = "evicted_at"
"""The steps at which the trial was paused when its checkpoint was removed; it trains from the beginning if it goes on
from the last of them."""
EVICTED_TRIALS = "evicted_trials"
"""User attribute of the study: the numbers of trials that were told PRUNED and have lost their checkpoint since."""
RESCUES = "rescues"
"""The number of the pruned trial that this one continues to its full budget."""
EXTRA_STEPS, INHERITED = "extra_steps", "inherited_steps"
"""Of a trial that continues another one: the steps that it trains again for lack of a checkpoint, and those that it has
from the other one."""
DUPLICATE = "duplicate_of"
"""The number of the trial whose result answered this one, or -1 for a network that exceeds a constraint."""


def charged_steps(attributes: Mapping[str, Any]) -> int:
    """The steps that a trial has cost: each that it reported once, and again where it was trained again."""
    if DUPLICATE in attributes:
        return 0
    last = max(steps_of(attributes), default=0)
    evictions = list(attributes.get(EVICTED, ()))
    if evictions and attributes.get(PAUSED) == evictions[-1]:  # it has not gone on since
        evictions.pop()
    return int(last - attributes.get(INHERITED, 0) + attributes.get(EXTRA_STEPS, 0) + sum(evictions))


def is_evicted(attributes: Mapping[str, Any]) -> bool:
    """Whether the checkpoint of a trial's last step was removed."""
    evictions = attributes.get(EVICTED, ())
    return bool(evictions) and evictions[-1] == max(steps_of(attributes), default=0)
