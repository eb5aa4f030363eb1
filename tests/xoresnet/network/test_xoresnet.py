"""Networks of every kind: properties over random architectures."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.strategies import archs
from xoresnet.description.arch import Arch
from xoresnet.description.merge import MERGES
from xoresnet.description.plan import Stream, StreamKind, make_plan
from xoresnet.errors import UsageError
from xoresnet.network.block import ResidualBlock, Xor
from xoresnet.network.xoresnet import XOResNet

some = settings(deadline=None, max_examples=25)


def lively(arch: Arch, seed: int = 0) -> XOResNet:
    """A network in double precision, so that rounding flips no spike, whose neurons fire in evaluation mode too."""
    torch.manual_seed(seed)
    net = XOResNet(arch).double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 1, 3)
            nn.init.uniform_(module.bias, -0.5, 1.5)
            module.momentum = 1.0
    net(images(arch, 6))
    return net.eval()


def images(arch: Arch, number: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(number)
    return torch.randn(number, *arch.input_shape, generator=generator, dtype=torch.float64)


def gradients(net: XOResNet, x: Tensor) -> list[Tensor]:
    net.zero_grad()
    net(x).square().sum().backward()
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in net.parameters()]


@some
@given(archs())
def test_streams_have_the_declared_type(arch: Arch) -> None:
    net = lively(arch)
    seen: list[str] = []

    def on_block(block: ResidualBlock, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
        for stream, declared in ((inputs[0], block.plan.reads), (output[0], block.plan.writes)):
            if declared.spiking:
                assert set(stream.unique().tolist()) <= set(range(int(declared.most) + 1))
        assert set(output[1].unique().tolist()) <= set(range(int(min(block.plan.reads.most, 99)) + 1))
        seen.append("block")

    def on_xor(module: Xor, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        a, b = (tensor > 0 for tensor in inputs)
        assert torch.equal(output, (a ^ b).to(output))
        seen.append("xor")

    for module in net.modules():
        if isinstance(module, ResidualBlock):
            module.register_forward_hook(on_block)
        if isinstance(module, Xor):
            module.register_forward_hook(on_xor)
    stream = net.last_stream(images(arch))
    plan = make_plan(arch)
    assert stream.shape == (arch.timesteps, 3, plan.features, *plan.blocks[-1].convs[-1].out_size)
    assert seen.count("block") == len(plan.blocks)
    assert seen.count("xor") == sum(b.xor_entry + b.xor_middle for b in plan.blocks)


@some
@given(archs())
def test_an_image_is_a_sequence_that_repeats(arch: Arch) -> None:
    net, x = lively(arch), images(arch)
    with torch.no_grad():
        once, repeated = net(x), net(x.expand(arch.timesteps, *x.shape))
        torch.testing.assert_close(once, repeated)
        torch.testing.assert_close(net.logits_per_step(x).mean(0), once)


@some
@given(archs())
def test_samples_do_not_influence_each_other(arch: Arch) -> None:
    net, x = lively(arch), images(arch, 4)
    with torch.no_grad():
        together = net(x)
        for i in range(4):
            torch.testing.assert_close(net(x[i : i + 1])[0], together[i])


@some
@given(archs())
def test_no_state_and_deterministic(arch: Arch) -> None:
    net, x = lively(arch), images(arch)
    first, slopes = net(x).detach(), gradients(net, x)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net(images(arch, 5))
    assert torch.equal(net(x), first)
    for again, slope in zip(gradients(net, x), slopes, strict=True):
        assert torch.equal(again, slope)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


@settings(deadline=None, max_examples=40)
@given(archs(), st.data())
def test_canonical_form_is_the_same_network(arch: Arch, data: st.DataObject) -> None:
    """Equal weights, in the order of the parameters, give equal logits and gradients, in both modes."""
    changes: dict[str, Any] = {}
    if data.draw(st.booleans()):
        changes["depth"] = data.draw(st.sampled_from([8, 10] if arch.block == "basic" else [11, 14]))
    stages = 3 if changes.get("depth", arch.depth) in (8, 11) else 4
    if changes:
        options = st.sampled_from(["oa", "or", "current", "membrane"])
        arch = arch.replace(**changes, merge=data.draw(st.tuples(*[options] * stages)), xor="both")
    canonical = arch.canonical()
    assume(canonical != arch)
    net, other = lively(arch), XOResNet(canonical).double().eval()
    values, places = list(net.state_dict().values()), list(other.state_dict().values())
    assert [v.shape for v in values] == [p.shape for p in places]
    with torch.no_grad():
        for place, value in zip(places, values, strict=True):
            place.copy_(value)
    x = images(arch)
    for training in (False, True):
        net.train(training)
        other.train(training)
        assert torch.equal(net(x), other(x))
        for slope, canonical_slope in zip(gradients(net, x), gradients(other, x), strict=True):
            torch.testing.assert_close(slope, canonical_slope)


def test_merges_differ_and_fire() -> None:
    """From the same weights, every merge gives another network."""
    logits = {}
    for merge in MERGES:
        arch = Arch(input_shape=(2, 12, 12), num_classes=5, depth=14, width=6, merge=merge)
        net = lively(arch)
        rate = float(net.last_stream(images(arch)).mean().detach())
        assert 0.001 < rate < 3, (merge, rate)
        logits[merge] = tuple(net(images(arch)).detach().flatten().tolist())
    assert len(set(logits.values())) == len(MERGES)


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("xor", ["entry", "middle"])
def test_xor_matters(merge: str, xor: str) -> None:
    arch = Arch(input_shape=(2, 12, 12), num_classes=5, depth=20, width=6, merge=merge)
    with_xor, without = lively(arch.replace(xor=xor)), lively(arch)
    assert not torch.equal(with_xor(images(arch)), without(images(arch)))


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
@pytest.mark.parametrize("merge", MERGES)
def test_every_weight_learns(block: str, merge: str) -> None:
    depth = 14 if block == "basic" else 26
    arch = Arch.from_dict(
        {
            "input_shape": (2, 12, 12),
            "num_classes": 5,
            "block": block,
            "depth": depth,
            "width": 6,
            "merge": merge,
            "xor": "both",
            "neuron": "plif",
        }
    )
    net = lively(arch).train()
    for name, slope in zip(dict(net.named_parameters()), gradients(net, images(arch)), strict=True):
        assert bool(slope.abs().max() > 0), name


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 1, 8, 8), r"expected images \[N, 3, 8, 8\] or sequences \[4, N, 3, 8, 8\], got \[2, 1, 8, 8\]"),
        ((5, 2, 3, 8, 8), r"got \[5, 2, 3, 8, 8\]"),
        ((3, 8, 8), r"got \[3, 8, 8\]"),
    ],
)
def test_inputs_of_another_shape(shape: tuple[int, ...], message: str) -> None:
    net = XOResNet(Arch(input_shape=(3, 8, 8), num_classes=2, depth=8, width=2))
    with pytest.raises(UsageError, match=message):
        net(torch.rand(shape))


def test_mixed_precision_and_channels_last() -> None:
    arch = Arch.baseline("xoresnet14", input_shape=(3, 16, 16), num_classes=4, width=8)
    net = XOResNet(arch)
    x = torch.randn(4, 3, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(x)
    logits.float().sum().backward()
    assert bool(logits.isfinite().all())
    double = lively(arch)
    plain = double(images(arch))
    double.to(memory_format=torch.channels_last)
    torch.testing.assert_close(double(images(arch).to(memory_format=torch.channels_last)), plain)


def test_xor_of_a_real_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="XOR needs spikes, but the stream is real"):
        Xor(Stream(StreamKind.REAL, float("inf")), "arithmetic")
