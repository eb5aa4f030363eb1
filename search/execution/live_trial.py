"""`LiveTrial`: what a bridge knows of a trial while it is running."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from optuna.trial import Trial

__all__ = ["LiveTrial", "Verdict"]


class Verdict(Enum):
    """Whether a trial that has reported continues."""

    CONTINUE = "continue"
    STOP = "stop"


@dataclass
class LiveTrial:
    """A trial that is running."""

    trial: Trial
    config: dict[str, Any]
    started: float | None = None
    """Monotonic clock, in seconds; None until its worker has started."""
    epoch: int = 0
    """The last step that it reported."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """All metrics of that report."""
    stopped: bool = False
    """Whether the pruner has stopped it."""
    failure: str = ""
    """Why it failed, while it is being stopped; empty otherwise."""
    diverged: bool = False
    """Whether it has itself reported that failure."""
    gpus: float = 0.0
    """How many GPUs it was given, or which share of one."""
    leaves: str = ""
    """Why it goes on elsewhere after its next report, as when its node is about to leave; empty if it does not."""
    lost: str = ""
    """What took its node from it, while it is being stopped; empty otherwise."""
