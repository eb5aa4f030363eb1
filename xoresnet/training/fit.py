"""Training: `fit` yields a record per epoch; `Training` also gives access to the network.

All random numbers depend only on the recipe's seed and the number of the epoch, so a run that resumes from its
checkpoint gives the same records as one that was never interrupted, bit for bit on the CPU.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from xoresnet.data.batches import batch_count
from xoresnet.data.load import DataSet
from xoresnet.data.samples import Samples
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import RunError
from xoresnet.measures.records import EpochRecord
from xoresnet.network.xoresnet import XOResNet
from xoresnet.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from xoresnet.training.evaluation import Evaluation, evaluate
from xoresnet.training.footprint import check_memory
from xoresnet.training.learning import (
    check_finite,
    check_fits,
    check_recipe,
    default_device,
    epoch_batches,
    lay_out,
    optimizer_of,
    peak_memory_mib,
    training_loss,
    uses_bf16,
)
from xoresnet.training.resumable_epochs import ResumableEpochs

__all__ = ["Step", "Training", "estimate_epoch_seconds", "fit"]

_IDENTITY = {"network": "arch", "recipe": "recipe", "data set or split": "data", "precision": "precision"}
"""What a checkpoint must have in common with the training that resumes from it, and the field that holds it."""


@dataclass(frozen=True)
class Step:
    """The progress of an epoch after one batch."""

    epoch: int
    """Counted from 1, like the step."""
    step: int
    steps: int
    """Of the epoch."""
    learning_rate: float
    images: int
    """Number of images seen in this epoch so far."""
    _loss_sum: Tensor
    _correct: Tensor

    @property
    def train_loss(self) -> float:
        """Mean over the epoch so far; on CUDA, reading it waits for the device. Likewise the accuracy."""
        return float(self._loss_sum) / self.images

    @property
    def train_accuracy(self) -> float:
        return int(self._correct) / self.images


def fit(
    arch: Arch,
    data: DataSet,
    recipe: Recipe | None = None,
    seed: int | None = None,
    *,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
) -> Iterator[EpochRecord]:
    """Train a network and yield a record after each epoch; it is always safe to stop between two epochs.

    recipe: None for the data set's own. seed: replaces the recipe's. device: by default CUDA if there is any.
    checkpoint: a file that is written after each epoch; if it exists, its records come first and training resumes
    after them. One that is damaged is set aside (`<name>.damaged`) with a warning, and training begins at epoch 1.

    Raises `DataError` if the data do not fit the network, `RunError` for a checkpoint that belongs to another network,
    recipe or data set, `TrainingError` for a network that cannot fit into memory, and `DivergenceError`; all of them
    when the first record is requested or later.
    """
    training = Training(arch, data, recipe, seed, device=device, checkpoint=checkpoint)
    if training.notice:
        warnings.warn(training.notice, stacklevel=2)
    yield from training.records
    yield from training


class Training(ResumableEpochs[EpochRecord]):
    """A network in training: `net`, the `records` of finished epochs, and iteration over those to come.

    Iterating again after an exception resumes from the checkpoint. `on_step` is called after each batch. The arguments
    and errors are those of `fit`, and errors of arguments are raised at once.
    """

    def __init__(
        self,
        arch: Arch,
        data: DataSet,
        recipe: Recipe | None = None,
        seed: int | None = None,
        *,
        device: str | torch.device | None = None,
        checkpoint: str | Path | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> None:
        recipe = data.default_recipe if recipe is None and isinstance(data, DataSet) else recipe
        for name, argument, kind in (("arch", arch, Arch), ("data", data, DataSet), ("recipe", recipe, Recipe)):
            if not isinstance(argument, kind):
                raise TypeError(f"{name} must be of type {kind.__name__}, got {type(argument).__name__}")
        check_fits(arch, data)
        super().__init__(recipe.epochs, checkpoint)
        self.arch, self.data = arch, data
        self.recipe = recipe if seed is None else recipe.replace(seed=seed)
        self.device = default_device(device)
        self._bf16 = uses_bf16(self.recipe, self.device)
        check_recipe(self.recipe, data)
        self._on_step = on_step
        check_memory(arch, self.recipe, data, self.device, bf16=self._bf16)
        self._begin()

    def _prepare(self) -> None:
        """Draw the weights from the seed."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.recipe.seed)
            self.net = XOResNet(self.arch)
        self.net.to(self.device)
        lay_out(self.net, self.recipe, self.device)
        self._optimizer = optimizer_of(self.net, self.recipe)

    def evaluate(self, split: Samples) -> Evaluation:
        """Evaluate the network as it is now on all samples of a split, in the precision of training."""
        return evaluate(self.net, split, self.data.normalise, self.device, bf16=self._bf16)

    def _epoch(self, epoch: int) -> EpochRecord:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        start = time.perf_counter()
        for step in self._steps(epoch):
            if self._on_step is not None:
                self._on_step(step)
        self._check_finite(epoch, step.train_loss)
        trained = time.perf_counter()
        evaluation = self.evaluate(self.data.validation)
        self._check_finite(epoch, evaluation.loss)
        return EpochRecord(
            epoch=epoch,
            learning_rate=step.learning_rate,
            train_loss=step.train_loss,
            train_accuracy=step.train_accuracy,
            train_seconds=trained - start,
            evaluation_seconds=time.perf_counter() - trained,
            peak_memory_mib=peak_memory_mib(self.device),
            **evaluation.as_dict("val_"),
            layers=tuple(evaluation.counts.layers),
        )

    def _steps(self, epoch: int) -> Iterator[Step]:
        """Train one epoch, batch by batch."""
        recipe, split = self.recipe, self.data.train
        per_epoch = batch_count(len(split), recipe.batch_size)
        self.net.train()
        loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        seen = 0
        batches = epoch_batches(self.data, recipe, epoch, self.device, timesteps=self.arch.timesteps)
        for number, (images, labels) in enumerate(batches):
            step = (epoch - 1) * per_epoch + number
            learning_rate = recipe.learning_rate_at(step, per_epoch * recipe.epochs)
            for group in self._optimizer.param_groups:
                group["lr"] = learning_rate
            with self._autocast():
                loss, logits = training_loss(self.net, recipe, images, labels)
            self._optimizer.zero_grad()
            loss.backward()
            if recipe.clip_norm is not None:
                nn.utils.clip_grad_norm_(self.net.parameters(), recipe.clip_norm)
            self._optimizer.step()
            loss_sum = loss_sum + loss.detach().double() * len(labels)  # not in place: earlier steps keep their values
            correct = correct + (logits.argmax(1) == labels).sum()
            seen += len(labels)
            yield Step(epoch, number + 1, per_epoch, learning_rate, seen, loss_sum, correct)

    def _check_finite(self, epoch: int, loss: float) -> None:
        check_finite(f"training of {self.arch.arch_id}", self.recipe, epoch, loss, self.net.state_dict())

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)

    @property
    def precision(self) -> str:
        """The precision that the recipe means on this machine: bf16 or fp32."""
        return "bf16" if self._bf16 else "fp32"

    def _save(self, file: Path) -> None:
        save_checkpoint(file, self._checkpoint())

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            arch=self.arch,
            recipe=self.recipe,
            data=f"{self.data.name} {self.data.fingerprint}",
            precision=self.precision,
            records=tuple(self.records),
            weights=self.net.state_dict(),
            optimizer=self._optimizer.state_dict()["state"],
        )

    def _restore(self, file: Path) -> None:
        current, saved = self._checkpoint(), load_checkpoint(file)
        different = [name for name, field in _IDENTITY.items() if getattr(current, field) != getattr(saved, field)]
        if different:
            raise RunError(f"{file} is a checkpoint of another {' and another '.join(different)}")
        self.net.load_state_dict(saved.weights)
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": saved.optimizer, "param_groups": groups})
        self.records = list(saved.records)


def estimate_epoch_seconds(
    arch: Arch, data: DataSet, recipe: Recipe | None = None, *, device: str | torch.device | None = None
) -> float:
    """Seconds that an epoch and its evaluation will take, measured over a few steps of a training that is discarded."""
    training = Training(arch, data, recipe, device=device)
    times = []
    start = time.perf_counter()
    for step in islice(training._steps(1), 6):
        _ = step.train_loss  # waits for the device
        times.append(time.perf_counter() - start)
        start = time.perf_counter()
    few = data.validation.part(torch.arange(min(256, len(data.validation))))
    training.evaluate(few)
    evaluation = (time.perf_counter() - start) * len(data.validation) / len(few)
    return min(times) * step.steps + evaluation
