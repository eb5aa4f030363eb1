from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from scipy.stats import chisquare

from tests.space.small_spaces import SmallSpace, small_spaces
from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.space import SearchSpace
from xoresnet.space.constraints import LIMITS

MEET_IN_PLACES = ["or", "oa", "current", "membrane"]
"""Merges of which some mean the same in some stages."""

GRADIENTS = ["arithmetic", "saturating"]

SPACES: dict[str, SmallSpace] = {
    "a single network": SmallSpace(),
    "tied": SmallSpace(depth=[8, 10, 14, 18], merge=[*MEET_IN_PLACES, "add"], xor=["both", "none", "entry", "middle"]),
    "per stage, three stages": SmallSpace(depth=[8, 14], merge={"per_stage": MEET_IN_PLACES}, xor=["both", "middle"]),
    "per stage, four stages": SmallSpace(depth=10, merge={"per_stage": MEET_IN_PLACES}),
    "xor per stage": SmallSpace(depth=[8, 20, 10], merge="add", xor={"per_stage": ["entry", "both", "none"]}),
    "both blocks": SmallSpace(
        block=["bottleneck", "basic"], depth={"basic": [8, 10], "bottleneck": [29, 14, 11]},
        merge=["membrane", "current", "oa"], xor=["none", "entry"], stem=["conv3", "conv7-pool"],
    ),
    "bottlenecks whose stem pools": SmallSpace(
        block="bottleneck", depth=11, merge={"per_stage": ["membrane", "current"]}, stem=["conv7-pool", "conv3"]
    ),
    "forms of gradient": SmallSpace(
        merge={"per_stage": ["add", "oa", "current"]}, xor=["entry", "middle"],
        logic_gradient=["straight-through", "arithmetic", "saturating"],
    ),
    "neurons": SmallSpace(
        merge="add", timesteps={"low": 1, "high": 4, "step": 3},
        neuron={
            "kind": ["if", "lif"], "tau": [1.0, 2.0, 1.5], "reset": ["soft", "hard"], "detach_reset": [False, True],
            "threshold": [0.5, 1.0],
        },
    ),
    "surrogates": SmallSpace(
        merge="add",
        neuron={"kind": "lif", "surrogate": ["sigmoid", "atan"], "tau": {"low": 1.0, "high": 2.5, "step": 0.5}},
    ),
    "learned time constants": SmallSpace(
        {"max_params": 2902}, depth=[8, 14], width={"low": 2, "high": 4, "step": 2},
        merge={"per_stage": ["add", "membrane", "oa"]}, neuron={"kind": ["plif", "lif"], "tau": [1.5, 2.0]},
    ),
}  # fmt: skip


def check_against_brute_force(small: SmallSpace) -> None:
    space, size = small.space, small.space.size()
    enumerated = Counter(arch.arch_id for arch in space.enumerate())
    assert set(enumerated) == set(small.inside)
    assert set(enumerated.values()) <= {1}
    assert size.networks == len(small.inside)
    assert size.excluded == len(small.groups) - len(small.inside)
    assert size.descriptions == sum(map(len, small.groups.values()))
    params, macs = zip(*(small.costs[name] for name in small.inside), strict=True) if small.inside else ((0,), (0,))
    assert size.params_range == (min(params), max(params))
    assert size.macs_range == (min(macs), max(macs))
    assert size.continuous == ()


@pytest.mark.parametrize("name", SPACES)
def test_spaces_hold_what_brute_force_finds(name: str) -> None:
    check_against_brute_force(SPACES[name])


@pytest.mark.parametrize("limit", [limit for limit in LIMITS if limit not in ("max_params", "max_macs")])
@pytest.mark.parametrize("name", ["tied", "per stage, three stages", "xor per stage", "both blocks", "neurons"])
def test_limits_of_hardware_exclude_what_brute_force_excludes(name: str, limit: str) -> None:
    small = SPACES[name]
    costs = sorted({small.cost(network, limit) for network in small.groups})
    limited = small.limited(**{limit: costs[(len(costs) - 1) // 2]})
    check_against_brute_force(limited)
    rng = Random(0)
    assert all(limited.space.sample(rng).arch_id in limited.inside for _ in range(10))


def test_limits_of_hardware_hold_together() -> None:
    small = SPACES["per stage, three stages"]
    middle = {
        limit: sorted(small.cost(network, limit) for network in small.groups)[2 * len(small.groups) // 3]
        for limit in LIMITS
    }
    limited = small.limited(**middle)
    assert 0 < len(limited.inside) < len(small.groups)
    check_against_brute_force(limited)


def test_few_networks_within_limits_are_drawn_equally_often() -> None:
    """So few that drawing and rejecting would take too long."""
    merges = {"per_stage": ["add", "or", "oa", "current", "membrane"]}
    small = SmallSpace(depth=10, merge=merges, xor=["none", "middle"], logic_gradient=GRADIENTS)
    synapses = sorted({small.cost(name, "max_synapses") for name in small.groups})
    limited = small.limited(max_synapses=synapses[2])
    networks = list(limited.inside)
    assert 1 < len(networks) < len(small.groups) / 50
    rng = Random(0)
    drawn = Counter(limited.space.sample(rng).arch_id for _ in range(100 * len(networks)))
    assert set(drawn) == set(networks)
    assert chisquare([*drawn.values()]).pvalue > 0.001


@settings(max_examples=20)  # more in tests/exhaustive
@given(small_spaces(most=120))
def test_random_spaces_hold_what_brute_force_finds(small: SmallSpace) -> None:
    check_against_brute_force(small)


@settings(max_examples=15)
@given(small_spaces(most=60, neuron={"kind": ["plif", "lif"]}))
def test_limits_between_networks_that_differ_in_their_neurons(small: SmallSpace) -> None:
    """Wherever a limit lies, also between networks of which one has a plif layer more."""
    params = sorted({cost[0] for cost in small.costs.values()})
    for most in {params[0] - 1, *params[:3], params[len(params) // 2] - 1, params[-1]}:
        check_against_brute_force(small.limited(max_params=most))


def test_a_limit_that_tells_merges_apart() -> None:
    """With plif, each layer more counts: SN(P x) + SN(i2) has one layer more than SN(P x + i2), in two stages."""
    small = SmallSpace(merge=["add", "current"], neuron="plif")
    (few, _), (many, _) = sorted(small.costs.values())
    assert many - few == 2
    assert [arch.merge for arch in small.limited(max_params=many - 1).space.enumerate()] == ["current"]
    assert small.limited(max_params=many - 1).space.size().params_range == (few, few)


def test_descriptions_come_in_the_first_words_of_the_lists() -> None:
    for small in SPACES.values():
        for arch in small.space.enumerate():
            first = small.inside[arch.arch_id][0]
            assert (arch.stage_merges, arch.stage_xors) == (first.stage_merges, first.stage_xors)
            assert (arch.neuron, arch.logic_gradient) == (first.neuron, first.logic_gradient)


@pytest.mark.parametrize(
    ("name", "networks", "descriptions"),
    [
        ("a single network", 1, 1),
        # 8, 10: `or` is `oa` in stage 0, then `oa` is `current`; tied names keep them apart; XOR in the middle alone
        ("tied", 5 * 2 + 5 * 2 + 2 * 5 * 4, 4 * 20),
        # 8: oa=or, current, membrane; then or, oa=current=membrane, twice; both=middle. 14: in stage 0 oa=or, then all
        ("per stage, three stages", 3 * 2 * 2 + 3 * 4 * 4 * 2, 2 * 128),
        # stages 1 to 3 begin, and end, with a projection
        ("per stage, four stages", 3 * 2**3, 4**4),
        # 8 and 10: only stage 0 takes XOR, in the middle; 20: every stage takes all
        ("xor per stage", 2 + 3**3 + 2, 27 + 27 + 81),
    ],
)  # fmt: skip
def test_counts_by_hand(name: str, networks: int, descriptions: int) -> None:
    size = SPACES[name].space.size()
    assert (size.networks, size.descriptions) == (networks, descriptions)


# what is drawn -----------------------------------------------------------------------------------------------------

DRAWN: dict[str, SmallSpace] = {
    "tied": SPACES["tied"],
    "per stage, with many duplicates": SmallSpace(
        depth=[8, 14], merge={"per_stage": MEET_IN_PLACES}, xor={"per_stage": ["both", "middle"]}, timesteps=[1, 2]
    ),
    "forms of gradient": SPACES["forms of gradient"],
    "neurons": SPACES["neurons"],
    "both blocks": SPACES["both blocks"],
    "limits among learned time constants": SPACES["learned time constants"],
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_network_is_drawn_equally_often(name: str) -> None:
    small, rng = DRAWN[name], Random(7)
    drawn = Counter(small.space.sample(rng) for _ in range(40 * len(small.inside)))
    assert {arch.arch_id for arch in drawn} == set(small.inside)
    assert len(drawn) == len(small.inside) > 8  # each in one description
    assert chisquare(list(drawn.values())).pvalue > 1e-3


def test_the_uniformity_test_can_fail() -> None:
    """Drawing descriptions evenly is not drawing networks evenly."""
    small, rng = DRAWN["per stage, with many duplicates"], Random(7)
    everything = [name for name, group in small.groups.items() for _ in group]
    drawn = Counter(rng.choice(everything) for _ in range(40 * len(small.groups)))
    assert chisquare([drawn[name] for name in small.groups]).pvalue < 1e-9
    with_limits = DRAWN["limits among learned time constants"]
    assert 0 < len(with_limits.inside) < len(with_limits.groups)
    cut = {params for params, _ in with_limits.costs.values()}
    assert {2902, 2903, 2904} <= cut  # the limit lies between networks that differ in their neurons alone


def test_samples_follow_from_the_seed() -> None:
    for name in ("fashion-mnist", "mini-imagenet"):
        first, second = SearchSpace.preset(name), SearchSpace.preset(name)
        rng, again = Random(3), Random(3)
        drawn = [first.sample(rng) for _ in range(20)]
        assert drawn == [second.sample(again) for _ in range(20)]
        assert len(set(drawn)) > 15


def test_drawing_ten_thousand_takes_less_than_two_seconds() -> None:
    started = time.process_time()  # of this process alone, however busy the machine
    space, rng = SearchSpace.preset("mini-imagenet"), Random(0)
    for _ in range(10_000):
        space.sample(rng)
    assert time.process_time() - started < 2


# infinitely many, and none -----------------------------------------------------------------------------------------


def test_a_range_counts_as_one_value() -> None:
    ranges = {
        "kind": ["if", "lif", "plif"],
        "tau": {"low": 1.5, "high": 4.0, "log": True},
        "threshold": {"low": 0.5, "high": 2.0},
    }
    small = SmallSpace(timesteps=[1, 2], neuron=ranges, merge=["add", "oa"])
    size = small.space.size()
    assert (size.networks, size.descriptions) == (2 * 2 * 3, 2 * 2 * 3)
    assert size.continuous == ("neuron.tau", "neuron.threshold")
    with pytest.raises(ValueError, match=r"infinitely many values of neuron\.tau, neuron\.threshold cannot be enum"):
        list(small.space.enumerate())


def test_ranges_are_drawn_from_where_they_matter() -> None:
    space = SmallSpace(neuron={"kind": ["if", "lif"], "tau": {"low": 1.0, "high": 9.0, "log": True}}).space
    rng = Random(1)
    drawn = [space.sample(rng) for _ in range(2000)]
    taus = [arch.neuron.tau for arch in drawn if arch.neuron.kind == "lif"]
    assert chisquare([len(taus), len(drawn) - len(taus)]).pvalue > 1e-3
    below_three = sum(tau < 3 for tau in taus)  # half of the magnitudes
    assert chisquare([below_three, len(taus) - below_three]).pvalue > 1e-3
    assert len(set(taus)) == len(taus)
    assert len({arch.arch_id for arch in drawn if arch.neuron.kind == "if"}) == 1


def test_no_network_within_the_limits() -> None:
    small = SmallSpace({"max_params": 10}, merge=["add", "oa"])
    size = small.space.size()
    assert (size.networks, size.excluded, size.params_range, size.macs_range) == (0, 2, (0, 0), (0, 0))
    assert size.excluded_share == 1
    assert list(small.space.enumerate()) == []
    with pytest.raises(ValueError, match=r"no network satisfies its constraints \(max_params 10\)"):
        small.space.sample(Random(0))


def test_shares() -> None:
    small = SmallSpace(depth=8, merge=["or", "oa", "current"], xor=["none", "entry"], timesteps=[1, 2])
    params, macs = zip(*small.costs.values(), strict=True)
    assert len(set(params)) == 1
    size = small.limited(max_macs=min(macs)).space.size()
    assert (size.networks, size.excluded, size.descriptions) == (3, 3, 12)
    assert (size.duplicate_share, size.excluded_share) == (0.5, 0.5)


# the user's own ----------------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module with merges of which one is `oa` under another name, and a neuron that learns two numbers."""
    (tmp_path / "own_space_code.py").write_text(
        "from torch import nn\n"
        "from xoresnet.description.merge import Join, Merge, Operation, UserOperation\n"
        "from xoresnet.neurons.neuron import SpikingNeuron\n"
        "OA = Merge(Join.SPIKES, Join.CURRENTS, Operation.OR)\n"
        "FIRST = Merge(Join.SPIKES, Join.SPIKES, UserOperation(lambda shortcut, branch: shortcut))\n"
        "class Learned(SpikingNeuron):\n    params_count = 2\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return "own_space_code"


def test_merges_and_neurons_of_ones_own(own: str) -> None:
    merges = ["oa", f"{own}.OA", f"{own}.FIRST", "current"]
    small = SmallSpace(merge={"per_stage": merges}, neuron={"kind": ["lif", f"{own}.Learned"]}, xor=["none", "middle"])
    check_against_brute_force(small)
    # stage 0: oa twice, FIRST, current; then oa three times, FIRST
    assert small.space.size().networks == 3 * 2 * 2 * 2 * 2
    params = sorted({cost[0] for cost in small.costs.values()})
    assert params[-1] - params[-2] == 2
    check_against_brute_force(small.limited(max_params=params[-2]))


def test_costs_are_those_of_the_networks() -> None:
    """Brute force and `size` count with the same functions; here is one network counted by hand."""
    arch = Arch(input_shape=(1, 4, 4), num_classes=2, depth=8, width=1, merge="add", timesteps=3)
    stages: list[tuple[int, int, int]] = [(1, 1, 16), (1, 2, 4), (2, 4, 1)]  # channels in and out, pixels
    convs = [9 * 1 + 2, *(9 * i * o + 2 * o + 9 * o * o + 2 * o + (i != o) * (i * o + 2 * o) for i, o, _ in stages)]
    assert params_count(arch) == sum(convs) + 2 * (4 + 1)
    steps: Any = [p * (9 * i * o + 9 * o * o + (i != o) * i * o) for i, o, p in stages]
    assert dense_macs(arch) == 9 * 16 + 3 * sum(steps) + 2 * 4
