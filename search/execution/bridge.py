"""`TrialBridge`: connects one Optuna study with whatever executes its trials.

The study is the single source of truth: what a trial is, what it reported and how it ended is written there at once, by
the one process that holds the bridge. The executor (`ray_plugin.py`) asks for the next trial, passes on reports, and
says when trials end; it need not remember anything. A trial that was running when the process died is RUNNING in the
study; the next bridge hands it out again with its number and everything that it had reported.

A strategy may pause a trial at a rung and hand it out again later; in the study it is RUNNING all the while, with a
mark. Trials end COMPLETE, PRUNED or FAIL. A trial that raises, dies, hangs or makes an invalid report is tried again,
and after its last retry it fails with the reason. Where its node was lost, or is about to leave, it goes on elsewhere
at no cost. A full disk is no fault of a trial: it ends the search, and the trial continues with the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from xoresnet.files.disk import is_full
from xoresnet.search.execution.failures import goes_on_elsewhere, report_fault, tries_again
from xoresnet.search.execution.live_trial import LiveTrial, Verdict
from xoresnet.search.execution.outcomes import ROUNDING, why_it_ends
from xoresnet.search.folders.disk_space import DiskSpace
from xoresnet.search.objective import Objective
from xoresnet.search.pruning.reports import report, should_prune
from xoresnet.search.sources.base import Proposal, SpaceSource, TrialSource
from xoresnet.search.strategy.lifecycle import finish, pause, paused_trials
from xoresnet.search.strategy.marks import charged_steps
from xoresnet.search.strategy.observing import is_paused
from xoresnet.search.strategy.sampler import PausingSampler
from xoresnet.search.study.attributes import FAILURE, NOTICE
from xoresnet.search.study.databases.database import DatabaseLostError
from xoresnet.search.study.journal import written_together
from xoresnet.search.study.trials import TrialRecord, trials_of, write_divergence, write_metrics

__all__ = ["LiveTrial", "TrialBridge", "Verdict"]


class TrialBridge:
    """Hands out the trials of a study, prunes them, and records their reports and results."""

    def __init__(
        self,
        study: Study,
        source: TrialSource | Callable[[Trial], dict[str, Any]],
        objectives: Sequence[Objective],
        *,
        budget: float,
        step_metric: str = "epoch",
        max_step: int | None = None,
        retries: int = 1,
        kind: str = "trial",
    ) -> None:
        """source: where trials come from, or a function `space(trial) -> config` that suggests parameters. objectives:
        the reported metrics in the order of the study's directions. budget: what all trials may cost, in full trainings
        of `max_step` steps; a sampler that pauses trials has a budget of its own. step_metric: the reported integer
        that counts steps from 1. max_step: the last step of a trial, after which it is not pruned any more; without it,
        every trial counts as a full training. retries: how often a failed trial is tried again. kind: what messages
        call a trial.

        Raises ValueError if the directions of the objectives are not those of the study.
        """
        directions = [direction.name.lower() for direction in study.directions]
        if directions != [objective.optuna_direction for objective in objectives]:
            raise ValueError(f"the study's directions are {', '.join(directions)}, not those of the objectives")
        self.study, self.objectives = study, tuple(objectives)
        self.source: TrialSource = source if not callable(source) else SpaceSource(study, source)
        self._step, self._last, self._retries = step_metric, max_step, retries
        self._budget = float(budget)
        self._kind = kind
        self.live: dict[str, LiveTrial] = {}
        """The running trials by the ids that the executor gave them."""
        self.finished = sum(trial.counts_as_finished for trial in trials_of(study))
        """How many trials are complete or pruned, without duplicates."""
        self.spent_elsewhere = 0.0
        """What was spent outside of trials, in full trainings."""
        self._costs = {trial.number: self._cost(trial) for trial in trials_of(study) if not trial.is_waiting}
        self.failures_in_a_row = 0
        """How many trials have failed since one was complete or pruned."""
        self._hook_failures = 0  # since a trial was complete or pruned
        self._last_reason = ""
        self.ended = ""
        """Why no further trials are handed out; empty while they are."""
        self.failed = False
        """Whether too many failures ended the search."""
        self.errors: list[str] = []
        """Errors outside of trials: a sampler or space that raised, a storage that is full."""
        self.notices: list[str] = []
        """What the user should know, in sentences: trials that need a larger share of a GPU, nodes that have left."""
        self.checks: list[Callable[[TrialRecord], str]] = []
        """Called with each trial that has reported its last step; a reason that is returned makes the trial fail."""
        self.observers: list[Callable[[FrozenTrial], None]] = []
        """Called with each trial when it has ended, and when it pauses."""
        self.gives_more_memory: Callable[[LiveTrial, str], bool] = lambda live, reason: False
        """Whether a trial that failed for this reason is tried again with a larger share of a GPU, at no cost."""
        self.disk: DiskSpace | None = None
        """The disk that trials write to, if the executor knows it."""
        self.disk_full = False
        """Whether a full disk ended the search."""
        self._again: deque[Trial] = deque(self._interrupted())
        self._exhausted = False

    @written_together
    def next_config(self, run_id: str) -> dict[str, Any] | None:
        """The configuration of the next trial, to run under this id; None if there is none now, or ever (`ended`)."""
        proposal = None if self.ended or self._fails_too_often() else self._next()
        if proposal is None:
            return None
        record = TrialRecord.of(proposal.trial)
        begun_at = record.last_step if proposal.goes_on else 0
        self._costs[record.number] = self._cost(record)  # what an evicted one trains again is charged from now on
        self.live[run_id] = LiveTrial(proposal.trial, proposal.config, epoch=begun_at)
        return proposal.config

    def _next(self) -> Proposal | None:
        while self._again:
            try:
                interrupted = self.source.again(self._again[0])
            except Exception:
                if self._is_finished(self._again[0]):  # its sampler has raised
                    self._again.popleft()
                raise
            self._again.popleft()  # not before, because the line above may raise
            if interrupted is not None:
                return interrupted
        is_affordable = self.pauses or self.affords_new
        proposal = self.source.next() if is_affordable and not self._exhausted else None
        if proposal is None and not self.live:  # else a running trial may have to be tried again, or leave some budget
            if self.finished == 0 and self._last_reason and not paused_trials(self.study):
                self._give_up(f"every trial failed, the last one because {self._last_reason}")
            self.ended = self.ended or self.why_it_ends()
        # paused trials may go on when others have paused; other sources are not asked again
        self._exhausted = self._exhausted or (proposal is None and is_affordable and not self.pauses)
        return proposal

    def why_it_ends(self) -> str:
        """Why no further trial begins, where the source has none."""
        return why_it_ends(self.study, self.budget, self.left)

    @property
    def pauses(self) -> bool:
        """Whether the study's sampler pauses trials and decides when they go on."""
        return isinstance(self.study.sampler, PausingSampler)

    @property
    def budget(self) -> float:
        """What all trials may cost, in full trainings."""
        return self.study.sampler.budget if isinstance(self.study.sampler, PausingSampler) else self._budget

    @property
    def spent(self) -> float:
        """What has been spent so far, in full trainings."""
        return sum(self._costs.values()) + self.spent_elsewhere

    @property
    def left(self) -> float:
        """What may be spent on trials that have not begun, if the running ones are completed."""
        promised = sum(self._promised(live.trial) for live in self.live.values())
        return self.budget - self.spent - promised

    @property
    def affords_new(self) -> bool:
        """Whether a whole full training is left of the budget; sums of shares are rounded."""
        return self.left >= 1 - ROUNDING

    def _promised(self, trial: Trial) -> float:
        last = self.source.last_step(trial) or self._last
        whole = 1.0 if last is None or self._last is None else last / self._last
        return max(whole - self._costs.get(trial.number, 0.0), 0.0)

    def _cost(self, trial: TrialRecord) -> float:
        """What a trial has cost, in full trainings."""
        if self._last is not None:
            return charged_steps(trial.attributes) / self._last
        return float(trial.counts_as_finished)

    @property
    def interrupted(self) -> int:
        """How many interrupted or failed trials wait to run again."""
        return len(self._again)

    @written_together
    def on_report(self, run_id: str, metrics: Mapping[str, Any]) -> Verdict:
        """Record what a trial reports; returns whether it continues."""
        live = self.live.get(run_id)
        if live is None:
            return Verdict.STOP
        if live.stopped or live.failure or live.lost:
            return Verdict.STOP
        if NOTICE in metrics:
            self.errors.append(f"{self._kind} {live.trial.number}: {metrics[NOTICE]}")
            metrics = {name: value for name, value in metrics.items() if name != NOTICE}
        live.diverged = bool(metrics.get(FAILURE))
        live.failure = str(metrics.get(FAILURE) or "") or report_fault(
            metrics, self._step, [objective.metric for objective in self.objectives]
        )
        if live.failure:
            return Verdict.STOP
        step = int(metrics[self._step])
        record = TrialRecord.of(live.trial)
        if step <= live.epoch or step < record.last_step:
            live.epoch = max(step, live.epoch)
            return Verdict.CONTINUE  # reported before an interruption; only the last such step may lack its verdict
        live.epoch, live.metrics = step, dict(metrics)
        if step not in record.reports:
            write_metrics(live.trial, step, metrics)
            report(live.trial, [float(metrics[objective.metric]) for objective in self.objectives], step)
            self._costs[record.number] = self._cost(TrialRecord.of(live.trial))
        last = self.source.last_step(live.trial) or self._last
        done = last is not None and step >= last
        if not done and should_prune(live.trial):
            live.stopped = True
            return Verdict.STOP
        if not done and live.leaves:
            live.lost = live.leaves
            return Verdict.STOP
        return Verdict.CONTINUE

    def on_end(self, run_id: str, error: str = "") -> None:
        """Record that a trial has ended; error: the reason if it did not end by itself."""
        live = self.live.pop(run_id, None)
        if live is None:
            return
        try:
            self._end(live, error)
        except Exception:
            if not self._is_finished(live.trial) and not TrialRecord.of(live.trial).paused_at:
                self._again.append(live.trial)  # the storage may be full only for a while
            raise

    def end_done(self) -> None:
        """Record the running trials that have reported all that is wanted of them, when the executor has stopped."""
        for run_id, live in list(self.live.items()):
            last = self.source.last_step(live.trial) or self._last
            if live.stopped or (not live.failure and last is not None and live.epoch >= last):
                self.on_end(run_id)

    def _is_finished(self, trial: Trial) -> bool:
        return self.study.get_trials(deepcopy=False)[trial.number].state.is_finished()

    def _end(self, live: LiveTrial, error: str) -> None:
        if live.lost and not live.failure:
            self._lost(live)
            return
        reason = live.failure or error
        record = TrialRecord.of(live.trial)
        if not reason and not live.stopped and not record.reports:
            reason = f"it ended without reporting {self._step} and {', '.join(o.metric for o in self.objectives)}"
        if not reason and not live.stopped:
            reason = next(filter(None, (check(record) for check in self.checks)), "")
        if reason and (self.runs_out_of_disk(reason, live.config) or self.gives_more_memory(live, reason)):
            self._again.append(live.trial)
        elif reason:
            self._failed(live.trial, reason, diverged=live.diverged)
        elif live.stopped:
            self._stop(live.trial)
        else:
            self._tell(live.trial, TrialState.COMPLETE, record.reports[record.last_step])

    def _lost(self, live: LiveTrial) -> None:
        if goes_on_elsewhere(live.trial, live.lost):
            self._again.append(live.trial)
        else:
            self._fail_for_good(live.trial, live.lost)

    def _stop(self, trial: Trial) -> None:
        """Pause a trial that was stopped, or tell it PRUNED where nothing pauses."""
        if not self.pauses:
            self._tell(trial, TrialState.PRUNED)
            return
        pause(trial)
        self.failures_in_a_row = self._hook_failures = 0
        self._notify(trial.number)

    @written_together
    def finish(self) -> None:
        """Tell all paused trials PRUNED, because the search has ended; a larger budget may resume them."""
        for trial in finish(self.study):
            self.finished += TrialRecord(trial).counts_as_finished
            self._notify(trial.number)

    def _notify(self, number: int) -> None:
        frozen = self.study.get_trials(deepcopy=False)[number]
        for observer in self.observers:
            observer(frozen)

    def hook_failed(self, where: str, error: Exception) -> None:
        """Note an exception in a hook of the executor; a hundred of them without a successful trial end the search."""
        self.note(where, error)
        self._hook_failures += 1
        if self._hook_failures >= 100:
            self._give_up(f"too many errors, the last one in {where}: {type(error).__name__}: {error}")

    def note(self, where: str, error: Exception) -> None:
        """Add an exception without consequences to `errors`, if it is not there yet; a full disk ends the search."""
        if isinstance(error, DatabaseLostError) or self.runs_out_of_disk(error):  # the first ends it by itself
            return
        text = f"{where}: {type(error).__name__}: {error}"
        if text not in self.errors:
            self.errors.append(text)

    def runs_out_of_disk(self, error: BaseException | str = "", *more: Mapping[str, Any]) -> bool:
        """Whether the disk is full, by an error or by what is free on it; if so, no further trial is handed out.

        more: configurations of trials that are not among the running ones any more.
        """
        running = [*more, *(live.config for live in self.live.values())]
        shortage = "" if self.disk is None else self.disk.shortage(running)
        if not shortage and not is_full(error):
            return False
        if not shortage:
            shortage = "the disk is full" if self.disk is None else self.disk.sentence(running, error)
        self.disk_full = True
        self._give_up(shortage)
        return True

    def fail(self, run_id: str, reason: str) -> None:
        """Mark a trial that is about to be stopped as failed for this reason."""
        live = self.live.get(run_id)
        if live is not None:
            live.failure = live.failure or reason

    def lose_node(self, run_id: str, reason: str) -> None:
        """Mark a trial whose node was lost, with what happened: when it ends, it goes on elsewhere without a retry."""
        live = self.live.get(run_id)
        if live is not None:
            live.lost = live.lost or reason

    def say(self, notice: str) -> None:
        """Add a sentence to `notices`, if it is not there yet."""
        if notice not in self.notices:
            self.notices.append(notice)

    def start_over(self, reason: str, *, failed: bool) -> None:
        """Take back all running trials because the executor has lost them; failed: whether each counts as failed."""
        lost = list(self.live.values())
        full = self.disk_full or self.runs_out_of_disk(reason)
        self.live.clear()
        for live in lost:
            if full:
                self._again.append(live.trial)
            elif live.failure or (failed and not live.lost):
                self._failed(live.trial, live.failure or reason)
            elif live.stopped:
                self._stop(live.trial)
            elif live.lost:
                self._lost(live)
            else:
                self._again.append(live.trial)

    def _failed(self, trial: Trial, reason: str, *, diverged: bool = False) -> None:
        if tries_again(trial, reason, self._retries):
            self._again.append(trial)
        else:
            if diverged:
                write_divergence(trial)
            self._fail_for_good(trial, reason)

    def _fail_for_good(self, trial: Trial, reason: str) -> None:
        self._last_reason = reason
        self._tell(trial, TrialState.FAIL)

    def _tell(self, trial: Trial, state: TrialState, values: Sequence[float] | None = None) -> None:
        self.study.tell(trial, values, state)
        if state == TrialState.FAIL:
            self.failures_in_a_row += 1
        else:
            self.failures_in_a_row = self._hook_failures = 0
        record = TrialRecord.of(trial)
        self.finished += record.counts_as_finished
        self._costs[trial.number] = self._cost(record)
        self._notify(trial.number)

    def _fails_too_often(self) -> bool:
        if self.failures_in_a_row >= max(10, int(min(self.budget, 1e6)) // 10):
            self._give_up(f"the last {self.failures_in_a_row} trials failed, the last one because {self._last_reason}")
        return bool(self.ended)

    def _give_up(self, why: str) -> None:
        self.ended = self.ended or why
        self.failed = True

    def _interrupted(self) -> list[Trial]:
        interrupted = []
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if is_paused(trial):
                continue
            try:
                interrupted.append(Trial(self.study, trial._trial_id))  # which asks the sampler
            except Exception as error:
                self.note("sampler", error)
                self.study.tell(trial.number, state=TrialState.FAIL)
        return interrupted
