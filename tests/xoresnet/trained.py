"""Networks of all kinds that behave like trained ones, without being trained."""

from __future__ import annotations

from random import Random

import torch

from xoresnet import Arch, XOResNet
from xoresnet.space import SearchSpace
from xoresnet.standalone.config import ModelConfig
from xoresnet.standalone.data_facts import DataFacts

ALL_KINDS = SearchSpace.from_dict(
    {
        "arch": {
            "input_shape": [1, 8, 8], "num_classes": 10, "stem": ["conv3", "conv7-pool"],
            "block": ["basic", "bottleneck"], "depth": {"basic": [8, 14], "bottleneck": [11]}, "width": [4, 8],
            "merge": {"per_stage": ["add", "or", "oa", "and", "iand", "current", "membrane"]},
            "xor": {"per_stage": ["none", "entry", "middle", "both"]}, "timesteps": [1, 2, 4],
            "neuron": {"kind": ["lif", "if", "plif"], "reset": ["hard", "soft"], "tau": [2.0, 3.0],
                       "threshold": [1.0, 0.7]},
        }
    }
)  # fmt: skip


def some_archs(count: int, seed: int = 0) -> list[Arch]:
    random = Random(seed)
    return [ALL_KINDS.sample(random) for _ in range(count)]


def made(arch: Arch, seed: int = 0) -> XOResNet:
    """With batch norms that have seen something, so that it spikes in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = XOResNet(arch)
    with torch.no_grad():
        for _ in range(50):
            net(4 * torch.rand(16, *arch.input_shape, generator=generator) - 2)
    return net.eval()


def described(arch: Arch) -> ModelConfig:
    facts = DataFacts(name="digits", classes=tuple("0123456789"), mean=(0.3,), std=(0.25,))
    return ModelConfig(arch=arch, data=facts, figures={"val_accuracy": 0.9876, "spikes_per_sample": 1234.0})
