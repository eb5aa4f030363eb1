from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FixedTrial

from tests.space.small_spaces import IMAGES, PLAIN, SmallSpace, small_spaces
from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError
from xoresnet.space import SearchSpace, preset_names
from xoresnet.space.optuna_adapter import distributions, from_parameters, suggest
from xoresnet.space.walk import parameters_of

SAMPLERS: dict[str, Callable[[], BaseSampler]] = {
    "random": lambda: RandomSampler(seed=0),
    "tpe": lambda: TPESampler(seed=0, n_startup_trials=8),
    "nsga2": lambda: NSGAIISampler(seed=0, population_size=6),
}

RICH: dict[str, Any] = {
    "arch": {
        **IMAGES, "stem": ["conv3", "conv7-pool"],
        "block": ["basic", "bottleneck"], "depth": {"basic": [8, 10, 14], "bottleneck": [11, 14]},
        "width": {"low": 2, "high": 5, "log": True}, "timesteps": {"low": 1, "high": 5, "step": 2},
        "merge": {"per_stage": ["add", "or", "oa", "current"]}, "xor": {"per_stage": ["none", "entry", "both"]},
        "neuron": {
            "kind": ["if", "lif", "plif"], "tau": {"low": 1.5, "high": 4.0}, "threshold": [0.5, 1],
            "reset": ["soft", "hard"],
            "surrogate": {"kind": ["atan", "sigmoid"], "alpha": {"low": 2.0, "high": 3.0, "step": 0.5}},
        },
        "logic_gradient": ["saturating", "arithmetic"],
    },
    "recipe": {
        "learning_rate": {"low": 0.001, "high": 0.1, "log": True}, "optimizer": ["adamw", "sgd"],
        "momentum": [0.8, 0.9], "schedule": ["one-cycle", "cosine"], "warmup_epochs": {"low": 0, "high": 3},
        "epochs": [4, 8], "clip_norm": [None, 1.0], "flip": [None, True, False],
        "batch_size": {"low": 16, "high": 64, "step": 16},
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(level)


def arch(**fields: Any) -> Arch:
    return Arch.from_dict({**IMAGES, **PLAIN, **fields})


def two_objectives(sampler: str) -> optuna.Study:
    return optuna.create_study(sampler=SAMPLERS[sampler](), directions=["minimize", "minimize"])


def check_trials(study: optuna.Study, space: SearchSpace, number: int) -> list[Arch]:
    """Suggested networks, after checking all that a search relies on."""
    names = {parameter.name for parameter in space.describe()}
    networks: list[Arch] = []
    for _ in range(number):
        trial = study.ask()
        network, recipe = suggest(trial, space)
        assert trial.params.keys() <= names
        assert from_parameters(space, trial.params) == (network, recipe)
        assert distributions(space, trial.params) == trial.distributions
        unlimited = [fault for fault in space.faults(network) if not fault.path.startswith("constraints.")]
        assert unlimited == []
        if space.contains(network):
            again = parameters_of(space, network, recipe)
            assert from_parameters(space, again)[0].arch_id == network.arch_id
            assert from_parameters(space, again)[1] == recipe
        study.tell(trial, [float(params_count(network)), float(dense_macs(network))])
        networks.append(network)
    return networks


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_field_is_suggested(sampler: str) -> None:
    study, space = two_objectives(sampler), SearchSpace.from_dict(RICH)
    networks = check_trials(study, space, 30)
    assert len({network.arch_id for network in networks}) > 10
    seen: dict[str, BaseDistribution] = {}
    for trial in study.trials:
        for name, distribution in trial.distributions.items():
            assert seen.setdefault(name, distribution) == distribution
            if isinstance(distribution, CategoricalDistribution):
                assert all(isinstance(choice, CategoricalChoiceType) for choice in distribution.choices)
    assert seen["width"] == IntDistribution(2, 5, log=True)
    assert seen["timesteps"] == IntDistribution(1, 5, step=2)
    assert seen["merge.0"] == CategoricalDistribution(("add", "or", "oa", "current"))
    assert seen["neuron.tau"] == FloatDistribution(1.5, 4.0)
    assert seen["neuron.surrogate.alpha"] == FloatDistribution(2.0, 3.0, step=0.5)
    assert seen["recipe.learning_rate"] == FloatDistribution(0.001, 0.1, log=True)
    assert seen["recipe.clip_norm"] == CategoricalDistribution((None, 1.0))
    assert {"depth.basic", "depth.bottleneck"} <= seen.keys()


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_suggested(name: str) -> None:
    check_trials(two_objectives("random"), SearchSpace.preset(name), 12)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_one_study_after_another_asks_the_same(sampler: str) -> None:
    first, second = (check_trials(two_objectives(sampler), SearchSpace.preset("digits"), 15) for _ in range(2))
    assert first == second


def check_parameters(small: SmallSpace) -> None:
    """Networks come back from the parameters that describe them."""
    study = optuna.create_study()
    for network, group in list(small.inside.items())[:20]:
        parameters = parameters_of(small.space, group[-1])
        assert from_parameters(small.space, parameters)[0].arch_id == network
        assert suggest(FixedTrial(parameters), small.space)[0].arch_id == network  # type: ignore[arg-type]
        known = optuna.create_trial(params=parameters, distributions=distributions(small.space, parameters), value=1.0)
        study.add_trial(known)
    for trial in study.trials:
        assert from_parameters(small.space, trial.params)[0].arch_id in small.inside


@settings(max_examples=10)  # more in tests/exhaustive
@given(small_spaces(most=60))
def test_every_network_comes_back_from_its_parameters(small: SmallSpace) -> None:
    check_parameters(small)


def test_samples_come_back_with_their_recipes() -> None:
    space, rng = SearchSpace.from_dict(RICH), Random(0)
    recipes = [
        Recipe(epochs=4),
        Recipe(epochs=8, optimizer="sgd", momentum=0.8, clip_norm=1.0, flip=True),
        Recipe(epochs=4, schedule="cosine", warmup_epochs=1.75, learning_rate=0.0123456789, batch_size=48),
    ]
    for recipe in recipes * 5:
        drawn = space.sample(rng)
        parameters = parameters_of(space, drawn, recipe)
        decoded = from_parameters(space, parameters)
        assert (decoded[0].arch_id, decoded[1]) == (drawn.arch_id, recipe)
        assert suggest(FixedTrial(parameters), space) == decoded  # type: ignore[arg-type]


def test_momentum_belongs_to_sgd_and_warmup_to_schedules_without_their_own() -> None:
    study, space = two_objectives("random"), SearchSpace.from_dict(RICH)
    check_trials(study, space, 40)
    with_momentum = {trial.params["recipe.optimizer"] for trial in study.trials if "recipe.momentum" in trial.params}
    with_warmup = {trial.params["recipe.schedule"] for trial in study.trials if "recipe.warmup_epochs" in trial.params}
    assert (with_momentum, with_warmup) == ({"sgd"}, {"cosine"})
    for trial in study.trials:
        assert ("recipe.momentum" in trial.params) is (trial.params["recipe.optimizer"] == "sgd")
        assert ("recipe.warmup_epochs" in trial.params) is (trial.params["recipe.schedule"] == "cosine")


def test_known_networks_start_a_study() -> None:
    """Enqueued, they are what is suggested first; added with their values, samplers learn from them."""
    space = SearchSpace.preset("fashion-mnist")
    drawn = [space.sample(Random(seed)) for seed in range(6)]
    study = two_objectives("nsga2")
    for network in drawn[:3]:
        parameters = parameters_of(space, network)
        study.add_trial(
            optuna.create_trial(params=parameters, distributions=distributions(space, parameters), values=[1.0, 2.0])
        )
    for network in drawn[3:]:
        study.enqueue_trial(parameters_of(space, network))
    assert [suggested.arch_id for suggested in check_trials(study, space, 3)] == [
        network.arch_id for network in drawn[3:]
    ]
    check_trials(study, space, 12)


def test_what_the_recipe_has_else_is_kept() -> None:
    space = SearchSpace.from_dict({**SmallSpace(width=[2, 3]).fields, "recipe": {"optimizer": ["adamw", "sgd"]}})
    base = Recipe(epochs=7, batch_size=16, momentum=0.5)
    parameters = {"width": 3, "recipe.optimizer": "sgd"}
    wanted = (arch(width=3), base.replace(optimizer="sgd"))
    assert from_parameters(space, parameters, base) == wanted
    assert suggest(FixedTrial(parameters), space, base) == wanted  # type: ignore[arg-type]


CONDITIONAL = SmallSpace(
    block=["basic", "bottleneck"], depth={"basic": [8, 14], "bottleneck": [11, 14]},
    width={"low": 2, "high": 8, "step": 2}, merge=["add", "oa"], logic_gradient=["arithmetic", "saturating"],
    neuron={"kind": ["lif", "if"], "tau": {"low": 1.5, "high": 2.0}},
)  # fmt: skip
GOOD = {"block": "basic", "depth.basic": 8, "width": 4, "merge": "add", "neuron.kind": "if"}


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"block": None}, ["block: required, but missing"]),
        ({"width": None}, ["width: required, but missing"]),
        ({"neuron.kind": "lif"}, ["neuron.tau: required, but missing"]),
        ({"block": "bottleneck"}, ["depth.bottleneck: required, but missing"]),
        ({"merge": "oa"}, ["logic_gradient: required, but missing"]),
        ({"width": 5}, ["width: 5 is not in 2 .. 8 by 2"]),
        ({"width": 10}, ["width: 10 is not in 2 .. 8 by 2"]),
        ({"width": "4"}, ["width: '4' is not in 2 .. 8 by 2"]),
        ({"width": True}, ["width: True is not in 2 .. 8 by 2"]),
        ({"merge": "or"}, ["merge: 'or' is not one of add, oa"]),
        ({"depth.basic": 10}, ["depth.basic: 10 is not one of 8, 14"]),
        ({"neuron.kind": "lif", "neuron.tau": 2.5}, ["neuron.tau: 2.5 is not in 1.5 .. 2"]),
        ({"logic_gradient": "arithmetic"}, ["logic_gradient: not a parameter of this network"]),
        (
            {"widht": 4, "depth": 8},
            ["widht: not a parameter of this network; did you mean 'width'?",
             "depth: not a parameter of this network; did you mean 'depth.basic'?"],
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", [from_parameters, distributions])
def test_parameters_that_are_wrong(
    call: Callable[[SearchSpace, dict[str, Any]], object], change: dict[str, Any], faults: list[str]
) -> None:
    space = CONDITIONAL.space
    assert from_parameters(space, GOOD)[0] == arch(width=4, merge="add", neuron={"kind": "if", "tau": 1.5})
    parameters = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(SpecError) as caught:
        call(space, parameters)
    assert [str(fault) for fault in caught.value.faults] == faults


def test_a_parameter_that_another_value_left_out() -> None:
    with pytest.raises(SpecError, match=r"^neuron\.tau: not a parameter of this network"):
        from_parameters(CONDITIONAL.space, {**GOOD, "neuron.tau": 1.5})


def test_networks_beyond_the_limits_are_suggested_and_told() -> None:
    """A search answers them without training."""
    small = SmallSpace(width=[2, 30])
    space = small.limited(max_params=small.costs[arch(width=2).arch_id][0]).space
    network, _ = from_parameters(space, {"width": 30})
    assert network == arch(width=30)
    assert [excess.limit for excess in space.exceeded(network)] == ["max_params"]
    assert space.exceeded(arch(width=2)) == ()
