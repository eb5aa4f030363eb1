"""Counting against brute force over geometries, SpikingJelly's op_counter and hooks on whole networks."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spikingjelly.activation_based.op_counter import DispatchCounterMode, SynOpCounter
from torch import Tensor, nn

from tests.strategies import archs
from tests.xoresnet.network.counting import (
    CLASSES,
    FIGURES,
    STEPS,
    Add,
    Convolution,
    Steps,
    additions,
    count,
    filled,
    firing_net,
    images_for,
    layers,
    small_arch,
)
from xoresnet.description.arch import Arch
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS
from xoresnet.network.block import ResidualBlock
from xoresnet.network.count_spikes import SpikeCounts, count_spikes
from xoresnet.network.xoresnet import XOResNet
from xoresnet.neurons.neuron import IF, LIF, SpikingNeuron


class Reorder(nn.Module):
    """Another view of the same numbers."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        return self.change(x)


# Brute force.


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Conv2d, Tensor]:
    """A convolution of any geometry and whole numbers that fit it."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    size = [d * (k - 1) + 1 + draw(st.integers(0, 4)) for k, d in zip(kernel, dilation, strict=True)]
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    # reflection needs less padding than places
    numbers = st.tuples(*(st.integers(0, min(3, places - 1)) for places in size))
    padding = draw(numbers | st.sampled_from(["same", "valid"]))
    groups = draw(st.integers(1, 3))
    conv = nn.Conv2d(
        groups * draw(st.integers(1, 2)),
        groups * draw(st.integers(1, 3)),
        kernel,
        (1, 1) if padding == "same" else stride,
        padding,
        dilation,
        groups,
        bias=draw(st.booleans()),
        padding_mode=draw(st.sampled_from(["zeros", "circular", "reflect", "replicate"])),
    )
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    x = torch.randint(0, 4, (draw(st.integers(1, 3)), conv.in_channels, *size), generator=generator)
    x[0, 0, 0, 0] = 1  # never silent
    return conv, x.float()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")  # torch's, about its copies
@settings(deadline=None, max_examples=60)
@given(convolutions())
def test_any_convolution_against_brute_force(case: tuple[nn.Conv2d, Tensor]) -> None:
    conv, x = case
    counts = count(conv, x)
    assert counts.synops_per_sample * len(x) == pytest.approx(additions(conv, x), rel=1e-12)
    assert counts.macs_per_sample == 0
    # the same from a neuron, whose sums are taken another way
    spikes = x.clamp(max=1)
    behind_neuron = count(nn.Sequential(IF(), Steps(conv)), spikes[None], batch_dim=1)
    assert behind_neuron.synops_per_sample * len(x) == pytest.approx(additions(conv, spikes), rel=1e-12)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")  # torch's, about its copies
@pytest.mark.parametrize(
    ("conv", "size"),
    [
        (nn.Conv1d(2, 3, 3, padding=1), (7,)),
        (nn.Conv1d(4, 6, 4, stride=3, padding=2, dilation=2, groups=2), (11,)),
        (nn.Conv1d(2, 2, 4, padding="same", padding_mode="circular"), (6,)),
        (nn.Conv1d(1, 2, 3, padding=2, padding_mode="reflect"), (5,)),
        (nn.Conv3d(2, 3, 3, padding=1), (3, 4, 5)),
        (nn.Conv3d(2, 4, (1, 2, 3), stride=(1, 2, 2), padding=(0, 1, 2), groups=2), (3, 4, 5)),
        (nn.Conv3d(1, 2, 2, dilation=2, padding=1, padding_mode="replicate"), (4, 3, 5)),
    ],
    ids=str,
)
@pytest.mark.parametrize("behind_neuron", [False, True])
def test_other_dimensions_against_brute_force(conv: Convolution, size: tuple[int, ...], behind_neuron: bool) -> None:
    most = 1 if behind_neuron else 5
    x = torch.randint(0, most + 1, (2, conv.in_channels, *size), generator=torch.Generator().manual_seed(0)).float()
    if behind_neuron:
        counts = count(nn.Sequential(IF(), Steps(conv)), x[None], batch_dim=1)
    else:
        counts = count(conv, x)
    assert counts.synops_per_sample == additions(conv, x) / 2 > 0


@pytest.mark.parametrize(
    ("conv", "size"),
    [
        (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), (5, 4)),
        (nn.ConvTranspose2d(2, 3, (2, 5), stride=(3, 1), padding=(0, 4), dilation=(2, 1)), (4, 6)),
        (nn.ConvTranspose1d(2, 3, 4, stride=2, padding=3), (7,)),
        (nn.ConvTranspose3d(1, 2, 3, stride=2, padding=1), (3, 2, 4)),
    ],
    ids=str,
)
def test_transposed_convolutions_against_brute_force(conv: nn.Module, size: tuple[int, ...]) -> None:
    """All weights 1 and no bias: the sum of the outputs is the number of additions."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 4, (2, int(conv.in_channels), *size), generator=generator).float()
    nn.init.zeros_(conv.bias)
    nn.init.ones_(conv.weight)
    with torch.no_grad():
        expected = float(conv(x).sum()) / 2
    assert count(conv, x).synops_per_sample == expected > 0
    weights = conv.weight[0].numel()
    assert count(conv, x + 0.5).macs_per_sample == x[0].numel() * weights


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.transpose(-1, -2),
        lambda x: x.permute(0, 2, 3, 1),
        lambda x: x.transpose(1, 2),
        lambda x: x.view(1, 4, 2, 8),
        lambda x: x.flip(-1),
        lambda x: x[:, :2],
        lambda x: x[:, :1].expand_as(x),
        lambda x: x.to(memory_format=torch.channels_last),
    ],
    ids=["turned", "channels behind", "channels for rows", "view", "flip", "slice", "expand", "channels_last"],
)
def test_rearranged_spikes_are_counted_where_they_are(change: Callable[[Tensor], Tensor]) -> None:
    x = torch.zeros(1, 4, 4, 4)
    x[:, :3, 0] = 1  # uneven in every direction
    x[:, 1, :, 3] = 1
    arranged = change(x)
    conv = nn.Conv2d(arranged.shape[1], 2, (2, 3), stride=(1, 2), padding=(0, 1))
    counts = count(nn.Sequential(IF(), Reorder(change), conv), x)
    assert counts.synops_per_sample == additions(conv, arranged) > 0


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_spikes_added_in_place(mode: Callable[[], AbstractContextManager[None]]) -> None:
    """`out += identity`, the usual residual; in inference mode tensors have no version that records it."""
    net = nn.Sequential(Add(in_place=True), nn.Linear(3, 2)).eval()
    with mode(), count_spikes(net, batch_dim=0) as counts:
        net(torch.ones(1, 3))
    # 3 inputs of 1 + 1 = 2, 2 weights each
    assert counts.synops_per_sample == 12
    assert counts.spikes_per_sample == 6


def test_spikes_scaled_in_place_are_analog() -> None:
    net = nn.Sequential(IF(), Reorder(lambda x: x.mul_(0.5)), nn.Linear(3, 2)).eval()
    with torch.inference_mode(), count_spikes(net, batch_dim=0) as counts:
        net(torch.ones(1, 3))
    assert (counts.macs_per_sample, counts.synops_per_sample) == (6, 0)


def test_sums_that_float32_cannot_hold() -> None:
    x = torch.full((1, 34), 2.0**20)
    x[0, 0] = 1
    counts = count(nn.Linear(34, 1), x)
    assert counts.synops_per_sample == 33 * 2**20 + 1 > 2**24


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_that_half_precision_cannot_hold(dtype: torch.dtype) -> None:
    net = nn.Sequential(IF(), nn.Linear(3001, 1)).to(dtype)
    counts = count(net, torch.ones(1, 3001, dtype=dtype))
    assert counts.spikes_per_sample == counts.synops_per_sample == 3001


# SpikingJelly.


def spikingjelly_synops(net: nn.Module, x: Tensor) -> dict[str, int]:
    """SpikingJelly's additions by module, its names without the network's own."""
    counter = SynOpCounter()
    with torch.no_grad(), DispatchCounterMode([counter]):
        net(x)
    root = type(net).__name__
    by_layer: dict[str, int] = defaultdict(int)
    for name, records in counter.get_counts().items():
        by_layer[name.removeprefix(f"{root}.")] += sum(records.values())
    return by_layer


def test_spikingjelly_agrees_on_a_binary_network() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        Steps(nn.Conv2d(2, 6, 3, padding=1)),
        LIF(threshold=0.1),
        Steps(nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2)),
        LIF(threshold=0.1),
        Steps(nn.Conv2d(8, 4, 2, dilation=2, padding=2, padding_mode="circular")),
        LIF(threshold=0.1),
        nn.Flatten(2),
        nn.Linear(4 * 6 * 6, 5),
    )
    x = torch.bernoulli(torch.full((STEPS, 4, 2, 8, 8), 0.3))
    counts, theirs = count(net, x, batch_dim=1), spikingjelly_synops(net, x)
    ours = {layer.name: layer.synops_per_sample * 4 for layer in counts.layers if layer.kind in ("conv", "linear")}
    assert min(ours.values()) > 0
    assert ours == {name: theirs[name] for name in ours}
    assert counts.synops_per_sample * 4 == theirs["Global"]


@pytest.mark.parametrize("merge", [merge for merge in MERGES if merge != "add"])
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_spikingjelly_agrees_on_residual_networks(merge: str, block: str) -> None:
    """In all but `add` networks every convolution but the stem reads 0 and 1.

    SpikingJelly leaves out, as it should, what reads other values: the stem, and the read-out of averages.
    """
    arch = small_arch(merge=merge, xor="both", block=block)
    net, images = firing_net(arch), images_for(arch)
    counts, theirs = count(net, images), spikingjelly_synops(net, images)
    ours = {name: layer.synops_per_sample * 3 for name, layer in layers(counts, "conv").items()}
    assert ours.pop("stem.conv.conv") == theirs["stem.conv.conv"] == theirs["head"] == 0
    assert min(ours.values()) > 0
    assert ours == pytest.approx({name: theirs[name] for name in ours})
    assert counts.synops_per_sample * 3 == pytest.approx(theirs["Global"])


def test_spikingjelly_leaves_out_streams_that_hold_twos() -> None:
    """Why `add` is not compared above: it takes a tensor with a 2 for an analog one and counts nothing."""
    arch = small_arch(merge="add")
    net, images = firing_net(arch), images_for(arch)
    counts, theirs = count(net, images), spikingjelly_synops(net, images)
    ours = {name: layer.synops_per_sample * 3 for name, layer in layers(counts, "conv").items()}
    left_out = {name for name, additions in ours.items() if additions != pytest.approx(theirs[name])}
    assert left_out == {name for name in ours if ours[name] > 0 and theirs[name] == 0}
    # whatever reads the outcome of an addition: all blocks but the first
    assert left_out == {
        f"stages.{stage}.{index}.{layer}.conv"
        for stage in range(3)
        for index in range(2)
        for layer in (("convs.0", "projection") if stage and not index else ("convs.0",))
        if (stage, index) != (0, 0)
    }


# Whole networks.


def synops(counts: SpikeCounts, kind: str = "conv") -> float:
    """Additions in layers of one kind."""
    return sum(layer.synops_per_sample for layer in layers(counts, kind).values())


@contextmanager
def counted_by_hooks(net: XOResNet) -> Iterator[Counter[str]]:
    """What a reader would count: sums of outputs, and every convolution but the stem again with all weights 1."""
    sums: Counter[str] = Counter()

    def on_neuron(_: nn.Module, __: object, out: Tensor) -> None:
        sums["spikes"] += int(out.double().sum())

    def on_block(block: ResidualBlock, _: object, out: tuple[Tensor, Tensor]) -> None:
        sums["stream"] += int(out[0].double().sum()) if block.plan.writes.spiking else 0

    def on_conv(conv: nn.Conv2d, inputs: tuple[Tensor], _: Tensor) -> None:
        sums["synops"] += additions(conv, inputs[0])

    handles = []
    for module in net.modules():
        if isinstance(module, SpikingNeuron):
            handles.append(module.register_forward_hook(on_neuron))
        elif isinstance(module, ResidualBlock):
            handles.append(module.register_forward_hook(on_block))
        elif isinstance(module, nn.Conv2d) and module is not net.stem.conv.conv:
            handles.append(module.register_forward_hook(on_conv))
    yield sums
    for handle in handles:
        handle.remove()


def assert_counted_as_by_hooks(net: XOResNet, x: Tensor, samples: int) -> SpikeCounts:
    with counted_by_hooks(net) as by_hand, count_spikes(net) as counts:
        net(x)
    assert counts.samples == samples
    assert counts.spikes_per_sample == pytest.approx(by_hand["spikes"] / samples, rel=1e-12)
    assert counts.stream_spikes_per_sample == pytest.approx(by_hand["stream"] / samples, rel=1e-12)
    assert synops(counts) == pytest.approx(by_hand["synops"] / samples, rel=1e-12)
    return counts


def assert_totals_are_sums(counts: SpikeCounts) -> None:
    for figure in FIGURES:
        summed = sum(getattr(layer, figure) for layer in counts.layers)
        assert getattr(counts, figure) == pytest.approx(summed, rel=1e-12), figure
    assert counts.as_dict() == {name: getattr(counts, name) for name in (*FIGURES, "firing_rate")}


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("xor", XOR_PLACEMENTS)
def test_networks_against_hooks(merge: str, xor: str) -> None:
    arch = small_arch(merge=merge, xor=xor)
    net = firing_net(arch)
    with torch.no_grad():
        counts = assert_counted_as_by_hooks(net, images_for(arch), samples=3)
    assert_totals_are_sums(counts)
    assert all(layer.spikes_per_sample > 0 for layer in layers(counts, "neuron").values())
    # the stem and the read-out, as in test_direct_coding_runs_the_stem_once (test_count_spikes_by_hand.py)
    assert counts.macs_per_sample == 64 * 4 * 18 + 16 * 10
    assert len(layers(counts, "block")) == 6
    carried = [layer.stream_spikes_per_sample > 0 for layer in layers(counts, "block").values()]
    # real streams carry no spikes; a stage's last block ends in spikes
    assert carried == ([False, True] * 3 if merge == "membrane" else [True] * 6)


@settings(deadline=None, max_examples=25)
@given(archs(), st.booleans())
def test_any_network_against_hooks(arch: Arch, sequence: bool) -> None:
    net = firing_net(arch)
    x = images_for(arch, samples=2)
    with torch.no_grad():
        counts = assert_counted_as_by_hooks(net, x.expand(arch.timesteps, *x.shape) if sequence else x, samples=2)
    assert counts.spikes_per_sample > 0
    assert_totals_are_sums(counts)


def test_add_streams_count_values_and_or_streams_places() -> None:
    """Of one network's blocks: where both spike, ADD carries 2 and OR carries 1."""
    nets = {merge: firing_net(small_arch(merge=merge, depth=8)) for merge in ("add", "or")}
    images = images_for(small_arch())
    assert nets["add"].state_dict().keys() == nets["or"].state_dict().keys()
    nets["or"].load_state_dict(nets["add"].state_dict())
    first = {}
    for merge, net in nets.items():
        first[merge] = layers(count(net, images), "block")["stages.0.0"].stream_spikes_per_sample
    streams: list[Tensor] = []
    nets["add"].stages[0][0].register_forward_hook(lambda _, __, out: streams.append(out[0]))
    with torch.no_grad():
        nets["add"](images)
    assert (streams[0] == 2).any()
    assert first == {"add": float(streams[0].sum()) / 3, "or": int((streams[0] > 0).sum()) / 3}


@pytest.mark.parametrize("merge", ["add", "oa", "membrane"])
def test_calls_accumulate_and_batches_do_not_matter(merge: str) -> None:
    arch = small_arch(merge=merge, xor="middle")
    net, images = firing_net(arch), images_for(arch, samples=6)
    whole = count(net, images)
    assert whole.spikes_per_sample > 0
    for parts in ((1, 5), (2, 2, 2), (1,) * 6):
        counts = count(net, *images.split(parts))
        assert counts.samples == 6
        assert counts.as_dict() == whole.as_dict()
        for layer, expected in zip(counts.layers, whole.layers, strict=True):
            assert layer[:2] == expected[:2]
            assert layer[2:] == pytest.approx(expected[2:], nan_ok=True)


# Modes of torch.


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, nullcontext])
@pytest.mark.parametrize("merge", ["add", "oa"])
def test_gradient_modes(merge: str, mode: Callable[[], AbstractContextManager[None]]) -> None:
    arch = small_arch(merge=merge, xor="both")
    net = firing_net(arch)
    with mode():
        assert assert_counted_as_by_hooks(net, images_for(arch), samples=3).spikes_per_sample > 0


def test_counting_with_gradients_after_inference_mode() -> None:
    """What is cached from one call to the next must work in every mode."""
    # a geometry that no other test uses, so that nothing is cached yet
    net = nn.Sequential(nn.Linear(3, 13), IF(), nn.Unflatten(1, (1, 13, 1)), nn.Conv2d(1, 2, (11, 1))).eval()
    filled(net[0])
    with torch.inference_mode(), count_spikes(net, batch_dim=0) as first:
        net(torch.full((1, 3), 0.5))
    with count_spikes(net, batch_dim=0) as second:
        net(torch.full((1, 3), 0.5))
    assert first.as_dict() == second.as_dict()
    # all 13 places fire; 3 windows x 11 weights x 2 channels
    assert first.synops_per_sample == 3 * 11 * 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_networks(dtype: torch.dtype) -> None:
    arch = small_arch(merge="add")
    net = firing_net(arch).to(dtype)
    with torch.no_grad():
        counts = assert_counted_as_by_hooks(net, images_for(arch).to(dtype), samples=3)
    assert counts.stream_spikes_per_sample > 0


@pytest.mark.parametrize("merge", ["add", "oa"])
def test_autocast(merge: str) -> None:
    arch = small_arch(merge=merge, xor="middle")
    net, seen = firing_net(arch), set[torch.dtype]()
    net.stem.neuron.register_forward_hook(lambda _, __, out: seen.add(out.dtype))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        counts = assert_counted_as_by_hooks(net, images_for(arch), samples=3)
    assert counts.stream_spikes_per_sample > 0
    assert layers(counts, "linear")["head"].macs_per_sample == 16 * CLASSES
    assert seen == {torch.bfloat16}


def test_channels_last() -> None:
    arch = small_arch(merge="add", xor="middle")
    net, images = firing_net(arch), images_for(arch)
    last = count(copy.deepcopy(net).to(memory_format=torch.channels_last), images)
    assert last.macs_per_sample == count(net, images).macs_per_sample
    with torch.no_grad():
        x = images.to(memory_format=torch.channels_last)
        assert assert_counted_as_by_hooks(net, x, samples=3).spikes_per_sample > 0


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, nullcontext])
@pytest.mark.parametrize("merge", ["add", "oa", "membrane"])
def test_logits_do_not_change(merge: str, mode: Callable[[], AbstractContextManager[None]]) -> None:
    arch = small_arch(merge=merge, xor="both")
    net, images = firing_net(arch), images_for(arch)
    with mode():
        before = net(images)
        with count_spikes(net) as counts:
            during = net(images)
        after = net(images)
    assert counts.spikes_per_sample > 0
    assert torch.equal(before, during)
    assert torch.equal(before, after)
