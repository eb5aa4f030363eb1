"""What is called one network is one, and what is called different is: proven by running them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from random import Random
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from tests.space.small_spaces import SmallSpace
from xoresnet.description.arch import Arch
from xoresnet.network.xoresnet import XOResNet

MEET_IN_PLACES = ["or", "oa", "current", "membrane"]

SPACES: dict[str, SmallSpace] = {
    # one block per stage: identity, projection, projection; 128 descriptions of 24 networks
    "merge per stage": SmallSpace(depth=8, merge={"per_stage": MEET_IN_PLACES}, xor=["both", "entry"], timesteps=2),
    "merge and XOR tied": SmallSpace(
        depth=[8, 14], merge=[*MEET_IN_PLACES, "add"], xor=["both", "none", "entry", "middle"], timesteps=[1, 3],
    ),
    # four stages, of which the last three begin and end with a projection
    "merge per stage, four stages": SmallSpace(depth=10, merge={"per_stage": ["oa", "current"]}),
    # two blocks per stage: XOR at the entry in the first stage alone
    "XOR per stage": SmallSpace(
        depth=[8, 14], merge="add", xor={"per_stage": ["entry", "both", "none"]}, timesteps=2
    ),
    "bottlenecks": SmallSpace(
        block="bottleneck", depth=[11, 29], merge=[*MEET_IN_PLACES, "iand"], xor=["entry", "both", "none"],
    ),
    "bottlenecks per stage": SmallSpace(
        block="bottleneck", depth=11, merge={"per_stage": ["membrane", "oa", "current"]}, stem=["conv3", "conv7-pool"]
    ),
    "neurons": SmallSpace(
        merge="add", timesteps=[1, 3],
        neuron={
            "kind": ["lif", "if"], "tau": [1.0, 2.0], "reset": ["soft", "hard"], "detach_reset": [True, False],
        },
    ),
    "forms of gradient": SmallSpace(
        depth=14, merge=["add", "current", "oa"], xor=["none", "middle"], timesteps=2,
        logic_gradient=["arithmetic", "saturating", "straight-through"],
    ),
}  # fmt: skip


class Outcome(NamedTuple):
    """What a network makes of the same weights and images."""

    tensors: tuple[Tensor, ...]
    """Of a training step logits and all gradients, of the next one and in evaluation mode logits; and how many spikes
    are read out over all time steps, since a neuron without memory gives the same logits however many there are."""

    def distance(self, other: Outcome) -> float:
        return max(float((a - b).abs().max()) for a, b in zip(self.tensors, other.tensors, strict=True))


def images(number: int) -> Tensor:
    return 2 * torch.randn(4, 1, 6, 5, generator=torch.Generator().manual_seed(number), dtype=torch.float64)


def lively(arch: Arch, seed: int = 0) -> dict[str, Tensor]:
    """Weights with which neurons fire, in double precision, so that rounding flips no spike."""
    torch.manual_seed(seed)
    net = XOResNet(arch).double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 1, 3)
            nn.init.uniform_(module.bias, 0.0, 1.5)
            module.running_mean = torch.randn(module.num_features, dtype=torch.float64) / 4
    return net.state_dict()


def run(arch: Arch, weights: dict[str, Tensor]) -> Outcome:
    net = XOResNet(arch).double()
    net.load_state_dict(weights)  # strict: the same names and shapes
    net.train()
    logits = net(images(1))
    logits.square().sum().backward()
    slopes = [torch.zeros_like(p) if p.grad is None else p.grad for p in net.parameters()]
    with torch.no_grad():
        later = net(images(2))
        evaluated, read_out = net.eval()(images(3)[:2]), net.last_stream(images(3)[:2]).sum()
    return Outcome((logits.detach(), *slopes, later, evaluated, read_out))


def outcomes(groups: Iterable[list[Arch]]) -> list[tuple[dict[str, Tensor], list[Outcome]]]:
    """For each network, weights and what each of its descriptions makes of them.

    Descriptions with the same depth, width, stem and block take the same weights.
    """
    weights_of: dict[tuple[object, ...], dict[str, Tensor]] = {}
    pairs = []
    for group in groups:
        first = group[0]
        weights = weights_of.setdefault((first.stem, first.block, first.depth, first.width), lively(first))
        pairs.append((weights, [run(arch, weights) for arch in group]))
    return pairs


def check_told_apart(groups: Iterable[list[Arch]]) -> None:
    """groups: for each network its descriptions."""
    pairs = outcomes(groups)
    assert any(len(same) > 1 for _, same in pairs)
    for _, same in pairs:
        assert all(same[0].distance(other) < 1e-9 for other in same[1:])
    for (weights, (outcome, *_)), (others, (other, *_)) in combinations(pairs, 2):
        if weights is others:
            assert outcome.distance(other) > 1e-6


def sampled(groups: list[list[Arch]], seed: int) -> list[list[Arch]]:
    """Some networks with up to four descriptions each, among them one with several descriptions."""
    rng = Random(seed)
    several = [group for group in groups if len(group) > 1]
    chosen = [rng.choice(several), *rng.sample(groups, min(10, len(groups)))]
    return [[group[0], *rng.sample(group[1:], min(3, len(group) - 1))] for group in {id(g): g for g in chosen}.values()]


@pytest.mark.parametrize("name", SPACES)
def test_descriptions_of_one_network_are_one_and_those_of_others_are_not(name: str) -> None:
    """On a sample; tests/exhaustive takes all."""
    check_told_apart(sampled(list(SPACES[name].groups.values()), seed=0))


@pytest.mark.parametrize("name", SPACES)
def test_the_networks_fire(name: str) -> None:
    """Else everything would be equal."""
    for group in list(SPACES[name].groups.values())[::3]:
        net = XOResNet(group[0]).double()
        net.load_state_dict(lively(group[0]))
        rate = float(net.last_stream(images(1)).detach().mean())
        assert 0.01 < rate < 2.5, group[0]


def test_networks_of_one_depth_have_weights_of_one_shape() -> None:
    """So they can be compared on the same ones; those of different depths cannot."""
    shapes = {tuple(lively(group[0])) for group in SPACES["XOR per stage"].groups.values()}
    assert len(shapes) == 2
