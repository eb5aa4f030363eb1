"""Training shared weights: at each step a few architectures on one batch, their gradients added up.

Which ones follows from the seed and the number of the epoch alone, as everything random does, so that a training which
goes on from its checkpoint ends with the weights of one that was never interrupted, bit for bit on the CPU.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from xoresnet.data.batches import Normalise, batch_count, training_batches
from xoresnet.data.load import DataSet
from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import dense_macs
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DivergenceError
from xoresnet.network.xoresnet import XOResNet
from xoresnet.shared.weights import SharedNetwork, WeightGroup, groups_of
from xoresnet.training.learning import (
    augmentation_of,
    check_fits,
    default_device,
    lay_out,
    make_optimizer,
    named_parameters,
    training_loss,
    uses_bf16,
)
from xoresnet.training.resumable_epochs import ResumableEpochs
from xoresnet.training.tensor_file import TensorFile, load_tensor_file, save_tensor_file

__all__ = ["SharedEpoch", "SharedTraining", "load_shared"]

_FORMAT = "xoresnet-shared-1"
_IDENTITY = {
    "group": "group", "list of architectures": "archs", "recipe": "recipe", "sampling": "sampling",
    "data set or split": "data", "precision": "precision",
}  # fmt: skip
"""In what a checkpoint must agree with the training that goes on from it."""

_VIEWS_KEPT = 512
"""Making one anew costs about as much as a step of a small network."""

Sampling = Literal["sandwich", "uniform"]


@dataclass(frozen=True)
class SharedEpoch:
    """What one epoch of shared training came to."""

    epoch: int
    """From 1."""
    learning_rate: float
    """Of the last step."""
    train_loss: float
    """Mean over images and architectures, while the weights changed; likewise the accuracy."""
    train_accuracy: float
    image_passes: int
    """Images times the architectures that saw them, forward and backward: what an epoch of one network costs times the
    number of architectures a step."""
    train_seconds: float


class _Sampler:
    """Draws the architectures of a step out of a list.

    `uniform`: each equally likely. `sandwich`: one of the least, one of the most dense multiply-adds, the others at
    random (Yu & Huang 2019, arXiv 1903.05134).
    """

    def __init__(self, archs: Sequence[Arch], sampling: Sampling, number: int) -> None:
        self.archs, self.sampling, self.number = archs, sampling, number
        costs = [dense_macs(arch) for arch in archs]
        self._ends: list[list[Arch]] = []
        if sampling == "sandwich":
            for end in (min(costs), max(costs)):
                self._ends.append([arch for arch, cost in zip(archs, costs, strict=True) if cost == end])

    def draw(self, rng: Random) -> list[Arch]:
        ends = [rng.choice(end) for end in self._ends]
        return ends + [rng.choice(self.archs) for _ in range(self.number - len(ends))]


class SharedTraining(ResumableEpochs[SharedEpoch]):
    """The weights of one group being trained: `network`, `records` of the epochs done, iteration over those to come.

    Iterating anew after an exception goes on from the checkpoint.
    """

    def __init__(
        self,
        archs: Sequence[Arch],
        data: DataSet,
        recipe: Recipe | None = None,
        seed: int | None = None,
        *,
        sampling: Sampling = "uniform",
        archs_per_step: int = 1,
        device: str | torch.device | None = None,
        checkpoint: str | Path | None = None,
    ) -> None:
        """archs: whose weights are to be trained, all of one group (`groups_of`); for a space too large to be listed,
        a few thousand drawn from it. recipe: None for the data set's own. seed: in place of the recipe's. checkpoint:
        a file written after each epoch; if it exists already, training goes on behind it.

        Raises ValueError for architectures of several groups, data that do not fit and a checkpoint of another
        training; iterating raises `DivergenceError`.
        """
        self.group, self.archs = _one_group(archs)
        check_fits(self.archs[0], data)
        if sampling not in get_args(Sampling):
            raise ValueError(f"sampling is 'sandwich' or 'uniform', got {sampling!r}")
        least = 3 if sampling == "sandwich" else 1
        if archs_per_step < least:
            raise ValueError(f"archs_per_step is at least {least} for {sampling} sampling, got {archs_per_step}")
        self.data = data
        recipe = recipe or data.default_recipe
        self.recipe = recipe if seed is None else recipe.replace(seed=seed)
        super().__init__(self.recipe.epochs, checkpoint)
        self.device = default_device(device)
        self._sampler = _Sampler(self.archs, sampling, archs_per_step)
        self._bf16 = uses_bf16(self.recipe, self.device)
        self._normalise = Normalise(data.mean, data.std)
        self._begin()

    def _prepare(self) -> None:
        self.network = SharedNetwork(seed=self.recipe.seed, device=self.device)
        self._optimizer = make_optimizer([], [], self.recipe)
        self._watched: set[nn.Parameter] = set()
        self._view = lru_cache(maxsize=_VIEWS_KEPT)(self._new_view)

    def _new_view(self, arch: Arch) -> XOResNet:
        """A view whose weights, new ones among them, are in the optimizer."""
        net = self.network.view(arch).train()
        lay_out(net, self.recipe, self.device)
        decaying, others = self._optimizer.param_groups
        for _, parameter, decays in named_parameters(net):
            if parameter not in self._watched:
                self._watched.add(parameter)
                (decaying if decays else others)["params"].append(parameter)
        return net

    def _epoch(self, epoch: int) -> SharedEpoch:
        start = time.perf_counter()
        recipe, split = self.recipe, self.data.train
        per_epoch = batch_count(len(split), recipe.batch_size)
        batches = training_batches(
            split, recipe.batch_size, augmentation_of(self.data, recipe), self._normalise,
            seed=recipe.seed, epoch=epoch, device=self.device,
        )  # fmt: skip
        draws = Random(str(np.random.SeedSequence((recipe.seed, epoch, 1)).generate_state(4)))
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        passes = 0
        for number, (images, labels) in enumerate(batches):
            rate = recipe.learning_rate_at((epoch - 1) * per_epoch + number, per_epoch * recipe.epochs)
            archs = self._sampler.draw(draws)
            step_loss, step_right = self._step(archs, images, labels, rate)
            loss += step_loss * len(labels)
            right += step_right
            passes += len(archs) * len(labels)
        mean_loss = float(loss) / passes
        self._check_finite(epoch, mean_loss)
        return SharedEpoch(epoch, rate, mean_loss, int(right) / passes, passes, time.perf_counter() - start)

    def _step(self, archs: Sequence[Arch], images: Tensor, labels: Tensor, rate: float) -> tuple[Tensor, Tensor]:
        """One step of the optimizer; returns the sums over architectures of loss and of images that were right."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        nets = [self._view(arch) for arch in archs]
        self._optimizer.zero_grad()  # a weight that no architecture of this step has keeps no gradient, and stays
        loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        for net in nets:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
                loss, logits = training_loss(net, self.recipe, images, labels)
            (loss / len(nets)).backward()
            loss_sum += loss.detach().double()
            right += (logits.argmax(1) == labels).sum()
        if self.recipe.clip_norm is not None:
            weights = self.network.parameters(self.group)
            nn.utils.clip_grad_norm_([weights[key] for key in sorted(weights)], self.recipe.clip_norm)
        self._optimizer.step()
        return loss_sum, right

    def _check_finite(self, epoch: int, loss: float) -> None:
        weights = all(bool(value.isfinite().all()) for value in self.network.state_dict(self.group).values())
        if not (math.isfinite(loss) and weights):
            what = f"the loss became {loss}" if not math.isfinite(loss) else "weights are no longer finite"
            raise DivergenceError(
                f"shared training of {self.group} diverged in epoch {epoch} of {self.recipe.epochs}, "
                f"at learning_rate={self.recipe.learning_rate:g}: {what}"
            )

    def _identity(self) -> dict[str, str]:
        names = ",".join(arch.arch_id for arch in self.archs)
        return {
            "archs": hashlib.sha256(names.encode()).hexdigest(),
            "group": self.group.model_dump_json(),
            "recipe": self.recipe.model_dump_json(),
            "sampling": f"{self._sampler.sampling} {self._sampler.number}",
            "data": f"{self.data.name} {self.data.fingerprint}",
            "precision": "bf16" if self._bf16 else "fp32",
        }

    def _save(self, file: Path) -> None:
        weights = self.network.parameters(self.group)
        texts = {**self._identity(), "records": json.dumps([asdict(record) for record in self.records])}
        states = {key: self._optimizer.state[weight] for key, weight in weights.items()}
        save_tensor_file(file, _FORMAT, TensorFile(texts, self.network.state_dict(self.group), states))

    def _restore(self, file: Path) -> None:
        saved, mine = load_tensor_file(file, _FORMAT), self._identity()
        other = [name for name, field in _IDENTITY.items() if mine[field] != saved.texts.get(field)]
        if other:
            raise ValueError(f"{file} is a checkpoint of another {' and another '.join(other)}")
        self.network.load_state_dict(self.group, saved.weights)
        stays = not self._optimizer.defaults["fused"]  # on the CPU
        for key, weight in self.network.parameters(self.group).items():
            # they come into the optimizer's groups, as new ones do, with the first view that has them
            state = saved.optimizer.get(key, {})
            self._optimizer.state[weight] = {
                name: value if name == "step" and stays else value.to(self.device) for name, value in state.items()
            }
        self.records = [SharedEpoch(**fields) for fields in json.loads(saved.texts["records"])]


def load_shared(*files: str | Path, device: str | torch.device = "cpu") -> SharedNetwork:
    """The weights of all groups that trainings have written to these checkpoints, to predict from.

    Raises ValueError for files that are no such checkpoints or come from different seeds.
    """
    saved = [load_tensor_file(Path(file), _FORMAT) for file in files]
    seeds = {Recipe.from_dict(json.loads(content.texts["recipe"])).seed for content in saved}
    if len(seeds) != 1:
        raise ValueError(f"shared weights of one seed go together, got those of {sorted(seeds) or 'none'}")
    network = SharedNetwork(seed=seeds.pop(), device=device)
    for content in saved:
        group = WeightGroup.from_dict(json.loads(content.texts["group"]))
        network.load_state_dict(group, content.weights)
    return network


def _one_group(archs: Sequence[Arch]) -> tuple[WeightGroup, list[Arch]]:
    groups = groups_of(archs)
    if len(groups) != 1:
        names = "; ".join(map(str, groups)) or "none"
        raise ValueError(f"the architectures of one group are trained together, got {len(groups)} groups: {names}")
    return next(iter(groups.items()))
