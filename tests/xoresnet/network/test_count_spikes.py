"""Counting against networks counted by hand, brute force over geometries and SpikingJelly's op_counter; memory."""

from __future__ import annotations

import copy
import gc
import math
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spikingjelly.activation_based.op_counter import DispatchCounterMode, SynOpCounter
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from tests.strategies import archs
from xoresnet.description.arch import Arch
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.errors import UsageError
from xoresnet.measures.figures import Energy, LayerCounts
from xoresnet.network.block import ResidualBlock
from xoresnet.network.count_spikes import SpikeCounts, count_spikes
from xoresnet.network.xoresnet import XOResNet
from xoresnet.neurons.neuron import IF, LIF, ParametricLIF, SpikingNeuron

CLASSES, STEPS, WIDTH = 10, 3, 4
FIGURES = (
    "spikes_per_sample",
    "stream_spikes_per_sample",
    "synops_per_sample",
    "macs_per_sample",
    "energy_pj_per_sample",
)
Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d


class Steps(nn.Module):
    """One layer on every step of [T, N, ...]."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x.flatten(0, 1))
        return out.view(*x.shape[:2], *out.shape[1:])


class Add(nn.Module):
    """Two neurons on one input, their spikes added: an integer stream."""

    def __init__(self, *, in_place: bool = False) -> None:
        super().__init__()
        self.left, self.right, self.in_place = IF(), IF(), in_place

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.left(x)
        if self.in_place:
            out += self.right(x)
            return out
        return out + self.right(x)


class Reorder(nn.Module):
    """Another view of the same numbers."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        return self.change(x)


def filled(layer: nn.Module, value: float = 1.0) -> nn.Module:
    """The layer with all its weights at one value."""
    for weight in layer.parameters():
        nn.init.constant_(weight, value)
    return layer


def count(net: nn.Module, *inputs: Tensor, batch_dim: int | None = None, energy: Energy | None = None) -> SpikeCounts:
    """Counts of one call per input, in evaluation mode; samples come first unless `batch_dim` says otherwise."""
    if batch_dim is None and not isinstance(net, XOResNet):
        batch_dim = 0
    with torch.no_grad(), count_spikes(net.eval(), batch_dim=batch_dim, energy=energy or Energy()) as counts:
        for x in inputs:
            net(x)
    return counts


def layers(counts: SpikeCounts, kind: str) -> dict[str, LayerCounts]:
    return {layer.name: layer for layer in counts.layers if layer.kind == kind}


def synops(counts: SpikeCounts, kind: str = "conv") -> float:
    """Additions in layers of one kind."""
    return sum(layer.synops_per_sample for layer in layers(counts, kind).values())


def spikes_at(shape: tuple[int, ...], *places: tuple[int, ...]) -> Tensor:
    x = torch.zeros(shape)
    for place in places:
        x[place] += 1
    return x


def small_arch(**fields: object) -> Arch:
    """Two blocks per stage, so that XOR can sit everywhere."""
    common = {"input_shape": (2, 8, 8), "num_classes": CLASSES, "depth": 14, "width": WIDTH, "timesteps": STEPS}
    return Arch.from_dict({**common, **fields})


def firing_net(arch: Arch, seed: int = 0) -> XOResNet:
    """A network in evaluation mode that fires to its last layer, which new ones hardly do: their currents are small."""
    torch.manual_seed(seed)
    net = XOResNet(arch)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # one call sets the statistics
            nn.init.uniform_(module.weight, 2.0, 3.0)
            nn.init.uniform_(module.bias, 0.5, 1.5)
    with torch.no_grad():
        net.train()(torch.rand(8, *arch.input_shape))
    return net.eval()


def images_for(arch: Arch, samples: int = 3, seed: int = 1) -> Tensor:
    return torch.rand(samples, *arch.input_shape, generator=torch.Generator().manual_seed(seed))


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


def additions(conv: Convolution, x: Tensor) -> int:
    """Value times number of weights that it meets, summed: what the convolution gives if every weight is 1."""
    ones = copy.deepcopy(conv).double()
    ones._forward_hooks.clear()
    ones._forward_pre_hooks.clear()
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        filled(ones)
        if ones.bias is not None:
            ones.bias.zero_()
        return round(float(ones(x.double()).sum()))


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


# Counted by hand. IF neurons with threshold 1 pass spikes on unchanged.


def test_linear_network_by_hand() -> None:
    first, second = nn.Linear(3, 2, bias=False), nn.Linear(2, 4)
    first.weight.data = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    net = nn.Sequential(IF(), first, IF(threshold=2.0), second)
    x = torch.tensor([[[1.0, 1, 0], [0, 0, 1]], [[1.0, 0, 1], [0, 0, 1]]])  # [T=2, N=2, 3]
    counts = count(net, x, batch_dim=1)
    # sample 0: inputs 110 and 101 are 4 spikes; each meets 2 weights: 8 additions
    #   currents (2, 0), then (1, 1): the first neuron reaches 2 at once, is reset, and stays below: 1 spike
    #   it meets 4 weights: 4 additions
    # sample 1: inputs 001 and 001 are 2 spikes: 4 additions
    #   currents (0, 1), then (0, 1): the second neuron reaches 2 in the second step: 1 spike; 4 additions
    # per sample: (4 + 1 + 2 + 1) / 2 = 4 spikes, (8 + 4 + 4 + 4) / 2 = 10 additions
    # rates: of 3 x 2 x 2 = 12 places 6 fire, of 2 x 2 x 2 = 8 places 2, of all 20 together 8
    nan = pytest.approx(math.nan, nan_ok=True)
    assert counts.layers == [
        ("0", "neuron", 3.0, 0.0, 0.0, 0.0, 0.0, 6 / 12),
        ("1", "linear", 0.0, 0.0, 6.0, 0.0, pytest.approx(0.9 * 6), nan),
        ("2", "neuron", 1.0, 0.0, 0.0, 0.0, 0.0, 2 / 8),
        ("3", "linear", 0.0, 0.0, 4.0, 0.0, pytest.approx(0.9 * 4), nan),
    ]
    assert counts.as_dict() == {
        "spikes_per_sample": 4.0,
        "stream_spikes_per_sample": 0.0,
        "synops_per_sample": 10.0,
        "macs_per_sample": 0.0,
        "energy_pj_per_sample": pytest.approx(0.9 * 10),
        "firing_rate": pytest.approx(8 / 20),
    }


@pytest.mark.parametrize(
    ("places", "additions_per_channel"),
    [
        ([(0, 0)], 4),  # a corner of the map is seen by 2 x 2 windows
        ([(0, 2)], 6),  # an edge by 2 x 3
        ([(1, 2)], 9),  # the inside by 3 x 3
        ([(0, 0), (0, 2), (1, 2), (3, 3)], 4 + 6 + 9 + 4),
    ],
)
def test_borders_by_hand(places: list[tuple[int, int]], additions_per_channel: int) -> None:
    net = nn.Sequential(IF(), nn.Conv2d(1, 5, 3, padding=1))
    counts = count(net, spikes_at((1, 1, 4, 4), *((0, 0, *place) for place in places)))
    assert counts.spikes_per_sample == len(places)
    assert counts.synops_per_sample == 5 * additions_per_channel


@pytest.mark.parametrize(
    ("geometry", "fan"),
    [
        # window o reads 2o - 1, 2o, 2o + 1: o = 0, 1, 2 read -1 0 1, 1 2 3, 3 4 5
        ({"kernel_size": 3, "stride": 2, "padding": 1}, (1, 2, 1, 2, 1)),
        # window o reads o - 2, o, o + 2, for o = 0 to 4
        ({"kernel_size": 3, "dilation": 2, "padding": 2}, (2, 2, 3, 2, 2)),
        # window o reads 2o - 2, 2o, 2o + 2: o = 0, 1, 2 read -2 0 2, 0 2 4, 2 4 6; odd places are never read
        ({"kernel_size": 3, "stride": 2, "dilation": 2, "padding": 2}, (2, 0, 3, 0, 2)),
        # the projection of a residual block: places 0, 2, 4
        ({"kernel_size": 1, "stride": 2}, (1, 0, 1, 0, 1)),
        # window o reads 3o, 3o + 1: o = 0, 1 read 0 1, 3 4
        ({"kernel_size": 2, "stride": 3}, (1, 1, 0, 1, 1)),
    ],
)
def test_strides_and_dilation_by_hand(geometry: dict[str, int], fan: tuple[int, ...]) -> None:
    """The fan-out of a place in a 5x5 map is that of its row times that of its column."""
    conv = nn.Conv2d(1, 3, **geometry)
    for row in range(5):
        for column in range(5):
            counts = count(nn.Sequential(IF(), conv), spikes_at((1, 1, 5, 5), (0, 0, row, column)))
            assert counts.synops_per_sample == 3 * fan[row] * fan[column], (row, column)
    whole = count(nn.Sequential(IF(), conv), torch.ones(1, 1, 5, 5))
    assert whole.synops_per_sample == 3 * sum(fan) ** 2 > 0


@pytest.mark.parametrize(
    ("out_channels", "groups", "outputs_met"),
    [(8, 1, 8), (8, 2, 4), (8, 4, 2), (4, 4, 1)],  # a spike meets only the outputs of its own group
)
def test_groups_by_hand(out_channels: int, groups: int, outputs_met: int) -> None:
    net = nn.Sequential(IF(), nn.Conv2d(4, out_channels, 3, padding=1, groups=groups))
    # inside in channel 0: 9 windows; in a corner of channel 3: 4 windows
    counts = count(net, spikes_at((1, 4, 3, 3), (0, 0, 1, 1), (0, 3, 2, 2)))
    assert counts.synops_per_sample == (9 + 4) * outputs_met


def test_spikes_in_a_deep_network_by_hand() -> None:
    """Spikes that a convolution makes, followed over two steps."""
    first, second = nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.Conv2d(2, 3, 2, stride=2)
    net = nn.Sequential(IF(), Steps(filled(first, 0.5)), IF(), Steps(second))
    x = spikes_at((2, 1, 1, 4, 4), (0, 0, 0, 0, 0), (1, 0, 0, 0, 1))
    counts = count(net, x, batch_dim=1)
    # step 0: the corner spike meets 2 x 2 places in 2 channels: 8 additions, which leave 0.5 there: nothing fires
    # step 1: the edge spike meets 2 x 3 places in 2 channels: 12 additions; where both were (2 x 2 places),
    #   potentials reach 1: 4 places x 2 channels = 8 spikes
    # these 8, in the first 2x2 window, meet 1 window and 3 channels each: 24 additions
    assert counts.spikes_per_sample == 2 + 8
    assert [layer.synops_per_sample for layer in layers(counts, "conv").values()] == [20, 24]
    # places: 16 in the first layer and 32 in the second, over 2 steps
    assert counts.firing_rate == pytest.approx(10 / (2 * 16 + 2 * 32))


def test_adding_two_spikes_counts_twice_the_fan_out() -> None:
    net = nn.Sequential(Add(), nn.Conv2d(1, 3, 3, padding=1))
    counts = count(net, spikes_at((1, 1, 3, 3), (0, 0, 1, 1), (0, 0, 0, 0)))
    # two places hold 1 + 1 = 2; inside: 2 x 9 windows x 3 channels; corner: 2 x 4 x 3
    assert counts.spikes_per_sample == 4
    assert counts.synops_per_sample == 2 * 9 * 3 + 2 * 4 * 3


@pytest.mark.parametrize("timesteps", [1, 2, 3])
def test_add_stream_of_twos_by_hand(timesteps: int) -> None:
    """SEW-ResNet8 on 3x3 images, one of whose corners is lit.

    Weights are 2 in the middle of every kernel, so that whatever reaches a place fires all its channels, at each step.
    """
    arch = small_arch(
        input_shape=(1, 3, 3),
        num_classes=2,
        depth=8,
        width=1,
        merge="add",
        timesteps=timesteps,
        neuron=NeuronSpec(kind="if"),
    )
    net = XOResNet(arch)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            middle = module.kernel_size[0] // 2
            nn.init.constant_(module.weight[:, :, middle, middle], 2.0)
    counts = count(net, spikes_at((1, 1, 3, 3), (0, 0, 0, 0)))
    # stem: 1 spike in the corner
    # stage 1, identity, 3x3, 1 channel. The corner meets 4 windows.
    #   convs.0: 4 additions, 1 spike;  convs.1: 4 additions, 1 spike;  the stream: 1 + 1 = 2
    # stage 2, to 2x2 and 2 channels. Window o reads 2o - 1 to 2o + 1: the corner is in one window per direction.
    #   convs.0: 2 x 1 window x 2 channels = 4, 2 spikes;  projection: 2 x 1 x 2 = 4, 2 spikes
    #   convs.1: a corner of 2x2 is in 4 windows: 2 spikes x 4 x 2 channels = 16, 2 spikes
    #   the stream: 1 + 1 in 2 channels = 4
    # stage 3, to 1x1 and 4 channels
    #   convs.0: 4 x 1 window x 4 channels = 16, 4 spikes;  projection: 4 x 4 = 16, 4 spikes
    #   convs.1: 4 spikes x 1 window x 4 channels = 16, 4 spikes;  the stream: 2 in 4 channels = 8
    per_step = {name: layer.synops_per_sample / timesteps for name, layer in layers(counts, "conv").items()}
    assert per_step == {
        "stem.conv.conv": 0,
        "stages.0.0.convs.0.conv": 4,
        "stages.0.0.convs.1.conv": 4,
        "stages.1.0.convs.0.conv": 4,
        "stages.1.0.convs.1.conv": 16,
        "stages.1.0.projection.conv": 4,
        "stages.2.0.convs.0.conv": 16,
        "stages.2.0.convs.1.conv": 16,
        "stages.2.0.projection.conv": 16,
    }
    assert counts.spikes_per_sample == (1 + 2 + 6 + 12) * timesteps
    streams = [layer.stream_spikes_per_sample for layer in layers(counts, "block").values()]
    assert streams == [2 * timesteps, 4 * timesteps, 8 * timesteps]
    assert counts.stream_spikes_per_sample == (2 + 4 + 8) * timesteps
    # places per step: the stem's 9; 9 + 9; three times 2 x 4; three times 4
    assert counts.firing_rate == pytest.approx((1 + 2 + 6 + 12) / (9 + 18 + 24 + 12))
    # the stem once: 9 places x 9 weights
    assert layers(counts, "conv")["stem.conv.conv"].macs_per_sample == 81


def test_read_out_of_whole_averages_is_analog() -> None:
    """Where all fire alike, averages over time happen to be whole; the read-out multiplies all the same."""
    arch = small_arch(input_shape=(1, 3, 3), depth=8, width=1, neuron=NeuronSpec(kind="if"))
    net = XOResNet(arch)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            filled(module, 2.0)
    head = layers(count(net, torch.ones(1, 1, 3, 3)), "linear")["head"]
    # 4 channels x 10 classes
    assert (head.macs_per_sample, head.synops_per_sample) == (40, 0)


def test_read_out_costs_each_sample_the_same() -> None:
    """A black image is silent, its averages are 0; alone or in a batch, it costs what others cost."""
    arch = small_arch()
    net = firing_net(arch)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.bias)
            nn.init.zeros_(module.running_mean)
    bright, black = images_for(arch, 1), torch.zeros(1, *arch.input_shape)
    assert count(net, black).spikes_per_sample == 0 < count(net, bright).spikes_per_sample
    assert count(net, black, bright).as_dict() == count(net, torch.cat([black, bright])).as_dict()


def test_direct_coding_runs_the_stem_once() -> None:
    arch = small_arch()
    net, images = firing_net(arch), images_for(small_arch())
    direct = count(net, images)
    repeated = count(net, images.expand(STEPS, *images.shape).contiguous())
    # stem: 8 x 8 places x 4 channels x (2 x 3 x 3) weights; read-out: 16 channels x 10 classes
    stem, head = 64 * 4 * 18, 16 * 10
    assert direct.macs_per_sample == stem + head
    assert repeated.macs_per_sample == STEPS * stem + head
    assert direct.samples == repeated.samples == 3
    # the spikes are the same
    for figure in ("spikes_per_sample", "stream_spikes_per_sample", "synops_per_sample", "firing_rate"):
        assert getattr(direct, figure) == getattr(repeated, figure) > 0


def test_images_are_analog_whatever_they_hold_and_event_counts_are_not() -> None:
    arch = small_arch(timesteps=1)
    net = firing_net(arch)
    images = (images_for(arch) > 0.5).float()
    as_images, as_events = count(net, images), count(net, images[None].clone())
    stem = "stem.conv.conv"
    assert layers(as_images, "conv")[stem].synops_per_sample == 0
    assert layers(as_images, "conv")[stem].macs_per_sample == 64 * 4 * 18
    assert layers(as_events, "conv")[stem].macs_per_sample == 0
    assert layers(as_events, "conv")[stem].synops_per_sample == additions(net.stem.conv.conv, images) / 3 > 0


def test_a_view_of_the_images_as_events_is_counted_as_events() -> None:
    """A tensor known to hold images must not be taken for images as a sequence."""
    arch = small_arch(timesteps=1)
    net = firing_net(arch)
    images = (images_for(arch) > 0.5).float()
    both = count(net, images, images[None])
    apart = count(net, images).macs_per_sample, count(net, images[None]).macs_per_sample
    assert both.macs_per_sample == sum(apart) / 2


def test_analog_first_layer_of_a_foreign_network() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1, groups=1), IF(), nn.Flatten(), nn.Linear(64, 5))
    counts = count(net, torch.rand(2, 3, 8, 8) + 0.1)
    # padding is multiplied too: 4 x 4 places x 4 channels x 27 weights
    assert counts.macs_per_sample == 16 * 4 * 27
    assert counts.synops_per_sample == 5 * counts.spikes_per_sample


def test_grouped_and_linear_multiply_adds() -> None:
    counts = count(nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.Flatten(), nn.Linear(8, 5)), torch.rand(2, 4, 3, 3))
    # 1 place x 8 channels x (2 x 9) weights, then 8 x 5
    assert counts.macs_per_sample == 8 * 18 + 8 * 5


@pytest.mark.parametrize("energy", [Energy(), Energy(mac_pj=3.2, ac_pj=0.1), Energy(ac_pj=0.0)])
def test_energy_by_hand(energy: Energy) -> None:
    net = nn.Sequential(nn.Linear(3, 4), IF(), nn.Linear(4, 5))
    filled(net[0], 1.0)  # weights and bias 1: all 4 neurons fire
    counts = count(net, torch.full((1, 3), 0.5), energy=energy)
    # 3 x 4 = 12 multiply-adds; 4 spikes x 5 = 20 additions
    assert counts.energy_pj_per_sample == pytest.approx(energy.mac_pj * 12 + energy.ac_pj * 20)
    by_layer = [layer.energy_pj_per_sample for layer in counts.layers]
    assert by_layer == pytest.approx([energy.mac_pj * 12, 0, energy.ac_pj * 20])
    assert f"at {energy.mac_pj} pJ per MAC and {energy.ac_pj} pJ per addition" in str(counts)


def test_default_energy_is_that_of_45_nm() -> None:
    assert Energy() == (4.6, 0.9)


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
    # the stem and the read-out, as in test_direct_coding_runs_the_stem_once
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


def test_mean_over_samples_not_over_calls() -> None:
    net = nn.Sequential(IF(), nn.Linear(2, 3))
    counts = count(net, torch.ones(1, 2), torch.zeros(3, 2))
    # 2 spikes in one of 4 samples; 6 additions
    assert (counts.samples, counts.spikes_per_sample, counts.synops_per_sample) == (4, 0.5, 1.5)
    assert counts.firing_rate == 2 / 8


def test_a_layer_used_twice_counts_twice() -> None:
    neuron, linear = IF(), filled(nn.Linear(3, 3))
    counts = count(nn.Sequential(neuron, linear, neuron, linear), torch.ones(1, 3))
    assert [(layer.name, layer.spikes_per_sample, layer.synops_per_sample) for layer in counts.layers] == [
        ("0", 6, 0),
        ("1", 0, 18),
    ]
    assert counts.firing_rate == 1


def test_pooled_spikes_are_spikes_and_averaged_ones_are_analog() -> None:
    x = spikes_at((1, 1, 4, 4), (0, 0, 0, 0), (0, 0, 3, 3))
    pooled = count(nn.Sequential(IF(), nn.MaxPool2d(2), nn.Conv2d(1, 3, 1)), x)
    averaged = count(nn.Sequential(IF(), nn.AvgPool2d(2), nn.Conv2d(1, 3, 1)), x)
    # 2 of the 4 windows hold a spike; 4 places x 3 channels
    assert (pooled.synops_per_sample, pooled.macs_per_sample) == (6, 0)
    assert (averaged.synops_per_sample, averaged.macs_per_sample) == (0, 12)


def test_batch_dim_of_a_foreign_network() -> None:
    net, x = nn.Sequential(IF(), nn.Linear(2, 3)), torch.ones(5, 4, 2)
    assert count(net, x).samples == 5
    assert count(net, x, batch_dim=1).samples == 4
    assert count(net, x, batch_dim=-2).spikes_per_sample == 5 * 2


def test_network_inside_another() -> None:
    arch = small_arch()
    net, images = firing_net(arch), images_for(arch)
    alone, inside = count(net, images), count(nn.Sequential(nn.Identity(), net), images)
    assert inside.as_dict() == alone.as_dict()
    assert {layer.name for layer in inside.layers} == {f"1.{layer.name}" for layer in alone.layers}
    sequence = images.expand(STEPS, *images.shape)
    outer = count(nn.Sequential(nn.Identity(), net), sequence, batch_dim=1)
    assert outer.as_dict() == count(net, sequence).as_dict()


def test_one_count_inside_another() -> None:
    net, x = nn.Sequential(IF(), nn.Linear(2, 3)).eval(), torch.ones(1, 2)
    with torch.no_grad(), count_spikes(net, batch_dim=0) as outer:
        net(x * 0)
        with count_spikes(net, batch_dim=0) as inner:
            net(x)
        net(x)
    assert (outer.samples, inner.samples) == (3, 1)
    assert (outer.spikes_per_sample * 3, inner.spikes_per_sample) == (4, 2)


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


# What is kept.


def hooks_of(net: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())


@pytest.mark.parametrize("fails", [False, True])
def test_hooks_are_gone_afterwards(fails: bool) -> None:
    net = firing_net(small_arch())
    expected = pytest.raises(RuntimeError, match="stop") if fails else nullcontext()
    with expected, count_spikes(net) as counts:
        assert hooks_of(net) > 0
        net(images_for(net.arch))
        if fails:
            raise RuntimeError("stop")
    assert hooks_of(net) == 0
    # what was counted stays, and nothing is added to it
    spikes = counts.spikes_per_sample
    net(images_for(net.arch))
    assert counts.spikes_per_sample == spikes > 0


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, nullcontext])
@pytest.mark.parametrize("merge", ["add", "oa"])
def test_no_activation_is_kept(merge: str, mode: Callable[[], AbstractContextManager[None]]) -> None:
    """Inside the `with`, all outputs of neurons, convolutions and blocks are freed once the call is over."""
    net = firing_net(small_arch(merge=merge, xor="both"))
    tensors: list[weakref.ref[Tensor]] = []
    storages: list[StorageWeakRef] = []

    def note(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, Tensor]) -> None:
        out = output[0] if isinstance(output, tuple) else output
        tensors.append(weakref.ref(out))
        storages.append(StorageWeakRef(out.untyped_storage()))

    noted = (SpikingNeuron, ResidualBlock, nn.Conv2d)
    handles = [m.register_forward_hook(note) for m in net.modules() if isinstance(m, noted)]
    with mode(), count_spikes(net) as counts:
        net(images_for(net.arch))
        gc.collect()
        assert len(tensors) > 20
        assert sum(reference() is not None for reference in tensors) == 0
        assert sum(not storage.expired() for storage in storages) == 0
    for handle in handles:
        handle.remove()
    assert counts.spikes_per_sample > 0


def test_figures_do_not_hold_the_graph() -> None:
    """Sums keep no autograd graph alive, whose saved tensors are activations."""
    net = firing_net(small_arch())
    with count_spikes(net) as counts:
        net(images_for(net.arch))
    # torch refuses to copy tensors that belong to a graph
    assert copy.deepcopy(counts).spikes_per_sample == counts.spikes_per_sample > 0


# Errors.


def test_training_mode_is_refused() -> None:
    net = firing_net(small_arch())
    net.stages[1][0].convs[0].norm.train()
    with count_spikes(net) as counts, pytest.raises(UsageError, match=r"counted in evaluation mode: call net\.eval"):
        net(images_for(net.arch))
    with pytest.raises(UsageError, match="nothing was counted yet"):
        _ = counts.spikes_per_sample


@pytest.mark.parametrize("figure", ["layers", *FIGURES, "firing_rate"])
def test_figures_before_any_call(figure: str) -> None:
    with count_spikes(nn.Sequential(IF()), batch_dim=0) as counts:
        assert str(counts) == "nothing counted yet"
        with pytest.raises(UsageError, match=r"nothing was counted yet: call the network itself inside count_spikes"):
            getattr(counts, figure)
        with pytest.raises(UsageError, match="nothing was counted yet"):
            counts.as_dict()


def test_a_network_without_neurons_has_no_rate() -> None:
    counts = count(nn.Linear(2, 3), torch.ones(1, 2))
    assert math.isnan(counts.firing_rate)
    assert counts.synops_per_sample == 6


@pytest.mark.parametrize(
    "layer",
    [
        nn.MultiheadAttention(4, 2),
        nn.Embedding(3, 4),
        nn.Bilinear(2, 2, 2),
        nn.PReLU(),
        nn.LSTM(2, 2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_unknown_weights_are_refused_by_name(layer: nn.Module) -> None:
    net = nn.Sequential(nn.Sequential(IF(), layer))
    message = rf"{type(layer).__name__} \(0\.1\) has weights that cannot be counted"
    with pytest.raises(UsageError, match=message), count_spikes(net):
        pass
    assert hooks_of(net) == 0
    with pytest.raises(UsageError, match=rf"{type(layer).__name__} \(the network itself\)"), count_spikes(layer):
        pass


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm1d(3), nn.LayerNorm(3), nn.GroupNorm(1, 3), nn.ReLU(), nn.Dropout(), ParametricLIF()],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_that_need_no_counting_are_taken(layer: nn.Module) -> None:
    assert count(nn.Sequential(IF(), nn.Linear(3, 3), layer), torch.ones(2, 3)).synops_per_sample == 9


def test_samples_must_be_the_first_argument() -> None:
    net = firing_net(small_arch())
    with count_spikes(net), pytest.raises(UsageError, match="first argument of a counted network must be the tensor"):
        net([images_for(net.arch)])


def test_arguments_by_keyword() -> None:
    net = firing_net(small_arch())
    x = images_for(net.arch)
    with torch.no_grad(), count_spikes(net) as counts:
        net(x=x)
    assert counts.as_dict() == count(net, x).as_dict()


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


def test_samples_of_a_foreign_network_must_be_named() -> None:
    net = nn.Sequential(IF()).eval()
    with pytest.raises(UsageError, match="give batch_dim, the dimension that holds the samples"), count_spikes(net):
        pass
    with (
        count_spikes(net, batch_dim=2),
        pytest.raises(UsageError, match=r"batch_dim=2 does not exist in samples of shape \[1, 3\]"),
    ):
        net(torch.ones(1, 3))


def test_parametrised_weights_are_counted() -> None:
    net = nn.Sequential(IF(), nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)))
    assert count(net, torch.ones(1, 3)).synops_per_sample == 6


def test_only_networks_are_counted() -> None:
    with pytest.raises(TypeError, match="count_spikes takes a network, got Arch"), count_spikes(small_arch()):
        pass


def test_parts_called_by_themselves() -> None:
    """Images are analog however the stem is reached; only calls of the network itself are counted."""

    class PerStep(nn.Module):
        def __init__(self, net: XOResNet) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Tensor) -> Tensor:
            return self.net.logits_per_step(x)

    net = firing_net(small_arch())
    black = torch.zeros_like(images_for(net.arch))
    with torch.no_grad(), count_spikes(PerStep(net).eval(), batch_dim=0) as counts:
        net.logits_per_step(black)
        assert counts.samples == 0
    with torch.no_grad(), count_spikes(wrapper := PerStep(net).eval(), batch_dim=0) as counts:
        wrapper(black)
    macs = {layer.name: layer.macs_per_sample for layer in counts.layers}
    plain = {layer.name: layer.macs_per_sample for layer in count(net, black).layers}
    assert macs["net.stem.conv.conv"] == plain["stem.conv.conv"] > 0
    assert macs["net.head"] == plain["head"] * net.arch.timesteps > 0


def test_printed_figures() -> None:
    net = firing_net(small_arch(merge="add"))
    counts = count(net, images_for(net.arch))
    assert "at 4.6 pJ per MAC and 0.9 pJ per addition" in str(counts)
    assert repr(counts) == f"<SpikeCounts {counts}>"
    lines = counts.table().splitlines()
    assert len(lines) == len(counts.layers) + 5
    assert lines[-1].split()[:2] == ["total", f"{counts.spikes_per_sample:,.1f}"]
    assert lines[3].split()[:2] == ["stem.conv.conv", "conv"]


def test_a_call_that_failed_is_not_counted() -> None:
    """A batch that did not fit, caught and retried, leaves no trace in the means."""
    net = firing_net(small_arch())
    images = images_for(net.arch)
    expected = count(net, images)
    with torch.no_grad(), count_spikes(net) as counts:
        with pytest.raises(UsageError, match="expected images"):
            net(images[..., :5])
        net(images)
    assert (counts.samples, counts.as_dict()) == (expected.samples, expected.as_dict())
