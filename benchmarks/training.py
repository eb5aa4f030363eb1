"""Accuracy and time of training on `digits` and `fashion-mnist`, and a comparison of all merges.

    python benchmarks/training.py digits [--seeds 3]
    python benchmarks/training.py fashion-mnist [--epochs 5] [--timesteps 4]
    python benchmarks/training.py merges [--data digits] [--seeds 3] [--epochs N] [--depth 8] [--timesteps 4]
                                         [--train-images N] [--precision auto] [--workers 1]

Networks have width 16. Seeds determine the weights, the order of the images and their augmentation; the validation set
is always split off with seed 0. `--threads` (default 2) applies to the first two commands, which measure time; `merges`
gives each worker process one thread, because its output does not depend on time. Runs on CUDA if there is a device.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import multiprocessing
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from typing import NamedTuple

import torch

from xoresnet import Arch, DataSet, DivergenceError, Recipe, fit, hold_freed_memory, load_data
from xoresnet.data.images import Split
from xoresnet.measures.records import EpochRecord

MERGES = ("add", "or", "oa", "current", "membrane")
XORS = ("none", "middle")


def xoresnet8(data: DataSet, timesteps: int) -> Arch:
    return Arch.baseline(
        "xoresnet8", input_shape=data.input_shape, num_classes=data.num_classes, width=16, timesteps=timesteps
    )


def report_digits(arguments: argparse.Namespace) -> None:
    data = load_data("digits")
    recipe = data.default_recipe
    print_heading(f"xoresnet8, T = 4, digits, {recipe.epochs} epochs", f"{arguments.threads} threads, precision auto")
    print("| seed | validation accuracy, % | seconds in all |")
    print("| --- | --- | --- |")
    for seed in range(arguments.seeds):
        start = time.perf_counter()
        *_, last = fit(xoresnet8(data, 4), data, recipe, seed)
        print(f"| {seed} | {100 * last.val_accuracy:.2f} | {time.perf_counter() - start:.1f} |", flush=True)


def report_fashion_mnist(arguments: argparse.Namespace) -> None:
    """Both precisions take turns, epoch by epoch, so that drifts in the speed of the machine affect both."""
    data, timesteps, epochs = load_data("fashion-mnist"), arguments.timesteps, arguments.epochs
    print_heading(f"xoresnet8, T = {timesteps}, fashion-mnist, {epochs} epochs", f"{arguments.threads} threads")
    print("| epoch | precision | validation accuracy, % | minutes | spikes per sample |")
    print("| --- | --- | --- | --- | --- |")
    recipes = {name: data.default_recipe.replace(epochs=epochs, precision=name) for name in ("fp32", "bf16")}
    ratios = []
    for records in zip(*(fit(xoresnet8(data, timesteps), data, recipe) for recipe in recipes.values()), strict=True):
        minutes = [(record.train_seconds + record.evaluation_seconds) / 60 for record in records]
        ratios.append(minutes[1] / minutes[0])
        for name, record, spent in zip(recipes, records, minutes, strict=True):
            cells = f"{100 * record.val_accuracy:.2f} | {spent:.2f} | {record.spikes_per_sample:,.0f}"
            print(f"| {record.epoch} | {name} | {cells} |", flush=True)
    print(f"\nTime of an epoch, bf16 / fp32: {statistics.median(ratios):.2f}.")


class Job(NamedTuple):
    arch: Arch
    recipe: Recipe
    data: str
    train_images: int | None

    def __str__(self) -> str:
        return f"{self.arch.merge}, xor {self.arch.xor}, seed {self.recipe.seed}"


class Outcome(NamedTuple):
    job: Job
    last: EpochRecord | None
    """None if training diverged."""
    reason: str = ""


@functools.cache
def first_images(name: str, train_images: int | None) -> DataSet:
    """A data set with only its first `train_images` training images; None for all."""
    data = load_data(name)
    return replace(data, train=Split(data.train.images[:train_images], data.train.labels[:train_images]))


def run(job: Job) -> Outcome:
    try:
        *_, last = fit(job.arch, first_images(job.data, job.train_images), job.recipe)
    except DivergenceError as error:
        return Outcome(job, None, str(error))
    return Outcome(job, last)


def start_worker() -> None:
    torch.set_num_threads(1)
    hold_freed_memory()


def run_all(jobs: list[Job], workers: int) -> Iterator[Outcome]:
    """Outcomes as trainings finish, each with a line of progress."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker) as pool:
        futures = [pool.submit(run, job) for job in jobs]
        for number, future in enumerate(as_completed(futures), 1):
            job, last, reason = outcome = future.result()
            result = f"{100 * last.val_accuracy:.2f} %, {last.spikes_per_sample:,.0f} spikes" if last else reason
            print(f"{number} of {len(jobs)}: {job}: {result}", file=sys.stderr, flush=True)
            yield outcome


def report_merges(arguments: argparse.Namespace) -> None:
    data = first_images(arguments.data, arguments.train_images)
    epochs = arguments.epochs or data.default_recipe.epochs
    recipe = data.default_recipe.replace(epochs=epochs, precision=arguments.precision)
    arch = Arch(
        input_shape=data.input_shape,
        num_classes=data.num_classes,
        depth=arguments.depth,
        width=16,
        timesteps=arguments.timesteps,
    )
    networks = [arch.replace(merge=merge, xor=xor) for merge, xor in itertools.product(MERGES, XORS)]
    jobs = [
        Job(network, recipe.replace(seed=seed), arguments.data, arguments.train_images)
        for network, seed in itertools.product(networks, range(arguments.seeds))
    ]
    outcomes = sorted(run_all(jobs, arguments.workers), key=lambda outcome: jobs.index(outcome.job))
    print_heading(
        f"Depth {arch.depth}, T = {arch.timesteps}, {data.name}, {len(data.train):,} training images, {epochs} epochs",
        f"precision {recipe.precision}, mean ± standard deviation over {arguments.seeds} seeds",
    )
    print("| merge | xor | validation accuracy, % | spikes per sample | diverged |")
    print("| --- | --- | --- | --- | --- |")
    for network in networks:
        mine = [outcome for outcome in outcomes if outcome.job.arch == network]
        done = [outcome.last for outcome in mine if outcome.last]
        cells = [
            mean_and_deviation([100 * last.val_accuracy for last in done], ".2f"),
            mean_and_deviation([last.spikes_per_sample for last in done], ",.0f"),
            f"{len(mine) - len(done)} of {len(mine)}",
        ]
        print(f"| {network.merge} | {network.xor} | {' | '.join(cells)} |")
    reasons = [f"- {outcome.job}: {outcome.reason}" for outcome in outcomes if not outcome.last]
    print("", *reasons, sep="\n")


def mean_and_deviation(values: list[float], form: str) -> str:
    """Mean and sample standard deviation as text; the deviation is omitted for a single value."""
    if not values:
        return "-"
    deviation = f" ± {statistics.stdev(values):{form}}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{form}}{deviation}"


def print_heading(title: str, how: str) -> None:
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{platform.machine()} CPU"
    print(f"\n### {title}\n\ntorch {torch.__version__}, {where}, {how}.\n", flush=True)


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(required=True, metavar="PART")
    digits = parts.add_parser("digits", help="xoresnet8 on digits: accuracy and seconds")
    digits.set_defaults(report=report_digits)
    digits.add_argument("--seeds", type=int, default=3)
    fashion = parts.add_parser("fashion-mnist", help="xoresnet8 on fashion-mnist, fp32 and bf16, epoch by epoch")
    fashion.set_defaults(report=report_fashion_mnist)
    fashion.add_argument("--epochs", type=int, default=5)
    merges = parts.add_parser("merges", help="merges with and without XOR: accuracy and spikes over seeds")
    merges.set_defaults(report=report_merges)
    merges.add_argument("--data", choices=("digits", "fashion-mnist"), default="digits")
    merges.add_argument("--seeds", type=int, default=3)
    merges.add_argument("--epochs", type=int, help="default: those of the data set")
    merges.add_argument("--depth", type=int, default=8)
    merges.add_argument("--train-images", type=int, help="use only the first N training images; default: all")
    merges.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    merges.add_argument("--workers", type=int, default=1)
    for part in (fashion, merges):
        part.add_argument("--timesteps", type=int, default=4)
    for part in (digits, fashion):
        part.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    arguments = parsed_arguments()
    hold_freed_memory()
    torch.set_num_threads(getattr(arguments, "threads", 1))
    arguments.report(arguments)


if __name__ == "__main__":
    main()
