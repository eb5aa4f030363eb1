"""Savings and losses of pruning on two objectives, on synthetic learning curves: `ParetoPruner` and other rules.

    python benchmarks/pruning.py [--seeds 24] [--registry FOLDER]

The other rules run if they are installed: Syne Tune's MOASHA with `pip install syne-tune==0.16.0`, and OptunaHub's
`pruners/multi_metric_pruner` with `pip install optunahub`, which fetches it from the network or, with --registry, from
a local copy of the registry (the folder above `package/`). Prints Markdown tables; see `docs/pruning.md`.
"""

from __future__ import annotations

import argparse
import heapq
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from xoresnet.search import ParetoPruner, report, should_prune

TRIALS, EPOCHS, WORKERS, MIN_TRIALS = 200, 27, 4, 4
Array = NDArray[np.float64]


# --- the problem -----------------------------------------------------------------------------------------------------


class Curves(NamedTuple):
    """Learning curves of all trials; arrays of shape [trials, epochs], except for the last: [trials]."""

    accuracy: Array
    spikes: Array
    seen_accuracy: Array
    """With the noise of a single training and validation set."""
    seen_spikes: Array
    epoch_seconds: Array


def curves(seed: int, slow: float = 6.0) -> Curves:
    """Networks of random sizes: large networks start slowly, end more accurate, spike more and take longer.

    Accuracy rises exponentially from 0.1 to a ceiling between 0.70 (smallest) and 0.92 (largest), less a half-normal
    penalty (scale 0.05) for all other choices, with a time constant from 1 (smallest) to 1 + `slow` epochs. Spikes fall
    to a final count that is log-normal around a power of the size, from up to 2.5 times that count. The noise is 0.01
    in accuracy and 5 % in spikes.
    """
    random = np.random.default_rng(seed)
    epochs = np.arange(1, EPOCHS + 1)
    size = random.random((TRIALS, 1))
    ceiling = 0.70 + 0.22 * size**0.7 - np.abs(random.normal(0, 0.05, size.shape))
    slowness = (1 + slow * size) * random.lognormal(0, 0.2, size.shape)
    accuracy = 0.1 + (ceiling - 0.1) * (1 - np.exp(-epochs / slowness))
    final_spikes = 10 ** (3 + 1.5 * size + random.normal(0, 0.25, size.shape))
    excess, fading = random.uniform(0.2, 1.5, size.shape), random.uniform(2, 8, size.shape)
    spikes = final_spikes * (1 + excess * np.exp(-epochs / fading))
    return Curves(
        accuracy,
        spikes,
        accuracy + random.normal(0, 0.01, accuracy.shape),
        spikes * random.lognormal(0, 0.05, spikes.shape),
        (0.5 + size[:, 0]) * random.lognormal(0, 0.1, TRIALS),
    )


class Rule(Protocol):
    """Decides after each epoch of a trial whether to stop it."""

    def __call__(self, trial: int, epoch: int, accuracy: float, spikes: float) -> bool: ...


def simulate(data: Curves, rule: Rule) -> tuple[float, NDArray[np.bool_]]:
    """The share of all epochs that are trained, and which trials complete. A free worker takes the next trial."""
    waiting = iter(range(TRIALS))
    running = [(data.epoch_seconds[trial], trial, 1) for trial, _ in zip(waiting, range(WORKERS), strict=False)]
    heapq.heapify(running)
    trained, complete = 0, np.zeros(TRIALS, dtype=bool)
    while running:
        now, trial, epoch = heapq.heappop(running)
        trained += 1
        complete[trial] = epoch == EPOCHS
        index = trial, epoch - 1
        if epoch == EPOCHS or rule(trial, epoch, float(data.seen_accuracy[index]), float(data.seen_spikes[index])):
            trial, epoch = next(waiting, TRIALS), 0
        if trial < TRIALS:
            heapq.heappush(running, (now + data.epoch_seconds[trial], trial, epoch + 1))
    return trained / (TRIALS * EPOCHS), complete


class Outcome(NamedTuple):
    """All in percent, computed from final values without noise."""

    budget: float
    complete: float
    hypervolume: float
    """In accuracy and log spikes, up to the worst accuracy and the most spikes of all trials."""
    above_chance: float
    """Hypervolume up to the accuracy of guessing."""
    recall: float


def outcome(data: Curves, rule: Rule) -> Outcome:
    budget, complete = simulate(data, rule)
    return judge(data, budget, complete)


def fewer(data: Curves, budget: float) -> Outcome:
    """Without pruning: only as many trials as the budget (in percent) allows are trained, all to the end."""
    complete = np.arange(TRIALS) < round(budget / 100 * TRIALS)
    return judge(data, float(complete.mean()), complete)


def judge(data: Curves, budget: float, complete: NDArray[np.bool_]) -> Outcome:
    points = np.stack([-data.accuracy[:, -1], np.log(data.spikes[:, -1])], axis=1)
    front = on_front(points)
    worst = points.max(axis=0)
    kept = [
        hypervolume(points[complete], corner) / hypervolume(points, corner)
        for corner in (worst, np.array([-0.1, worst[1]]))
    ]
    shares = [budget, complete.mean(), *kept, complete[front].mean()]
    return Outcome(*(100 * float(share) for share in shares))


def on_front(points: Array) -> NDArray[np.bool_]:
    dominates = (points[:, None] <= points).all(axis=2) & (points[:, None] < points).any(axis=2)
    return np.asarray(~dominates.any(axis=0))


def hypervolume(points: Array, corner: Array) -> float:
    """The area between the points and the corner that the points dominate; both objectives are minimized."""
    area, lowest = 0.0, corner[1]
    for first, second in sorted(points.tolist()):
        if second < lowest:
            area += (corner[0] - first) * (lowest - second)
            lowest = second
    return float(area)


# --- the rules -------------------------------------------------------------------------------------------------------


class Ours:
    """`ParetoPruner` in plain Optuna. Trials are created in order, so their numbers are those of the study."""

    def __init__(self, **options: Any) -> None:
        pruner = ParetoPruner(**{"max_steps": EPOCHS, "min_trials": MIN_TRIALS, **options})
        self.study = optuna.create_study(directions=["maximize", "minimize"], pruner=pruner)
        self._trials: dict[int, Trial] = {}

    def __call__(self, trial: int, epoch: int, accuracy: float, spikes: float) -> bool:
        if trial not in self._trials:
            self._trials[trial] = self.study.ask()
        report(self._trials[trial], [accuracy, spikes], epoch)
        stops = should_prune(self._trials[trial])
        if stops:
            self.study.tell(self._trials[trial], state=TrialState.PRUNED)
        return stops


def halving(factor: int, losses: Callable[[Array], Array]) -> Rule:
    """Successive halving at the same rungs by a single loss.

    losses: gets the accuracy and spikes of a rung, of shape [trials, 2], with the new trial last.
    """
    rungs: dict[int, list[tuple[float, float]]] = {factor**k: [] for k in range(10)}

    def rule(trial: int, epoch: int, accuracy: float, spikes: float) -> bool:
        if epoch not in rungs:
            return False
        rungs[epoch].append((accuracy, spikes))
        values = losses(np.array(rungs[epoch]))
        places = max(1, len(values) // factor)
        return len(values) >= MIN_TRIALS and int((values < values[-1]).sum()) >= places

    return rule


def random_losses(seed: int) -> Callable[[Array], Array]:
    random = np.random.default_rng(seed)
    return lambda values: random.random(len(values))


def accuracy_alone(values: Array) -> Array:
    return -values[:, 0]


def equal_weights(values: Array) -> Array:
    """The sum of accuracy loss and log spikes, each scaled to 0..1 over the rung."""
    losses = np.stack([-values[:, 0], np.log(values[:, 1])], axis=1)
    span = np.ptp(losses, axis=0)
    scaled: Array = (losses - losses.min(axis=0)) / np.where(span > 0, span, 1.0)
    return np.asarray(scaled.sum(axis=1))


def syne_tune(factor: int) -> Rule:
    from syne_tune.optimizer.scheduler import SchedulerDecision
    from syne_tune.optimizer.schedulers.asha import Bracket
    from syne_tune.optimizer.schedulers.multiobjective.multiobjective_priority import NonDominatedPriority

    bracket = Bracket(min_t=1, max_t=EPOCHS, reduction_factor=factor, s=0, priority=NonDominatedPriority())

    def rule(trial: int, epoch: int, accuracy: float, spikes: float) -> bool:
        decision = bracket.on_result(trial, epoch, {"loss": -accuracy, "spikes": spikes})
        return bool(decision == SchedulerDecision.STOP)

    return rule


def optuna_hub(factor: int, registry: str | None) -> Rule:
    """Stops trials worse than the best 1 / `factor` of finished trials at the same epoch; every epoch is a rung."""
    import optunahub

    name = "pruners/multi_metric_pruner"
    if registry:
        hub = optunahub.load_local_module(name, registry_root=f"{registry}/package")
    else:
        hub = optunahub.load_module(name)
    directions = {"accuracy": StudyDirection.MAXIMIZE, "spikes": StudyDirection.MINIMIZE}
    pruner = hub.MultiMetricPruner(
        optuna.pruners.PercentilePruner(100 / factor), metric_directions=directions, joint=True
    )
    study = optuna.create_study(directions=list(directions.values()), pruner=pruner)
    trials: dict[int, Any] = {}

    def rule(trial: int, epoch: int, accuracy: float, spikes: float) -> bool:
        if trial not in trials:
            trials[trial] = hub.MultiMetricPrunerTrial(study.ask())
        live = trials[trial]
        live.report({"accuracy": accuracy, "spikes": spikes}, epoch)
        stop = bool(live.should_prune())
        if stop:
            study.tell(live.number, state=TrialState.PRUNED)
        elif epoch == EPOCHS - 1:  # the rule is not called after the last epoch
            study.tell(live.number, (accuracy, spikes))
        return stop

    return rule


# --- the tables ------------------------------------------------------------------------------------------------------


HUB = "OptunaHub, multi_metric_pruner"


def contenders(factor: int, seed: int, registry: str | None) -> dict[str, Callable[[], Rule]]:
    return {
        "ours, ties by epsilon-net": lambda: Ours(reduction_factor=factor),
        "ours, ties by hypervolume": lambda: Ours(reduction_factor=factor, ties="hypervolume"),
        "ours, ties pass": lambda: Ours(reduction_factor=factor, ties="pass"),
        "ours, epsilon-net, min_trials=8": lambda: Ours(reduction_factor=factor, min_trials=8),
        "random stopping": lambda: halving(factor, random_losses(seed)),
        "ASHA on accuracy": lambda: halving(factor, accuracy_alone),
        "ASHA on equal weights": lambda: halving(factor, equal_weights),
        "Syne Tune 0.16.0, MOASHA": lambda: syne_tune(factor),
        HUB: lambda: optuna_hub(factor, registry),
    }


VARIATIONS: dict[str, dict[str, Any]] = {
    "as above": {},
    "min_trials=2": {"min_trials": 2},
    "min_trials=8": {"min_trials": 8},
    "min_trials=16": {"min_trials": 16},
    "min_trials=32": {"min_trials": 32},
    "min_steps=2": {"min_steps": 2},
    "min_steps=3": {"min_steps": 3},
    "min_steps=3, reduction_factor=3": {"min_steps": 3, "reduction_factor": 3},
    "brackets=2": {"brackets": 2},
    "brackets=3": {"brackets": 3},
    "scale=range": {"scale": "range"},
    "scale=(range, log-range)": {"scale": ("range", "log-range")},
}


def print_row(name: str, outcomes: Sequence[Outcome]) -> None:
    """Means and standard deviations over seeds."""
    cells = [f"{statistics.mean(all_):.1f} ± {statistics.stdev(all_):.1f}" for all_ in zip(*outcomes, strict=True)]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def print_head(first: str) -> None:
    print(f"\n| {first} | budget, % | completed, % | hypervolume kept, % | above chance, % | front recalled, % |")
    print("| --- | --- | --- | --- | --- | --- |")


def compare(factor: int, problems: Sequence[Curves], registry: str | None, without: Sequence[str] = ()) -> None:
    print_head("rule")
    budget = 0.0
    for name in [name for name in contenders(factor, 0, registry) if name not in without]:
        try:
            outcomes = [outcome(data, contenders(factor, seed, registry)[name]()) for seed, data in enumerate(problems)]
        except ImportError as error:
            print(f"| {name} | not installed: {error} | | | | |")
            continue
        print_row(name, outcomes)
        budget = budget or statistics.mean(result.budget for result in outcomes)
    print_row("no pruning, first trials, for the budget of the first row", [fewer(data, budget) for data in problems])


def vary(problems: Sequence[Curves]) -> None:
    print("\n### Ours at reduction factor 2, ties by epsilon-net, with other options")
    print_head("options")
    for name, options in VARIATIONS.items():
        print_row(name, [outcome(data, Ours(**options)) for data in problems])


def decision_seconds(objectives: int, size: int, repeats: int) -> list[float]:
    """The time of decisions at the first rung, which `size` trials have reached; half of them passed each rung."""
    random = np.random.default_rng(size)
    study = optuna.create_study(directions=["minimize"] * objectives, pruner=ParetoPruner(max_steps=EPOCHS))
    study.add_trials([finished(random, objectives) for _ in range(size)])
    seconds = []
    for _ in range(repeats):
        trial = study.ask()
        report(trial, random.random(objectives).tolist(), 1)
        start = time.perf_counter()
        should_prune(trial)
        seconds.append(time.perf_counter() - start)
        study.tell(trial, state=TrialState.FAIL)
    return seconds


def finished(random: np.random.Generator, objectives: int) -> FrozenTrial:
    rungs = int(random.geometric(0.5))
    epochs = EPOCHS if rungs > 5 else 2 ** (rungs - 1)
    attrs = {f"report:{epoch}": random.random(objectives).tolist() for epoch in range(1, epochs + 1)}
    if epochs < EPOCHS:
        return create_trial(state=TrialState.PRUNED, user_attrs=attrs)
    return create_trial(values=attrs[f"report:{EPOCHS}"], user_attrs=attrs)


def print_decision_times(repeats: int) -> None:
    print("\n### Milliseconds of a decision, storage in memory: median (90th percentile)\n")
    print("| objectives | 100 trials | 1,000 trials | 5,000 trials |")
    print("| --- | --- | --- | --- |")
    for objectives in (2, 3):
        cells = []
        for size in (100, 1000, 5000):
            taken = 1000 * np.array(decision_seconds(objectives, size, repeats))
            cells.append(f"{np.median(taken):.1f} ({np.quantile(taken, 0.9):.1f})")
        print(f"| {objectives} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--registry", help="a local copy of the optunahub-registry")
    parser.add_argument("--repeats", type=int, default=51, help="timed decisions per setting")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seeds = range(arguments.seeds)
    problems = [curves(seed) for seed in seeds]
    print(
        f"{arguments.seeds} seeds, {TRIALS} trials of {EPOCHS} epochs, {WORKERS} workers, optuna {optuna.__version__}"
    )
    for factor in (2, 3):
        print(f"\n### Reduction factor {factor}")
        compare(factor, problems, arguments.registry)
    for slow in (3.0, 1.0, 0.0):
        print(f"\n### Reduction factor 2, time constants up to {1 + slow:.0f} (not 7)")
        compare(2, [curves(seed, slow) for seed in seeds], arguments.registry, without=[HUB])  # takes too long
    vary(problems)
    print_decision_times(arguments.repeats)


if __name__ == "__main__":
    main()
