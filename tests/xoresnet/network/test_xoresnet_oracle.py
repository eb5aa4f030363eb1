"""Whole networks against SpikingJelly 2.0: logits, gradients and running statistics, with weights copied over.

All is in float64: spikes are discontinuous, so rounding in float32 could flip one, and with it all that follows.
Three conventions differ, and each has its test: the operands of IAND in their bottleneck, what the MS shortcut's
convolution reads, and the running variance of the stem where ours is given images instead of sequences.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from spikingjelly.activation_based import functional, neuron, surrogate
from spikingjelly.activation_based.model import ms_resnet, sew_resnet, spiking_resnet
from torch import Tensor, nn

from xoresnet import Arch, XOResNet

TIMESTEPS, SAMPLES, CLASSES = 4, 2, 10
SIZE = (24, 40)  # not square, and odd in the late stages
LOGITS_TOLERANCE, GRADIENT_TOLERANCE = 1e-5, 1e-4
LEAST_RATE, MOST_RATE, LEAST_SPREAD, LEAST_GRADIENT = 0.02, 0.98, 0.02, 1e-4

both_modes = pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])


class Norms(NamedTuple):
    """Ranges from which batch norms draw weight and bias: wide enough that deep layers fire."""

    weight: tuple[float, float] = (2.0, 3.0)
    bias: tuple[float, float] = (-0.2, 0.4)


# AND only removes spikes, block after block: the branches must fire often for any to be left
FEW_SPIKES, MANY_SPIKES = Norms(), Norms(bias=(1.0, 2.0))


class Pair:
    """Our network and SpikingJelly's, with the same weights and running statistics."""

    def __init__(self, ours: XOResNet, theirs: nn.Module, norms: Norms = FEW_SPIKES) -> None:
        draw_weights(ours, norms)
        settle_statistics(ours, make_frames())
        self.ours, self.theirs = ours, theirs.double()
        functional.set_step_mode(self.theirs, "m")
        self.membrane = isinstance(theirs, ms_resnet.MSResNet)
        state = {self.translate(name): tensor for name, tensor in ours.state_dict().items()}
        assert len(state) == len(ours.state_dict())
        self.theirs.load_state_dict(state, strict=True)  # refuses a name or a shape that the other side has not

    def translate(self, name: str) -> str:
        return their_name(name, membrane=self.membrane)

    def train(self, mode: bool) -> None:
        self.ours.train(mode)
        self.theirs.train(mode)

    def logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Ours and theirs, [N, classes]. Ours gets x as it is, theirs always a sequence."""
        functional.reset_net(self.theirs)
        theirs = self.theirs(x if x.dim() == 5 else repeat(x))
        return self.ours(x), theirs if self.membrane else theirs.mean(0)

    def error_as_is(self) -> float:
        """Relative error of the logits in evaluation mode, which leaves the statistics alone."""
        self.train(False)
        with torch.no_grad():
            return relative_error(*self.logits(make_frames()))


def draw_weights(net: XOResNet, norms: Norms) -> None:
    """Weights that all differ, so that two swapped ones are noticed."""
    generator = torch.Generator().manual_seed(7)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, *norms.weight, generator=generator)
            nn.init.uniform_(module.bias, *norms.bias, generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.5, generator=generator)
            nn.init.normal_(module.bias, generator=generator)


def settle_statistics(net: XOResNet, x: Tensor) -> None:
    """Set the running statistics to those of x: with the initial ones, evaluation mode is silent."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        net.train()(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def their_name(name: str, *, membrane: bool) -> str:
    """What SpikingJelly calls our weight or buffer."""
    stem_conv, stem_norm, head = ("stem.0", "stem.1", "head") if membrane else ("conv1", "bn1", "fc")
    for ours, theirs in {"stem.conv.conv": stem_conv, "stem.conv.norm": stem_norm, "head": head}.items():
        if name.startswith(f"{ours}."):
            return theirs + name.removeprefix(ours)
    pattern = r"stages\.(\d+)\.(\d+)\.(?:convs\.(\d+)|projection)\.(conv|norm)\.(\w+)"
    match = re.fullmatch(pattern, name)
    assert match is not None, name
    stage, block, layer, kind, leaf = match.groups()
    if layer is None:
        part = {"conv": "downsample.0", "norm": "downsample.1"}[kind]
    else:
        part = {"conv": "conv", "norm": "bn"}[kind] + str(int(layer) + 1)
    return f"layer{int(stage) + 1}.{block}.{part}.{leaf}"


def make_frames() -> Tensor:
    """A sequence that changes from step to step."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(TIMESTEPS, SAMPLES, 3, *SIZE, dtype=torch.float64, generator=generator)


def repeat(images: Tensor) -> Tensor:
    """The images at every time step: direct coding as SpikingJelly's networks see it."""
    return images.expand(TIMESTEPS, *images.shape).contiguous()


def make_ours(merge: str, **fields: Any) -> XOResNet:
    settings: dict[str, Any] = {"stem": "conv7-pool", "depth": 18, "width": 64, "timesteps": TIMESTEPS} | fields
    arch = Arch(input_shape=(3, *SIZE), num_classes=CLASSES, merge=merge, xor="none", **settings)
    return XOResNet(arch).double()


def their_neurons() -> dict[str, Any]:
    """SpikingJelly's settings for the neuron that `NeuronSpec()` describes."""
    settings = {"tau": 2.0, "surrogate_function": surrogate.ATan(alpha=2.0), "detach_reset": True}
    return {"spiking_neuron": neuron.LIFNode, **settings}


def sew_pair(merge: str, norms: Norms = FEW_SPIKES) -> Pair:
    theirs = sew_resnet.sew_resnet18(cnf=merge.upper(), num_classes=CLASSES, **their_neurons())
    return Pair(make_ours(merge), theirs, norms)


def spiking_pair() -> Pair:
    return Pair(make_ours("current"), spiking_resnet.spiking_resnet18(num_classes=CLASSES, **their_neurons()))


def bottleneck_pair(merge: str) -> Pair:
    """SEW-ResNet-14: as their `sew_resnet50`, with one block in each stage."""
    blocks = sew_resnet.Bottleneck, [1, 1, 1, 1]
    theirs = sew_resnet.SEWResNet(*blocks, cnf=merge.upper(), num_classes=CLASSES, **their_neurons())
    return Pair(make_ours(merge, block="bottleneck", depth=14), theirs)


class MSResNet(ms_resnet.MSResNet):
    """Theirs halves the image in the first stage too; ours begins with identity shortcuts, as in He et al. 2016."""

    _first_stage_stride = 1


def membrane_pair(stages: int, *, fires_before_downsampling: bool) -> Pair:
    """MS-ResNet-14 with a small stem, or MS-ResNet-18 with a pooling one; narrower than theirs, to save time."""
    if stages == 3:
        ours = make_ours("membrane", stem="conv3", depth=14, width=16)
        stem = {"stem_kernel_size": 3, "stem_stride": 1, "stem_pool": False}
    else:
        ours = make_ours("membrane", width=16)
        stem = {"stem_kernel_size": 7, "stem_stride": 2, "stem_pool": True}
    theirs = MSResNet(TIMESTEPS, 3, CLASSES, (2,) * stages, base_channels=16, **stem, **their_neurons())
    if fires_before_downsampling:
        fire_before_downsampling(theirs)
    return Pair(ours, theirs)


def fire_before_downsampling(net: nn.Module) -> None:
    """Put a neuron before the convolution of every shortcut; the weights keep their names."""
    settings = their_neurons()
    make_neuron = settings.pop("spiking_neuron")
    for module in list(net.modules()):
        if isinstance(module, ms_resnet._MSBlock) and module.downsample is not None:
            layers = [("spike", make_neuron(step_mode="m", **settings)), *module.downsample.named_children()]
            module.downsample = nn.Sequential(OrderedDict(layers))
    functional.invalidate_reset_cache(net)  # or the new neurons would never be reset


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).detach().abs().max() / theirs.detach().abs().max())


def check_step(pair: Pair, x: Tensor, unequal_buffers: frozenset[str] = frozenset()) -> None:
    """One forward and backward pass of both networks."""
    pair.ours.zero_grad()
    pair.theirs.zero_grad()
    streams: list[Tensor] = []
    hook = pair.theirs.avgpool.register_forward_pre_hook(lambda _, inputs: streams.append(inputs[0].detach()))
    ours, theirs = pair.logits(x)
    hook.remove()
    for logits in (ours, theirs):
        F.cross_entropy(logits, torch.arange(SAMPLES)).backward()
    check_activity(streams[0], theirs.detach())
    assert relative_error(ours, theirs) < LOGITS_TOLERANCE
    check_gradients(pair)
    check_buffers(pair, unequal_buffers)


def check_activity(last_stream: Tensor, logits: Tensor) -> None:
    """Networks that are silent, or blind to their input, would agree whatever they compute."""
    assert LEAST_RATE < (last_stream > 0).double().mean() < MOST_RATE
    assert logits.std(0).mean() > LEAST_SPREAD


def check_gradients(pair: Pair) -> None:
    theirs = dict(pair.theirs.named_parameters())
    for name, parameter in pair.ours.named_parameters():
        expected = theirs.pop(pair.translate(name)).grad
        assert parameter.grad is not None, name
        assert expected is not None, name
        assert expected.abs().max() > LEAST_GRADIENT, name
        assert relative_error(parameter.grad, expected) < GRADIENT_TOLERANCE, name
    assert not theirs


def check_buffers(pair: Pair, unequal: frozenset[str]) -> None:
    """Running means, running variances and the numbers of batches."""
    theirs = dict(pair.theirs.named_buffers())
    for name, buffer in pair.ours.named_buffers():
        expected = theirs.pop(pair.translate(name))
        same = bool(torch.isclose(buffer.double(), expected.double(), rtol=1e-9, atol=1e-12).all())
        assert same == (name not in unequal), name
    assert not theirs


def check_pair(pair: Pair, *, training: bool) -> None:
    """A changing sequence, then the same images at every step: ours takes them as images where that is the same."""
    pair.train(training)
    frames = make_frames()
    check_step(pair, frames)
    check_step(pair, repeat(frames[0]) if training else frames[0])


@both_modes
@pytest.mark.parametrize(
    "make_pair",
    [
        pytest.param(lambda: sew_pair("add"), id="sew18-add"),
        pytest.param(lambda: sew_pair("and", MANY_SPIKES), id="sew18-and"),
        pytest.param(lambda: sew_pair("iand"), id="sew18-iand"),
        pytest.param(spiking_pair, id="spiking18"),
        pytest.param(lambda: bottleneck_pair("add"), id="sew14-bottleneck-add"),
    ],
)
def test_equals_spikingjelly_as_shipped(make_pair: Callable[[], Pair], training: bool) -> None:
    check_pair(make_pair(), training=training)


@both_modes
def test_iand_bottleneck_equals_spikingjelly_with_operands_swapped(
    training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With A the branch's spikes and x the shortcut's, the SEW paper and their basic block have x (1 - A).

    Their bottleneck calls `sew_function(A, x)`, which is A (1 - x). Ours is x (1 - A) in both blocks: one name, one
    meaning.
    """
    pair = bottleneck_pair("iand")
    assert pair.error_as_is() > 0.01
    shipped = sew_resnet.sew_function
    monkeypatch.setattr(sew_resnet, "sew_function", lambda branch, shortcut, cnf: shipped(shortcut, branch, cnf))
    check_pair(pair, training=training)


@both_modes
@pytest.mark.parametrize("stages", [3, 4])
def test_membrane_equals_spikingjelly_with_spikes_before_downsampling(stages: int, training: bool) -> None:
    """Their shortcut's convolution reads the real stream, ours its spikes, P SN(x) + i2.

    A convolution that reads real values multiplies instead of adding, which a spiking network has to do without; the
    authors of MS-ResNet name neuron, convolution, batch norm as the fully spiking order.
    """
    assert membrane_pair(stages, fires_before_downsampling=False).error_as_is() > 0.01
    check_pair(membrane_pair(stages, fires_before_downsampling=True), training=training)


def test_images_train_as_their_repetition_does_except_for_one_running_variance() -> None:
    """Given images, our stem's convolution and batch norm run once, not once per time step.

    Mean and variance of a batch and of its copies are the same, so logits and gradients are. The running variance is
    the unbiased one, n / (n - 1) times the batch's, and n counts the copies.
    """
    pair = membrane_pair(3, fires_before_downsampling=True)
    pair.train(True)
    check_step(pair, make_frames()[0], unequal_buffers=frozenset({"stem.conv.norm.running_var"}))
