from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.space.small_spaces import IMAGES, PLAIN, SmallSpace, listed, small_spaces
from xoresnet.description.arch import Arch
from xoresnet.errors import SpecError
from xoresnet.space import SearchSpace, preset_names

STEPPED = ("width", "timesteps")
"""Fields that are ranges in some of the spaces."""


def arch(**fields: Any) -> Arch:
    return Arch.from_dict({**IMAGES, **PLAIN, **fields})


def differing(small: SmallSpace, before: Arch, after: Arch) -> list[str]:
    """The fields in which two descriptions differ; a block or depth takes along the stages that come or go."""
    fields = small.fields["arch"]
    names = [
        name for name in ("stem", "width", "timesteps", "logic_gradient") if vars(before)[name] != vars(after)[name]
    ]
    names += [name for name, value in before.neuron if value != vars(after.neuron)[name]]
    names += [name for name in ("block", "depth") if vars(before)[name] != vars(after)[name]]
    if before.block != after.block:  # with the same depth, or the nearest
        depths = fields["depth"][after.block]
        nearest = before.depth if before.depth in depths else min(depths, key=lambda depth: abs(depth - before.depth))
        if after.depth == nearest and "depth" in names:
            names.remove("depth")
    for name, was, now in (
        ("merge", before.stage_merges, after.stage_merges),
        ("xor", before.stage_xors, after.stage_xors),
    ):
        grown = (*was, was[-1])[: len(now)]
        stages = [stage for stage, (a, b) in enumerate(zip(grown, now, strict=True)) if a != b]
        names += [f"{name}.{stage}" for stage in stages] if isinstance(fields[name], dict) else [name] * bool(stages)
    return names


def one_step(small: SmallSpace, before: Arch, after: Arch) -> bool:
    """Whether what differs between two descriptions differs by a step, where there are steps."""
    for name in STEPPED:
        value, was, now = small.fields["arch"][name], vars(before)[name], vars(after)[name]
        if isinstance(value, dict) and was != now and abs(was - now) != value.get("step", 1):
            return False
    return True


def brute_force_neighbours(small: SmallSpace, name: str, *, stepwise: bool = True) -> set[str]:
    """Networks with a description that differs in one field from the first description of this one."""
    first = small.inside[name][0]
    return {
        other
        for other, group in small.inside.items()
        if other != name
        and any(
            len(differing(small, first, described)) == 1 and (one_step(small, first, described) or not stepwise)
            for described in group
        )
    }


SPACES: dict[str, SmallSpace] = {
    "tied": SmallSpace(depth=[8, 14, 10], merge=["or", "oa", "current"], xor=["both", "none", "entry"]),
    "per stage": SmallSpace(
        depth=[8, 10, 14], merge={"per_stage": ["current", "oa"]}, xor={"per_stage": ["middle", "both"]}
    ),
    "blocks": SmallSpace(
        block=["basic", "bottleneck"], depth={"basic": [8, 14, 20], "bottleneck": [11, 14, 29]},
        width={"low": 1, "high": 3}, timesteps={"low": 1, "high": 7, "step": 3}, stem=["conv3", "conv7-pool"],
    ),
    "neurons": SmallSpace(
        timesteps=[1, 2], merge="add",
        neuron={
            "kind": ["lif", "if"], "tau": [1.0, 2.0], "reset": ["soft", "hard"], "surrogate": ["atan", "sigmoid"],
        },
    ),
    "gradients": SmallSpace(
        depth=[8, 14], merge=["add", "oa", "or"], xor=["none", "entry"], logic_gradient=["saturating", "arithmetic"]
    ),
    "limits": SmallSpace(
        {"max_params": 2902, "max_macs": 300_000}, depth=[8, 14], width={"low": 1, "high": 4}, timesteps=[1, 2, 3],
        merge={"per_stage": ["add", "oa"]}, neuron={"kind": ["lif", "plif"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPACES)
def test_neighbours_are_all_that_differ_in_one_field(name: str) -> None:
    small = SPACES[name]
    for network in Random(0).sample(sorted(small.inside), min(15, len(small.inside))):
        neighbours = small.space.neighbours(small.inside[network][-1])
        assert {neighbour.arch_id for neighbour in neighbours} == brute_force_neighbours(small, network)
        assert len({neighbour.arch_id for neighbour in neighbours}) == len(neighbours)


@settings(max_examples=12)
@given(small_spaces(most=80), st.data())
def test_neighbours_in_random_spaces(small: SmallSpace, data: st.DataObject) -> None:
    for network in data.draw(st.lists(st.sampled_from(sorted(small.inside)), max_size=3)) if small.inside else []:
        neighbours = small.space.neighbours(data.draw(st.sampled_from(small.inside[network])))
        assert {neighbour.arch_id for neighbour in neighbours} == brute_force_neighbours(small, network)


@pytest.mark.parametrize(
    ("space", "start", "changed"),
    [
        (
            {"width": {"low": 2, "high": 8, "step": 2}, "timesteps": [1, 2, 5]},
            {"width": 4, "timesteps": 2},
            [{"width": 2}, {"width": 6}, {"timesteps": 1}, {"timesteps": 5}],
        ),
        ({"width": {"low": 2, "high": 8, "step": 2}}, {"width": 8}, [{"width": 6}]),
        ({"merge": ["oa", "add"], "depth": [8, 14]}, {}, [{"merge": "add"}, {"depth": 14}]),
        (
            {"block": ["basic", "bottleneck"], "depth": {"basic": [8, 14], "bottleneck": [11, 14, 29]}, "merge": "add"},
            {"depth": 14, "merge": "add"},
            [{"block": "bottleneck"}, {"depth": 8}],
        ),
        (
            {"block": ["basic", "bottleneck"], "depth": {"basic": [8, 20], "bottleneck": [11, 29]}, "merge": "add"},
            {"depth": 20, "merge": "add"},
            [{"block": "bottleneck", "depth": 11}, {"depth": 8}],
        ),
        (
            {"depth": [8, 10], "merge": {"per_stage": ["add", "oa"]}},
            {"merge": ("add", "add", "oa")},
            [
                {"merge": ("oa", "add", "oa")}, {"merge": ("add", "oa", "oa")}, {"merge": "add"},
                {"depth": 10, "merge": ("add", "add", "oa", "oa")},  # the new stage is as the last
            ],
        ),
        (
            {"neuron": {"tau": {"low": 1.0, "high": 3.0, "step": 0.5}, "threshold": {"low": 0.5, "high": 1.5}}},
            {"neuron": {"tau": 1.5, "threshold": 0.7}},
            [{"neuron": {"tau": 1.0, "threshold": 0.7}}, {"neuron": {"tau": 2.0, "threshold": 0.7}}],
        ),
        ({"neuron": {"tau": {"low": 1.5, "high": 3.0}}}, {}, []),
        ({}, {}, []),
    ],
)  # fmt: skip
def test_neighbours_by_hand(space: dict[str, Any], start: dict[str, Any], changed: list[dict[str, Any]]) -> None:
    neighbours = SmallSpace(**space).space.neighbours(arch(**start))
    wanted = [arch(**{**start, **change}).arch_id for change in changed]
    assert sorted(neighbour.arch_id for neighbour in neighbours) == sorted(wanted)


# mutants ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPACES)
def test_mutants_differ_in_one_field(name: str) -> None:
    small, rng = SPACES[name], Random(5)
    for network in rng.sample(sorted(small.inside), min(6, len(small.inside))):
        near = brute_force_neighbours(small, network, stepwise=False)  # in a range, any value
        assert near
        mutants = {small.space.mutate(rng.choice(small.inside[network]), rng).arch_id for _ in range(15)}
        assert mutants <= near
        assert len(mutants) >= min(3, len(near))


def test_every_field_mutates() -> None:
    """In the end every network that differs in one field comes up."""
    small, rng = SPACES["per stage"], Random(2)
    network = sorted(small.inside)[0]
    mutants = {small.space.mutate(small.inside[network][0], rng).arch_id for _ in range(150)}
    assert mutants == brute_force_neighbours(small, network)


def test_where_no_field_alone_can_change_any_other_network_comes() -> None:
    """The depth that is nearest in the other block is too large, another one is not."""
    small = SmallSpace(block=["basic", "bottleneck"], depth={"basic": [34], "bottleneck": [14, 50]}, width=1)
    start, only = arch(depth=34, width=1), arch(block="bottleneck", depth=14, width=1)
    space = small.limited(max_params=small.costs[start.arch_id][0]).space
    assert space.size().networks == 2
    assert space.neighbours(start) == ()
    assert {space.mutate(start, Random(seed)).arch_id for seed in range(9)} == {only.arch_id}


def test_a_single_network_stays_as_it_is() -> None:
    small = SmallSpace(depth=8, merge=["oa"], xor=["none", "entry"])
    described = arch(xor="entry")
    assert small.space.mutate(described, Random(0)).arch_id == described.arch_id
    assert small.space.neighbours(described) == ()


def test_ranges_are_drawn_anew() -> None:
    space = SmallSpace(neuron={"tau": {"low": 1.5, "high": 3.0}}).space
    mutants = {space.mutate(arch(), Random(seed)).neuron.tau for seed in range(20)}
    assert len(mutants) == 20
    assert all(1.5 <= tau <= 3.0 for tau in mutants)


# children -----------------------------------------------------------------------------------------------------------


def test_children_have_each_field_from_one_parent() -> None:
    """And all combinations of the two come up."""
    space = SmallSpace(
        depth=[8, 14], width=[2, 3, 4], merge={"per_stage": ["add", "or"]}, neuron={"kind": ["lif", "plif"]}
    ).space
    shallow = arch(depth=8, merge=("add", "or", "add"))
    deep = arch(depth=14, width=3, merge=("or", "or", "or"), neuron="plif")
    wanted = {
        arch(depth=depth, width=width, merge=(first, "or", third), neuron=kind).arch_id
        for depth, width, first, third, kind in product((8, 14), (2, 3), ("add", "or"), ("add", "or"), ("lif", "plif"))
    }
    rng = Random(0)
    assert {space.crossover(shallow, deep, rng).arch_id for _ in range(250)} == wanted


def test_stages_that_one_parent_has_not_come_from_the_other() -> None:
    space = SmallSpace(depth=[8, 10], merge={"per_stage": ["add", "or", "and"]}).space
    shallow, deep = arch(depth=8, merge="add"), arch(depth=10, merge=("add", "or", "or", "and"))
    children = {space.crossover(shallow, deep, Random(seed)) for seed in range(100)}
    assert {(child.depth, *child.stage_merges) for child in children} == {
        *product([8], ["add"], ["add", "or"], ["add", "or"]),
        *product([10], ["add"], ["add", "or"], ["add", "or"], ["and"]),
    }


def test_blocks_take_their_depths_along() -> None:
    space = SmallSpace(block=["basic", "bottleneck"], depth={"basic": [8, 14], "bottleneck": [11, 14]}).space
    basic, bottleneck = arch(depth=14), arch(block="bottleneck", depth=11)
    children = {space.crossover(basic, bottleneck, Random(seed)) for seed in range(40)}
    assert {(child.block, child.depth) for child in children} == {("basic", 14), ("bottleneck", 11)}


def test_children_keep_within_the_limits() -> None:
    small = SmallSpace(width=[1, 4], timesteps=[1, 4])
    wide, long = arch(width=4, timesteps=1), arch(width=1, timesteps=4)
    most = max(small.costs[wide.arch_id][1], small.costs[long.arch_id][1])
    assert most < small.costs[arch(width=4, timesteps=4).arch_id][1]
    space = small.limited(max_macs=most).space
    children = {space.crossover(wide, long, Random(seed)).arch_id for seed in range(60)}
    assert children == {wide.arch_id, long.arch_id, arch(width=1, timesteps=1).arch_id}


# all of them ---------------------------------------------------------------------------------------------------------


def variants_of(space: SearchSpace, seed: int, steps: int = 4) -> Iterator[Arch]:
    """A sample, and its kin over some generations."""
    rng = Random(seed)
    network = space.sample(rng)
    yield network
    for _ in range(steps):
        mutant = space.mutate(network, rng)
        yield mutant
        network = space.crossover(mutant, space.sample(rng), rng)
        yield network


@pytest.mark.parametrize("name", preset_names())
def test_kin_in_the_presets(name: str) -> None:
    space = SearchSpace.preset(name)
    for seed in range(4):
        kin = list(variants_of(space, seed))
        assert all(space.contains(other) for other in kin)
        assert kin[1].arch_id != kin[0].arch_id
    near = space.neighbours(kin[0])
    assert len(near) > 4
    assert all(space.contains(other) for other in near)


@settings(max_examples=12)
@given(small_spaces(most=50), st.integers(0, 9))
def test_kin_in_random_spaces(small: SmallSpace, seed: int) -> None:
    if not small.inside:
        return
    kin = list(variants_of(small.space, seed))
    assert {other.arch_id for other in kin} <= set(small.inside)
    assert (kin[1].arch_id != kin[0].arch_id) is (len(small.inside) > 1)
    assert kin == list(variants_of(small.space, seed))


@pytest.mark.parametrize("call", ["mutate", "neighbours", "crossover"])
def test_strangers_have_no_kin(call: str) -> None:
    space, stranger = SmallSpace(merge=["oa", "add"]).space, arch(merge="iand")
    rest = {"mutate": (Random(0),), "neighbours": (), "crossover": (arch(), Random(0))}[call]
    with pytest.raises(SpecError, match="merge: 'iand' is not one of oa, add"):
        getattr(space, call)(stranger, *rest)


def test_listed_values() -> None:
    """What the brute force rests on."""
    assert listed({"low": 1, "high": 7, "step": 3}) == [1, 4, 7]
    assert listed({"low": 1, "high": 3}) == [1, 2, 3]
    assert listed("or") == ["or"]
    assert listed(["or", "add"]) == ["or", "add"]
