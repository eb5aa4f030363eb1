"""Corners in which spaces once went wrong."""

from __future__ import annotations

from random import Random
from typing import Any

import optuna
import pytest

from tests.space.small_spaces import IMAGES, PLAIN, SmallSpace
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError
from xoresnet.space import FloatRange, SearchSpace
from xoresnet.space.baseline_networks import baselines
from xoresnet.space.optuna_adapter import distributions, from_parameters, suggest
from xoresnet.space.walk import parameters_of


def arch(**fields: Any) -> Arch:
    return Arch.from_dict({**IMAGES, **PLAIN, **fields})


def with_recipe(**recipe: Any) -> SearchSpace:
    return SearchSpace.from_dict({**SmallSpace().fields, "recipe": recipe})


# reading: leaks -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "fields",
    [
        {"arch": {**IMAGES, "depth": [[8, 14]]}},
        {"arch": {**IMAGES, "depth": [{"basic": 8}]}},
        {"arch": {**IMAGES, "depth": {"low": None, "high": 14}}},
        {"arch": {**IMAGES, "depth": {"low": 8, "high": None}}},
        {"arch": IMAGES, "constraints": {"max_params": float("inf")}},
        {"arch": IMAGES, "constraints": {"max_params": float("nan")}},
        {"arch": {**IMAGES, "neuron": {"threshold": {"low": 0.5, "high": 1.0, "step": float("nan")}}}},
        {"arch": {**IMAGES, "neuron": {"tau": {"low": 1.0, "high": 2.0, "step": float("nan")}}}},
        {"arch": {**IMAGES, "neuron": {"tau": {"low": 1.0, "high": 2.0, "step": float("inf")}}}},
    ],
)
def test_leaks(fields: Any) -> None:
    with pytest.raises(SpecError):
        SearchSpace.from_dict(fields)


def test_tuples_are_lists_for_block_and_depth_too() -> None:
    """Of depths and blocks as of widths."""
    assert SearchSpace.from_dict({"arch": {**IMAGES, "width": (2, 3)}}).width.values == (2, 3)
    assert SearchSpace.from_dict({"arch": {**IMAGES, "depth": (8, 14)}}).depths == {"basic": (8, 14)}
    SearchSpace.from_dict({"arch": {**IMAGES, "block": ("basic", "bottleneck"), "depth": [8, 11]}})


@pytest.mark.parametrize("depth", [9, "8", [11], {"low": 30, "high": 20}, {"low": 8, "high": "x"}])
def test_one_mistake_one_fault(depth: Any) -> None:
    """One mistake, one fault."""
    with pytest.raises(SpecError) as caught:
        SearchSpace.from_dict({"arch": {**IMAGES, "depth": depth}})
    assert len(caught.value.faults) == 1


# writing ---
def test_a_step_of_one_in_a_range_of_floats_is_kept() -> None:
    space = SmallSpace(neuron={"tau": {"low": 1.0, "high": 5.0, "step": 1.0}}).space
    assert SearchSpace.from_dict(space.to_dict()) == space  # comes back without steps


# optuna ---
def ask(space: SearchSpace, number: int = 20) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(number):
        trial = study.ask()
        suggested, recipe = suggest(trial, space)
        assert space.contains(suggested)
        assert from_parameters(space, trial.params) == (suggested, recipe)
        again = parameters_of(space, suggested, recipe)  # SpecError without any fault, with an empty message
        assert from_parameters(space, again)[0].arch_id == suggested.arch_id
        study.tell(trial, 1.0)


def test_steps_that_floats_cannot_hold() -> None:
    """Optuna says 0.30000000000000004, the grid 0.3."""
    ask(SmallSpace(neuron={"threshold": {"low": 0.1, "high": 1.0, "step": 0.1}}).space)


def test_contains_and_locate_agree_on_steps() -> None:
    space = SmallSpace(neuron={"threshold": {"low": 0.1, "high": 1.0, "step": 0.1}}).space
    off = arch(neuron={"threshold": 0.1 + 2 * 0.1})
    assert off.arch_id not in {network.arch_id for network in space.enumerate()}
    if space.contains(off):
        parameters_of(space, off)
    else:
        assert space.faults(off)


@pytest.mark.parametrize(
    "fields",
    [{"width": {"low": 1, "high": 4, "step": 2}}, {"neuron": {"threshold": {"low": 0.5, "high": 1.2, "step": 0.5}}}],
)
def test_steps_that_do_not_end_at_high(fields: dict[str, Any]) -> None:
    """Optuna warns of ranges that are no whole number of steps."""
    ask(SmallSpace(**fields).space)


# recipes ---
def test_a_base_recipe_with_warmup() -> None:
    """One-cycle has its own warm-up: the base's counts no more."""
    space, base = with_recipe(schedule=["one-cycle", "cosine"]), Recipe(schedule="cosine", warmup_epochs=2)
    for schedule in ("one-cycle", "cosine"):
        assert from_parameters(space, {"recipe.schedule": schedule}, base)[1].schedule == schedule


def test_distributions_with_a_base_recipe() -> None:
    space = with_recipe(momentum=[0.8, 0.9])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trial = study.ask()
    suggest(trial, space, Recipe(optimizer="sgd"))
    assert set(distributions(space, trial.params, Recipe(optimizer="sgd"))) == {"recipe.momentum"}


def test_constants_of_the_recipe_are_looked_at() -> None:
    space = with_recipe(epochs=5)
    with pytest.raises(SpecError):
        parameters_of(space, arch(), Recipe(epochs=20))


# neurons ---
def test_ranges_that_do_not_matter_beside_one_that_does() -> None:
    space = SmallSpace(
        neuron={"kind": ["if"], "tau": {"low": 3.0, "high": 5.0}, "threshold": {"low": 0.5, "high": 1.5}}
    ).space
    drawn = space.sample(Random(0))
    assert space.contains(drawn)
    assert space.contains(drawn.canonical())  # neuron.tau: 2.0 is not in 3 .. 5


def test_a_range_that_never_matters() -> None:
    """One network: the time constant of an IF neuron is nothing."""
    space = SmallSpace(neuron={"kind": "if", "tau": {"low": 3.0, "high": 5.0}}).space
    assert space.size().continuous == ()
    assert len(list(space.enumerate())) == 1
    assert space.sample(Random(0)) == space.sample(Random(1))


# the rest ---
def test_baselines_with_another_surrogate() -> None:
    assert baselines(SmallSpace(merge="add", neuron={"surrogate": "sigmoid"}).space)
    assert baselines(SmallSpace(merge="add", neuron={"surrogate": {"alpha": [3.0, 4.0]}}).space)


def test_a_low_with_many_digits() -> None:
    domain = FloatRange(1 / 3, 4 / 3, 0.1)
    assert domain.values is not None
    assert domain.values[0] == domain.first
    assert domain.values[0] in domain


def test_the_name_that_is_wrong_is_named() -> None:
    """`or` is `oa` in that stage; what the space has not is `iand`."""
    space = SmallSpace(merge={"per_stage": ["oa", "add"]}).space
    (fault,) = space.faults(arch(merge=("or", "iand", "current")))
    assert fault.message.startswith("'iand'")
