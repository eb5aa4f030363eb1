"""The cost of a search apart from training: trials that train nothing, two at a time.

    python benchmarks/overhead.py [--trials 200] [--rounds 3]

Measures milliseconds per trial once the actors are warm, from the end of the 20th trial to the end of the last. The
floor is a random search of Ray Tune with reused actors; all other contenders do more. Contenders take turns within each
round. Then measures one proposal of each sampler in studies of 100, 1,000 and 5,000 trials. Prints Markdown.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import ray
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import Trial, create_trial
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from xoresnet import Recipe
from xoresnet.search import Objective, ParetoPruner, TrialBridge, tune_config
from xoresnet.search.sources.proposals import ArchProposals
from xoresnet.search.study.tables import FrameWriter
from xoresnet.space import SearchSpace, suggest

QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0", "RAY_AUTH_MODE": "disabled", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000", "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}  # fmt: skip
OBJECTIVES = [
    Objective(metric="val_accuracy", direction="max"), Objective(metric="spikes_per_sample", direction="min")
]  # fmt: skip
NAMES = [f"x{number}" for number in range(10)]
WARM = 20


def trains_nothing(config: dict[str, Any]) -> None:
    tune.report({"epoch": 1, "val_accuracy": hash(str(config)) % 997 / 997, "spikes_per_sample": 100.0})


class Clock(tune.Callback):
    """Records when trials end."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.ends.append(time.perf_counter())


def milliseconds(ends: list[float]) -> float:
    return 1000 * (ends[-1] - ends[WARM - 1]) / (len(ends) - WARM)


def run_ray(config: tune.TuneConfig, folder: Path, param_space: dict[str, Any] | None = None) -> float:
    clock = Clock()
    tune.Tuner(
        tune.with_resources(trains_nothing, {"cpu": 1}),
        param_space=param_space,
        tune_config=config,
        run_config=tune.RunConfig(
            name="ray", storage_path=str(folder), verbose=0, callbacks=[clock], log_to_file=False
        ),
    ).fit()
    return milliseconds(clock.ends)


def floor(trials: int, folder: Path) -> float:
    config = tune.TuneConfig(num_samples=trials, max_concurrent_trials=2, reuse_actors=True)
    return run_ray(config, folder, {name: tune.uniform(0, 1) for name in NAMES})


def optuna_search(trials: int, folder: Path) -> float:
    searcher = OptunaSearch(
        {name: tune.uniform(0, 1) for name in NAMES},
        metric=["val_accuracy", "spikes_per_sample"],
        mode=["max", "min"],
        sampler=TPESampler(seed=0),
    )
    config = tune.TuneConfig(num_samples=trials, max_concurrent_trials=2, reuse_actors=True, search_alg=searcher)
    return run_ray(config, folder)


def floats(trial: Trial) -> dict[str, float]:
    return {name: trial.suggest_float(name, 0, 1) for name in NAMES}


def journal(sampler: BaseSampler, folder: Path) -> Study:
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    return optuna.create_study(
        storage=storage, directions=["maximize", "minimize"], sampler=sampler, pruner=ParetoPruner(max_steps=1)
    )


def bridge_with(sampler: Callable[[], BaseSampler]) -> Callable[[int, Path], float]:
    def measure(trials: int, folder: Path) -> float:
        bridge = TrialBridge(journal(sampler(), folder), floats, OBJECTIVES, budget=trials, max_step=1)
        return run_ray(tune_config(bridge, max_concurrent=2), folder)

    return measure


def whole_search(trials: int, folder: Path) -> float:
    """Everything that `xoresnet search` does except training."""
    study = journal(TPESampler(seed=0), folder)
    proposals = ArchProposals(study, SearchSpace.preset("cifar"), Recipe(), seed=0, common={})
    bridge = TrialBridge(study, proposals, OBJECTIVES, budget=trials, max_step=1)
    frames = FrameWriter(study, OBJECTIVES, folder)
    bridge.observers.append(lambda trial: frames.write_now_and_then())
    return run_ray(tune_config(bridge, max_concurrent=2), folder)


def optimize(trials: int, folder: Path) -> float:
    """In this process without Ray, one trial after another."""
    ends: list[float] = []

    def objective(trial: Trial) -> tuple[float, float]:
        values = floats(trial)
        return values["x0"], values["x1"]

    journal(TPESampler(seed=0), folder).optimize(
        objective, n_trials=trials, callbacks=[lambda study, trial: ends.append(time.perf_counter())]
    )
    return milliseconds(ends)


CONTENDERS: dict[str, Callable[[int, Path], float]] = {
    "Ray Tune's floor: random, no study": floor,
    "Ray Tune with OptunaSearch: TPE, study in memory": optuna_search,
    "TrialBridge: random, journal": bridge_with(lambda: RandomSampler(seed=0)),
    "TrialBridge: TPE, journal": bridge_with(lambda: TPESampler(seed=0)),
    "all of `xoresnet search`: TPE, journal, never twice, tables": whole_search,
    "`study.optimize`: TPE, journal, no Ray": optimize,
}


def report_trials(trials: int, rounds: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, measure in CONTENDERS.items():
            with tempfile.TemporaryDirectory() as folder:
                times[name].append(measure(trials, Path(folder)))
    print(f"\n{trials} trials, two at a time, median of {rounds} rounds:\n")
    print("| | ms a trial | to the floor |\n| --- | --- | --- |")
    base = next(iter(times.values()))
    for name, milliseconds_of in times.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(milliseconds_of, base, strict=True))
        print(f"| {name} | {statistics.median(milliseconds_of):.1f} | {ratio:.2f} |")


def filled(sampler: BaseSampler, trials: int) -> Study:
    """A study in memory with `trials` trials of the preset `cifar`."""
    space = SearchSpace.preset("cifar")
    source = optuna.create_study(directions=["maximize", "minimize"], sampler=RandomSampler(seed=0))
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    cost = FloatDistribution(0, 1)
    for number in range(trials):
        trial = source.ask({"cost": cost})
        suggest(trial, space, Recipe())
        params = {name: value for name, value in trial.params.items() if name != "cost"}
        distributions = {name: kind for name, kind in trial.distributions.items() if name != "cost"}
        values = [(number * 37 % 101) / 101, trial.params["cost"]]
        study.add_trial(create_trial(params=params, distributions=distributions, values=values))
    return study


def report_samplers(repeats: int) -> None:
    space = SearchSpace.preset("cifar")
    kinds: dict[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: TPESampler(seed=0),
        "nsga2": lambda: NSGAIISampler(seed=0),
        "random": lambda: RandomSampler(seed=0),
    }
    print("\nMilliseconds of one proposal (preset `cifar`), by the number of trials before it:\n")
    print("| sampler | 100 | 1,000 | 5,000 |\n| --- | --- | --- | --- |")
    for name, kind in kinds.items():
        cells = []
        for trials in (100, 1_000, 5_000):
            study = filled(kind(), trials)
            times = []
            for _ in range(repeats):
                start = time.perf_counter()
                suggest(study.ask(), space, Recipe())
                times.append(1000 * (time.perf_counter() - start))
            cells.append(f"{statistics.median(times):.1f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ |= QUIET
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    report_trials(arguments.trials, arguments.rounds)
    ray.shutdown()
    report_samplers(repeats=20)


if __name__ == "__main__":
    main()
