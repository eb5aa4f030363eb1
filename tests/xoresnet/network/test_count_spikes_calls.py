"""Which calls are counted and which are refused, what is kept of them, and how figures are printed."""

from __future__ import annotations

import copy
import gc
import math
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from tests.xoresnet.network.counting import FIGURES, STEPS, count, firing_net, images_for, small_arch
from xoresnet.errors import UsageError
from xoresnet.network.block import ResidualBlock
from xoresnet.network.count_spikes import count_spikes
from xoresnet.network.xoresnet import XOResNet
from xoresnet.neurons.neuron import IF, ParametricLIF, SpikingNeuron

# Networks and counts inside others.


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


# What is refused and what is taken.


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
