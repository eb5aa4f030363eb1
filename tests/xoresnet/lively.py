"""Small networks of all kinds whose neurons fire in every layer, and images on which no outcome depends on rounding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, cycle, islice
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from xoresnet import Arch, XOResNet
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS
from xoresnet.standalone.comparison import decided
from xoresnet.standalone.config import ModelConfig
from xoresnet.standalone.data_facts import DataFacts
from xoresnet.standalone.module import Standalone

SHALLOW = [("basic", 8), ("basic", 8), ("basic", 10), ("bottleneck", 11), ("bottleneck", 14)]
"""Few layers, because tracing is slow."""
DEEPER = [("basic", 14), ("basic", 14), ("basic", 20), ("bottleneck", 29)]
"""With enough blocks in a stage for XOR at the entry, and for identities among bottlenecks."""


def lively_archs(count: int, seed: int, merges: Sequence[str] = tuple(MERGES), **fixed: Any) -> list[Arch]:
    """Draw random architectures; every eighth is one of the deeper ones."""
    random = Random(seed)
    return [_drawn(random, *random.choice(SHALLOW if number % 8 else DEEPER), merges, fixed) for number in range(count)]


def _drawn(random: Random, block: str, depth: int, merges: Sequence[str], fixed: dict[str, Any]) -> Arch:
    stages = len(DEPTHS[block][depth])
    neuron = {
        "kind": random.choice(["lif", "if", "plif"]),
        "reset": random.choice(["hard", "soft"]),
        "tau": random.choice([1.5, 2.0, 3.0]),
        "threshold": random.choice([1.0, 0.7]),
        **fixed.get("neuron", {}),
    }
    fields = {
        "input_shape": random.choice([(1, 8, 8), (3, 6, 9)]),
        "num_classes": 5,
        "stem": random.choice(["conv3", "conv3", "conv7-pool"]),
        "block": block,
        "depth": depth,
        "width": random.choice([2, 3, 4]),
        "merge": tuple(random.choices(merges, k=stages)),
        "xor": tuple(random.choices(list(XOR_PLACEMENTS), k=stages)),
        "timesteps": random.choice([1, 1, 2, 2, 3]),
        "logic_gradient": random.choice(["arithmetic", "saturating", "straight-through"]),
    }
    return Arch(**{**fields, **fixed, "neuron": neuron})


SKELETONS: list[dict[str, Any]] = [
    {"block": "basic", "depth": 14, "stem": "conv3", "timesteps": 1, "input_shape": (1, 8, 8),
     "neuron": {"kind": "lif", "reset": "hard", "tau": 1.5}},
    {"block": "bottleneck", "depth": 11, "stem": "conv7-pool", "timesteps": 1, "input_shape": (3, 6, 9),
     "neuron": {"kind": "plif", "reset": "soft", "tau": 2.0}},
    {"block": "basic", "depth": 8, "stem": "conv3", "timesteps": 3, "input_shape": (1, 8, 8),
     "neuron": {"kind": "if", "reset": "hard", "threshold": 0.7}},
]  # fmt: skip


def archs_of_all_kinds(merges: Sequence[str] = tuple(MERGES), **fixed: Any) -> list[Arch]:
    """At least three architectures, and as few as it takes for each merge to be in one of their stages.

    Together they have every placement of XOR, block, stem and kind of neuron, and several time steps.
    """
    names, placements = cycle(merges), cycle(XOR_PLACEMENTS)
    archs: list[Arch] = []
    for skeleton, used in zip(cycle(SKELETONS), count(0, 3), strict=False):
        if used >= max(len(merges), 9):
            return archs
        neuron = {**skeleton["neuron"], **fixed.get("neuron", {})}
        per_stage = {"merge": tuple(islice(names, 3)), "xor": tuple(islice(placements, 3))}
        archs.append(Arch(**{**skeleton, "num_classes": 5, "width": 3, **per_stage, **fixed, "neuron": neuron}))
    raise AssertionError


def lively(arch: Arch, seed: int = 0) -> XOResNet:
    """Build a network in evaluation mode that fires as if it were trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = XOResNet(arch)
        norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            nn.init.uniform_(norm.weight, 1.0, 2.0)
            nn.init.uniform_(norm.bias, 0.2, 1.0)
            norm.momentum = None  # statistics are averages over all passes
        with torch.no_grad():
            for _ in range(3):
                net(4 * torch.rand(16, *arch.input_shape) - 1.2)
    return net.eval()


def facts(arch: Arch) -> ModelConfig:
    channels = arch.input_shape[0]
    data = DataFacts(
        name="digits",
        classes=tuple("abcdefghij"[: arch.num_classes]),
        mean=(0.3, 0.4, 0.5)[:channels],
        std=(0.25, 0.2, 0.3)[:channels],
    )
    return ModelConfig(arch=arch, data=data, figures={"val_accuracy": 0.9876, "spikes_per_sample": 1234.0})


def standalone(net: XOResNet) -> Standalone:
    data = facts(net.arch).data
    return Standalone(net, data.mean, data.std, spikes=True)


def clear_images(net: XOResNet, count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Draw images [N, C, H, W] that cause spikes and on which no outcome depends on rounding.

    Returns them with the network's logits and spikes.
    """
    images = torch.rand(4 * count + 8, *net.arch.input_shape, generator=torch.Generator().manual_seed(seed))
    model = standalone(net)
    logits, spikes = model(images)
    clear = (decided(model, images) & (spikes > 0)).nonzero().flatten()[:count]
    assert len(clear) == count
    return images[clear], logits[clear], spikes[clear]
