"""Speed of training batches: ours against torchvision's transforms in a DataLoader, and the share of data in training.

    python benchmarks/data_speed.py [--rounds 7] [--threads 2]

All contenders take turns within each round, so that drifts in the speed of the machine affect all of them. Figures are
medians over rounds; ratios are medians of the ratios within a round. The first round is not counted: it starts the
workers, which persist. Fashion-MNIST is used if it is present, otherwise random images of its shape; images of CIFAR's
shape are always random. Batches are moved to CUDA if there is a device.

Run this on an idle machine: with other work on all cores, two threads that wait for each other at every small operation
made our batches fifty times slower. `--threads 1` avoids that.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from xoresnet import Arch, DataSet, Recipe, hold_freed_memory, load_data
from xoresnet.data.batches import batch_count, training_batches
from xoresnet.data.images import Augmentation, Split
from xoresnet.data.load import data_status
from xoresnet.training.fit import Training

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")
IMAGES = 10_000
"""Images per epoch when only batches are timed."""
STEPS = 100
"""Batches of 64 per epoch when training is timed."""

Task = Callable[[], float]
"""Does its work once and returns the seconds it took."""


class Pictures(Dataset[tuple[Tensor, int]]):
    """A split as a torchvision data set: each array becomes a PIL image and is transformed when it is read."""

    def __init__(self, data: DataSet) -> None:
        size, padding = data.input_shape[1:], data.augmentation.crop_padding
        images = data.train.images
        self.arrays = images[:, 0].numpy() if images.shape[1] == 1 else images.movedim(1, -1).contiguous().numpy()
        self.labels = data.train.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(size, padding=padding),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(data.mean, data.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.arrays[index])), self.labels[index]


def fashion_mnist() -> DataSet:
    if any(status.name == "fashion-mnist" and status.place for status in data_status()):
        return load_data("fashion-mnist")
    return random_data((1, 28, 28), crop_padding=2)


def random_data(shape: tuple[int, int, int], crop_padding: int) -> DataSet:
    generator = torch.Generator().manual_seed(0)
    pool = torch.randint(256, (IMAGES, *shape), dtype=torch.uint8, generator=generator)
    images = Split(pool, torch.randint(10, (IMAGES,), generator=generator))
    return replace(
        load_data("digits"),  # for its ten classes
        name="random images",
        mean=(0.5,) * shape[0],
        std=(0.29,) * shape[0],
        augmentation=Augmentation(flip=True, crop_padding=crop_padding),
        train=images,
        validation=images,
    )


def first(split: Split, number: int) -> Split:
    rows = torch.arange(len(split)) if split.rows is None else split.rows
    return Split(split.pool, split.labels[:number], rows[:number])


def our_batches(data: DataSet, batch_size: int, epochs: Iterator[int]) -> Task:
    """Makes the batches of the next epoch, as training does."""
    normalise = data.normalise
    return lambda: seconds_of(
        training_batches(
            data.train, batch_size, data.augmentation, normalise, seed=0, epoch=next(epochs), device=DEVICE
        )
    )


def loader_batches(data: DataSet, batch_size: int, workers: int) -> Task:
    loader = DataLoader(
        Pictures(data), batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0, pin_memory=CUDA
    )
    return lambda: seconds_of(
        (images.to(DEVICE, non_blocking=True), labels.to(DEVICE, non_blocking=True)) for images, labels in loader
    )


def seconds_of(batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    start = time.perf_counter()
    for _ in batches:
        pass
    if CUDA:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def in_turns(tasks: dict[str, Task], rounds: int) -> dict[str, list[float]]:
    """Seconds of each task in each round, after one uncounted round."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name, task in tasks.items():
            spent = task()
            if number >= 1:
                times[name].append(spent)
    return times


def ratio(times: dict[str, list[float]], name: str, base: str) -> float:
    return statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))


def report_batches(rounds: int) -> None:
    print(f"\n### Training batches, images per second ({IMAGES:,} images: flip, padded crop, normalise)\n")
    print("| images | batch | xoresnet | DataLoader, 0 workers | 2 workers | xoresnet to 0 workers | to 2 workers |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for data, batch_size in itertools.product((fashion_mnist(), random_data((3, 32, 32), crop_padding=4)), (64, 256)):
        cut = replace(data, train=first(data.train, IMAGES))
        tasks = {
            "ours": our_batches(cut, batch_size, itertools.count(1)),
            "0": loader_batches(cut, batch_size, 0),
            "2": loader_batches(cut, batch_size, 2),
        }
        times = in_turns(tasks, rounds)
        speeds = [f"{IMAGES / statistics.median(times[name]):,.0f}" for name in tasks]
        ratios = [f"{ratio(times, name, 'ours'):.1f}" for name in ("0", "2")]
        print(f"| {described(data)} | {batch_size} | {' | '.join(speeds + ratios)} |", flush=True)


def report_share(rounds: int) -> None:
    data = fashion_mnist()
    data = replace(data, train=first(data.train, 64 * STEPS), validation=first(data.validation, 64))
    assert batch_count(len(data.train), 64) == STEPS
    tasks = {"data": our_batches(data, 64, itertools.count(1))}
    for timesteps, precision in itertools.product((2, 4), ("fp32", "bf16")):
        tasks[f"{timesteps} | {precision}"] = training_epochs(data, timesteps, precision, rounds + 1)
    times = in_turns(tasks, rounds)
    print(f"\n### Share of data in training: xoresnet8, width 16, {described(data)}, {STEPS} batches of 64\n")
    print("| T | precision | batches alone, s | training on them, s | share of data, % |")
    print("| --- | --- | --- | --- | --- |")
    for name in list(tasks)[1:]:
        alone, training = statistics.median(times["data"]), statistics.median(times[name])
        print(f"| {name} | {alone:.3f} | {training:.2f} | {100 * ratio(times, 'data', name):.1f} |")


def training_epochs(data: DataSet, timesteps: int, precision: str, epochs: int) -> Task:
    """Trains one epoch per call; its seconds are those of the training loop, without evaluation."""
    arch = Arch.baseline(
        "xoresnet8", input_shape=data.input_shape, num_classes=data.num_classes, timesteps=timesteps, width=16
    )
    recipe = Recipe(epochs=epochs, batch_size=64).replace(precision=precision)
    records = iter(Training(arch, data, recipe, device=DEVICE))
    return lambda: next(records).train_seconds


def described(data: DataSet) -> str:
    return f"{data.name}, {'x'.join(map(str, data.input_shape))}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    held = hold_freed_memory()
    torch.set_num_threads(arguments.threads)
    where = torch.cuda.get_device_name() if CUDA else f"{platform.machine()} CPU, {arguments.threads} threads"
    print(
        f"torch {torch.__version__}, {where}, freed memory {'held' if held else 'returned'}, {arguments.rounds} rounds"
    )
    report_batches(arguments.rounds)
    report_share(arguments.rounds)


if __name__ == "__main__":
    main()
