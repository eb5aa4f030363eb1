"""Train every network of a small space on its own: the ground truth with which predictions are compared.

    python benchmarks/truth.py digits [--seeds 2] [--workers 2]

Writes learning curves to `runs/benchmarks/truth-<name>.jsonl`, one line per training; the same command resumes after an
interruption. Each training uses one thread.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from xoresnet import Arch, DataSet, Recipe, load_data
from xoresnet.data.images import Split
from xoresnet.space import SearchSpace

FOLDER = Path("runs/benchmarks")


class Problem(NamedTuple):
    """A space and how its networks are trained."""

    name: str
    space: SearchSpace
    data: str
    recipe: Recipe
    every: int = 1
    """Use one in this many training images."""

    @property
    def file(self) -> Path:
        return FOLDER / f"truth-{self.name}.jsonl"

    def load_data(self) -> DataSet:
        return _data(self.data, self.every)


@lru_cache
def _data(name: str, every: int) -> DataSet:
    data = load_data(name)
    rows = data.train.rows if data.train.rows is not None else torch.arange(len(data.train))
    return replace(data, train=Split(data.train.pool, data.train.labels[::every], rows[::every]))


def problem(name: str) -> Problem:
    return {"digits": _digits, "fashion-mnist": _fashion_mnist}[name]()


def _digits() -> Problem:
    """The preset with one time step and fewer epochs."""
    fields = SearchSpace.preset("digits").to_dict()
    fields["arch"]["timesteps"] = 1
    recipe = load_data("digits").default_recipe.replace(epochs=12)
    return Problem("digits", SearchSpace.from_dict(fields), "digits", recipe)


def _fashion_mnist() -> Problem:
    """20 networks of one width and one time step, trained on a twelfth of the images."""
    arch = {
        "input_shape": [1, 28, 28],
        "num_classes": 10,
        "depth": [8, 14],
        "width": 8,
        "merge": ["add", "or", "oa", "current", "membrane"],
        "xor": ["none", "middle"],
        "timesteps": 1,
    }
    recipe = load_data("fashion-mnist").default_recipe.replace(epochs=3)
    return Problem("fashion-mnist", SearchSpace.from_dict({"arch": arch}), "fashion-mnist", recipe, every=12)


def make(what: Problem, seeds: Iterable[int], workers: int) -> None:
    """Train all networks that have not been trained yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = {(line["arch_id"], line["seed"]) for line in _lines(what.file)}
    jobs = [
        (what.data, what.every, arch.to_json(indent=None), what.recipe.replace(seed=seed).model_dump_json())
        for seed in seeds
        for arch in what.space.enumerate()
        if (arch.arch_id, seed) not in done
    ]
    with multiprocessing.get_context("spawn").Pool(workers) as pool, what.file.open("a", encoding="utf-8") as file:
        for number, line in enumerate(pool.imap_unordered(_trained, jobs), 1):
            file.write(json.dumps(line) + "\n")
            file.flush()
            print(f"\r{number}/{len(jobs)}", end="", flush=True)
    print()


def _trained(job: tuple[str, int, str, str]) -> dict[str, Any]:
    from xoresnet import DivergenceError, fit, hold_freed_memory

    hold_freed_memory()
    torch.set_num_threads(1)
    data, arch, recipe = _data(job[0], job[1]), Arch.from_json(job[2]), Recipe.from_dict(json.loads(job[3]))
    records: list[dict[str, Any]] = []
    try:
        records.extend(record.as_dict() for record in fit(arch, data, recipe))
    except DivergenceError as error:
        print(error)
    return {"arch_id": arch.arch_id, "arch": job[2], "seed": recipe.seed, "records": records}


def _lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def load(what: Problem) -> pd.DataFrame:
    """One row per network, seed and epoch."""
    known = {arch.arch_id for arch in what.space.enumerate()}
    return pd.DataFrame(
        {"arch_id": line["arch_id"], "seed": line["seed"], **record}
        for line in _lines(what.file)
        if line["arch_id"] in known
        for record in line["records"]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["digits", "fashion-mnist"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    make(problem(arguments.name), range(arguments.seeds), arguments.workers)
