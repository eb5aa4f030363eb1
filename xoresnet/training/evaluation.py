"""Evaluates a network on a split: loss, accuracy and the counts of spikes and operations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from xoresnet.data.batches import Normalise, evaluation_batches
from xoresnet.data.samples import Samples
from xoresnet.energy.models import energy_figures
from xoresnet.network.count_spikes import SpikeCounts, count_spikes
from xoresnet.network.xoresnet import XOResNet

__all__ = ["Evaluation", "evaluate"]

_MOST_VALUES = 2**26
"""Of all time steps of one batch: frames of recordings take memory at every step, 256 MiB at most."""


class Evaluation(NamedTuple):
    """The figures of a network on all images of a split, in evaluation mode."""

    loss: float
    """Mean cross-entropy of the mean logits, without smoothing."""
    accuracy: float
    """Share of images whose largest logit is that of their class, 0 .. 1."""
    counts: SpikeCounts
    energies: Mapping[str, float]
    """By the models of `xoresnet/energy`, in picojoules per sample."""

    def as_dict(self, prefix: str = "") -> dict[str, Any]:
        """The figures of the whole network by name; the prefix applies to loss and accuracy."""
        return {
            f"{prefix}loss": self.loss,
            f"{prefix}accuracy": self.accuracy,
            **self.counts.as_dict(),
            **self.energies,
        }


def evaluate(
    net: XOResNet,
    split: Samples,
    normalise: Normalise,
    device: torch.device,
    *,
    bf16: bool = False,
    batch_size: int = 256,
) -> Evaluation:
    """Run the network on every sample of a split, without augmentation; leaves the network in evaluation mode."""
    net.eval()
    timesteps = net.arch.timesteps
    batch_size = max(1, min(batch_size, _MOST_VALUES // (timesteps * math.prod(split.shape))))
    loss, correct = 0.0, 0
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=bf16)
    with torch.no_grad(), autocast, count_spikes(net) as counts:
        for images, labels in evaluation_batches(split.at(timesteps), batch_size, normalise, device):
            logits = net(images).float()
            loss += float(F.cross_entropy(logits, labels, reduction="sum"))
            correct += int((logits.argmax(1) == labels).sum())
    energies = energy_figures(net.arch, counts.layers)
    return Evaluation(loss / len(split), correct / len(split), counts, energies)
