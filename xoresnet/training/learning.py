"""What all trainings share: checks, loss, optimizer, precision, augmentation."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xoresnet.data.batches import training_batches
from xoresnet.data.images import Augmentation, EventAugmentation
from xoresnet.data.load import DataSet
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DataError, DivergenceError, UsageError
from xoresnet.network.xoresnet import XOResNet

__all__ = [
    "augmentation_of",
    "check_finite",
    "check_fits",
    "check_recipe",
    "default_device",
    "epoch_batches",
    "event_augmentation_of",
    "lay_out",
    "make_optimizer",
    "named_parameters",
    "optimizer_of",
    "peak_memory_mib",
    "training_loss",
    "uses_bf16",
]


def check_fits(arch: Arch, data: DataSet) -> None:
    """Raises `DataError` if the data have images of another shape, or another number of classes, than the network."""
    if (arch.input_shape, arch.num_classes) != (data.input_shape, data.num_classes):
        raise DataError(
            f"the network takes images {list(arch.input_shape)} of {arch.num_classes} classes, "
            f"{data.name} has {list(data.input_shape)} of {data.num_classes}"
        )


def check_finite(training: str, recipe: Recipe, epoch: int, loss: float, weights: Mapping[str, Tensor]) -> None:
    """Raises `DivergenceError`, in which the training is named, if the loss or any weight is not finite.

    Weights are checked too, because a neuron that reads NaN is silent and may hide it from the loss.
    """
    if not math.isfinite(loss):
        reason = f"the loss became {loss}"
    elif not all(bool(weight.isfinite().all()) for weight in weights.values()):
        reason = "weights are no longer finite"
    else:
        return
    raise DivergenceError(
        f"{training} diverged in epoch {epoch} of {recipe.epochs}, at learning_rate={recipe.learning_rate:g}: {reason}"
    )


def default_device(device: str | torch.device | None) -> torch.device:
    """The device; for None, CUDA if there is any, else the CPU. Raises `UsageError` for a name that is none."""
    try:
        return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        raise UsageError(f"{device!r} is not a device; write for example cpu, cuda or cuda:1") from None


def lay_out(net: XOResNet, recipe: Recipe, device: torch.device) -> None:
    """Put the weights of convolutions into the memory format of the recipe, where that is safe.

    On CPUs, oneDNN writes beyond its memory in the backward pass of strided 1x1 convolutions with few input channels
    (uxlfoundation/oneDNN#6035). Networks with such a convolution keep torch's own format, in which they are as fast.
    """
    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    unsafe = any(conv.kernel_size == (1, 1) and conv.stride != (1, 1) and conv.in_channels < 16 for conv in convs)
    if recipe.channels_last and not (unsafe and device.type == "cpu"):
        net.to(memory_format=torch.channels_last)


def training_loss(net: XOResNet, recipe: Recipe, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The recipe's loss on a batch, a scalar, and the logits [N, num_classes] without gradient."""
    smoothing = recipe.label_smoothing
    if recipe.loss == "mean-logits":
        logits = net(images)
        return F.cross_entropy(logits.float(), labels, label_smoothing=smoothing), logits.detach()
    steps = net.logits_per_step(images).float()
    repeated = labels.expand(len(steps), -1)
    loss = F.cross_entropy(steps.flatten(0, 1), repeated.reshape(-1), label_smoothing=smoothing)
    return loss, steps.detach().mean(0)


def check_recipe(recipe: Recipe, data: DataSet) -> None:
    """Raises `UsageError` for a field that has no effect on the data: what varies recordings does nothing to images."""
    if data.frames is None:
        for name in EventAugmentation._fields:
            if getattr(recipe, name) is not None:
                raise UsageError(f"recipe.{name} varies recordings of event cameras, but {data.name} has images")


def augmentation_of(data: DataSet, recipe: Recipe) -> Augmentation:
    """The data set's augmentation, with the fields that the recipe sets."""
    return data.augmentation._replace(**_chosen(recipe, Augmentation._fields))


def event_augmentation_of(data: DataSet, recipe: Recipe) -> EventAugmentation:
    """The same for what only recordings have."""
    return data.event_augmentation._replace(**_chosen(recipe, EventAugmentation._fields))


def _chosen(recipe: Recipe, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in names if getattr(recipe, name) is not None}


def epoch_batches(
    data: DataSet, recipe: Recipe, epoch: int, device: torch.device, *, timesteps: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The training samples and labels [N] of one epoch, in batches, as the recipe's seed orders them.

    Samples are images [N, C, H, W], or frames [timesteps, N, 2, H, W] of recordings.
    """
    return training_batches(
        data.train.at(timesteps),
        recipe.batch_size,
        augmentation_of(data, recipe),
        data.normalise,
        seed=recipe.seed,
        epoch=epoch,
        device=device,
        of_events=event_augmentation_of(data, recipe),
    )


def named_parameters(net: nn.Module) -> Iterator[tuple[str, nn.Parameter, bool]]:
    """Name and parameter, and whether it decays: only the weights of convolution and linear layers do."""
    for place, module in net.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            weight = isinstance(module, nn.Conv2d | nn.Linear) and name == "weight"
            yield f"{place}.{name}" if place else name, parameter, weight


def optimizer_of(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer of all parameters of a network: first group with weight decay, second group without."""
    decaying: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for _, parameter, decays in named_parameters(net):
        (decaying if decays else others).append(parameter)
    return make_optimizer(decaying, others, recipe)


def make_optimizer(decaying: list[nn.Parameter], others: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer of two groups of parameters, with weight decay on the first alone."""
    groups = [
        {"params": decaying, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if recipe.optimizer == "adamw":
        # the fused kernel needs moments in the layout of the weights, but those of a checkpoint are contiguous
        return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=not recipe.channels_last)
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=nesterov)


def uses_bf16(recipe: Recipe, device: torch.device) -> bool:
    """Whether the recipe's precision means bf16 on this device."""
    if recipe.precision != "auto":
        return recipe.precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def peak_memory_mib(device: torch.device) -> float:
    """Peak memory of the device's tensors on CUDA, of the whole process elsewhere; NaN if the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, kibibytes elsewhere
