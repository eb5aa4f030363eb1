"""`run_search`: a search from its configuration to its front, which continues after any interruption."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from xoresnet.errors import UsageError, XOResNetError
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster.wait_for_nodes import WaitForNodes
from xoresnet.search.execution.execute import Outcome, execute, outcome
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.session import check_wait
from xoresnet.search.execution.trackers.callback import Trackers
from xoresnet.search.execution.trackers.tracked import tracked_run
from xoresnet.search.execution.uploading import note_uploads, push_last, uploading
from xoresnet.search.execution.worker.trainable import train_trial
from xoresnet.search.execution.worker.work_files import Reach
from xoresnet.search.execution.workplace import Workplace
from xoresnet.search.folders.remote_run import writable_run
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.prepare import Progress, SearchPlan, plan_search
from xoresnet.search.prior.cost import check_prior
from xoresnet.search.prior.guidance import predictions_of
from xoresnet.search.prior.shared_prior import PriorError, PriorInterruptedError
from xoresnet.search.registry import asks_sampler, make_strategy
from xoresnet.search.sources.placed import PlacedProposals
from xoresnet.search.sources.space_candidates import SpaceCandidates
from xoresnet.search.strategy.lifecycle import evict
from xoresnet.search.strategy.sampler import FreezeThawSampler, PausingSampler
from xoresnet.search.study.attributes import ENQUEUED, EPOCHS
from xoresnet.search.study.front import front_of
from xoresnet.search.study.opening import forget_study, has_begun, open_study
from xoresnet.search.study.same_data import note_data
from xoresnet.search.study.spending import spent_on_prior
from xoresnet.search.study.tables import FrameWriter
from xoresnet.search.study.trials import TrialRecord, failed_trials, trials_of
from xoresnet.space.walk import parameters_of

__all__ = ["SearchRun", "run_search"]


class SearchRun:
    """A search with its folder and its study, ready to run."""

    def __init__(
        self,
        plan: SearchPlan,
        folder: RunFolder,
        wait: WaitForNodes | None = None,
        on_wait: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Wait and on_wait: as in `run_search`."""
        self.plan, self.folder, self._reach, self._wait = plan, folder, Reach.of(folder), wait
        self._on_wait = on_wait
        self.config, self.space, self.recipe = plan.config, plan.space, plan.recipe
        self.study = open_study(self.config, folder.path, self.recipe.epochs)
        note_data(self.study, plan.data)
        self._known = {name: parameters_of(self.space, arch) for name, arch in plan.baselines.items()}
        self._set_strategy()
        self._proposals = self._open_proposals()
        self.bridge = TrialBridge(
            self.study,
            self._proposals,
            self.config.objectives,
            budget=self.config.budget,
            max_step=self.recipe.epochs,
            retries=self.config.retries,
        )
        self._dropped: set[int] = set()
        """Complete trials whose weights are not kept."""
        self.frames = FrameWriter(self.study, self.config.objectives, folder.path)
        self.bridge.checks.append(lambda trial: self._folder_of(trial).weights_fault())
        self._tidy_remote()
        self.bridge.observers += [self._tidy, lambda trial: self.write_tables(pause=0.0)]
        self._trackers = Trackers(self.bridge, tracked_run(folder, self.config), self.config.loggers)
        self._charge_prior()
        if EPOCHS not in self.study.user_attrs:
            self.study.set_user_attr(EPOCHS, self.recipe.epochs)
        self.began = time.monotonic()
        self._lifeline = Lifeline(folder.path)
        self.preparing: TrialBridge | None = None
        """The jobs of the prior, while they run."""

    def run(
        self,
        on_step: Callable[[SearchRun], None] | None = None,
        on_stuck: Callable[[Outcome], None] | None = None,
    ) -> Outcome:
        """Search until the budget is spent; on_step is called several times a second, on_stuck as in `run_search`."""
        self._lifeline = Lifeline(self.folder.path, partial(self._stuck, on_stuck) if on_stuck is not None else None)
        try:
            result = self._done_or(self._run(on_step))
        except PriorInterruptedError as error:
            result = replace(error.outcome, study=self.study)
        finally:
            self.write_tables()
            self._trackers.close(interrupted=bool(self._lifeline.signal or self._lifeline.lost))
        return replace(result, errors=tuple(self.bridge.errors))

    def _run(self, on_step: Callable[[SearchRun], None] | None) -> Outcome:
        if self._nothing_to_do():
            return outcome(self.bridge, self._lifeline)
        # one for the prior and for the trials
        place = Workplace(self.config, self.plan.data, self._lifeline, self._reach, self._wait, self._on_wait)
        with place as workplace:
            if self.config.prior.kind != "none":
                self._prepare_prior(workplace, on_step)
            step, trackers = partial(self._step, on_step), self._trackers.callbacks
            return execute(self.bridge, train_trial, self.config, step, workplace, trackers)

    def _done_or(self, result: Outcome) -> Outcome:
        """The outcome: done if an interruption came when all was done, failed if failed trials were in the way."""
        if result.is_lost:
            return result
        if result.interrupted:
            if self.bridge.live or not self._nothing_to_do():
                return result
            self.bridge.finish()
            return outcome(self.bridge, self._lifeline)
        if not result.failed and self._nothing_to_do():
            self.bridge.finish()
        if result.failed or not self.bridge.affords_new:
            return result
        failed = failed_trials(self.study)
        if not failed:
            return result
        some = f"{len(failed)} trials" if len(failed) > 1 else "1 trial"
        reason = f"{some} failed, the last one because {failed[-1].failure or 'of an unknown reason'}"
        return replace(result, failed=True, ended=f"{result.ended}, but {reason}; the same command tries again")

    def _stuck(self, on_stuck: Callable[[Outcome], None]) -> None:
        """Called in another thread while the main thread does not come back from Ray."""
        push_last(self.folder, self.write_tables)
        on_stuck(outcome(self.bridge, self._lifeline))

    def _set_strategy(self) -> None:
        """Give the study the sampler and pruner of a strategy that pauses networks."""
        config = self.config
        if config.strategy == "classic":
            return
        candidates = SpaceCandidates(self.space, self.recipe, self._known if config.baselines == "candidates" else {})
        self.study.sampler, self.study.pruner = make_strategy(
            config.strategy,
            config.objectives,
            epochs=self.recipe.epochs,
            budget=config.budget,
            seed=config.seed,
            candidates=candidates,
            chance=1 / self.space.num_classes,
            images=len(self.plan.data.validation),
            cost=config.cost,
            stops=config.stop == "plateau",
        )

    def _charge_prior(self) -> None:
        """Let the budget pay for what the prior has cost."""
        epochs = spent_on_prior(self.study)
        self.bridge.spent_elsewhere = epochs / self.recipe.epochs
        if isinstance(self.study.sampler, PausingSampler):
            self.study.sampler.spent_elsewhere = epochs

    def write_tables(self, *, pause: float | None = None) -> None:
        """Write the run's tables; with a pause in seconds, only from time to time.

        A failure is noted and does not stop the search, because the study holds everything that the tables do. Nothing
        is written where the folder was.
        """
        if not self._lifeline.check_folder():
            return
        try:
            if pause is None:
                self.frames.write()
            else:
                self.frames.write_now_and_then(pause)
        except Exception as error:
            self.bridge.note("tables", error)

    def _prepare_prior(self, workplace: Workplace, on_step: Callable[[SearchRun], None] | None) -> None:
        """Train the prior where needed, and hand it to the strategy. Raises `PriorInterruptedError`, `ClusterError`."""

        def prior_step(jobs: TrialBridge) -> None:
            self.preparing = jobs
            self._check_time(jobs)
            note_uploads(self.folder, self.bridge, self._lifeline)
            if on_step is None:
                return
            try:
                on_step(self)
            except Exception as error:
                self.bridge.note("on_step", error)

        def prior_error(text: str) -> None:
            if text not in self.bridge.errors:
                self.bridge.errors.append(text)

        try:
            predictions = predictions_of(self.study, self.plan, workplace, prior_step, prior_error)
            assert isinstance(self.study.sampler, FreezeThawSampler)  # the configuration requires it
            self.study.sampler.predict(predictions)
        except PriorError as error:
            self.bridge.errors.append(f"no shared weights: {error}; the search continues without them")
        self.preparing = None
        self._charge_prior()

    def _step(self, on_step: Callable[[SearchRun], None] | None) -> None:
        self._check_time(self.bridge)
        note_uploads(self.folder, self.bridge, self._lifeline)
        self.write_tables(pause=5.0)  # for the epochs of running trials
        if on_step is not None:
            on_step(self)

    def _check_time(self, bridge: TrialBridge) -> None:
        """Let no further trial begin once the time budget is spent."""
        budget = self.config.time_budget
        if budget is not None and time.monotonic() - self.began > budget and not bridge.ended:
            bridge.ended = f"{budget:g} s have passed"

    def _open_proposals(self) -> PlacedProposals:
        """The source of trials; networks that come first are enqueued when it is opened for the first time."""
        config = self.config
        proposals = PlacedProposals(
            self.study,
            self.space,
            self.recipe,
            seed=config.seed,
            common={
                "data": config.data.located().model_dump_json(),
                "threads": config.cpus_per_trial,
                "reach": self._reach._asdict(),
            },
            ask_sampler=config.sampler is None or asks_sampler(config.sampler),
            known=self._known if config.baselines == "candidates" else {},
        )
        proposals.run = self.folder
        if ENQUEUED not in self.study.user_attrs:
            for name, arch, recipe in self.plan.earlier:
                proposals.enqueue(name, arch, recipe if self.space.recipe else None)
            for name, arch in self.plan.baselines.items() if config.baselines == "first" else ():
                proposals.enqueue(name, arch)
            self.study.set_user_attr(ENQUEUED, True)  # last: a process that dies before repeats it without duplicates
        return proposals

    def _tidy(self, trial: FrozenTrial) -> None:
        """Keep the weights of complete trials, and the checkpoints of the paused ones that promise most."""
        record = TrialRecord(trial)
        if record.is_complete:
            self._folder_of(record).keep_weights()
            if self.config.keep_weights == "front":
                self._drop_dominated()
        elif record.paused_at:
            for number in evict(self.study, self.config.keep_paused):
                self._folder_of(TrialRecord(self.study.get_trials(deepcopy=False)[number])).evict()
        elif not (record.is_pruned and self.bridge.pauses):
            self._folder_of(record).remove()

    def _drop_dominated(self) -> None:
        """Remove the weights of complete networks that are not on the front."""
        on_front = {trial.number for trial in front_of(self.study)}
        for trial in trials_of(self.study, TrialState.COMPLETE):
            if trial.has_own_network and trial.number not in on_front | self._dropped:
                self._dropped.add(trial.number)
                self._folder_of(trial).drop_weights()

    def _tidy_remote(self) -> None:
        """Remove at the URL what an earlier driver was to remove before it died."""
        trials = {trial.number: trial for trial in trials_of(self.study) if trial.has_network}
        for name in self.folder.remote_files:
            kind, _, rest = name.partition("/")
            number = rest.partition("-")[0]
            trial = trials.get(int(number)) if kind == "trials" and number.isdecimal() else None
            if trial is not None and trial.state.is_finished() and "checkpoint" in rest:
                self._tidy(trial.trial)

    def _folder_of(self, trial: TrialRecord) -> TrialFolder:
        return self.folder.trial(trial.number, trial.arch_id)

    def _nothing_to_do(self) -> bool:
        if self.bridge.interrupted or self.bridge.live:
            return False
        sampler = self.study.sampler
        has_more = self._proposals.has_more(sampler) if isinstance(sampler, PausingSampler) else self.bridge.affords_new
        if has_more:
            return False
        self.bridge.ended = self.bridge.ended or self.bridge.why_it_ends()
        return True


def run_search(
    config: SearchConfig,
    run: str | Path,
    *,
    on_begin: Callable[[SearchRun], None] | None = None,
    on_step: Callable[[SearchRun], None] | None = None,
    on_stuck: Callable[[Outcome], None] | None = None,
    progress: Progress | None = None,
    wait: WaitForNodes | None = None,
    on_wait: Callable[[str], None] = lambda sentence: None,
) -> Outcome:
    """Run a search, or continue the one that is there.

    run: a folder, or a URL that pyarrow or fsspec knows (`s3://bucket/runs/digits`). on_begin: called once before
    anything runs; on_step: called several times a second. on_stuck: called in another thread where the search was
    interrupted, or Ray was lost, and Ray does not give back the main thread; it should end the process, because Ray
    aborts it a minute later. Nothing is lost by that. progress: called with the images decoded so far and in all, where
    the data set has to be decoded; silent by default. wait: for how many nodes of the cluster the first trial waits;
    none by default. on_wait: called with a sentence before what may take a minute, such as the start of Ray.
    Raises `XOResNetError`: `UsageError` for a configuration that cannot be searched, `RunError` for a folder of another
    search or in use, `DataError`, `ClusterError`.
    """
    if not isinstance(config, SearchConfig):
        kind = type(config).__name__
        raise UsageError(f"config must be a SearchConfig, such as SearchConfig(space='digits'), got {kind}")
    check_wait(config.address, wait)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with writable_run(run, on_wait) as folder:
        begun = has_begun(folder)
        plan = plan_search(config, begun=begun, progress=progress)
        if not begun:
            check_prior(plan)
        with folder.opened(plan.config, plan.facts) as named:
            try:
                search = SearchRun(replace(plan, config=named), folder, wait, on_wait)
                if on_begin is not None:
                    on_begin(search)
                return uploading(folder, partial(search.run, on_step, on_stuck))
            except XOResNetError:
                if not folder.has_trials():
                    with suppress(XOResNetError):
                        forget_study(named, folder.path)
                raise
