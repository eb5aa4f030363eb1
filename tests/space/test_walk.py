from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from tests.space.small_spaces import IMAGES, PLAIN, SmallSpace, small_spaces
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError
from xoresnet.space import SearchSpace, preset_names
from xoresnet.space.domain import Domain, FloatRange, Value, is_constant
from xoresnet.space.walk import parameters_of, walk

Walked = tuple[Arch, Recipe, dict[str, Value], dict[str, Domain]]


def walks(space: SearchSpace, recipe: Recipe | None = None) -> Iterator[Walked]:
    """Every way through a space, with what was asked and answered."""
    plans: list[list[Value]] = [[]]
    while plans:
        plan = plans.pop()
        asked: dict[str, Domain] = {}
        answers: dict[str, Value] = {}

        def choose(
            name: str,
            domain: Domain,
            plan: list[Value] = plan,
            asked: dict[str, Domain] = asked,
            answers: dict[str, Value] = answers,
        ) -> Value:
            assert name not in asked
            values = domain.values
            assert values is not None
            assert len(values) > 1
            if len(asked) == len(plan):
                plans.extend([*plan, value] for value in values[1:])
                plan.append(values[0])
            answers[name] = plan[len(asked)]
            asked[name] = domain
            return answers[name]

        yield (*walk(space, choose, recipe), answers, asked)


def arch(**fields: Any) -> Arch:
    return Arch.from_dict({**IMAGES, **PLAIN, **fields})


def replay(space: SearchSpace, parameters: dict[str, Value], recipe: Recipe | None = None) -> tuple[Arch, Recipe]:
    """What a walk comes to that is given these; it asks for all of them and for nothing else."""
    left = dict(parameters)
    result = walk(space, lambda name, domain: left.pop(name), recipe)
    assert left == {}
    return result


SPACES = [
    SmallSpace(
        block=["basic", "bottleneck"], depth={"basic": [8, 14, 10], "bottleneck": [11]},
        merge=["oa", "or", "add", "current"], xor=["none", "entry"], stem=["conv3", "conv7-pool"],
    ),
    SmallSpace(
        depth=[8, 10], merge={"per_stage": ["add", "oa"]}, xor={"per_stage": ["none", "both"]},
        logic_gradient=["saturating", "arithmetic"],
    ),
    SmallSpace(
        timesteps=[1, 2],
        neuron={
            "kind": ["if", "lif"], "tau": [1.0, 2.0], "reset": ["soft", "hard"], "detach_reset": [True, False],
            "surrogate": {"kind": ["atan", "sigmoid"], "alpha": [1.0, 3.0]},
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize("small", SPACES)
def test_walks_reach_every_network(small: SmallSpace) -> None:
    """And nothing else; a name always stands for one domain, which `describe` knows."""
    domains = {parameter.name: parameter.domain for parameter in small.space.describe()}
    reached = set()
    for network, _, answers, asked in walks(small.space):
        assert asked.items() <= domains.items()
        assert parameters_of(small.space, network).keys() <= domains.keys()
        assert replay(small.space, answers)[0] == network
        reached.add(network.arch_id)
    assert reached == set(small.groups)


@settings(max_examples=15)
@given(small_spaces(most=80))
def test_walks_reach_every_network_of_random_spaces(small: SmallSpace) -> None:
    """Also those beyond the constraints, which a walk does not look at."""
    domains = {parameter.name: parameter.domain for parameter in small.space.describe()}
    reached = set()
    for network, _, _, asked in walks(small.space):
        assert asked.items() <= domains.items()
        reached.add(network.arch_id)
    assert reached == set(small.groups)


@settings(max_examples=12)
@given(small_spaces(most=50))
def test_every_description_has_its_parameters(small: SmallSpace) -> None:
    for network, group in small.inside.items():
        for described in (group[0], group[-1], group[0].canonical()):
            parameters = parameters_of(small.space, described)
            assert replay(small.space, parameters)[0].arch_id == network


@pytest.mark.parametrize("name", preset_names())
def test_samples_of_presets_have_their_parameters(name: str) -> None:
    space, rng = SearchSpace.preset(name), Random(0)
    for _ in range(30):
        drawn = space.sample(rng)
        replayed, recipe = replay(space, parameters_of(space, drawn))
        assert replayed.arch_id == drawn.arch_id
        assert recipe == Recipe()


@pytest.mark.parametrize(
    ("space", "described", "names"),
    [
        ({}, {}, []),
        ({"depth": [8, 14], "width": [2, 3]}, {}, ["depth", "width"]),
        (
            {"block": ["basic", "bottleneck"], "depth": {"basic": [8, 14], "bottleneck": [11, 29]}},
            {},
            ["block", "depth.basic"],
        ),
        (
            {"block": ["basic", "bottleneck"], "depth": {"basic": [8, 14], "bottleneck": [11]}},
            {"block": "bottleneck", "depth": 11},
            ["block"],
        ),
        # oa and or differ where there is a projection, current and oa where there is none
        ({"merge": {"per_stage": ["oa", "or"]}}, {}, ["merge.1", "merge.2"]),
        ({"merge": {"per_stage": ["oa", "current"]}}, {}, ["merge.0"]),
        (
            {"depth": 10, "merge": {"per_stage": ["oa", "add"]}},
            {"depth": 10},
            ["merge.0", "merge.1", "merge.2", "merge.3"],
        ),
        ({"merge": ["oa", "current"]}, {}, ["merge"]),
        # one block per stage takes nothing at its entry
        ({"xor": ["none", "entry"]}, {}, []),
        ({"xor": {"per_stage": ["none", "both"]}}, {}, ["xor.0"]),
        ({"depth": 14, "xor": {"per_stage": ["none", "entry"]}}, {"depth": 14}, ["xor.0"]),
        ({"depth": 20, "xor": {"per_stage": ["none", "entry"]}}, {"depth": 20}, ["xor.0", "xor.1", "xor.2"]),
        # neurons
        ({"neuron": {"kind": ["lif", "if"], "tau": [1.0, 2.0]}}, {"neuron": "lif"}, ["neuron.kind", "neuron.tau"]),
        ({"neuron": {"kind": ["lif", "if"], "tau": [1.0, 2.0]}}, {"neuron": "if"}, ["neuron.kind"]),
        ({"neuron": {"reset": ["hard", "soft"]}}, {}, ["neuron.reset"]),
        ({"neuron": {"reset": ["hard", "soft"]}, "timesteps": 1}, {"timesteps": 1}, []),
        ({"neuron": {"tau": [1.0, 2.0], "detach_reset": [True, False]}}, {"neuron": {"tau": 1.0}}, ["neuron.tau"]),
        (
            {"neuron": {"surrogate": {"kind": ["atan", "sigmoid"], "alpha": {"low": 1.0, "high": 4.0}}}},
            {"neuron": {"surrogate": {"kind": "atan", "alpha": 3.0}}},
            ["neuron.surrogate.kind", "neuron.surrogate.alpha"],
        ),
        # forms of gradient
        ({"merge": ["oa", "add"], "logic_gradient": ["arithmetic", "saturating"]}, {}, ["merge", "logic_gradient"]),
        ({"merge": ["oa", "add"], "logic_gradient": ["arithmetic", "saturating"]}, {"merge": "add"}, ["merge"]),
        (
            {"merge": "add", "xor": ["middle", "none"], "logic_gradient": ["arithmetic", "saturating"]},
            {"merge": "add", "xor": "middle"},
            ["xor", "logic_gradient"],
        ),
    ],
)  # fmt: skip
def test_only_what_makes_a_difference_is_asked(
    space: dict[str, Any], described: dict[str, Any], names: list[str]
) -> None:
    assert list(parameters_of(SmallSpace(**space).space, arch(**described))) == names


def with_recipe(**recipe: Any) -> SearchSpace:
    return SearchSpace.from_dict({**SmallSpace(width=[2, 3]).fields, "recipe": recipe})


RECIPES = with_recipe(
    learning_rate={"low": 0.001, "high": 0.1, "log": True},
    optimizer=["adamw", "sgd"],
    momentum=[0.8, 0.9],
    schedule=["one-cycle", "cosine", "constant"],
    warmup_epochs=[0, 2.5],
    epochs=[4, 8],
    clip_norm=[None, 1.0],
    flip=False,
)


@pytest.mark.parametrize(
    ("recipe", "left_out"),
    [
        ({}, {"momentum", "warmup_epochs"}),
        ({"optimizer": "sgd", "momentum": 0.8}, {"warmup_epochs"}),
        ({"schedule": "cosine", "warmup_epochs": 2.5, "clip_norm": 1.0}, {"momentum"}),
        ({"optimizer": "sgd", "schedule": "constant"}, set()),
    ],
)
def test_recipes_have_their_parameters(recipe: dict[str, Any], left_out: set[str]) -> None:
    """Momentum is SGD's alone, warm-up is not one-cycle's; constants are not asked for."""
    wanted = Recipe(learning_rate=0.03, epochs=8, batch_size=32, flip=False, **recipe)
    parameters = parameters_of(RECIPES, arch(width=3), wanted)
    asked = {"learning_rate", "optimizer", "momentum", "schedule", "warmup_epochs", "epochs", "clip_norm"}
    assert set(parameters) == {"width", *(f"recipe.{name}" for name in asked - left_out)}
    assert replay(RECIPES, parameters, Recipe(batch_size=32)) == (arch(width=3), wanted)


@pytest.mark.parametrize(
    ("recipe", "fault"),
    [
        ({"learning_rate": 0.2}, "recipe.learning_rate: 0.2 is not in 0.001 .. 0.1 (log)"),
        ({"epochs": 5}, "recipe.epochs: 5 is not one of 4, 8"),
        ({"clip_norm": 2.0}, "recipe.clip_norm: 2.0 is not one of none, 1"),
        ({"optimizer": "sgd", "momentum": 0.5}, "recipe.momentum: 0.5 is not one of 0.8, 0.9"),
    ],
)
def test_recipes_outside(recipe: dict[str, Any], fault: str) -> None:
    with pytest.raises(SpecError) as caught:
        parameters_of(RECIPES, arch(), Recipe(**{"epochs": 4, "flip": False, **recipe}))
    assert str(caught.value) == fault


def test_networks_outside() -> None:
    with pytest.raises(SpecError, match=r"width: 9 is not one of 2, 3"):
        parameters_of(RECIPES, arch(width=9))


def test_walks_through_recipes() -> None:
    space = with_recipe(
        optimizer=["adamw", "sgd"],
        momentum=[0.8, 0.9],
        schedule=["cosine", "one-cycle"],
        warmup_epochs={"low": 0.0, "high": 1.0, "step": 0.5},
    )
    walked = list(walks(space, Recipe(epochs=3)))
    assert len(walked) == len({(network, recipe) for network, recipe, _, _ in walked}) == 2 * 3 * (3 + 1)
    assert all(recipe.epochs == 3 for _, recipe, _, _ in walked)
    for network, recipe, answers, _ in walked:
        assert parameters_of(space, network, recipe) == answers


# describe -----------------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(small_spaces(most=60))
def test_described_parameters_are_those_that_walks_ask_for(small: SmallSpace) -> None:
    """Always where there is no condition, never where it says so, else at times; and in this order."""
    rows = small.space.describe()
    order = [row.name for row in rows]
    assert len(set(order)) == len(order)
    asked = [list(answers) for _, _, answers, _ in walks(small.space)]
    for names in asked:
        assert names == sorted(names, key=order.index)
    for row in rows:
        times = sum(row.name in names for names in asked)
        if is_constant(row.domain):
            assert row.condition == ""
            assert times == 0
        elif row.condition == "":
            assert times == len(asked), row
        elif row.condition.startswith("never"):
            assert times == 0, row


def test_ranges_are_asked_as_ranges() -> None:
    space = SmallSpace(neuron={"tau": {"low": 1.5, "high": 3.0}}).space
    seen: dict[str, Domain] = {}

    def choose(name: str, domain: Domain) -> Value:
        seen[name] = domain
        return 2.25

    assert walk(space, choose)[0] == arch(neuron={"tau": 2.25})
    assert seen == {"neuron.tau": FloatRange(1.5, 3.0)}
