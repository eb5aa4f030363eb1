"""Counting against networks counted by hand; IF neurons with threshold 1 pass spikes on unchanged."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from tests.xoresnet.network.counting import (
    STEPS,
    Add,
    Steps,
    additions,
    count,
    filled,
    firing_net,
    images_for,
    layers,
    small_arch,
)
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.measures.figures import Energy
from xoresnet.network.xoresnet import XOResNet
from xoresnet.neurons.neuron import IF


def spikes_at(shape: tuple[int, ...], *places: tuple[int, ...]) -> Tensor:
    x = torch.zeros(shape)
    for place in places:
        x[place] += 1
    return x


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
        ("0", "neuron", 3.0, 0.0, 0.0, 0.0, 0.0, 6 / 12, 0.0),
        ("1", "linear", 0.0, 0.0, 6.0, 0.0, pytest.approx(0.9 * 6), nan, 3.0),
        ("2", "neuron", 1.0, 0.0, 0.0, 0.0, 0.0, 2 / 8, 0.0),
        ("3", "linear", 0.0, 0.0, 4.0, 0.0, pytest.approx(0.9 * 4), nan, 1.0),
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
