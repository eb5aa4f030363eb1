"""What the merge and the XOR placement do at equal width, depth and T: every combination, on the same seeds.

    python benchmarks/evidence.py digits [--depth 8 14 20] [--timesteps 1 2 4] [--seeds 10] [--workers 2]
    python benchmarks/evidence.py fashion-mnist --depth 8 --timesteps 2 --seeds 5

Trains with `ablate`, one thread per training, in `runs/evidence`; the same command resumes after an interruption.
Whenever a depth and T are done, their trainings are added to `benchmarks/data/evidence-NAME.parquet`, unless it has
the network and seed already; its columns are described in `benchmarks/data/README.md`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from xoresnet import Arch
from xoresnet.data.spec import DataSpec
from xoresnet.files.atomic import replaced
from xoresnet.results import load_ablation
from xoresnet.search import ablate

DATA = {
    "digits": DataSpec(name="digits"),
    "fashion-mnist": DataSpec(name="fashion-mnist", train_share=2 / 9),  # 12,000 of 54,000 images
}
EPOCHS = {"digits": 20, "fashion-mnist": 5}
FOLDER = Path("runs/evidence")
MERGES = ("add", "or", "oa", "current", "membrane")
PLACEMENTS = ("none", "entry", "middle", "both")
WIDTH = 16
FACTORS = ["config.depth", "config.timesteps", "config.merge", "config.xor", "seed"]
KEPT = ("arch_id", "seed", "state", "epochs_trained", "params_count", "train_seconds")


def main() -> None:
    arguments = read_arguments()
    for depth in arguments.depth:
        for timesteps in arguments.timesteps:
            parts = list(tables(arguments.data, depth, timesteps, arguments.seeds, arguments.workers))
            keep(table_of(arguments.data), pd.concat(parts, ignore_index=True))


def tables(name: str, depth: int, timesteps: int, seeds: int, workers: int) -> Iterator[pd.DataFrame]:
    """The trainings of one depth and T, a table for each XOR placement."""
    data = DATA[name].load()
    for xor in PLACEMENTS:
        arch = Arch(
            input_shape=data.input_shape, num_classes=data.num_classes, depth=depth, width=WIDTH, timesteps=timesteps,
            merge="add", xor=xor,
        )  # fmt: skip
        folder = FOLDER / name / f"depth{depth}-T{timesteps}-xor-{xor}"
        outcome = ablate(
            folder, arch=arch, data=DATA[name], values={"merge": MERGES}, seeds=seeds, epochs=EPOCHS[name],
            limits={"max_concurrent": workers},
        )  # fmt: skip
        print(f"{folder}: {outcome.ended}", file=sys.stderr, flush=True)
        yield load_ablation(folder)


def keep(place: Path, trainings: pd.DataFrame) -> None:
    """Add trainings to the recorded table."""
    measured = [name for name in trainings if name.startswith("test_")]
    columns = [*KEPT, *measured, *(name for name in trainings if name.startswith("config."))]
    table = trainings[columns]
    if place.exists():
        table = pd.concat([pd.read_parquet(place), table], ignore_index=True)
    table = table.drop_duplicates(["arch_id", "seed"])  # equal networks have the name of the first placement
    with replaced(place) as file:
        table.sort_values(FACTORS, ignore_index=True).to_parquet(file, compression="zstd")
    print(f"{place}: {len(table)} trainings", file=sys.stderr, flush=True)


def table_of(name: str) -> Path:
    return Path(__file__).parent / "data" / f"evidence-{name}.parquet"


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=list(DATA))
    parser.add_argument("--depth", type=int, nargs="+", default=[8, 14, 20])
    parser.add_argument("--timesteps", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
