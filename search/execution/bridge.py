"""`TrialBridge`: one Optuna study, run by something else.

The study is the only truth: what a trial is, what it reported and how it ended is written there, at once, by the one
process that holds the bridge. Whoever executes trials (`ray_plugin.py`) asks for the next one, passes on what trials
report, and says when they end; it need not remember anything. A trial that was running when a driver died is RUNNING in
the study, and is handed out again by the next bridge, with its number and all that it had reported.

Trials end COMPLETE, PRUNED or FAIL. One that raises, dies, hangs or reports nonsense is tried again, then fails with
its reason.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from xoresnet.search.objective import Objective
from xoresnet.search.pruning.reports import report, should_prune
from xoresnet.search.sources.base import Proposal, SpaceSource, TrialSource
from xoresnet.search.study.attributes import FAILURE
from xoresnet.search.study.trials import TrialRecord, trials_of, write_failure, write_metrics, write_retry

__all__ = ["LiveTrial", "TrialBridge", "Verdict"]


class Verdict(Enum):
    CONTINUE = "continue"
    STOP = "stop"


@dataclass
class LiveTrial:
    """A trial that is being run."""

    trial: Trial
    config: dict[str, Any]
    started: float | None = None
    """By the monotonic clock; None as long as its worker is not up."""
    epoch: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    pruned: bool = False
    failure: str = ""
    """Why it has failed already, while it is being stopped."""


class TrialBridge:
    """Hands out trials of a study and writes down what becomes of them."""

    def __init__(
        self,
        study: Study,
        source: TrialSource | Callable[[Trial], dict[str, Any]],
        objectives: Sequence[Objective],
        *,
        trials: int,
        step_metric: str = "epoch",
        max_step: int | None = None,
        retries: int = 1,
    ) -> None:
        """source: or a function that suggests, `space(trial) -> config`. trials: how many must be finished.

        step_metric: the reported number by which trials are compared. max_step: with which a trial is done, and not
        pruned any more. retries: how often a failed trial is tried again. Raises ValueError for objectives that are not
        the study's.
        """
        directions = [direction.name.lower() for direction in study.directions]
        if directions != [objective.optuna_direction for objective in objectives]:
            raise ValueError(f"the study's directions are {', '.join(directions)}, not those of the objectives")
        self.study, self.objectives = study, tuple(objectives)
        self.source: TrialSource = source if not callable(source) else SpaceSource(study, source)
        self.budget, self._step, self._last, self._retries = trials, step_metric, max_step, retries
        self.live: dict[str, LiveTrial] = {}
        self.finished = sum(trial.counts_as_finished for trial in trials_of(study))
        self.failures_in_a_row = 0
        self._hook_failures = 0
        """Since a trial last ended well."""
        self._last_reason = ""
        self.ended = ""
        """Why no further trials are handed out; empty as long as they are."""
        self.failed = False
        """Whether that is because too much went wrong."""
        self.errors: list[str] = []
        """What went wrong in the bridge itself: a sampler or a space that raised, a storage that is full."""
        self.observers: list[Callable[[FrozenTrial], None]] = []
        """Called with each trial that has ended."""
        self._again: deque[Trial] = deque(self._interrupted())
        self._exhausted = False

    def next_config(self, run_id: str) -> dict[str, Any] | None:
        """The next trial to run under this id; None: none now, or none any more (`ended`)."""
        proposal = None if self.ended or self._fails_too_often() else self._next()
        if proposal is None:
            return None
        self.live[run_id] = LiveTrial(proposal.trial, proposal.config)
        return proposal.config

    def _next(self) -> Proposal | None:
        while self._again:
            interrupted = self.source.again(self._again[0])
            self._again.popleft()  # only now: it may have raised
            if interrupted is not None:
                return interrupted
        ended = f"{self.finished} trials are finished"
        if self.finished < self.budget:
            if self.finished + len(self.live) >= self.budget:
                return None  # those that run may be enough
            proposal = None if self._exhausted else self.source.next()
            if proposal is not None:
                return proposal
            self._exhausted = True
            ended = "every configuration of the space has been tried"
            if self.live:
                return None  # one of them may have to be tried again
        proposal = self.source.next_rescue()
        if proposal is None and not self.live:
            if self.finished == 0 and self._last_reason:
                self._give_up(f"every trial failed, the last one because {self._last_reason}")
            self.ended = self.ended or ended
        return proposal

    @property
    def interrupted(self) -> int:
        """How many trials wait to be run again."""
        return len(self._again)

    def on_report(self, run_id: str, metrics: Mapping[str, Any]) -> Verdict:
        """Write down what a trial reports; says whether it goes on."""
        live = self.live.get(run_id)
        if live is None:
            return Verdict.STOP
        if live.pruned or live.failure:
            return Verdict.STOP
        live.failure = str(metrics.get(FAILURE) or "") or self._fault(metrics)
        if live.failure:
            return Verdict.STOP
        step = int(metrics[self._step])
        record = TrialRecord.of(live.trial)
        if step <= live.epoch or step < record.last_step:
            live.epoch = max(step, live.epoch)
            return Verdict.CONTINUE  # said before the trial was interrupted; of the last one the verdict may be missing
        live.epoch, live.metrics = step, dict(metrics)
        if step not in record.reports:
            write_metrics(live.trial, step, metrics)
            report(live.trial, [float(metrics[objective.metric]) for objective in self.objectives], step)
        last = self.source.last_step(live.trial) or self._last
        done = last is not None and step >= last
        if not done and record.rescues is None and should_prune(live.trial):
            live.pruned = True
            return Verdict.STOP
        return Verdict.CONTINUE

    def on_end(self, run_id: str, error: str = "") -> None:
        """Write down how a trial ended; error: why, where it did not end by itself."""
        live = self.live.pop(run_id, None)
        if live is None:
            return
        try:
            self._end(live, error)
        except Exception:
            if not self.study.get_trials(deepcopy=False)[live.trial.number].state.is_finished():
                self._again.append(live.trial)  # a storage that is full for a while
            raise

    def _end(self, live: LiveTrial, error: str) -> None:
        reason = live.failure or error
        record = TrialRecord.of(live.trial)
        if not reason and not live.pruned and not record.reports:
            reason = f"it ended without reporting {self._step} and {', '.join(o.metric for o in self.objectives)}"
        if reason:
            self._failed(live.trial, reason)
        elif live.pruned:
            self._tell(live.trial, TrialState.PRUNED)
        else:
            self._tell(live.trial, TrialState.COMPLETE, record.reports[record.last_step])

    def hook_failed(self, where: str, error: Exception) -> None:
        """Keep an exception that must not end the search; too many of them end it in good order."""
        self.note(where, error)
        self._hook_failures += 1
        if self._hook_failures >= 100:
            self._give_up(f"too much went wrong, last in {where}: {type(error).__name__}: {error}")

    def note(self, where: str, error: Exception) -> None:
        """Keep an exception that costs nothing but itself, once."""
        text = f"{where}: {type(error).__name__}: {error}"
        if text not in self.errors:
            self.errors.append(text)

    def fail(self, run_id: str, reason: str) -> None:
        """Let a trial that is about to be stopped fail with this reason."""
        live = self.live.get(run_id)
        if live is not None:
            live.failure = live.failure or reason

    def start_over(self, reason: str, *, failed: bool) -> None:
        """Whoever executes trials has lost them all; failed: whether that counts as a failure of theirs."""
        lost = list(self.live.values())
        self.live.clear()
        for live in lost:
            if live.failure or failed:
                self._failed(live.trial, live.failure or reason)
            elif live.pruned:
                self._tell(live.trial, TrialState.PRUNED)
            else:
                self._again.append(live.trial)

    def _failed(self, trial: Trial, reason: str) -> None:
        if len(TrialRecord.of(trial).retried) < self._retries:
            write_retry(trial, reason)
            self._again.append(trial)
        else:
            self._last_reason = reason
            write_failure(trial, reason)
            self._tell(trial, TrialState.FAIL)

    def _tell(self, trial: Trial, state: TrialState, values: Sequence[float] | None = None) -> None:
        self.study.tell(trial, values, state)
        if state == TrialState.FAIL:
            self.failures_in_a_row += 1
        else:
            self.failures_in_a_row = self._hook_failures = 0
        frozen = self.study.get_trials(deepcopy=False)[trial.number]
        self.finished += TrialRecord(frozen).counts_as_finished
        for observer in self.observers:
            observer(frozen)

    def _fails_too_often(self) -> bool:
        if self.failures_in_a_row >= max(10, self.budget // 10):
            self._give_up(f"the last {self.failures_in_a_row} trials failed, the last one because {self._last_reason}")
        return bool(self.ended)

    def _give_up(self, why: str) -> None:
        self.ended = self.ended or why
        self.failed = True

    def _fault(self, metrics: Mapping[str, Any]) -> str:
        """What is wrong with a report, or nothing."""
        step = metrics.get(self._step)
        if isinstance(step, bool) or not isinstance(step, int) or step < 1:
            return f"it reported {self._step}={step!r}, which must be a whole number of at least 1"
        for name in (objective.metric for objective in self.objectives):
            if name not in metrics:
                return f"it reported no {name} at {self._step} {step}"
            value = metrics[name]
            try:
                number = float(value)
            except (TypeError, ValueError):
                return f"it reported {name}={value!r} at {self._step} {step}, which is no number"
            if not math.isfinite(number):
                return f"{name} is {number} at {self._step} {step}"
        return ""

    def _interrupted(self) -> list[Trial]:
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [Trial(self.study, trial._trial_id) for trial in running]
