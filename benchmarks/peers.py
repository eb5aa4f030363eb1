"""Searches of other tools, replayed on tables of learning curves in virtual time, each through its public interface.

    python benchmarks/peers.py TABLE.parquet --peer NAME --budget EPOCHS --seed S --workers W --out FILE.parquet
    python benchmarks/peers.py --list

A table has one row for each network and epoch, with the columns `network`, `epoch` (1, 2, ...), `config.<parameter>`,
`val_accuracy` and `spikes_per_sample`. A replay is a frame with one row for each stretch of training, in order of
`began`: `network`, `from_epoch` and `to_epoch` (epochs trained before and after), `began` and `ended` (in epochs of
virtual time). This file needs pandas, NumPy and the tool that is replayed, not xoresnet: it also runs in an environment
of its own, for Syne Tune and NePS, which need an older pandas:

    pip install syne-tune==0.16.0 neural-pipeline-search==0.17.0 pyarrow

Rules of a replay, the same for all tools:

- Each parameter is a categorical one of the tool, with the values of the table; parameters with one value are left out.
- The tool minimizes 1 - accuracy and the spikes as they are; searches named `...-log-spikes` get log10 of the spikes.
- A suggestion becomes the table's network with the fewest different parameters (ties: the first), and the tool is told
  that network's configuration.
- An epoch of a network is paid for once. A later trial of the same network gets the known epochs at once, as from a
  checkpoint, and waits for those that another worker trains just now.
- After 50 suggestions in a row that cost nothing (2 by Gaussian processes), an untried network drawn at random replaces
  the next one. If none is untried, the replay ends with budget left: the tool has stopped what it does not continue.
"""

from __future__ import annotations

import argparse
import heapq
import importlib
import importlib.util
import logging
import math
import random
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PATIENCE = 50
MODEL_PATIENCE = 2
"""For Gaussian processes, which take seconds for a suggestion and more for every result that they are told."""

Value = str | int | float
Config = dict[str, Value]
Replay = Callable[[pd.DataFrame, int, int, int], pd.DataFrame]


# --- the table -------------------------------------------------------------------------------------------------------


class Table:
    """The learning curves as arrays of shape [networks, epochs]."""

    def __init__(self, frame: pd.DataFrame) -> None:
        curves = frame.sort_values("epoch", kind="stable").groupby("network", sort=False)
        if curves["epoch"].nunique().nunique() != 1 or frame.duplicated(["network", "epoch"]).any():
            raise ValueError("each network needs the same epochs, one row each; select one seed of the table")
        first = frame.drop_duplicates("network").set_index("network")
        self.networks = list(first.index)
        self.epochs = int(frame["epoch"].nunique())
        self.accuracy = self._curves(frame, "val_accuracy")
        self.spikes = self._curves(frame, "spikes_per_sample")
        columns = [name for name in first if str(name).startswith("config.") and first[name].nunique(dropna=False) > 1]
        values = {str(name).removeprefix("config."): [as_value(value) for value in first[name]] for name in columns}
        self.options: dict[str, list[Value]] = {name: sorted(set(all_), key=in_order) for name, all_ in values.items()}
        self.configs: list[Config] = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
        self._codes = np.array([self._encode(config) for config in self.configs])

    def _curves(self, frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
        wide = frame.pivot(index="network", columns="epoch", values=column).loc[self.networks]
        return wide.sort_index(axis=1).to_numpy(dtype=float)

    def _encode(self, config: Mapping[str, Value]) -> list[int]:
        return [options.index(config[name]) for name, options in self.options.items()]

    def nearest(self, config: Mapping[str, Value]) -> int:
        """The network with the fewest different parameters; the first one of a tie."""
        return int((self._codes != self._encode(config)).sum(axis=1).argmin())


def as_value(value: Any) -> Value:
    """As a type that all tools accept: numbers of NumPy become Python's, truth values and missing ones become text."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return str(value)
    return value


def in_order(value: Value) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, float(value), "")


# --- the replay ------------------------------------------------------------------------------------------------------


class Suggestion(NamedTuple):
    trial: Any
    config: Mapping[str, Value]
    is_new: bool = True
    """False if the tool continues a paused trial."""


class Search(Protocol):
    """A tool's search, as the replay sees it."""

    def ask(self) -> Suggestion | None:
        """None if the tool has nothing to suggest before the next result."""

    def start(self, trial: Any, config: Config) -> Any:
        """Tells the tool which configuration is trained; returns the trial that `report` gets."""

    def report(self, trial: Any, epoch: int, accuracy: float, spikes: float) -> bool:
        """Tells the tool the result of an epoch (1, 2, ...); returns whether to train another one."""


@dataclass
class Job:
    """A trial on a worker."""

    trial: Any
    network: int
    epoch: int = 0
    """Epochs that are reported to the tool."""
    stretch: int | None = None
    """The row that a further epoch extends."""


class Simulation:
    """Workers that train the networks of a table in virtual time; an epoch takes one unit on one worker."""

    def __init__(self, table: Table, search: Search, budget: int, seed: int, workers: int, patience: int) -> None:
        self.patience = patience
        self.table, self.search, self.budget, self.workers = table, search, budget, workers
        self.rows: list[tuple[Any, int, int, float, float]] = []
        self._random = np.random.default_rng(seed)
        self._known_at = np.full(table.accuracy.shape, np.inf)
        self._spent = self._costless = 0
        self._waits = False

    def run(self) -> pd.DataFrame:
        events: list[tuple[float, int, Job | None]] = [(0.0, worker, None) for worker in range(self.workers)]
        waiting: list[int] = []
        while events:
            now, worker, job = heapq.heappop(events)
            following = self._work(now, job)
            if following:
                heapq.heappush(events, (following[0], worker, following[1]))
            elif self._waits:
                waiting.append(worker)
                self._waits = False
            if job:  # its result is new to the tool
                for idle in waiting:
                    heapq.heappush(events, (now, idle, None))
                waiting.clear()
        return pd.DataFrame(self.rows, columns=["network", "from_epoch", "to_epoch", "began", "ended"])

    def _work(self, now: float, job: Job | None) -> tuple[float, Job] | None:
        """What a worker does until it has to wait; returns the time and the job that it waits for, or None at the end.

        job: the one whose next epoch is known now, or None for a worker without a job.
        """
        if job and not self._report(job):
            job = None
        while job := job or self._take():
            known_at = self._train(now, job)
            if known_at is None:
                return None
            if known_at > now:
                return known_at, job
            if not self._report(job):
                job = None
        return None

    def _report(self, job: Job) -> bool:
        values = self.table.accuracy[job.network, job.epoch], self.table.spikes[job.network, job.epoch]
        job.epoch += 1
        return self.search.report(job.trial, job.epoch, float(values[0]), float(values[1]))

    def _take(self) -> Job | None:
        """The tool's next trial; None if it has to wait, the budget is spent or nothing is left to train."""
        untried = np.flatnonzero(np.isinf(self._known_at).all(axis=1))
        no_more = self._costless >= self.patience and not len(untried)
        if no_more or self._spent >= self.budget or np.isfinite(self._known_at).all():
            return None
        suggestion = self.search.ask()
        if suggestion is None:
            self._waits = True
            return None
        trial, config, is_new = suggestion
        network = self.table.nearest(config)
        if is_new and self._costless >= self.patience and len(untried):
            network = int(self._random.choice(untried))
        self._costless += 1
        return Job(self.search.start(trial, self.table.configs[network]), network)

    def _train(self, now: float, job: Job) -> float | None:
        """When the result of the job's next epoch is known; None if it would exceed the budget."""
        known_at = float(self._known_at[job.network, job.epoch])
        if known_at < np.inf:
            return known_at
        if self._spent >= self.budget:
            return None
        self._spent += 1
        self._costless = 0
        self._known_at[job.network, job.epoch] = now + 1
        row = (self.table.networks[job.network], job.epoch, job.epoch + 1, now, now + 1)
        last = None if job.stretch is None else self.rows[job.stretch]
        if job.stretch is not None and last and last[2] == job.epoch and last[4] == now:
            self.rows[job.stretch] = (*row[:1], last[1], row[2], last[3], row[4])
        else:
            job.stretch = len(self.rows)
            self.rows.append(row)
        return now + 1


# --- the tools -------------------------------------------------------------------------------------------------------


class Setting(NamedTuple):
    """What a search is built from."""

    table: Table
    budget: int
    seed: int
    workers: int
    log_spikes: bool

    def objectives(self, accuracy: float, spikes: float) -> list[float]:
        """Both to be minimized."""
        return [1 - accuracy, math.log10(spikes) if self.log_spikes else spikes]


class OptunaSearch:
    """A multi-objective study without pruning, or one of the accuracy alone if there is a pruner."""

    def __init__(self, setting: Setting, sampler: Any, pruner: Any = None) -> None:
        optuna = importlib.import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._setting, self._states = setting, optuna.trial.TrialState
        self._study = optuna.create_study(
            directions=["minimize"] * (1 if pruner else 2), sampler=sampler, pruner=pruner or optuna.pruners.NopPruner()
        )
        self._prunes = pruner is not None

    def ask(self) -> Suggestion:
        trial = self._study.ask()
        options = self._setting.table.options
        return Suggestion(trial, {name: trial.suggest_categorical(name, values) for name, values in options.items()})

    def start(self, trial: Any, config: Config) -> Any:
        """A trial's parameters cannot be changed: another trial gets those that are trained."""
        if trial.params == config:
            return trial
        self._study.tell(trial, state=self._states.FAIL)
        self._study.enqueue_trial(config)
        return self.ask().trial

    def report(self, trial: Any, epoch: int, accuracy: float, spikes: float) -> bool:
        objectives = self._setting.objectives(accuracy, spikes)
        if self._prunes:
            objectives = objectives[:1]
            trial.report(objectives[0], epoch)
        if epoch == self._setting.table.epochs:
            self._study.tell(trial, objectives)
        elif self._prunes and trial.should_prune():
            self._study.tell(trial, state=self._states.PRUNED)
        else:
            return True
        return False


def optuna_sampler(name: str) -> Callable[[Setting], Search]:
    """With the sampler's defaults."""
    return lambda setting: OptunaSearch(
        setting, getattr(importlib.import_module("optuna").samplers, name)(seed=setting.seed)
    )


def optuna_halving(setting: Setting) -> Search:
    """Random proposals; the pruner's defaults, which stop all but the best quarter at epochs 1 and 4."""
    optuna = importlib.import_module("optuna")
    sampler = optuna.samplers.RandomSampler(seed=setting.seed)
    return OptunaSearch(setting, sampler, optuna.pruners.SuccessiveHalvingPruner())


METRICS = ["error", "spikes"]


class SyneTuneSearch:
    """A scheduler is called as by Syne Tune's `Tuner`: it stops trials, and the released ones resume none of them."""

    def __init__(self, setting: Setting, scheduler: Any) -> None:
        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        self._setting, self._scheduler, self._trials = setting, scheduler, 0
        self._trial_class = importlib.import_module("syne_tune.backend.trial_status").Trial
        self._stop = importlib.import_module("syne_tune.optimizer.scheduler").SchedulerDecision.STOP

    def ask(self) -> Suggestion:
        return Suggestion(None, self._scheduler.suggest().config)

    def start(self, trial: Any, config: Config) -> Any:
        trial = self._trial_class(self._trials, config, datetime.now(UTC))
        self._trials += 1
        self._scheduler.on_trial_add(trial)
        return trial

    def report(self, trial: Any, epoch: int, accuracy: float, spikes: float) -> bool:
        result = {**dict(zip(METRICS, self._setting.objectives(accuracy, spikes), strict=True)), "epoch": epoch}
        if self._scheduler.on_trial_result(trial, result) == self._stop:
            self._scheduler.on_trial_remove(trial)
            return False
        if epoch == self._setting.table.epochs:
            self._scheduler.on_trial_complete(trial, result)
            return False
        return True


def syne_tune_space(table: Table) -> dict[str, Any]:
    choice = importlib.import_module("syne_tune.config_space").choice
    return {name: choice(values) for name, values in table.options.items()}


def syne_tune_priority(repaired: bool) -> Any:
    """The default priority, which returns the indices of the sorted trials where its callers expect each trial's rank.

    So the decision on a trial hardly depends on that trial (0.16.0). repaired: the ranks.
    """
    module = importlib.import_module("syne_tune.optimizer.schedulers.multiobjective.multiobjective_priority")
    priority = module.NonDominatedPriority()
    return (lambda objectives: np.argsort(priority(objectives))) if repaired else priority


def syne_tune_moasha(setting: Setting, repaired: bool = False) -> Search:
    """Stops at epochs 1, 3, 9, ... by non-dominated sorting; it has no searcher and proposes at random itself."""
    module = importlib.import_module("syne_tune.optimizer.schedulers.multiobjective.moasha")
    scheduler = module.MOASHA(
        syne_tune_space(setting.table),
        metrics=METRICS,
        multiobjective_priority=syne_tune_priority(repaired),
        time_attr="epoch",
        max_t=setting.table.epochs,
        random_seed=setting.seed,
    )
    return SyneTuneSearch(setting, scheduler)


def syne_tune_asha(setting: Setting) -> Search:
    """By the accuracy alone, with random proposals; stops at epochs 1, 3, 9, ..."""
    module = importlib.import_module("syne_tune.optimizer.baselines")
    scheduler = module.ASHA(
        syne_tune_space(setting.table),
        metric=METRICS[0],
        time_attr="epoch",
        max_t=setting.table.epochs,
        random_seed=setting.seed,
    )
    return SyneTuneSearch(setting, scheduler)


def syne_tune_evolution(setting: Setting, repaired: bool = False) -> Search:
    """MO-REA, multi-objective regularized evolution, without pruning.

    Its population is a quarter of the trainings that the budget pays for, at most the default of 100: up to that number
    of completed trials the proposals are random.
    """
    schedulers = importlib.import_module("syne_tune.optimizer.schedulers.single_fidelity_scheduler")
    searchers = importlib.import_module("syne_tune.optimizer.schedulers.multiobjective")
    space = syne_tune_space(setting.table)
    population = min(100, max(10, setting.budget // (4 * setting.table.epochs)))
    searcher = searchers.MultiObjectiveRegularizedEvolution(
        space,
        population_size=population,
        multiobjective_priority=syne_tune_priority(repaired),
        random_seed=setting.seed,
    )
    scheduler = schedulers.SingleFidelityScheduler(space, metrics=METRICS, searcher=searcher, random_seed=setting.seed)
    return SyneTuneSearch(setting, scheduler)


FIDELITY = "epochs_to_train"


class NepsSearch:
    """Promotes trials from rung to rung, each trained from its checkpoint of the rung below."""

    def __init__(self, setting: Setting, algorithm: str, **options: Any) -> None:
        neps = importlib.import_module("neps")
        table = setting.table
        parameters = {name: neps.HPOCategorical(choices=values) for name, values in table.options.items()}
        space = neps.SearchSpace({**parameters, FIDELITY: neps.HPOInteger(1, table.epochs, is_fidelity=True)})
        self._setting = setting
        self._optimizer = neps.AskAndTell(getattr(neps.algorithms, algorithm)(space, **options))

    def ask(self) -> Suggestion | None:
        try:
            trial = self._optimizer.ask()
        except ValueError as error:
            if "need at least one array" not in str(error):
                raise
            return None  # MOASHA fails as long as a rung has running trials only, from 3 on; NePS 0.17.0
        config = {name: trial.config[name] for name in self._setting.table.options}
        return Suggestion(trial, config, trial.metadata.previous_trial_id is None)

    def start(self, trial: Any, config: Config) -> Any:
        trial.config = {**trial.config, **config}
        return trial

    def report(self, trial: Any, epoch: int, accuracy: float, spikes: float) -> bool:
        if epoch < trial.config[FIDELITY]:
            return True
        result = {"objective_to_minimize": self._setting.objectives(accuracy, spikes)}
        if self._optimizer.trials[trial.id] is trial:
            self._optimizer.tell(trial, result)
        else:  # PriMO ignores running trials when it numbers new ones, so that workers get trials of the same name
            number = 1 + max(int(name.split("_")[0]) for name in self._optimizer.trials)
            self._optimizer.tell_custom(config_id=str(number), config=trial.config, result=result)
        return False


def neps_primo(setting: Setting) -> Search:
    """Without priors: MOASHA, and from its initial design on a Gaussian process of one randomly weighted sum.

    The design is the default of one full training for each parameter, or for each worker if there are more: PriMO fails
    if no trial is trained to the end by then.
    """
    size = max(len(setting.table.options), setting.workers)
    return NepsSearch(setting, "primo", prior_centers={}, initial_design_size=size)


def neps(algorithm: str) -> Callable[[Setting], Search]:
    return lambda setting: NepsSearch(setting, algorithm)


# --- the registry ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Peer:
    """A search of a tool; called with a table, the budget in epochs, the seed and the number of workers."""

    search: Callable[[Setting], Search]
    package: str
    """What pip installs."""
    modules: tuple[str, ...]
    """What is imported."""
    log_spikes: bool = False
    patience: int = PATIENCE

    def missing(self) -> list[str]:
        return [name for name in self.modules if importlib.util.find_spec(name) is None]

    def __call__(self, table: pd.DataFrame, budget: int, seed: int, workers: int) -> pd.DataFrame:
        if missing := self.missing():
            raise ImportError(f"{', '.join(missing)} is not installed: pip install {self.package}")
        setting = Setting(Table(table), budget, seed, workers, self.log_spikes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seed_globally(seed)
            return Simulation(setting.table, self.search(setting), budget, seed, workers, self.patience).run()


def seed_globally(seed: int) -> None:
    """Syne Tune and NePS draw from the global generators, whatever seed they are given."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    if importlib.util.find_spec("torch"):
        importlib.import_module("torch").manual_seed(seed)


OPTUNA = ("optuna>=5", ("optuna",))
OPTUNA_GP = ("optuna>=5 torch scipy", ("optuna", "torch", "scipy"))
SYNE_TUNE = ("syne-tune==0.16.0", ("syne_tune",))
NEPS = ("neural-pipeline-search==0.17.0", ("neps",))

PEERS: dict[str, Peer] = {
    "optuna-random": Peer(optuna_sampler("RandomSampler"), *OPTUNA),
    "optuna-tpe": Peer(optuna_sampler("TPESampler"), *OPTUNA),
    "optuna-nsga2": Peer(optuna_sampler("NSGAIISampler"), *OPTUNA),
    "optuna-gp": Peer(optuna_sampler("GPSampler"), *OPTUNA_GP, patience=MODEL_PATIENCE),
    "optuna-gp-log-spikes": Peer(optuna_sampler("GPSampler"), *OPTUNA_GP, patience=MODEL_PATIENCE, log_spikes=True),
    "optuna-halving-accuracy": Peer(optuna_halving, *OPTUNA),
    "syne-tune-asha-accuracy": Peer(syne_tune_asha, *SYNE_TUNE),
    "syne-tune-moasha": Peer(syne_tune_moasha, *SYNE_TUNE),
    "syne-tune-moasha-log-spikes": Peer(syne_tune_moasha, *SYNE_TUNE, log_spikes=True),
    "syne-tune-moasha-repaired": Peer(partial(syne_tune_moasha, repaired=True), *SYNE_TUNE),
    "syne-tune-morea": Peer(syne_tune_evolution, *SYNE_TUNE),
    "syne-tune-morea-repaired": Peer(partial(syne_tune_evolution, repaired=True), *SYNE_TUNE),
    "neps-moasha": Peer(neps("moasha"), *NEPS),
    "neps-moasha-log-spikes": Peer(neps("moasha"), *NEPS, log_spikes=True),
    "neps-mo-hyperband": Peer(neps("mo_hyperband"), *NEPS),
    "neps-mo-hyperband-log-spikes": Peer(neps("mo_hyperband"), *NEPS, log_spikes=True),
    "neps-primo": Peer(neps_primo, *NEPS, patience=MODEL_PATIENCE),
    "neps-primo-log-spikes": Peer(neps_primo, *NEPS, patience=MODEL_PATIENCE, log_spikes=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("table", type=Path, nargs="?", help="a Parquet file")
    parser.add_argument("--list", action="store_true", help="print the names of the searches that are installed")
    parser.add_argument("--peer", choices=sorted(PEERS), metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--budget", type=int, default=1000, help="epochs of training, of all workers together")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="the number of seeds")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, help="the Parquet file to write; has a column seed")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(name for name, peer in PEERS.items() if not peer.missing()))
        return
    if not (arguments.table and arguments.peer and arguments.out):
        parser.error("TABLE, --peer and --out are required without --list")
    table, peer = pd.read_parquet(arguments.table), PEERS[arguments.peer]
    try:
        seeds = range(arguments.seed, arguments.seed + arguments.seeds)
        frames = [peer(table, arguments.budget, seed, arguments.workers).assign(seed=seed) for seed in seeds]
    except ImportError as error:
        sys.exit(str(error))
    pd.concat(frames, ignore_index=True).to_parquet(arguments.out, index=False)


if __name__ == "__main__":
    main()
