from __future__ import annotations

from typing import Any

import pytest

from tests.space.small_spaces import SmallSpace
from xoresnet.space import Choice, FloatRange, IntRange, Parameter, SearchSpace
from xoresnet.space.domain import is_constant


def rows(space: SearchSpace) -> list[Parameter]:
    return [row for row in space.describe() if not is_constant(row.domain)]


@pytest.mark.parametrize(
    ("space", "free"),
    [
        ({}, {}),
        ({"width": [2, 3], "depth": [8, 14]}, {"depth": "", "width": ""}),
        (
            {"block": ["basic", "bottleneck"], "depth": {"basic": [8, 14], "bottleneck": [11]}},
            {"block": "", "depth.basic": "block is basic"},
        ),
        (
            {"block": ["basic", "bottleneck"], "depth": {"basic": [8, 14], "bottleneck": [11, 29]}},
            {"block": "", "depth.basic": "block is basic", "depth.bottleneck": "block is bottleneck"},
        ),
        ({"merge": ["add", "oa"], "xor": ["none", "both"]}, {"merge": "", "xor": ""}),
        ({"xor": ["none", "entry"]}, {"xor": "never: it has no effect in this space"}),
        ({"xor": ["none", "entry"], "depth": [8, 14]}, {"depth": "", "xor": "basic depth is 14"}),
        (
            {
                "block": ["basic", "bottleneck"], "depth": {"basic": [8, 14, 20], "bottleneck": [11, 29]},
                "xor": ["none", "entry"],
            },
            {
                "block": "", "depth.basic": "block is basic", "depth.bottleneck": "block is bottleneck",
                "xor": "basic depth is 14, 20 or bottleneck depth is 29",
            },
        ),
        (
            {"merge": {"per_stage": ["add", "oa"]}, "depth": [8, 10]},
            {"depth": "", "merge.0": "", "merge.1": "", "merge.2": "", "merge.3": "basic depth is 10"},
        ),
        (
            {"merge": {"per_stage": ["or", "oa"]}, "depth": 14},
            {"merge.0": "never: it has no effect in this space", "merge.1": "", "merge.2": ""},
        ),
        (
            {"xor": {"per_stage": ["none", "middle"]}, "depth": [8, 14]},
            {"depth": "", "xor.0": "", "xor.1": "basic depth is 14", "xor.2": "basic depth is 14"},
        ),
        (
            {"neuron": {"kind": ["lif", "if"], "tau": {"low": 1.5, "high": 2}, "reset": ["hard", "soft"]},
             "timesteps": [1, 2]},
            {
                "timesteps": "", "neuron.kind": "", "neuron.tau": "neuron.kind is not if",
                "neuron.reset": "timesteps is more than 1",
            },
        ),
        ({"neuron": {"threshold": [0.5, 1.0], "surrogate": ["atan", "sigmoid"]}},
         {"neuron.threshold": "", "neuron.surrogate.kind": ""}),
        (
            {"logic_gradient": ["arithmetic", "saturating"], "merge": ["add", "oa"]},
            {"merge": "", "logic_gradient": "any stage has OR or XOR"},
        ),
    ],
)  # fmt: skip
def test_what_there_is_to_choose_and_when(space: dict[str, Any], free: dict[str, str]) -> None:
    assert {row.name: row.condition for row in rows(SmallSpace(**space).space)} == free


def test_constants_are_listed_without_conditions() -> None:
    described = SmallSpace(timesteps=1, neuron={"kind": "if", "reset": "soft"}).space.describe()
    assert all(row.condition == "" for row in described)
    assert {row.name: str(row.domain) for row in described} == {
        "stem": "conv3",
        "block": "basic",
        "depth": "8",
        "width": "2",
        "timesteps": "1",
        "merge": "oa",
        "xor": "none",
        "neuron.kind": "if",
        "neuron.reset": "soft",
        "logic_gradient": "arithmetic",
    }


def test_ranges_and_recipes() -> None:
    recipe = {
        "learning_rate": {"low": 0.001, "high": 0.1, "log": True},
        "optimizer": ["adamw", "sgd"],
        "momentum": [0.8, 0.9],
        "warmup_epochs": {"low": 0, "high": 2},
        "epochs": 5,
    }
    space = SearchSpace.from_dict({**SmallSpace(width={"low": 2, "high": 8, "step": 2}).fields, "recipe": recipe})
    assert rows(space) == [
        Parameter("width", IntRange(2, 8, 2), ""),
        Parameter("recipe.learning_rate", FloatRange(0.001, 0.1, log=True), ""),
        Parameter("recipe.optimizer", Choice(("adamw", "sgd")), ""),
        Parameter("recipe.momentum", Choice((0.8, 0.9)), "recipe.optimizer is sgd"),
        Parameter("recipe.warmup_epochs", FloatRange(0.0, 2.0), "recipe.schedule is not one-cycle"),
    ]
