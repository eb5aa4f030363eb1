"""Epochs that searches need to a share of the front: strategies of this project and of other tools, on learning curves.

    python benchmarks/search_efficiency.py [--tables digits,fashion-mnist-7x7,synthetic] [--seeds 20] [--workers 1]
        [--searches NAME,...] [--peers PYTHON]

Tables are those of `truth.py` (`benchmarks/data`), and synthetic curves. A search sees one training of each network;
the networks on its front are judged on the mean of their other trainings, so that luck earns nothing. 100 % is the
hypervolume of the networks that a search would name after it had trained everything, up to chance accuracy and the most
spikes, in accuracy and decades of spikes; "upper part" is the same up to the upper quartile of accuracy. Even seeds of
searches see the first training, odd ones the second. All searches run in virtual time (`xoresnet.search.simulate`).

--peers: the interpreter of an environment that has other tools (see `peers.py`). Rows that were computed before are
read from `runs/benchmarks/search_efficiency.jsonl`; delete it to compute them again.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray

from xoresnet import Recipe
from xoresnet.search import simulate
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.registry import make_strategy
from xoresnet.search.sources.space_candidates import SpaceCandidates
from xoresnet.space import SearchSpace
from xoresnet.space.optuna_adapter import distributions
from xoresnet.space.walk import parameters_of

HERE = Path(__file__).parent
RESULTS = Path("runs/benchmarks/search_efficiency.jsonl")
METRICS = ["val_accuracy", "spikes_per_sample"]
CHANCE, SHARES = 0.1, (0.95, 0.97, 0.99)
Array = NDArray[np.float64]
Search = Callable[[pd.DataFrame, float, int, int], pd.DataFrame]
"""Called with a table of one training per network, the budget in full trainings, a seed and the number of workers."""


def classic(sampler: Any, pruner: Any) -> Search:
    def search(table: pd.DataFrame, budget: float, seed: int, workers: int) -> pd.DataFrame:
        chosen = sampler(seed) if callable(sampler) else sampler
        return simulate(
            table, strategy="classic", sampler=chosen, pruner=pruner, budget=budget, seed=seed, workers=workers
        )

    return search


def ours(strategy: str) -> Search:
    def search(table: pd.DataFrame, budget: float, seed: int, workers: int) -> pd.DataFrame:
        return simulate(table, strategy=strategy, budget=budget, seed=seed, workers=workers, chance=CHANCE)

    return search


def gp_sampler(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.GPSampler(seed=seed)


SEARCHES: dict[str, Search] = {
    "freeze-thaw": ours("freeze-thaw"),
    "promotion": ours("promotion"),
    "classic (TPE + pareto)": classic("tpe", "pareto"),
    "classic (min_trials=2)": classic("tpe", {"kind": "pareto", "min_trials": 2}),
    "random": classic("random", "none"),
    "TPE": classic("tpe", "none"),
    "NSGA-II": classic("nsga2", "none"),
    "ASHA on accuracy": classic("random", {"kind": "successive-halving", "metric": "val_accuracy"}),
    "Optuna GPSampler": classic(gp_sampler, "none"),
}
PEERS = (
    "syne-tune-moasha",
    "syne-tune-moasha-repaired",
    "syne-tune-morea",
    "syne-tune-morea-repaired",
    "neps-moasha",
    "neps-mo-hyperband",
    "neps-primo",
    "neps-primo-log-spikes",
)
"""Of `peers.py`, which says what is meant by repaired."""


# --- tables -----------------------------------------------------------------------------------------------------------


@lru_cache
def trainings(name: str) -> pd.DataFrame:
    """All trainings of a table: one row for each network, seed and epoch."""
    return (
        synthetic(int(name.partition(":")[2] or 0))
        if name.startswith("synthetic")
        else pd.read_parquet(HERE / "data" / f"{name}.parquet")
    )


def synthetic(seed: int, networks: int = 400, epochs: int = 27) -> pd.DataFrame:
    """Two trainings each of networks of five parameters: large ones start slowly, end more accurate and spike more.

    Accuracy rises exponentially, as in `pruning.py`, to a ceiling that depends on the size, on two effects with an
    interaction, and on chance; 6 % of the networks are dead.
    """
    rng = np.random.default_rng(seed)
    options = {"depth": [8, 14, 20], "width": [8, 12, 16, 24], "merge": [*"abcde"], "xor": [*"wxyz"], "T": [1, 2, 3, 4]}
    grid = pd.MultiIndex.from_product(options.values(), names=list(options)).to_frame(index=False)
    chosen = grid.iloc[rng.permutation(len(grid))[:networks]].reset_index(drop=True)
    effect = {name: dict(zip(options[name], rng.normal(0, 0.03, len(options[name])), strict=True)) for name in options}
    both = {(m, x): rng.normal(0, 0.015) for m in options["merge"] for x in options["xor"]}
    size = (
        np.log(chosen["depth"] / 8) / np.log(2.5)
        + np.log(chosen["width"] / 8) / np.log(3)
        + np.log(chosen["T"]) / np.log(4)
    ) / 3
    named = sum(chosen[name].map(effect[name]) for name in ("merge", "xor"))
    named += [both[pair] for pair in zip(chosen["merge"], chosen["xor"], strict=True)]
    ceiling = np.clip(0.72 + 0.2 * size**0.7 + named - np.abs(rng.normal(0, 0.015, networks)), 0.3, 0.97).to_numpy()
    slowness = ((1 + 5 * size) * rng.lognormal(0, 0.15, networks)).to_numpy()
    spikes = (10 ** (3 + 1.5 * size + 4 * named + rng.normal(0, 0.05, networks))).to_numpy()
    excess, fading = rng.uniform(0.2, 1.5, networks), rng.uniform(2, 8, networks)
    dead = rng.random(networks) < 0.06
    steps = np.arange(1, epochs + 1)
    accuracy = 0.1 + (ceiling[:, None] - 0.1) * (1 - np.exp(-steps / slowness[:, None]))
    counts = spikes[:, None] * (1 + excess[:, None] * np.exp(-steps / fading[:, None]))
    accuracy[dead], counts[dead] = 0.1, counts[dead] * 0.02
    frames = []
    for training in (0, 1):
        luck = rng.normal(0, 0.004, (networks, 1)) * ~dead[:, None] + rng.normal(0, 0.004, accuracy.shape)
        frame = chosen.add_prefix("config.").loc[np.repeat(np.arange(networks), epochs)].reset_index(drop=True)
        frame.insert(0, "network", np.repeat(np.arange(networks), epochs))
        frame.insert(1, "seed", training)
        frame.insert(2, "epoch", np.tile(steps, networks))
        frame["val_accuracy"] = np.clip(accuracy + luck, 0.08, 0.999).ravel()
        frame["spikes_per_sample"] = (counts * rng.lognormal(0, 0.03, counts.shape)).ravel()
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def seen_and_judged(name: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The table a search sees, and the finals, by network, that it sees and those it is judged on."""
    everything = trainings(name)
    seeds = sorted(everything["seed"].unique())
    own = seeds[seed % len(seeds)]
    last = everything[everything["epoch"] == everything["epoch"].max()]
    finals = last.groupby([last["seed"] == own, "network"])[METRICS].mean()
    return everything[everything["seed"] == own].drop(columns="seed"), finals.loc[True], finals.loc[False]


# --- judgement --------------------------------------------------------------------------------------------------------


class Judge:
    """Measures the fronts that a search names."""

    def __init__(self, seen: pd.DataFrame, judged: pd.DataFrame, accuracy: float) -> None:
        """accuracy: of the reference point."""
        self._seen, self._judged = _losses(seen), _losses(judged)
        self._row = {network: row for row, network in enumerate(seen.index)}
        self._reference = np.array([-accuracy, self._judged[:, 1].max()])
        self._whole = self._volume(np.arange(len(seen)))

    def share(self, networks: Sequence[Any]) -> float:
        return self._volume(np.array([self._row[network] for network in networks])) / self._whole

    def _volume(self, rows: NDArray[np.int64]) -> float:
        named = rows[_on_front(self._seen[rows])]
        area, lowest = 0.0, self._reference[1]
        for accuracy, spikes in sorted(map(tuple, self._judged[named])):
            if accuracy < self._reference[0] and spikes < lowest:
                area += (self._reference[0] - accuracy) * (lowest - spikes)
                lowest = spikes
        return area


def _losses(finals: pd.DataFrame) -> Array:
    values = finals[METRICS].to_numpy()
    return np.stack([-values[:, 0], np.log10(np.maximum(values[:, 1], 1.0))], axis=1)


def _on_front(points: Array) -> NDArray[np.bool_]:
    order = np.lexsort((points[:, 1], points[:, 0]))
    kept, lowest = np.zeros(len(points), dtype=np.bool_), np.inf
    for row in order:
        if points[row, 1] < lowest:
            kept[row], lowest = True, points[row, 1]
    return kept


class Job(NamedTuple):
    table: str
    search: str
    seed: int
    workers: int
    budget: float


def first_reached(judge: Judge, stretches: pd.DataFrame, epochs: int, shares: Sequence[float]) -> list[float]:
    """The epochs that all workers had trained when each share was first reached; infinite if it never was."""
    needed = [math.inf] * len(shares)
    done = stretches[stretches["to_epoch"] == epochs].sort_values("ended", kind="stable")
    named: list[Any] = []
    for network, now in zip(done["network"], done["ended"], strict=True):
        named.append(network)
        reached = judge.share(named)
        if any(reached >= share and math.isinf(known) for share, known in zip(shares, needed, strict=True)):
            begun = stretches[stretches["began"] < now]
            whole = (begun["ended"] - begun["began"]).clip(lower=1e-12)
            part = (np.minimum(begun["ended"], now) - begun["began"]) / whole
            spent = float((part * (begun["to_epoch"] - begun["from_epoch"])).sum())
            needed = [
                spent if reached >= share and math.isinf(known) else known
                for share, known in zip(shares, needed, strict=True)
            ]
    return needed


def measured(job: Job, stretches: pd.DataFrame) -> dict[str, Any]:
    """The epochs that a search needed to each share, by what it trained, and the share in the end."""
    table, seen, judged = seen_and_judged(job.table, job.seed)
    epochs = int(table["epoch"].max())
    upper = float(judged["val_accuracy"].quantile(0.75))
    row: dict[str, Any] = {**job._asdict(), "spent": int((stretches["to_epoch"] - stretches["from_epoch"]).sum())}
    done = list(stretches.loc[stretches["to_epoch"] == epochs, "network"])
    for part, judge in (("", Judge(seen, judged, CHANCE)), ("upper ", Judge(seen, judged, upper))):
        reached = first_reached(judge, stretches, epochs, SHARES)
        row |= {f"{part}{share:.0%}": value for share, value in zip(SHARES, reached, strict=True)}
        row[f"{part}end"] = judge.share(done) if done else 0.0
    return row


def run(job: Job) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table, _, _ = seen_and_judged(job.table, job.seed)
    return measured(job, SEARCHES[job.search](table, job.budget, job.seed, job.workers))


def run_peer(job: Job, python: str) -> dict[str, Any]:
    """The same by another tool, in its own environment."""
    table, _, _ = seen_and_judged(job.table, job.seed)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "table.parquet"), Path(folder, "out.parquet")
        table.to_parquet(source)
        epochs = round(job.budget * int(table["epoch"].max()))
        options = ["--budget", epochs, "--seed", job.seed, "--workers", job.workers, "--out", out]
        command = [python, HERE / "peers.py", source, "--peer", job.search, *options]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        return measured(job, pd.read_parquet(out))


# --- the comparison ---------------------------------------------------------------------------------------------------


def known_rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def compute(jobs: Iterable[Job], python: str | None, processes: int) -> None:
    """Compute the rows that are not there yet."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    have = {tuple(row[name] for name in Job._fields) for row in known_rows()}
    left = [job for job in jobs if tuple(job) not in have]
    with multiprocessing.get_context("spawn").Pool(processes) as pool, RESULTS.open("a") as file:
        own = [job for job in left if job.search in SEARCHES]
        for number, row in enumerate(pool.imap_unordered(run, own), 1):
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(f"\r{number}/{len(own)}", end="", flush=True)
        for job in [job for job in left if job.search not in SEARCHES and python is not None]:
            file.write(json.dumps(run_peer(job, str(python))) + "\n")
            file.flush()


def print_table(table: str, workers: int, names: Sequence[str], seeds: int) -> None:
    """Medians (quartiles, worst) of the epochs to each share."""
    own = trainings(table if table != "synthetic" else "synthetic:0")
    epochs, networks = int(own["epoch"].max()), own["network"].nunique()
    print(
        f"\n### {table}: {networks} networks of {epochs} epochs, {own['seed'].nunique()} trainings each, "
        f"workers: {workers}\n"
    )
    columns = [*(f"{share:.0%}" for share in SHARES), "upper 97%"]
    print(
        f"| search | {' | '.join(columns)} | in the end: share | upper part |\n| --- |{' --- |' * (len(columns) + 2)}"
    )
    rows = [row for row in known_rows() if row["table"].partition(":")[0] == table and row["workers"] == workers]
    for name in names:
        of_search = [row for row in rows if row["search"] == name and row["seed"] < seeds]
        if not of_search:
            continue
        cells = [_cell([row[column] for row in of_search]) for column in columns]
        ends = [np.quantile([row[f"{part}end"] for row in of_search], [0.5, 0.0]) for part in ("", "upper ")]
        shown = " | ".join(f"{middle:.1%} ({worst:.1%})" for middle, worst in ends)
        print(f"| {name} | {' | '.join(cells)} | {shown} |")


def _cell(values: Sequence[float]) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf")
    never = sum(map(math.isinf, values))
    worst = f"{never} of {len(values)} never" if never else f"worst {max(values):,.0f}"
    return f"{_number(middle)} ({_number(low)} to {_number(high)}; {worst})"


def _number(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:,.0f}"


def decision_seconds(strategy: str, preset: str, count: int, repeats: int, *, only_new: bool) -> list[float]:
    """The time of decisions in a study of `count` networks of a preset, a tenth of which are complete.

    only_new: whether a new network is wanted; otherwise a stopped one may go on.
    """
    space, rng, drawn = SearchSpace.preset(preset), Random(count), np.random.default_rng(count)
    candidates = SpaceCandidates(space, Recipe(), {})
    sampler, pruner = make_strategy(
        strategy, DEFAULT_OBJECTIVES, epochs=27, budget=1e6, seed=0, candidates=candidates, chance=0.1, images=5000
    )
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler, pruner=pruner)
    seconds: list[float] = []
    for number in range(count + repeats):
        params = parameters_of(space, space.sample(rng))
        last = 27 if number % 10 == 0 else int(drawn.choice([1, 1, 3, 9]))
        ceiling, spikes = drawn.uniform(0.4, 0.9), 10 ** drawn.uniform(3, 5)
        taken = {f"record:{step}": {"train_seconds": float(drawn.uniform(1, 9))} for step in range(1, last + 1)}
        reports = {f"report:{step}": [ceiling * (1 - 0.8**step), spikes] for step in range(1, last + 1)}
        trial = optuna.trial.create_trial(
            state=optuna.trial.TrialState.COMPLETE if last == 27 else optuna.trial.TrialState.RUNNING,
            values=reports["report:27"] if last == 27 else None,
            params=params,
            distributions=distributions(space, params),
            user_attrs={**reports, **taken, **({} if last == 27 else {"paused_at": last})},
        )
        study.add_trial(trial)
        if number == count - 1:
            sampler.choose(study)  # reads all trials for the first time
        if number >= count:
            began = time.perf_counter()
            sampler.choose(study, only_new=only_new)
            seconds.append(time.perf_counter() - began)
    return seconds


def print_decisions(repeats: int) -> None:
    print("\n### Milliseconds of a decision, storage in memory: median (worst)\n")
    sizes = (100, 1000, 4000)
    print(f"| decision | {' | '.join(f'{size:,} networks' for size in sizes)} |\n| --- |{' --- |' * len(sizes)}")
    for strategy, preset, only_new in (
        ("freeze-thaw", "cifar", False),
        ("freeze-thaw", "cifar", True),
        ("freeze-thaw", "digits", True),
        ("promotion", "cifar", False),
    ):
        cells = []
        for size in sizes if preset == "cifar" else sizes[:1]:
            taken = 1000 * np.array(decision_seconds(strategy, preset, size, repeats, only_new=only_new))
            cells.append(f"{np.median(taken):.0f} ({taken.max():.0f})")
        cells += ["-"] * (len(sizes) - len(cells))
        print(f"| {strategy}, {preset}{', a new network' if only_new else ''} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default="digits,fashion-mnist-7x7,synthetic")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", default="1", help="numbers of workers, as 1,4,16")
    parser.add_argument("--searches", help="default: all")
    parser.add_argument("--budget", type=float, default=0.5, help="as a share of training everything")
    parser.add_argument("--peers", help="the interpreter of an environment with other tools")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--decisions", action="store_true", help="measure only how long decisions take")
    options = parser.parse_args()
    if options.decisions:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        print_decisions(21)
        return
    names = options.searches.split(",") if options.searches else [*SEARCHES, *(PEERS if options.peers else ())]
    for workers in map(int, options.workers.split(",")):
        for table in options.tables.split(","):
            jobs = []
            for seed in range(options.seeds):
                own = f"synthetic:{seed}" if table == "synthetic" else table
                budget = options.budget * trainings(own)["network"].nunique()
                jobs += [Job(own, name, seed, workers, budget) for name in names]
            compute(jobs, options.peers, options.processes)
            print_table(table, workers, names, options.seeds)


if __name__ == "__main__":
    main()
