"""Training: `fit` yields a record per epoch; `Training` is the same with its network at hand.

Everything random follows from the recipe's seed and the number of the epoch, so that a run which goes on from its
checkpoint gives the records of one that was never interrupted, bit for bit on the CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from xoresnet.data.batches import Normalise, batch_count, training_batches
from xoresnet.data.images import Split
from xoresnet.data.load import DataSet
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DivergenceError
from xoresnet.measures.records import EpochRecord
from xoresnet.network.xoresnet import XOResNet
from xoresnet.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from xoresnet.training.evaluation import Evaluation, evaluate
from xoresnet.training.learning import (
    augmentation_of,
    check_fits,
    default_device,
    lay_out,
    make_optimizer,
    named_parameters,
    peak_memory_mib,
    training_loss,
    uses_bf16,
)
from xoresnet.training.resumable_epochs import ResumableEpochs

__all__ = ["Step", "Training", "estimate_epoch_seconds", "fit"]

_IDENTITY = {"network": "arch", "recipe": "recipe", "data set or split": "data", "precision": "precision"}
"""In what a checkpoint must agree with the training that goes on from it."""


@dataclass(frozen=True)
class Step:
    """How far an epoch is, after one batch of it."""

    epoch: int
    """From 1, like the step."""
    step: int
    steps: int
    learning_rate: float
    images: int
    """Seen in this epoch so far."""
    _loss_sum: Tensor
    _right: Tensor

    @property
    def train_loss(self) -> float:
        """Mean over the epoch so far; on CUDA, asking for it waits for the device. Likewise the accuracy."""
        return float(self._loss_sum) / self.images

    @property
    def train_accuracy(self) -> float:
        return int(self._right) / self.images


def fit(
    arch: Arch,
    data: DataSet,
    recipe: Recipe | None = None,
    seed: int | None = None,
    *,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
) -> Iterator[EpochRecord]:
    """Train a network and yield a record after each epoch; stopping between two of them is always safe.

    recipe: None for the data set's own. seed: in place of the recipe's. device: by default CUDA where there is one.
    checkpoint: a file that is written after each epoch; if it exists already, its records come first and training goes
    on behind them. Raises `DivergenceError`, and ValueError for data that do not fit and for a checkpoint of another
    network, recipe or data set; all of these when the first record is asked for.
    """
    training = Training(arch, data, recipe, seed, device=device, checkpoint=checkpoint)
    yield from training.records
    yield from training


class Training(ResumableEpochs[EpochRecord]):
    """A network being trained: `net`, `records` of the epochs done, and iteration over those to come.

    Iterating anew after an exception goes on from the checkpoint. `on_step` is called after each batch.
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
        for name, given, kind in (("arch", arch, Arch), ("data", data, DataSet), ("recipe", recipe, Recipe)):
            if not isinstance(given, kind):
                raise TypeError(f"{name} must be of type {kind.__name__}, got {type(given).__name__}")
        check_fits(arch, data)
        super().__init__(recipe.epochs, checkpoint)
        self.arch, self.data = arch, data
        self.recipe = recipe if seed is None else recipe.replace(seed=seed)
        self.device = default_device(device)
        self._bf16 = uses_bf16(self.recipe, self.device)
        self._normalise = Normalise(data.mean, data.std)
        self._on_step = on_step
        self._begin()

    def _prepare(self) -> None:
        """Weights from the seed."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.recipe.seed)
            self.net = XOResNet(self.arch)
        self.net.to(self.device)
        lay_out(self.net, self.recipe, self.device)
        self._optimizer = _optimizer(self.net, self.recipe)

    def evaluate(self, split: Split) -> Evaluation:
        """The network as it is now on all images of a split, in the precision of training."""
        return evaluate(self.net, split, self._normalise, self.device, bf16=self._bf16)

    def _epoch(self, epoch: int) -> EpochRecord:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        start = time.perf_counter()
        for step in self._steps(epoch):
            if self._on_step is not None:
                self._on_step(step)
        self._check_finite(epoch, step.train_loss)
        between = time.perf_counter()
        evaluation = self.evaluate(self.data.validation)
        self._check_finite(epoch, evaluation.loss)
        return EpochRecord(
            epoch=epoch,
            learning_rate=step.learning_rate,
            train_loss=step.train_loss,
            train_accuracy=step.train_accuracy,
            train_seconds=between - start,
            evaluation_seconds=time.perf_counter() - between,
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
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        seen = 0
        batches = training_batches(
            split, recipe.batch_size, augmentation_of(self.data, recipe), self._normalise,
            seed=recipe.seed, epoch=epoch, device=self.device,
        )  # fmt: skip
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
            loss_sum = loss_sum + loss.detach().double() * len(labels)  # not in place: steps keep what they were given
            right = right + (logits.argmax(1) == labels).sum()
            seen += len(labels)
            yield Step(epoch, number + 1, per_epoch, learning_rate, seen, loss_sum, right)

    def _check_finite(self, epoch: int, loss: float) -> None:
        """Weights too, because a neuron that is fed NaN is silent and may hide it from the loss."""
        weights = all(bool(value.isfinite().all()) for value in self.net.state_dict().values())
        if not (math.isfinite(loss) and weights):
            what = f"the loss became {loss}" if not math.isfinite(loss) else "weights are no longer finite"
            raise DivergenceError(
                f"training of {self.arch.arch_id} diverged in epoch {epoch} of {self.recipe.epochs}, "
                f"at learning_rate={self.recipe.learning_rate:g}: {what}"
            )

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)

    @property
    def precision(self) -> str:
        """What the recipe's came to on this machine: bf16 or fp32."""
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
        mine, saved = self._checkpoint(), load_checkpoint(file)
        other = [name for name, field in _IDENTITY.items() if getattr(mine, field) != getattr(saved, field)]
        if other:
            raise ValueError(f"{file} is a checkpoint of another {' and another '.join(other)}")
        self.net.load_state_dict(saved.weights)
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": saved.optimizer, "param_groups": groups})
        self.records = list(saved.records)


def estimate_epoch_seconds(
    arch: Arch, data: DataSet, recipe: Recipe | None = None, *, device: str | torch.device | None = None
) -> float:
    """How long an epoch will take with its evaluation, from a few steps that are thrown away afterwards."""
    training = Training(arch, data, recipe, device=device)
    times = []
    start = time.perf_counter()
    for step in islice(training._steps(1), 6):
        _ = step.train_loss  # waits for the device
        times.append(time.perf_counter() - start)
        start = time.perf_counter()
    batch = data.validation.take(torch.arange(min(256, len(data.validation))))
    training.evaluate(Split(batch, data.validation.labels[: len(batch)]))
    evaluation = (time.perf_counter() - start) * len(data.validation) / len(batch)
    return min(times) * step.steps + evaluation


def _optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    decaying: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for _, parameter, decays in named_parameters(net):
        (decaying if decays else others).append(parameter)
    return make_optimizer(decaying, others, recipe)
