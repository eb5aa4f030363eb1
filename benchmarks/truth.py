"""Train every network of a small space on its own, several seeds each: tables of learning curves.

    python benchmarks/truth.py digits [--seeds 2] [--workers 2]
    python benchmarks/truth.py fashion-mnist-7x7

Writes learning curves to `runs/benchmarks/truth-<name>.jsonl`, one line per training; the same command resumes after an
interruption. Each training uses one thread. When all are done, `benchmarks/data/<name>.parquet` is written, which
`search_efficiency.py` reads; its columns are described in `benchmarks/data/README.md`.
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
from xoresnet.space.walk import parameters_of

FOLDER = Path("runs/benchmarks")
PUBLISHED = ("val_accuracy", "val_loss", "spikes_per_sample", "synops_per_sample", "train_seconds")


class Problem(NamedTuple):
    """A space and how its networks are trained."""

    name: str
    space: SearchSpace
    data: str
    recipe: Recipe
    every: int = 1
    """Use one in this many training images."""
    pooled: int = 1
    """Average squares of so many pixels; where it is more than 1, a third of the validation images is used."""

    part_of: str = ""
    """The name of a larger problem that has the same trainings."""

    @property
    def file(self) -> Path:
        return FOLDER / f"truth-{self.part_of or self.name}.jsonl"

    def load_data(self) -> DataSet:
        return _data(self.data, self.every, self.pooled)

    @property
    def table(self) -> Path:
        return Path(__file__).parent / "data" / f"{self.part_of or self.name}.parquet"


@lru_cache
def _data(name: str, every: int, pooled: int) -> DataSet:
    data = load_data(name)
    train = _subset(data.train, every, pooled)
    if pooled == 1:
        return replace(data, train=train)
    return replace(data, train=train, validation=_subset(data.validation, 3, pooled))


def _subset(split: Split, every: int, pooled: int) -> Split:
    """One in `every` images, each averaged over squares of `pooled` pixels."""
    rows = split.rows if split.rows is not None else torch.arange(len(split))
    if pooled == 1:
        return Split(split.pool, split.labels[::every], rows[::every])
    images = torch.nn.functional.avg_pool2d(split.pool[rows[::every]].float(), pooled)
    return Split(images.round().to(torch.uint8), split.labels[::every])


def problem(name: str) -> Problem:
    return PROBLEMS[name]()


def _digits() -> Problem:
    """The preset with one to three time steps and fewer epochs: 300 networks."""
    fields = SearchSpace.preset("digits").to_dict()
    fields["arch"]["timesteps"] = [1, 2, 3]
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


def _digits_one_step() -> Problem:
    """The 100 networks of one time step."""
    every = _digits()
    fields = every.space.to_dict()
    fields["arch"]["timesteps"] = 1
    return every._replace(name="digits-one-step", space=SearchSpace.from_dict(fields), part_of="digits")


def _fashion_mnist_7x7() -> Problem:
    """100 networks on 3,000 images of 7x7 pixels."""
    arch = {
        "input_shape": [1, 7, 7],
        "num_classes": 10,
        "depth": [8, 14],
        "width": [8, 16],
        "merge": ["add", "or", "oa", "current", "membrane"],
        "xor": ["none", "middle", "both"],
        "timesteps": [1, 2],
    }
    recipe = load_data("fashion-mnist").default_recipe.replace(epochs=12)
    space = SearchSpace.from_dict({"arch": arch})
    return Problem("fashion-mnist-7x7", space, "fashion-mnist", recipe, every=18, pooled=4)


PROBLEMS = {
    "digits": _digits,
    "digits-one-step": _digits_one_step,
    "fashion-mnist-7x7": _fashion_mnist_7x7,
    "fashion-mnist": _fashion_mnist,
}


def make(what: Problem, seeds: Iterable[int], workers: int) -> None:
    """Train all networks that have not been trained yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = {(line["arch_id"], line["seed"]) for line in _lines(what.file)}
    jobs = [
        (
            what.data,
            what.every,
            what.pooled,
            arch.to_json(indent=None),
            what.recipe.replace(seed=seed).model_dump_json(),
        )
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


def _trained(job: tuple[str, int, int, str, str]) -> dict[str, Any]:
    from xoresnet import DivergenceError, fit, hold_freed_memory

    hold_freed_memory()
    torch.set_num_threads(1)
    data, arch, recipe = _data(*job[:3]), Arch.from_json(job[3]), Recipe.from_dict(json.loads(job[4]))
    records: list[dict[str, Any]] = []
    try:
        records.extend(record.as_dict() for record in fit(arch, data, recipe))
    except DivergenceError as error:
        print(error)
    return {"arch_id": arch.arch_id, "arch": job[3], "seed": recipe.seed, "records": records}


def _lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def load(what: Problem) -> pd.DataFrame:
    """One row per network, seed and epoch: the trainings of this machine, or the table that was published."""
    known = {arch.arch_id for arch in what.space.enumerate()}
    if not what.file.exists():
        table = pd.read_parquet(what.table).rename(columns={"network": "arch_id"})
        return table[table["arch_id"].isin(known)]
    return pd.DataFrame(
        {"arch_id": line["arch_id"], "seed": line["seed"], **record}
        for line in _lines(what.file)
        if line["arch_id"] in known
        for record in line["records"]
    )


def write_table(what: Problem) -> None:
    """Write the table that is published, of the networks that were trained with every seed."""
    known = {arch.arch_id: arch for arch in what.space.enumerate()}
    lines = [line for line in _lines(what.file) if line["arch_id"] in known]
    rows = [
        {
            "network": line["arch_id"],
            "seed": line["seed"],
            "epoch": record["epoch"],
            **{f"config.{name}": value for name, value in parameters_of(what.space, known[line["arch_id"]]).items()},
            **{name: record[name] for name in PUBLISHED},
        }
        for line in sorted(lines, key=lambda line: (line["seed"], line["arch_id"]))
        for record in line["records"]
    ]
    what.table.parent.mkdir(exist_ok=True)
    pd.DataFrame(rows).rename(columns={"train_seconds": "seconds"}).to_parquet(what.table, compression="zstd")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=PROBLEMS)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    make(problem(arguments.name), range(arguments.seeds), arguments.workers)
    write_table(problem(arguments.name))
