"""`SharedTraining` trains shared weights: each step averages the gradients of a few architectures on one batch.

All random numbers, including the choice of architectures, depend only on the seed and the number of the epoch, so a
training that resumes from its checkpoint ends with the same weights as one that was never interrupted, bit for bit on
the CPU.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor, nn

from xoresnet.data.batches import batch_count
from xoresnet.data.load import DataSet
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import RunError, UsageError
from xoresnet.network.xoresnet import XOResNet
from xoresnet.shared.sampling import ArchSampler, Sampling
from xoresnet.shared.weights import SharedNetwork, WeightGroup, groups_of
from xoresnet.training.footprint import check_memory
from xoresnet.training.learning import (
    check_finite,
    check_fits,
    check_recipe,
    default_device,
    epoch_batches,
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
    "group": "group",
    "list of architectures": "archs",
    "recipe": "recipe",
    "sampling": "sampling",
    "data set or split": "data",
    "precision": "precision",
}
"""What a checkpoint must have in common with the training that resumes from it, and the text that holds it."""

_VIEWS_KEPT = 512
"""Views are kept, because making one costs about as much as a step of a small network."""


@dataclass(frozen=True)
class SharedEpoch:
    """The record of one epoch of shared training."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    """Of the last step."""
    train_loss: float
    """Mean over images and architectures, while the weights changed; likewise the accuracy."""
    train_accuracy: float
    image_passes: int
    """Number of images times the architectures that were trained on them: the cost of an epoch of one network times the
    number of architectures per step."""
    train_seconds: float


class SharedTraining(ResumableEpochs[SharedEpoch]):
    """The weights of one group in training: `network`, the `records` of finished epochs, iteration over those to come.

    Iterating again after an exception resumes from the checkpoint.
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
        """archs: the architectures whose weights are trained, all of one group (`groups_of`); of a space that is too
        large to be listed, a few thousand samples. recipe: None for the data set's own. seed: replaces the recipe's.
        sampling, archs_per_step: see `ArchSampler`. device: by default CUDA if there is any. checkpoint: a file that is
        written after each epoch; if it exists, training resumes after it.

        Raises `UsageError` for architectures of several groups and for wrong sampling, `DataError` for data that do not
        fit, `TrainingError` for networks that cannot fit into memory, and `RunError` for a checkpoint of another
        training; iterating raises `DivergenceError`.
        """
        self.group, self.archs = _one_group(archs)
        check_fits(self.archs[0], data)
        self._sampler = ArchSampler(self.archs, sampling, archs_per_step)
        self.data = data
        recipe = recipe or data.default_recipe
        self.recipe = recipe if seed is None else recipe.replace(seed=seed)
        super().__init__(self.recipe.epochs, checkpoint)
        self.device = default_device(device)
        self._bf16 = uses_bf16(self.recipe, self.device)
        check_recipe(self.recipe, data)
        deepest = max(self.archs, key=lambda arch: arch.depth)
        check_memory(deepest, self.recipe, data, self.device, bf16=self._bf16)
        self._begin()

    def _prepare(self) -> None:
        self.network = SharedNetwork(seed=self.recipe.seed, device=self.device)
        self._optimizer = make_optimizer([], [], self.recipe)
        self._watched: set[nn.Parameter] = set()
        self._view = lru_cache(maxsize=_VIEWS_KEPT)(self._new_view)

    def _new_view(self, arch: Arch) -> XOResNet:
        """A view in training mode, whose weights, including new ones, are added to the optimizer."""
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
        batches = epoch_batches(self.data, recipe, epoch, self.device, timesteps=self.group.timesteps)
        rng = Random(str(np.random.SeedSequence((recipe.seed, epoch, 1)).generate_state(4)))
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        passes = 0
        for number, (images, labels) in enumerate(batches):
            rate = recipe.learning_rate_at((epoch - 1) * per_epoch + number, per_epoch * recipe.epochs)
            archs = self._sampler.draw(rng)
            step_loss, step_correct = self._step(archs, images, labels, rate)
            loss += step_loss * len(labels)
            correct += step_correct
            passes += len(archs) * len(labels)
        mean_loss = float(loss) / passes
        weights = self.network.state_dict(self.group)
        check_finite(f"shared training of {self.group}", recipe, epoch, mean_loss, weights)
        return SharedEpoch(epoch, rate, mean_loss, int(correct) / passes, passes, time.perf_counter() - start)

    def _step(self, archs: Sequence[Arch], images: Tensor, labels: Tensor, rate: float) -> tuple[Tensor, Tensor]:
        """One step of the optimizer; returns loss and number of correct images, each summed over the architectures."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        nets = [self._view(arch) for arch in archs]
        self._optimizer.zero_grad()  # weights that no architecture of this step has get no gradient and stay the same
        loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        for net in nets:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
                loss, logits = training_loss(net, self.recipe, images, labels)
            (loss / len(nets)).backward()
            loss_sum += loss.detach().double()
            correct += (logits.argmax(1) == labels).sum()
        if self.recipe.clip_norm is not None:
            weights = self.network.parameters(self.group)
            nn.utils.clip_grad_norm_([weights[key] for key in sorted(weights)], self.recipe.clip_norm)
        self._optimizer.step()
        return loss_sum, correct

    def _identity(self) -> dict[str, str]:
        names = ",".join(arch.arch_id for arch in self.archs)
        return {
            "archs": hashlib.sha256(names.encode()).hexdigest(),
            "group": self.group.model_dump_json(),
            "recipe": self.recipe.model_dump_json(),
            "sampling": str(self._sampler),
            "data": f"{self.data.name} {self.data.fingerprint}",
            "precision": "bf16" if self._bf16 else "fp32",
        }

    def _save(self, file: Path) -> None:
        weights = self.network.parameters(self.group)
        texts = {**self._identity(), "records": json.dumps([asdict(record) for record in self.records])}
        states = {key: self._optimizer.state[weight] for key, weight in weights.items()}
        save_tensor_file(file, _FORMAT, TensorFile(texts, self.network.state_dict(self.group), states))

    def _restore(self, file: Path) -> None:
        saved, current = load_tensor_file(file, _FORMAT), self._identity()
        told = {**saved.texts, "recipe": _in_full(saved.texts.get("recipe", ""))}
        different = [name for name, field in _IDENTITY.items() if current[field] != told.get(field)]
        if different:
            raise RunError(f"{file} is a checkpoint of another {' and another '.join(different)}")
        self.network.load_state_dict(self.group, saved.weights)
        step_on_cpu = not self._optimizer.defaults["fused"]
        for key, weight in self.network.parameters(self.group).items():
            # the first view that has a weight adds it to the optimizer's groups, as with new weights
            state = saved.optimizer.get(key, {})
            self._optimizer.state[weight] = {
                name: value if name == "step" and step_on_cpu else value.to(self.device)
                for name, value in state.items()
            }
        self.records = [SharedEpoch(**fields) for fields in json.loads(saved.texts["records"])]


def load_shared(*files: str | Path, device: str | torch.device = "cpu") -> SharedNetwork:
    """The weights of all groups in these checkpoints of `SharedTraining`, to predict from.

    Raises `RunError` for files that are not such checkpoints, and `UsageError` for checkpoints of different seeds.
    """
    saved = [load_tensor_file(Path(file), _FORMAT) for file in files]
    try:
        seeds = {Recipe.from_dict(json.loads(content.texts["recipe"])).seed for content in saved}
        groups = [WeightGroup.from_dict(json.loads(content.texts["group"])) for content in saved]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{', '.join(map(str, files))} cannot be read as shared weights: {error!r}") from None
    if len(seeds) != 1:
        raise UsageError(f"shared weights must be of one seed, got those of {sorted(seeds) or 'none'}")
    network = SharedNetwork(seed=seeds.pop(), device=device)
    for content, group in zip(saved, groups, strict=True):
        network.load_state_dict(group, content.weights)
    return network


def _in_full(recipe: str) -> str:
    """The text of a recipe with the fields that it lacks because it was written before there were any."""
    try:
        return Recipe.from_dict(json.loads(recipe)).model_dump_json()
    except (TypeError, ValueError):  # a `SpecError`, too
        return recipe


def _one_group(archs: Sequence[Arch]) -> tuple[WeightGroup, list[Arch]]:
    groups = groups_of(archs)
    if len(groups) != 1:
        names = "; ".join(map(str, groups)) or "none"
        raise UsageError(f"the architectures must be of one group, got {len(groups)} groups: {names}")
    return next(iter(groups.items()))
