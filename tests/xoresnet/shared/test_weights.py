from __future__ import annotations

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from tests.strategies import archs
from xoresnet.description.arch import Arch
from xoresnet.errors import UsageError
from xoresnet.network.count_spikes import count_spikes
from xoresnet.network.xoresnet import XOResNet
from xoresnet.shared.weights import SharedNetwork, WeightGroup, groups_of
from xoresnet.space import SearchSpace

ARCH = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4, merge="oa", xor="middle", timesteps=2)


@st.composite
def relatives(draw: st.DrawFn) -> tuple[Arch, Arch]:
    """Two networks of one group."""
    arch = draw(archs())
    kept = ("input_shape", "num_classes", "stem", "block", "width", "neuron")
    fixed = {name: getattr(arch, name) for name in kept}
    relative = draw(archs(timesteps=arch.timesteps, **fixed))
    return arch.canonical(), relative.canonical()


def images(arch: Arch, number: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(number, *arch.input_shape, generator=generator) * 2


def places(net: XOResNet) -> dict[str, nn.Parameter]:
    """Parameters by what makes them one: name and, for the read-out, the channels it sees."""
    width = net.head.in_features
    return {f"{name} {width}" if "head" in name else name: value for name, value in net.named_parameters()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(relatives())
def test_a_view_is_the_network_with_these_weights(pair: tuple[Arch, Arch]) -> None:
    arch, other = pair
    shared = SharedNetwork(seed=1)
    shared.view(other)  # its weights are there first
    view, alone = shared.view(arch), XOResNet(arch)
    alone.load_state_dict(view.state_dict())
    assert view.arch == arch
    x = images(arch)
    for net in (view, alone):
        net.train()
    logits = [net(x) for net in (view, alone)]
    assert torch.equal(*logits)
    for output in logits:
        output.square().sum().backward()
    for (name, mine), (_, its) in zip(view.named_parameters(), alone.named_parameters(), strict=True):
        assert (mine.grad is None) == (its.grad is None), name
        # where gradients overflow, as some drawn networks' do, both do so in the same places
        assert mine.grad is None or torch.allclose(mine.grad, its.grad, rtol=0, atol=0, equal_nan=True), name
    figures = []
    for net in (view.eval(), alone.eval()):
        with torch.no_grad(), count_spikes(net) as counts:
            figures.append((net(x), str(counts.as_dict())))
    assert torch.equal(figures[0][0], figures[1][0])
    assert figures[0][1] == figures[1][1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(relatives())
def test_views_share_what_has_one_place_and_nothing_else(pair: tuple[Arch, Arch]) -> None:
    shared = SharedNetwork()
    left, right = map(shared.view, pair)
    mine, its = places(left), places(right)
    for name in mine.keys() & its.keys():
        assert mine[name] is its[name], name
    assert len({id(value) for value in (*mine.values(), *its.values())}) == len(mine.keys() | its.keys())
    buffers = {value.data_ptr() for net in (left, right) for value in net.buffers() if value.numel()}
    assert len(buffers) == sum(1 for net in (left, right) for value in net.buffers() if value.numel())
    assert set(shared.parameters(WeightGroup.of(pair[0])).values()) == {*mine.values(), *its.values()}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(relatives())
def test_weights_hang_on_seed_and_place_alone(pair: tuple[Arch, Arch]) -> None:
    state = torch.get_rng_state()
    left, right = SharedNetwork(seed=3), SharedNetwork(seed=3)
    for network, order in ((left, pair), (right, pair[::-1])):
        for arch in order:
            network.view(arch)
    assert torch.equal(torch.get_rng_state(), state)
    mine, its = (network.state_dict(WeightGroup.of(pair[0])) for network in (left, right))
    assert mine.keys() == its.keys()
    assert all(torch.equal(mine[key], its[key]) for key in mine)


@pytest.mark.parametrize(
    "changes",
    [
        {"neuron": "plif"},
        {"block": "bottleneck", "depth": 11},
        {"depth": 10, "stem": "conv7-pool"},
        {"merge": "membrane"},
    ],
)
def test_initial_weights_are_drawn_as_a_network_draws_its_own(changes: dict[str, object]) -> None:
    arch = ARCH.replace(width=32, **changes)
    view, alone = SharedNetwork().view(arch), XOResNet(arch)
    for (name, mine), (_, its) in zip(view.named_parameters(), alone.named_parameters(), strict=True):
        assert mine.requires_grad
        mine, its = mine.detach(), its.detach()
        if mine.dim() > 1:
            assert not torch.equal(mine, its)
            assert float(mine.std()) == pytest.approx(float(its.std()), rel=0.2), name
        elif "head" not in name:
            assert torch.equal(mine, its), name
    draws = [value.detach() for name, value in view.named_parameters() if name.endswith("conv.weight")]
    assert len({float(value.flatten()[0]) for value in draws}) == len(draws)


def test_groups_and_seeds_have_weights_of_their_own() -> None:
    first = SharedNetwork(seed=0).view(ARCH).get_parameter("stem.conv.conv.weight")
    for changes in ({"neuron": "if"}, {"neuron": "plif"}, {"input_shape": (1, 9, 9)}, {"timesteps": 3}):
        assert not torch.equal(SharedNetwork(seed=0).view(ARCH.replace(**changes)).stem.conv.conv.weight, first)
    assert not torch.equal(SharedNetwork(seed=1).view(ARCH).stem.conv.conv.weight, first)


def test_running_a_view_changes_nothing_that_others_see() -> None:
    shared = SharedNetwork()
    view, other = shared.view(ARCH), shared.view(ARCH)
    group = WeightGroup.of(ARCH)
    before = {key: value.clone() for key, value in shared.state_dict(group).items()}
    fresh = {name: value.clone() for name, value in other.named_buffers()}
    view.train()
    with torch.no_grad():
        view(images(ARCH))
    view.eval()(images(ARCH))
    assert all(torch.equal(value, before[key]) for key, value in shared.state_dict(group).items())
    assert all(torch.equal(value, fresh[name]) for name, value in other.named_buffers())
    assert any(not torch.equal(value, fresh[name]) for name, value in view.named_buffers())


def test_what_trains_a_view_trains_the_others() -> None:
    shared = SharedNetwork()
    view, deeper = shared.view(ARCH), shared.view(ARCH.replace(depth=14, merge="add"))
    optimizer = torch.optim.SGD(view.parameters(), lr=0.1)
    view(images(ARCH)).square().sum().backward()
    before = deeper.stages[0][0].convs[0].conv.weight.clone()
    optimizer.step()
    assert not torch.equal(deeper.stages[0][0].convs[0].conv.weight, before)


def test_an_extracted_network_goes_its_own_way() -> None:
    shared = SharedNetwork()
    view, copy = shared.view(ARCH), shared.extract(ARCH)
    assert all(torch.equal(mine, its) for mine, its in zip(view.parameters(), copy.parameters(), strict=True))
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.add_(1)
    assert all(
        not torch.equal(mine, its) and mine.data_ptr() != its.data_ptr()
        for mine, its in zip(view.parameters(), copy.parameters(), strict=True)
    )


def test_groups_of_a_list() -> None:
    wide = ARCH.replace(width=8)
    same = ARCH.replace(merge=("oa", "oa", "oa"))
    groups = groups_of([ARCH, wide, same, ARCH.replace(depth=14)])
    assert [len(members) for members in groups.values()] == [2, 1]
    group = WeightGroup.of(ARCH)
    assert next(iter(groups)) == group
    assert WeightGroup.from_dict(group.model_dump(mode="json")) == group
    assert len({group.group_id for group in groups}) == 2
    assert str(group) == f"conv3, basic, width 4, lif, T=2 ({group.group_id})"


def test_a_neuron_as_the_canonical_form_has_it() -> None:
    """Without a next time step nothing can be reset: such networks have one description, and so one group."""
    soft = ARCH.replace(timesteps=1, neuron={"kind": "lif", "reset": "soft"})
    assert WeightGroup.of(soft) == WeightGroup.of(ARCH.replace(timesteps=1))


def test_weights_of_a_group_are_replaced_as_a_whole() -> None:
    shared, other, group = SharedNetwork(seed=0), SharedNetwork(seed=1), WeightGroup.of(ARCH)
    other.view(ARCH)
    shared.load_state_dict(group, other.state_dict(group))
    assert torch.equal(shared.view(ARCH).head.weight, other.view(ARCH).head.weight)
    assert not any(math.isnan(float(value.sum())) for value in shared.state_dict(group).values())


def test_networks_of_another_space_are_refused() -> None:
    space = SearchSpace.from_dict({"arch": {**ARCH.model_dump(mode="json"), "merge": ["add", "or"]}})
    shared = SharedNetwork(space)
    assert shared.view(ARCH.replace(merge="or")).arch.merge == "or"
    with pytest.raises(UsageError, match=f"^{ARCH.arch_id} is not in the space that these weights serve$"):
        shared.view(ARCH)
