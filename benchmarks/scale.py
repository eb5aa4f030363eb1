"""How far one driver goes: many trials on Ray, and a simulation of a thousand workers.

    python benchmarks/scale.py proposals [--sizes 100,1000,5000,10000,20000]
    python benchmarks/scale.py quality [--trials 2000] [--most 500] [--seeds 5]
    python benchmarks/scale.py trials [--trials 10000] [--workers 2]
    python benchmarks/scale.py workers [--strategy classic] [--networks 10000] [--workers 1024]

`proposals`: one proposal of `tpe` and of Optuna's TPESampler, by the number of trials before it. `quality`: the
hypervolume that both reach. `trials`: trials on Ray that only report; trials per second and the driver's memory, by the
thousand. `workers`: the real source, sampler, pruner, bridge and record in virtual time, where each decision occupies
the driver for as long as it really took, and Ray for as long as it takes per report and per trial (`--ray-report`,
`--ray-trial`); reports wait while the driver is busy, and workers wait for the answer to each report. Prints Markdown.
"""

from __future__ import annotations

import argparse
import heapq
import logging
import math
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import optuna
import ray
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, create_trial
from ray import tune

from xoresnet import Arch, Recipe
from xoresnet.description.layer_table import params_count
from xoresnet.search import TrialBridge, tune_config
from xoresnet.search.execution.bridge import Verdict
from xoresnet.search.execution.forgetting import forget_ended
from xoresnet.search.execution.ray_plugin import BridgeScheduler, Unsaved, run_trials
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.registry import PrunerSpec, make_pruner, make_sampler, make_strategy
from xoresnet.search.samplers.bounded_tpe import BoundedTPESampler
from xoresnet.search.sources.networks import ArchProposals
from xoresnet.search.sources.space_candidates import SpaceCandidates
from xoresnet.search.strategy.lifecycle import evict
from xoresnet.search.strategy.sampler import PausingSampler
from xoresnet.search.study.journal import open_journal
from xoresnet.search.study.trials import TrialRecord
from xoresnet.space import SearchSpace

EPOCHS, KEPT = 27, 200
"""Of a full training; how many paused networks keep their checkpoint."""
DIRECTIONS = ["maximize", "minimize"]


# --- proposals: TPE on representatives, and on everything -------------------------------------------------------------


NAMES = [f"x{number}" for number in range(10)]
SAMPLERS: dict[str, Callable[[int, int], BaseSampler]] = {
    "Optuna's TPESampler": lambda seed, most: TPESampler(seed=seed),
    "`tpe`": lambda seed, most: BoundedTPESampler(seed=seed, most=most),
}


def floats(trial: Trial) -> dict[str, float]:
    return {name: trial.suggest_float(name, 0, 1) for name in NAMES}


def measured(params: Mapping[str, float]) -> tuple[float, float]:
    """ZDT1 with a slope, both objectives minimised: a convex front where x1 to x9 are at 0.3."""
    first = params["x0"]
    far = 1 + 9 * sum(abs(params[name] - 0.3) for name in NAMES[1:]) / 9
    return first, far * (1 - math.sqrt(first / far))


def filled(sampler: BaseSampler, trials: int) -> Study:
    """A study in memory with random trials."""
    study, rng = optuna.create_study(directions=["minimize"] * 2, sampler=sampler), Random(0)
    kinds = dict.fromkeys(NAMES, FloatDistribution(0, 1))
    for _ in range(trials):
        params = {name: rng.random() for name in NAMES}
        study.add_trial(create_trial(params=params, distributions=kinds, values=measured(params)))
    return study


def report_proposals(options: argparse.Namespace) -> None:
    print(f"| trials | {' | '.join(SAMPLERS)} |\n" + "|" + " --- |" * (1 + len(SAMPLERS)))
    for size in map(int, options.sizes.split(",")):
        cells = []
        for make in SAMPLERS.values():
            study, taken = filled(make(0, 500), size), []
            for _ in range(options.repeats):
                began = time.thread_time()
                trial = study.ask()
                params = floats(trial)
                taken.append(1000 * (time.thread_time() - began))
                study.tell(trial, measured(params))
            cells.append(f"{statistics.median(taken):.1f}")
        print(f"| {size:,} | {' | '.join(cells)} |", flush=True)


def report_quality(options: argparse.Namespace) -> None:
    print(f"| seed | {' | '.join(SAMPLERS)} |\n" + "|" + " --- |" * (1 + len(SAMPLERS)))
    for seed in range(options.seeds):
        cells = []
        for make in SAMPLERS.values():
            study = optuna.create_study(directions=["minimize"] * 2, sampler=make(seed, options.most))
            study.optimize(lambda trial: measured(floats(trial)), options.trials)
            points = np.array([trial.values for trial in study.get_trials(deepcopy=False)])
            cells.append(f"{area(points, np.array([1.1, 5.0])):.4f}")
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)


def area(points: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """The hypervolume of two objectives that are minimised."""
    covered, lowest = 0.0, float(reference[1])
    for first, second in sorted(map(tuple, points)):
        if first < reference[0] and second < lowest:
            covered += (reference[0] - first) * (lowest - second)
            lowest = second
    return float(covered)


# --- trials: real ones on Ray, which only report ----------------------------------------------------------------------


QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0", "RAY_AUTH_MODE": "disabled", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000", "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}  # fmt: skip


def only_reports(config: dict[str, Any]) -> None:
    tune.report({"epoch": 1, "val_accuracy": config["x0"], "spikes_per_sample": 100 * config["x0"] + config["x1"]})


class Scheduler(BridgeScheduler):
    """Ray keeps what it knows of trials that have ended, unless `forgets`."""

    forgets = True

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        if self.forgets:
            forget_ended(tune_controller)


class Meter(Unsaved, tune.Callback):
    """Prints a row for every so many trials."""

    def __init__(self, every: int) -> None:
        self._every, self._count = every, 0
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._count += 1
        if self._count % self._every:
            return
        wall, cpu = time.perf_counter(), time.process_time()
        speed, busy = self._every / (wall - self._wall), 1000 * (cpu - self._cpu) / self._every
        print(f"| {self._count:,} | {speed:.1f} | {busy:.1f} | {rss():.0f} | {len(trials):,} |", flush=True)
        self._wall, self._cpu = wall, cpu


def report_trials(options: argparse.Namespace) -> None:
    os.environ |= QUIET
    ray.init(
        address="local", num_cpus=options.workers, include_dashboard=False, log_to_driver=False,
        logging_level=logging.ERROR,
    )  # fmt: skip
    print("| trials | a second | the driver's CPU, ms a trial | its memory, MiB | Ray's list |\n" + "|" + " --- |" * 5)
    with tempfile.TemporaryDirectory() as folder:
        study = optuna.create_study(
            storage=open_journal(Path(folder, "study.journal")),
            directions=DIRECTIONS,
            sampler=make_sampler(options.sampler, 0),
        )
        bridge = TrialBridge(study, floats, DEFAULT_OBJECTIVES, budget=options.trials, max_step=1)
        meter, scheduler = Meter(options.every), Scheduler(bridge)
        scheduler.forgets = not options.keep

        def make_tuner(at_once: int) -> tune.Tuner:
            config = tune_config(bridge, max_concurrent=at_once)
            config.scheduler = scheduler
            return tune.Tuner(
                tune.with_resources(only_reports, {"cpu": 1}),
                tune_config=config,
                run_config=tune.RunConfig(
                    name="ray", storage_path=folder, verbose=0, callbacks=[meter], log_to_file=False
                ),
            )

        run_trials(bridge, make_tuner, options.workers)
        size = Path(folder, "study.journal").stat().st_size / 1e6
    print(f"\n{bridge.finished:,} trials; errors: {bridge.errors or 'none'}; journal {size:.0f} MB", flush=True)
    ray.shutdown()


# --- workers: many of them, in virtual time ---------------------------------------------------------------------------


class Curve:
    """What a network would report, and how long its epochs take: a function of the network alone.

    Large networks start slowly, end more accurate, spike more and take longer; 5 % are dead.
    """

    def __init__(self, arch_json: str, seconds: float) -> None:
        """seconds: of an epoch of a typical network."""
        arch = Arch.from_json(arch_json)
        rng = np.random.default_rng(int(arch.arch_id, 16))
        size = np.log10(params_count(arch)) - 4
        self._ceiling = float(np.clip(0.6 + 0.1 * size + rng.normal(0, 0.05), 0.15, 0.97))
        self._slow = float(2 + size + abs(rng.normal(0, 1)))
        self._spikes = float(10 ** (3.5 + 0.4 * size + rng.normal(0, 0.2)))
        self._dead = bool(rng.random() < 0.05)
        self._seconds = seconds * float(rng.lognormal(0.4 * (size - 1), 0.3))
        self._luck = rng.normal(0, 0.004, EPOCHS + 1)
        self._delays = rng.lognormal(0, 0.15, EPOCHS + 1)

    def report(self, epoch: int) -> dict[str, float]:
        rise = 1 - np.exp(-epoch / self._slow)
        accuracy = 0.1 if self._dead else 0.1 + (self._ceiling - 0.1) * rise + self._luck[epoch]
        spikes = self._spikes * (1 + np.exp(-epoch / 5)) * (0.02 if self._dead else 1.0)
        return {
            "epoch": epoch, "val_accuracy": float(accuracy), "spikes_per_sample": float(spikes),
            "train_seconds": self.seconds(epoch), "evaluation_seconds": 1.0,
        }  # fmt: skip

    def seconds(self, epoch: int) -> float:
        return float(self._seconds * self._delays[epoch])


@dataclass
class Cluster:
    """Workers in virtual time, and the one driver that they all wait for."""

    bridge: TrialBridge
    epoch_seconds: float = 30.0
    ray_report: float = 0.0
    """Seconds that Ray itself needs of the driver for each report."""
    ray_trial: float = 0.0
    """The same for each trial that begins and ends."""
    sync: float = 0.0
    """Seconds until the disk has what was written, where the clock does not show it."""
    clock: Callable[[], float] = time.perf_counter
    now: float = 0.0
    """When the driver is free again."""
    decisions: list[float] = field(default_factory=list)
    """Seconds of the driver's own work for each report, and for the next trial where the report was the last."""
    waits: list[float] = field(default_factory=list)
    """Seconds from each report to its answer, or to the beginning of the worker's next trial."""
    _events: list[tuple[float, int, str, int]] = field(default_factory=list)
    _curves: dict[str, Curve] = field(default_factory=dict)
    _begun: int = 0
    _seconds: float = 0.0

    def run(self, workers: int) -> Iterator[None]:
        """Run until the bridge has nothing more to hand out and all has ended; yields after each decision."""
        idle = workers
        while True:
            begins = idle > 0 and self._begin()
            idle -= begins
            if begins:
                yield
            if self._events and (not begins or self._events[0][0] <= self.now):
                at, _, name, epoch = heapq.heappop(self._events)
                self.now = max(self.now, at)
                idle += self._report(at, name, epoch)
                yield
            elif not begins:
                return

    def trained(self) -> float:
        """Seconds of training of all workers together, up to now."""
        return self._seconds - sum(max(at - self.now, 0.0) for at, *_ in self._events)

    def _timed(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do it, and let the driver be busy for as long as that takes."""
        began = self.clock()
        answer = work(*arguments)
        self.now += self.clock() - began + self.sync
        return answer

    def _begin(self) -> bool:
        """Start the next trial on an idle worker; whether there was one."""
        name, began = str(self._begun), self.now
        config = self._timed(self.bridge.next_config, name)
        if config is None:
            return False
        self._begun += 1
        self.now += self.ray_trial
        self.decisions.append(self.now - began)
        self._curves[name] = Curve(config["arch"], self.epoch_seconds)
        self._train(name, self.bridge.live[name].epoch + 1)
        return True

    def _train(self, name: str, epoch: int) -> None:
        seconds = self._curves[name].seconds(epoch)
        self._seconds += seconds
        heapq.heappush(self._events, (self.now + seconds, self._begun, name, epoch))

    def _report(self, at: float, name: str, epoch: int) -> int:
        """Take a report; whether the worker is idle again."""
        began = self.now
        verdict = self._timed(self.bridge.on_report, name, self._curves[name].report(epoch))
        self.now += self.ray_report
        ends = verdict is Verdict.STOP or epoch == EPOCHS
        if ends:
            self._timed(self.bridge.on_end, name)
            del self._curves[name]
        self.decisions.append(self.now - began)
        self.waits.append(self.now - at)
        if not ends:
            self._train(name, epoch + 1)
        return ends


def make_bridge(strategy: str, storage: Any, seed: int = 0) -> TrialBridge:
    """A search over the preset `cifar` without an end, as `xoresnet search` makes it."""
    space, recipe = SearchSpace.preset("cifar"), Recipe(epochs=EPOCHS)
    study = optuna.create_study(storage=storage, study_name="scale", directions=DIRECTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([objective.metric for objective in DEFAULT_OBJECTIVES])
    if strategy == "classic":
        study.sampler = make_sampler("tpe", seed)
        study.pruner = make_pruner(PrunerSpec(), EPOCHS, DEFAULT_OBJECTIVES)
    else:
        study.sampler, study.pruner = make_strategy(
            strategy, DEFAULT_OBJECTIVES, epochs=EPOCHS, budget=1e9, seed=seed,
            candidates=SpaceCandidates(space, recipe, {}), chance=0.1, images=5000,
        )  # fmt: skip
    source = ArchProposals(study, space, recipe, seed=seed, common={})
    bridge = TrialBridge(study, source, DEFAULT_OBJECTIVES, budget=1e9, max_step=EPOCHS)

    def tidy(trial: FrozenTrial) -> None:
        if TrialRecord(trial).paused_at:
            evict(study, KEPT)

    if isinstance(study.sampler, PausingSampler):
        bridge.observers.append(tidy)
    return bridge


@dataclass(frozen=True)
class Window:
    """What was measured while so many networks were opened."""

    networks: int
    """So far."""
    reports: int
    utilisation: float
    """The share of the workers' time in which they train."""
    driver: float
    """The share of the time in which the driver was busy."""
    decisions: Sequence[float]
    waits: Sequence[float]

    def row(self) -> str:
        shown = []
        for seconds in (self.decisions, self.waits):
            middle, high = np.quantile(seconds, [0.5, 0.95])
            shown += [f"{1000 * value:.1f}" for value in (np.mean(seconds), middle, high, np.max(seconds))]
        shares = f"{self.utilisation:.1%} | {self.driver:.1%}"
        return f"| {self.networks:,} | {self.reports:,} | {shares} | {' | '.join(shown)} |"


HEAD = (
    "| networks | reports | utilisation | driver busy | decision, ms: mean | median | 95 % | worst "
    "| wait, ms: mean | median | 95 % | worst |\n" + "|" + " --- |" * 12
)


def windows(cluster: Cluster, workers: int, networks: int, every: int) -> Iterator[Window]:
    """Run until so many networks were opened; one window for every so many of them."""
    study = cluster.bridge.study
    began = trained = 0.0
    opened = every
    for _ in cluster.run(workers):
        count = study._storage.get_n_trials(study._study_id)
        if count < opened:
            continue
        elapsed = cluster.now - began
        yield Window(
            count,
            len(cluster.waits),
            (cluster.trained() - trained) / (workers * elapsed),
            sum(cluster.decisions) / elapsed,
            cluster.decisions,
            cluster.waits or [0.0],
        )
        began, trained, opened = cluster.now, cluster.trained(), opened + every
        cluster.decisions, cluster.waits = [], []
        if count >= networks:
            return


def report_workers(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bridge = make_bridge(options.strategy, open_journal(Path(folder, "study.journal")))
        cluster = Cluster(bridge, options.epoch_seconds, options.ray_report / 1000, options.ray_trial / 1000)
        if options.cpu:
            cluster.clock, cluster.sync = time.thread_time, options.sync / 1000
        print(f"\n{options.strategy}, {options.workers:,} workers, epochs of {options.epoch_seconds:g} s:\n\n{HEAD}")
        for window in windows(cluster, options.workers, options.networks, options.every):
            print(window.row(), flush=True)
        size = Path(folder, "study.journal").stat().st_size / 1e6
        print(f"\nerrors: {bridge.errors or 'none'}; journal {size:.0f} MB; {rss():.0f} MiB of memory")


def rss() -> float:
    """The memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    proposals = commands.add_parser("proposals")
    proposals.add_argument("--sizes", default="100,1000,5000,10000,20000")
    proposals.add_argument("--repeats", type=int, default=5)
    proposals.set_defaults(run=report_proposals)
    quality = commands.add_parser("quality")
    quality.add_argument("--trials", type=int, default=2000)
    quality.add_argument("--most", type=int, default=500)
    quality.add_argument("--seeds", type=int, default=5)
    quality.set_defaults(run=report_quality)
    trials = commands.add_parser("trials")
    trials.add_argument("--trials", type=int, default=10_000)
    trials.add_argument("--workers", type=int, default=2)
    trials.add_argument("--every", type=int, default=1000)
    trials.add_argument("--sampler", default="random")
    trials.add_argument("--keep", action="store_true", help="let Ray keep what it knows of ended trials")
    trials.set_defaults(run=report_trials)
    workers = commands.add_parser("workers")
    workers.add_argument("--strategy", choices=("freeze-thaw", "promotion", "classic"), default="freeze-thaw")
    workers.add_argument("--networks", type=int, default=10_000)
    workers.add_argument("--workers", type=int, default=1024)
    workers.add_argument("--every", type=int, default=1000)
    workers.add_argument("--epoch-seconds", type=float, default=30.0)
    workers.add_argument("--ray-report", type=float, default=3.0, help="ms of Ray for each report")
    workers.add_argument("--ray-trial", type=float, default=6.0, help="ms of Ray for each trial")
    workers.add_argument("--cpu", action="store_true", help="count the driver's CPU time: for a machine that is busy")
    workers.add_argument("--sync", type=float, default=2.0, help="with --cpu: ms until the disk has what was written")
    workers.set_defaults(run=report_workers)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    options.run(options)


if __name__ == "__main__":
    main()
