"""What merges and XOR placements do at equal width, depth and T: networks trained on the same seeds.

    python benchmarks/evidence/ablations.py digits factorial [--depth 8 14 20] [--timesteps 1 2 4] [--seeds 10]
    python benchmarks/evidence/ablations.py digits gradients  # the backward forms of OR and XOR, depth 14, T 2
    python benchmarks/evidence/ablations.py digits widths     # four widths of each merge, for accuracy at equal spikes
    python benchmarks/evidence/ablations.py fashion-mnist factorial --depth 8 --timesteps 2 --seeds 5

Trains with `ablate`, one thread per training, in `runs/evidence`; the same command resumes after an interruption. What
is done is added to a folder that `load_ablation` reads, with where and when in its `made.csv`, and is not trained
again. By default this is the recorded folder `benchmarks/data/evidence-NAME`, from which `ablation_tables.py` makes the
tables of `docs/evidence.md`; to train everything anew, give both another one by `--output DIR`.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from xoresnet import Arch, Recipe
from xoresnet.data.spec import DataSpec
from xoresnet.files.atomic import replaced
from xoresnet.results import comparisons, load_ablation
from xoresnet.results.tables.files import write_parquet
from xoresnet.search import ablate
from xoresnet.training.learning import uses_bf16

DATA = {
    "digits": DataSpec(name="digits"),
    "fashion-mnist": DataSpec(name="fashion-mnist", validation_share=1 / 60, train_share=10 / 59),  # 10,000 images
}
EPOCHS = {"digits": 20, "fashion-mnist": 5}
COMMAND = ("python", "benchmarks/evidence/ablations.py")
FOLDER = Path("runs/evidence")
MADE = "made.csv"
MERGES = ("add", "or", "oa", "current", "membrane")
PLACEMENTS = ("none", "entry", "middle", "both")
GRADIENTS = ("arithmetic", "saturating", "straight-through")
WIDTHS = (8, 12, 16, 24)
REFERENCES = {"merge": "add", "xor": "none", "logic_gradient": "arithmetic", "width": 16}
"""With what the others are compared."""


class Part(NamedTuple):
    """One network, and the values of one field that are tried in it."""

    name: str
    arch: Mapping[str, Any]
    values: Mapping[str, Sequence[Any]]

    def variants(self) -> list[dict[str, Any]]:
        return [{name: value} for name, values in self.values.items() for value in values]


def main() -> None:
    arguments = read_arguments()
    place = arguments.output or recorded(arguments.data)
    for part in EXPERIMENTS[arguments.experiment](arguments):
        networks = {network(arguments.data, {**part.arch, **fields}).arch_id for fields in part.variants()}
        if networks <= complete(place, arguments.seeds):  # or equal ones: at depth 8, some placements are the same
            continue
        folder = FOLDER / arguments.data / part.name
        outcome = ablate(
            folder,
            arch=network(arguments.data, part.arch),
            data=DATA[arguments.data],
            values=part.values,
            seeds=arguments.seeds,
            epochs=EPOCHS[arguments.data],
            limits={"max_concurrent": arguments.workers},
        )
        if outcome.interrupted:
            sys.exit(128 + outcome.interrupted)
        print(f"{folder}: {outcome.ended}", file=sys.stderr, flush=True)
        keep(place, folder, part.name)


def factorial(arguments: argparse.Namespace) -> Iterator[Part]:
    for depth, timesteps, xor in product(arguments.depth, arguments.timesteps, PLACEMENTS):
        arch = {"depth": depth, "timesteps": timesteps, "merge": "add", "xor": xor}
        yield Part(f"depth{depth}-T{timesteps}-xor-{xor}", arch, {"merge": MERGES})


def gradients(arguments: argparse.Namespace) -> Iterator[Part]:
    for merge, xor in (("or", "none"), ("oa", "none"), ("add", "middle"), ("oa", "middle")):
        arch = {"depth": 14, "timesteps": 2, "merge": merge, "xor": xor}
        yield Part(f"gradients-{merge}-{xor}", arch, {"logic_gradient": GRADIENTS})


def widths(arguments: argparse.Namespace) -> Iterator[Part]:
    for merge, xor in product(MERGES, ("none", "middle")):
        arch = {"depth": 8, "timesteps": 2, "merge": merge, "xor": xor}
        yield Part(f"widths-{merge}-{xor}", arch, {"width": WIDTHS})


EXPERIMENTS = {"factorial": factorial, "gradients": gradients, "widths": widths}


def network(name: str, fields: Mapping[str, Any]) -> Arch:
    data = DATA[name].load()
    return Arch(input_shape=data.input_shape, num_classes=data.num_classes, **{"width": 16, **fields})


def recorded(name: str) -> Path:
    return Path(__file__).parents[1] / "data" / f"evidence-{name}"


def complete(place: Path, seeds: int) -> set[str]:
    """The networks that are recorded with at least so many seeds."""
    if not place.exists():
        return set()
    trainings = load_ablation(place).drop_duplicates("training_id")
    counted = trainings.loc[trainings["state"] == "COMPLETE"].groupby("arch_id").size()
    return set(counted.index[counted >= seeds])


def keep(place: Path, folder: Path, part: str) -> None:
    """Add the trainings of an ablation to the recorded ones; equal networks keep the description that came first."""
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "config.yaml").exists():
        shutil.copy(folder / "config.yaml", place)
        (place / "recorded.txt").write_text(f"Tables without a study, made by {' '.join(COMMAND)}.\n", encoding="utf-8")
    new = load_ablation(folder)
    note_made(place / MADE, {"part": part, **origin(new)})
    trainings = pd.concat([load_ablation(place), new], ignore_index=True)
    table = comparisons(trainings, REFERENCES)
    write_parquet(place / "ablations.parquet", table)
    print(f"{place}: {table['training_id'].nunique()} trainings", file=sys.stderr, flush=True)


def note_made(file: Path, made: Mapping[str, Any]) -> None:
    """Add a row, in place of an earlier one of the same part."""
    rows = pd.DataFrame([made])
    if file.exists():
        earlier = pd.read_csv(file)
        rows = pd.concat([earlier[earlier["part"] != made["part"]], rows], ignore_index=True)
    with replaced(file) as partial:
        rows.to_csv(partial, index=False)


def origin(trainings: pd.DataFrame) -> dict[str, Any]:
    """When, where and with what these were trained."""
    return {
        "trainings": trainings["training_id"].nunique(),
        "seconds": round(trainings.drop_duplicates("training_id")["train_seconds"].sum()),
        "date": datetime.now(UTC).date().isoformat(),
        "torch": torch.__version__,
        "processor": processor(),
        "precision": "bf16" if uses_bf16(Recipe(), torch.device("cpu")) else "fp32",
    }


def processor() -> str:
    """The name of the processor, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=list(DATA))
    parser.add_argument("experiment", choices=list(EXPERIMENTS))
    parser.add_argument("--depth", type=int, nargs="+", default=[8, 14, 20])
    parser.add_argument("--timesteps", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, metavar="DIR")
    return parser.parse_args()


if __name__ == "__main__":
    main()
