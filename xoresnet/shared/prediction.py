"""Predicts from shared weights how accurate each architecture would be, and how many spikes it would cost.

The running statistics of batch norm belong to one network and cannot be shared. Each network's are therefore estimated
from training images before it is run on the validation images (Guo et al. 2019, arXiv 1904.00420, section 3.4).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xoresnet.data.load import DataSet
from xoresnet.description.arch import Arch
from xoresnet.network.xoresnet import XOResNet
from xoresnet.shared.weights import SharedNetwork
from xoresnet.training.evaluation import evaluate
from xoresnet.training.learning import check_fits

__all__ = ["NORM_IMAGES", "Prediction", "estimate_norms", "predict"]


NORM_IMAGES = 128
"""Number of training images from which the statistics of batch norm are estimated."""


class Prediction(NamedTuple):
    """The figures of a network with shared weights, not a result: with weights of its own they may differ."""

    arch: Arch
    """In canonical form."""
    figures: Mapping[str, float]
    """As in the records of training: `val_accuracy`, `val_loss`, `spikes_per_sample` and the other counts."""
    seconds: float
    image_passes: int
    """Number of images that it was run on, forward only."""


def predict(
    network: SharedNetwork,
    archs: Iterable[Arch],
    data: DataSet,
    *,
    norm_images: int = NORM_IMAGES,
    batch_size: int = 512,
) -> Iterator[Prediction]:
    """Yield one prediction for each architecture, in their order, on the device of the weights, which do not change.

    norm_images: number of training images from which the statistics of batch norm are estimated. Raises `DataError`
    for data that do not fit an architecture, and `UsageError` for one that is not in the space of the weights.
    """

    @cache
    def batches_at(timesteps: int | None) -> list[Tensor]:
        return _norm_batches(data, norm_images, batch_size, network, timesteps)

    for arch in archs:
        start = time.perf_counter()
        check_fits(arch, data)
        net = network.view(arch)
        batches = batches_at(None if data.frames is None else arch.timesteps)
        estimate_norms(net, batches)
        evaluation = evaluate(net, data.validation, data.normalise, network.device, batch_size=batch_size)
        passes = min(norm_images, len(data.train)) + len(data.validation)
        yield Prediction(net.arch, evaluation.as_dict("val_"), time.perf_counter() - start, passes)


def estimate_norms(net: XOResNet, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of batch norm to their averages over batches [N, C, H, W]; changes nothing else."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
    net.train()
    with torch.no_grad():
        for images in batches:
            net(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _norm_batches(
    data: DataSet, samples: int, batch_size: int, network: SharedNetwork, timesteps: int | None
) -> list[Tensor]:
    """Random training samples, which depend only on the seed of the weights, without augmentation.

    timesteps: of the frames of recordings; None for images.
    """
    train = data.train if timesteps is None else data.train.at(timesteps)
    number = min(samples, len(train))
    state = np.random.SeedSequence((network.seed, 0, 2)).generate_state(1)
    rows = torch.randperm(len(train), generator=torch.Generator().manual_seed(int(state[0])))[:number]
    parts = rows.tensor_split(-(-number // batch_size))
    return [data.normalise(train.take(part).to(network.device)) for part in parts]
