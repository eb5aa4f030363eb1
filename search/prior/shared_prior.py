"""`prior=shared`: what shared weights say of the space, found before the first trial is run.

Each group of networks gets weights that all of them train (`xoresnet.shared`), each group a job on Ray; then networks
are run with these weights, in jobs of many. All jobs are trials of a study of their own, so that they go on like any
other. What they say is in `predicted.parquet`: what the search trains next follows from it, and nothing else does.
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
from optuna.trial import Trial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.errors import XOResNetError
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.execute import Outcome, execute, outcome
from xoresnet.search.objective import Objective
from xoresnet.search.prepare import SearchPlan
from xoresnet.search.prior.cost import shared_recipes
from xoresnet.search.prior.networks import sample_of, to_predict
from xoresnet.search.prior.table import SECONDS, predicted_row, write_predicted
from xoresnet.search.prior.trainables import EPOCHS_CHARGED, predict_networks, train_shared, write_archs
from xoresnet.search.sources.jobs import JobSource
from xoresnet.search.study.journal import open_journal
from xoresnet.search.study.trials import Attributes, trials_of
from xoresnet.shared.weights import WeightGroup, groups_of

__all__ = ["PriorError", "PriorInterruptedError", "SharedPrior"]

_JOB, _CONFIG = "job", "config"
"""User attributes of a trial: which job it is, and what its trainable is given."""
_FILES = ("archs", "checkpoint", "weights", "output")
"""Of what a trainable is given: names in the prior's folder, which may be moved."""
_CHUNK = 25
"""Networks of one job."""
Said = dict[Arch, list[dict[str, Any]]]
"""What the weights of each seed say of networks: figures by the names of a record."""
Trainable = Callable[[dict[str, Any]], None]


class PriorError(XOResNetError, RuntimeError):
    """Shared weights that predict nothing, because none could be trained or no prediction succeeded."""


class PriorInterruptedError(XOResNetError, RuntimeError):
    """The prior was interrupted or ran out of time; the next call continues it. `outcome` says how it ended."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"interrupted by signal {outcome.interrupted}" if outcome.interrupted else outcome.ended)
        self.outcome = outcome


class SharedPrior:
    """Training and prediction, in a folder of their own."""

    def __init__(self, plan: SearchPlan, run: Path, on_step: Callable[[TrialBridge], None]) -> None:
        """on_step: called several times a second, with the bridge of the jobs that run."""
        self._plan, self._run, self._on_step = plan, run, on_step
        self._folder = run / "prior"
        self._folder.mkdir(exist_ok=True)
        self._study = optuna.create_study(
            storage=open_journal(self._folder / "prior.journal"), study_name="prior", load_if_exists=True,
            pruner=NopPruner(), sampler=RandomSampler(seed=0),
        )  # fmt: skip

    def run(self) -> int:
        """Train, predict and write `predicted.parquet`; returns how many networks are in it.

        Raises `PriorError`, `PriorInterruptedError`.
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
            found = [predicted_row(arch, said) for arch, said in self._predict(archs, weights).items()]
            metrics = [objective.metric for objective in plan.config.objectives]
            answer = {row["arch_id"]: {name: row[f"predicted_{name}"] for name in metrics} for row in found}
            rows += found
        if not rows:
            raise PriorError(f"no network could be predicted: {self._reason()}")
        write_predicted(self._run, rows)
        return len(rows)

    @property
    def epochs_charged(self) -> float:
        """What it has cost so far, in epochs of training one network."""
        return self._total(EPOCHS_CHARGED)

    @property
    def seconds(self) -> float:
        """Of all its jobs so far, one after the other."""
        return self._total(SECONDS)

    def _train(self, groups: Mapping[WeightGroup, Sequence[Arch]]) -> dict[WeightGroup, list[str]]:
        """The weights of each group that could be trained, one file for each seed."""
        jobs: dict[tuple[WeightGroup, str], Attributes] = {}
        for group, archs in groups.items():
            listed = self._folder / f"{group.group_id}.archs"
            write_archs(listed, archs)
            for recipe in shared_recipes(self._plan):
                file = f"{group.group_id}-{recipe.seed}.safetensors"
                config = {"archs": listed.name, "checkpoint": file, "recipe": recipe.model_dump_json()}
                jobs[group, file] = {_JOB: f"train {Path(file).stem}", _CONFIG: config}
        self._carry_out(jobs.values(), train_shared)
        done = self._done()
        weights: dict[WeightGroup, list[str]] = {}
        for (group, file), job in jobs.items():
            if job[_JOB] in done:
                weights.setdefault(group, []).append(file)
        if not weights:
            raise PriorError(f"no weights could be trained: {self._reason()}")
        return weights

    def _predict(self, archs: Sequence[Arch], weights: Mapping[WeightGroup, Sequence[str]]) -> Said:
        """Networks without weights are left out."""
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
        self._carry_out(jobs, predict_networks)
        done = self._done()
        by_id = {arch.arch_id: arch for arch in archs}
        found: Said = {}
        for job, output in outputs:
            for said in _read(output) if job in done else ():
                found.setdefault(by_id[said["arch_id"]], []).append(said)
        return found

    def _carry_out(self, jobs: Iterable[Attributes], trainable: Trainable) -> None:
        """Raises `PriorInterruptedError`."""
        config = self._plan.config
        common = {"data": json.dumps(config.data.model_dump(mode="json")), "threads": config.cpus_per_trial}

        def config_of(trial: Trial) -> dict[str, Any]:
            files = {name: self._folder / value for name, value in trial.user_attrs[_CONFIG].items() if name in _FILES}
            return {**common, **trial.user_attrs[_CONFIG], **{name: str(file) for name, file in files.items()}}

        source = JobSource(
            self._study, jobs, key=lambda attrs: attrs[_JOB], config=config_of, last_step=lambda trial: 1
        )
        if not source.to_do:
            return
        bridge = TrialBridge(
            self._study, source, [Objective(metric=SECONDS, direction="min")],
            trials=source.finished + source.to_do, retries=config.retries,
        )  # fmt: skip
        self._on_step(bridge)
        if bridge.ended:
            raise PriorInterruptedError(outcome(bridge, self._run))
        limits = config.replace(trial_seconds=None)  # of a trial, and a job is none
        found = execute(bridge, trainable, limits, self._run, lambda: self._on_step(bridge))
        if found.interrupted or ((source.to_do or bridge.interrupted) and not found.failed):
            raise PriorInterruptedError(found)

    def _done(self) -> set[str]:
        return {trial.attributes[_JOB] for trial in trials_of(self._study, TrialState.COMPLETE)}

    def _reason(self) -> str:
        """Why a job failed."""
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
