"""Energy models against numbers worked out by hand, and against the implementation of the memory model's authors."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from tests.xoresnet.lively import archs_of_all_kinds, lively
from xoresnet import Arch, Energy, XOResNet, count_spikes
from xoresnet.description.plan import ConvPlan
from xoresnet.energy.chips import LOIHI, Chip, chip_energy
from xoresnet.energy.memory import ADD_PJ, Parts, dense_product, dense_read_out, memory_energy, ram_pj, written
from xoresnet.energy.models import MODELS, energy_figures
from xoresnet.energy.twin import twin_arithmetic, twin_bits, twin_memory
from xoresnet.energy.work import Exchange, Product, ReadOut, Updates, Work, work_of
from xoresnet.network.block import ResidualBlock, Xor
from xoresnet.neurons.neuron import SpikingNeuron

NO_READ_OUT = ReadOut(0, 0, 0.0)
CONV = ConvPlan(16, 32, 3, 1, (10, 10))
ONE_LAYER = Work((Product(CONV, 400.0, 400.0 * 9 * 32, 0.0),), (Updates(3200, 32, 4, True, 320.0),), (), NO_READ_OUT)
"""400 spikes into a 3x3 convolution, and 4 steps of 3,200 leaky neurons, which fire 320 times."""


def test_a_layer_of_spikes_costs_what_the_authors_of_the_model_say() -> None:
    """`EnergyEstimationMetric` of qualia-plugin-snn 2.6.0, with mem_width 32, no queue and the SRAM of the paper.

    Its figures for a layer with a quarter of a spike for each input and a tenth for each output, in pJ: reading spikes
    5,280, weights 1,705,797.55, biases 169,102.87, potentials 2 x 1,832,468.48, writing spikes 4,224, operations
    53,792, addresses 2,920.
    """
    parts = memory_energy(ONE_LAYER)
    assert parts.spikes == pytest.approx(5_280 + 4_224)
    assert parts.weights == pytest.approx(1_705_797.55008 + 169_102.86848)
    assert parts.potentials == pytest.approx(2 * 1_832_468.48)
    assert parts.operations == pytest.approx(53_792)
    assert parts.addresses == pytest.approx(2_920)
    assert parts.total == pytest.approx(5_606_053.37856)
    without_leak = ONE_LAYER._replace(updates=(ONE_LAYER.updates[0]._replace(leaky=False),))
    assert memory_energy(without_leak).operations == pytest.approx(12_832)


def test_dense_layers_cost_what_the_authors_of_the_model_say() -> None:
    """The same convolution, and 64 inputs of 10 classes, in a network without spikes."""
    conv = dense_product(ONE_LAYER.products[0], runs=1)
    assert conv.weights == pytest.approx(6_823_190.20032)
    assert conv.potentials == pytest.approx(6_339_723.264)
    assert conv.operations == pytest.approx(1_474_880 - 320)  # the additions of biases are those of the activations
    assert conv.addresses == pytest.approx(508.8)
    linear = dense_read_out(ReadOut(64, 10, 0.0))
    assert linear.weights == pytest.approx(8_590.86848 + 132.03488)
    assert linear.potentials == pytest.approx(846.2286848 + 132.03488)
    assert (linear.operations, linear.addresses) == (pytest.approx(2_049), pytest.approx(64))


def test_merges_and_pools_move_spikes() -> None:
    work = Work((), (Updates(1, 1, 1, False, 0.0),), (Exchange(50, 30.0, 20.0),), NO_READ_OUT)
    idle = memory_energy(work._replace(exchanges=()))
    assert memory_energy(work).total - idle.total == pytest.approx(50 * 13.2 + 30 * 0.1)


def test_ram() -> None:
    assert ram_pj(0) == 13.2
    assert ram_pj(8 * 2**10 // 4) == pytest.approx(13.2 + 1.09e-5 * 8 * 2**10 * 8)


def test_loihi_by_hand() -> None:
    """100 synaptic operations, 2 steps of 30 neurons that fire 12 times, a merge of 9 values that reads 5 and writes 4
    spikes, and a read-out of 7 channels, 3 classes and 6 spikes.
    """
    work = Work(
        (Product(CONV, 40.0, 60.0, 0.0), Product(CONV, 0.0, 0.0, 40.0)),
        (Updates(30, 3, 2, True, 12.0),),
        (Exchange(9, 5.0, 4.0),),
        ReadOut(7, 3, 6.0),
    )
    synops, units, fired = 100 + 5 + 6 + 21, 30 + 9 + 7 + 3, 12 + 4
    by_hand = synops * 23.6 + fired * 81 + (2 * units - fired) * 52 + fired * 1.7
    assert chip_energy(work, LOIHI) == pytest.approx(by_hand)
    assert chip_energy(work, Chip(1, 0, 0, 0)) == synops


@pytest.mark.parametrize(("timesteps", "bits"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (15, 4), (16, 5)])
def test_a_twin_has_the_bits_that_the_spikes_of_a_neuron_can_tell_apart(timesteps: int, bits: int) -> None:
    assert twin_bits(timesteps) == bits
    assert 2 ** (bits - 1) < timesteps + 1 <= 2**bits


def test_the_twin_by_hand() -> None:
    """T = 4, three bits: three additions of the weight for each product; the read-out multiplies."""
    work = ONE_LAYER._replace(read_out=ReadOut(32, 10, 0.0))
    macs = 100 * 32 * 16 * 9
    stem = Product(CONV, 0.0, 0.0, float(macs))
    integers = ONE_LAYER.products[0]._replace(most=2)  # 0 to 8 over all time steps: four bits
    work = work._replace(products=(stem, *ONE_LAYER.products, integers), shortcuts=(50,), pooled=(10,))
    of_products = macs * (4.6 + 3 * 0.9 + 4 * 0.9) + 320 * 4.6
    assert twin_arithmetic(work) == pytest.approx(of_products + (50 + 90) * 0.9)
    assert twin_arithmetic(work, Energy(mac_pj=1.0, ac_pj=10.0)) == pytest.approx(3 * macs + 320 + 1400)
    parts = twin_memory(work)
    activations = 3 * 3200 * 0.1 + 50 * 0.1 + 90 * 0.1 + 3200 * 0.1
    assert parts.operations == pytest.approx(macs * (3.2 + 0.3 + 0.4) + activations + 320 * 3.2 + 10 * 0.1)
    one_convolution = 460_800 * (13.2 + 1.09e-5 * 4608 * 32) + 3200 * (13.2 + 1.09e-5 * 32 * 32)
    assert parts.weights == pytest.approx(3 * one_convolution + dense_read_out(work.read_out).weights)
    assert parts.spikes == 0


def test_recordings_have_no_twin() -> None:
    assert math.isnan(twin_arithmetic(ONE_LAYER))
    assert math.isnan(twin_memory(ONE_LAYER).total)


def test_an_analog_stem_costs_what_the_authors_of_the_model_say() -> None:
    """With its biases and results, which `test_dense_layers...` leaves to `written`."""
    stem = Product(CONV, 0.0, 0.0, 460_800.0)
    silent = Work((stem,), (Updates(1, 1, 1, False, 0.0),), (), NO_READ_OUT)
    without = memory_energy(silent._replace(products=()))
    parts = Parts(*(mine - theirs for mine, theirs in zip(memory_energy(silent), without, strict=True)))
    assert parts.weights == pytest.approx(6_823_190.20032 + 42_275.71712)
    assert parts.potentials == pytest.approx(6_339_723.264 + 45_811.712)
    assert (parts.operations, parts.addresses) == (pytest.approx(1_474_880), pytest.approx(508.8))


@pytest.mark.parametrize(("timesteps", "low", "high"), [(5, 0.06, 0.14), (10, 0.03, 0.07)])
def test_with_memory_few_spikes_must_do(timesteps: int, low: float, high: float) -> None:
    """The rate below which a layer needs less than its twin; Yan et al. find about 6 % for T of 5 to 10."""

    def at(rate: float) -> Work:
        events = rate * 1600 * timesteps
        product = Product(CONV, events, events * 9 * 32, 0.0)
        return Work((product,), (Updates(3200, 32, timesteps, True, 0.0),), (), NO_READ_OUT)

    silent, full = memory_energy(at(0)).total, memory_energy(at(1)).total
    stem = Product(CONV._replace(in_channels=0), 0.0, 0.0, 1.0)  # costs nothing, and says that this is no recording
    work = at(1)._replace(products=(stem, *at(1).products))
    results = written(3200, 32, bits=twin_bits(timesteps)).total + 1600 * ADD_PJ
    twin = twin_memory(work).total - results
    break_even = (twin - silent) / (full - silent)
    assert low < break_even < high


class Watched:
    """Sums of what layers read and write, by hooks of its own."""

    def __init__(self, net: XOResNet) -> None:
        self.read: dict[str, float] = {}
        self.written: dict[str, float] = {}
        for name, module in net.named_modules():
            if isinstance(module, nn.Conv2d | SpikingNeuron | Xor):
                module.register_forward_hook(lambda module, given, output, name=name: self.note(name, given, output))
            elif isinstance(module, ResidualBlock):
                module.register_forward_hook(lambda module, given, output, name=name: self.note(name, given, output[0]))

    def note(self, name: str, given: tuple[Tensor, ...], output: Tensor) -> None:
        self.read[name] = sum(float(part.double().sum()) for part in given if isinstance(part, Tensor))
        self.written[name] = float(output.double().sum())


@pytest.mark.parametrize("arch", archs_of_all_kinds(), ids=lambda arch: arch.arch_id)
@pytest.mark.parametrize("frames", [False, True])
def test_work_is_what_hooks_see(arch: Arch, frames: bool) -> None:
    net = lively(arch)
    generator = torch.Generator().manual_seed(1)
    shape = (arch.timesteps, 1, *arch.input_shape) if frames else (1, *arch.input_shape)
    images = torch.rand(shape, generator=generator)
    given = torch.poisson(images, generator=generator) if frames else images
    with torch.no_grad(), count_spikes(net) as counts:
        watched = Watched(net)
        net(given)
    work = work_of(arch, counts.layers)
    assert sum(product.synops for product in work.products) == counts.synops_per_sample
    assert sum(updates.spikes for updates in work.updates) == counts.spikes_per_sample
    convs = [name for name, module in net.named_modules() if isinstance(module, nn.Conv2d)]
    spiking = [name for name in convs if frames or not name.startswith("stem")]
    assert sum(product.events for product in work.products) == sum(watched.read[name] for name in spiking)
    xors = [name for name, module in net.named_modules() if isinstance(module, Xor)]
    blocks = [(name, module) for name, module in net.named_modules() if isinstance(module, ResidualBlock)]
    merges = [name for name, block in blocks if block.plan.operation is not None]
    pools = net.stem.pool is not None and net.stem.neuron is not None
    assert len(work.exchanges) == len(xors) + len(merges) + pools
    written = sum(watched.written[name] for name in (*xors, *merges))
    pooled = work.exchanges[0].events_out if pools else 0
    assert sum(exchange.events_out for exchange in work.exchanges) - pooled == written
    assert work.read_out.events == watched.written[blocks[-1][0]]
    of_xors = sum(watched.read[name] for name in xors)
    assert sum(exchange.events_in for exchange in work.exchanges) >= of_xors
    figures = energy_figures(arch, counts.layers)
    assert list(figures) == list(MODELS)
    for name, value in figures.items():
        assert math.isnan(value) if frames and name.startswith("twin") else value > 0


def test_a_silent_network_still_updates_its_neurons() -> None:
    arch = Arch(input_shape=(1, 8, 8), num_classes=3, depth=8, width=3)
    net = XOResNet(arch).eval()
    with torch.no_grad(), count_spikes(net) as counts:
        net(torch.zeros(2, 1, 8, 8))
    work = work_of(arch, counts.layers)
    parts = memory_energy(work)
    assert counts.spikes_per_sample == 0
    assert parts.spikes == 0
    assert parts.potentials > 0
    idle = sum(updates.number * updates.steps for updates in work.updates)
    assert chip_energy(work, Chip(0, 0, 1, 0)) >= idle


def test_parts_add_up() -> None:
    one, two = Parts(1, 2, 3, 4, 5), Parts(10, 20, 30, 40, 50)
    assert one.plus(two) == Parts(11, 22, 33, 44, 55)
    assert one.plus(two).total == 165
