"""`prior=shared`: predictions for the networks of a space, made with shared weights before the first trial.

Each group of networks trains one set of weights together (`xoresnet.shared`), one job on Ray for each group and seed;
other jobs then evaluate many networks each with these weights. All jobs are trials of a study of their own and continue
after interruptions. The predictions are in `predicted.parquet` and serve only to choose what is trained next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import NopPruner
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage
from optuna.trial import Trial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.errors import RunError, XOResNetError
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.execute import Outcome, execute
from xoresnet.search.execution.workplace import Workplace
from xoresnet.search.folders.trial import arrival_fault
from xoresnet.search.objective import Objective
from xoresnet.search.prepare import SearchPlan
from xoresnet.search.prior.cost import shared_recipes
from xoresnet.search.prior.networks import sample_of, to_predict
from xoresnet.search.prior.table import SECONDS, predicted_row, write_predicted
from xoresnet.search.prior.trainables import EPOCHS_CHARGED, predict_networks, train_shared, write_archs
from xoresnet.search.sources.jobs import JobSource
from xoresnet.search.study.journal import open_journal
from xoresnet.search.study.trials import Attributes, TrialRecord, trials_of
from xoresnet.shared.weights import WeightGroup, groups_of

__all__ = ["PriorError", "PriorInterruptedError", "SharedPrior"]

_JOB, _CONFIG = "job", "config"
"""User attributes of a trial: the name of its job, and the configuration of its trainable."""
_FILES = ("archs", "checkpoint", "weights", "output")
"""Fields of that configuration that are names of files in the prior's folder, so that the folder can be moved."""
_CHUNK = 25
"""How many networks one job predicts."""
Predictions = dict[Arch, list[dict[str, Any]]]
"""The predictions for each network, one by each set of weights: figures by the names of a record."""
Trainable = Callable[[dict[str, Any]], None]


class PriorError(XOResNetError, RuntimeError):
    """Shared weights that predict nothing, because none could be trained or no prediction succeeded."""


class PriorInterruptedError(XOResNetError, RuntimeError):
    """The prior was interrupted or ran out of time; the next call continues it. `outcome` says how it ended."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"interrupted by signal {outcome.interrupted}" if outcome.interrupted else outcome.ended)
        self.outcome = outcome


class SharedPrior:
    """Trains shared weights and predicts networks with them, in the folder `prior` of a run."""

    def __init__(
        self,
        plan: SearchPlan,
        workplace: Workplace,
        on_step: Callable[[TrialBridge], None],
        on_error: Callable[[str], None],
    ) -> None:
        """workplace: of the run. on_step: called several times a second with the bridge of the jobs that run. on_error:
        called with each sentence that the user should read and that ends nothing.
        """
        self._plan, self._workplace, self._on_step, self._on_error = plan, workplace, on_step, on_error
        self._run = run = workplace.lifeline.folder
        self._folder = run / "prior"
        self._folder.mkdir(exist_ok=True)
        self._study = optuna.create_study(
            storage=self._open_journal(),
            study_name="prior",
            load_if_exists=True,
            pruner=NopPruner(),
            sampler=RandomSampler(seed=0),
        )

    def _open_journal(self) -> BaseStorage:
        """The storage of the jobs; a damaged one is set aside, because its jobs can be repeated from checkpoints."""
        journal = self._folder / "prior.journal"
        try:
            return open_journal(journal)
        except RunError as error:
            aside = journal.with_suffix(".journal.damaged")
            journal.replace(aside)
            fault = str(error).partition(", but later")[0]
            self._on_error(f"{fault}; it is kept as {aside.name}, and the jobs of the shared weights are repeated")
            return open_journal(journal)

    def run(self) -> int:
        """Train, predict and write `predicted.parquet`; returns the number of its networks.

        Raises `PriorError`, `PriorInterruptedError`, `ClusterError`.
        """
        plan = self._plan
        limit, seed = plan.config.prior.networks, plan.config.seed
        weights = self._train(groups_of(sample_of(plan.space, limit, seed)))
        rounds = to_predict(plan.space, plan.config.objectives, limit, seed)
        rows: list[dict[str, Any]] = []
        answer: dict[str, dict[str, float]] | None = None
        while True:
            try:
                archs = next(rounds) if answer is None else rounds.send(answer)
            except StopIteration:
                break
            new = [predicted_row(arch, figures) for arch, figures in self._predict(archs, weights).items()]
            metrics = [objective.metric for objective in plan.config.objectives]
            answer = {row["arch_id"]: {name: row[f"predicted_{name}"] for name in metrics} for row in new}
            rows += new
        if not rows:
            raise PriorError(f"no network could be predicted: {self._reason()}")
        write_predicted(self._run, rows)
        return len(rows)

    @property
    def epochs_charged(self) -> float:
        """The cost of all jobs so far, in epochs of training one network."""
        return self._total(EPOCHS_CHARGED)

    @property
    def seconds(self) -> float:
        """The duration of all jobs so far, added up."""
        return self._total(SECONDS)

    def _train(self, groups: Mapping[WeightGroup, Sequence[Arch]]) -> dict[WeightGroup, list[str]]:
        """Train the weights of each group; returns the files of those that could be trained, one for each seed."""
        jobs: dict[tuple[WeightGroup, str], Attributes] = {}
        for group, archs in groups.items():
            listed = self._folder / f"{group.group_id}.archs"
            write_archs(listed, archs)
            for recipe in shared_recipes(self._plan):
                file = f"{group.group_id}-{recipe.seed}.safetensors"
                config = {"archs": listed.name, "checkpoint": file, "recipe": recipe.model_dump_json()}
                jobs[group, file] = {_JOB: f"train {Path(file).stem}", _CONFIG: config}
        self._run_jobs(jobs.values(), train_shared)
        done = self._done()
        weights: dict[WeightGroup, list[str]] = {}
        for (group, file), job in jobs.items():
            if job[_JOB] in done:
                weights.setdefault(group, []).append(file)
        if not weights:
            raise PriorError(f"no weights could be trained: {self._reason()}")
        return weights

    def _predict(self, archs: Sequence[Arch], weights: Mapping[WeightGroup, Sequence[str]]) -> Predictions:
        """Predict networks; those without weights are left out."""
        outputs: list[tuple[str, Path]] = []
        jobs: list[Attributes] = []
        for group, members in groups_of(archs).items():
            for start in range(0, len(members), _CHUNK):
                part = members[start : start + _CHUNK]
                name = hashlib.sha256(" ".join(arch.arch_id for arch in part).encode()).hexdigest()[:10]
                listed = self._folder / f"{name}.archs"
                write_archs(listed, part)
                for file in weights.get(group, ()):
                    output = self._folder / f"{name}-{Path(file).stem}.json"
                    config = {"archs": listed.name, "weights": file, "output": output.name}
                    jobs.append({_JOB: (job := f"predict {output.stem}"), _CONFIG: config})
                    outputs.append((job, output))
        self._run_jobs(jobs, predict_networks)
        done = self._done()
        by_id = {arch.arch_id: arch for arch in archs}
        predictions: Predictions = {}
        for job, output in outputs:
            for figures in _read(output) if job in done else ():
                predictions.setdefault(by_id[figures["arch_id"]], []).append(figures)
        return predictions

    def _run_jobs(self, jobs: Iterable[Attributes], trainable: Trainable) -> None:
        """Run the jobs that are not complete yet. Raises `PriorInterruptedError`, `ClusterError`."""
        config = self._plan.config
        reach = self._workplace.reach._replace(url=None)  # this process reads what the jobs write
        common = {
            "data": config.data.located().model_dump_json(),
            "threads": config.cpus_per_trial,
            "reach": reach._asdict(),
        }

        def config_of(trial: Trial) -> dict[str, Any]:
            files = {name: self._folder / value for name, value in trial.user_attrs[_CONFIG].items() if name in _FILES}
            return {**common, **trial.user_attrs[_CONFIG], **{name: str(file) for name, file in files.items()}}

        source = JobSource(
            self._study, jobs, key=lambda attrs: attrs[_JOB], config=config_of, last_step=lambda trial: 1
        )
        if not source.to_do:
            return
        bridge = TrialBridge(
            self._study,
            source,
            [Objective(metric=SECONDS, direction="min")],
            budget=source.finished + source.to_do,
            retries=config.retries,
            kind="shared weights, job",
        )
        bridge.checks.append(self._arrival_fault)
        limits = config.replace(trial_seconds=None)  # a limit for trials, not for jobs
        result = execute(bridge, trainable, limits, lambda: self._on_step(bridge), self._workplace)
        for error in result.errors:
            self._on_error(error)
        is_stopped = result.is_lost or result.interrupted or bridge.disk_full
        if is_stopped or ((source.to_do or bridge.interrupted) and not result.failed):
            raise PriorInterruptedError(result)

    def _arrival_fault(self, job: TrialRecord) -> str:
        files = job.attributes[_CONFIG]
        return arrival_fault(self._folder / (files.get("output") or files["checkpoint"]), "its file has")

    def _done(self) -> set[str]:
        """The names of complete jobs."""
        return {trial.attributes[_JOB] for trial in trials_of(self._study, TrialState.COMPLETE)}

    def _reason(self) -> str:
        """Why the last failed job failed."""
        failed = trials_of(self._study, TrialState.FAIL)
        return (failed[-1].failure or "unknown reason") if failed else "nothing was tried"

    def _total(self, metric: str) -> float:
        return sum(float(trial.last_metrics.get(metric, 0.0)) for trial in trials_of(self._study))


def _read(output: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(output.read_bytes())
    except (OSError, ValueError) as error:
        raise PriorError(f"{output} cannot be read: {error}") from None
    return rows
