"""User attributes by which strategies tell the state of a trial, and what they say of its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xoresnet.search.pruning.reports import steps_of

__all__ = ["DUPLICATE", "EVICTED", "EXTRA_STEPS", "INHERITED", "PAUSED", "RESCUES", "charged_steps"]

PAUSED = "paused_at"
"""The step at which the trial is stopped for now; 0 while it is running. Its state in Optuna is RUNNING."""
EVICTED = "evicted"
"""Whether the checkpoint of a stopped trial was removed, so that it trains from the beginning if it goes on."""
RESCUES = "rescues"
"""The number of the pruned trial that this one continues to its full budget."""
EXTRA_STEPS, INHERITED = "extra_steps", "inherited_steps"
"""Steps that were trained again for lack of a checkpoint; steps that a trial has from the one that it continues."""
DUPLICATE = "duplicate_of"
"""The number of the trial whose result answered this one, or -1 for a network that exceeds a constraint."""


def charged_steps(attributes: Mapping[str, Any]) -> int:
    """The steps that a trial has cost: each that it reported once, and again where it was trained again."""
    if DUPLICATE in attributes:
        return 0
    last = max(steps_of(attributes), default=0)
    return last - int(attributes.get(INHERITED, 0)) + int(attributes.get(EXTRA_STEPS, 0))
