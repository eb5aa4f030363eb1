from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.space.small_spaces import IMAGES, SmallSpace, small_spaces
from xoresnet.files.yaml_text import read_yaml
from xoresnet.space import SearchSpace, preset_names


@pytest.mark.parametrize("name", preset_names())
def test_presets_come_back(name: str) -> None:
    space = SearchSpace.preset(name)
    again = SearchSpace.from_yaml(space.to_yaml())
    assert again == space
    assert again.describe() == space.describe()
    assert [again.sample(Random(0)) for _ in range(3)] == [space.sample(Random(0)) for _ in range(3)]


ARCH_FIELDS: list[dict[str, Any]] = [
    {},
    {"width": {"low": 2, "high": 8}},
    {"width": {"low": 2, "high": 8, "step": 2}, "timesteps": {"low": 1, "high": 8, "log": True}},
    {"width": {"low": 4, "high": 4}},
    {"depth": {"low": 8, "high": 20}},
    {"block": ["bottleneck", "basic"], "depth": [14, 20, 29]},
    {"block": ["bottleneck"], "depth": {"bottleneck": [29, 11]}},
    {"merge": {"per_stage": ["oa"]}, "xor": {"per_stage": ["none", "both"]}},
    {"merge": ["oa", "add"], "xor": ["none"]},
    {"neuron": {"kind": ["lif", "if"], "tau": {"low": 1, "high": 2, "step": 0.25}}},
    {"neuron": {"threshold": {"low": 0.5, "high": 1}}},
    {"neuron": {"surrogate": {"kind": ["sigmoid"], "alpha": {"low": 1.0, "high": 4.0, "log": True}}}},
    {"neuron": {"surrogate": ["atan", "sigmoid"], "detach_reset": [True, False], "reset": "soft", "tau": [1.0, 2]}},
]  # fmt: skip


@pytest.mark.parametrize("arch", ARCH_FIELDS)
def test_every_kind_of_field_comes_back(arch: dict[str, Any]) -> None:
    fields = {"arch": {**IMAGES, **arch}}
    space = SearchSpace.from_dict(fields)
    assert SearchSpace.from_dict(space.to_dict()) == space
    assert SearchSpace.from_yaml(space.to_yaml()) == space
    assert list(SearchSpace.from_yaml(space.to_yaml()).depths) == list(space.depths)
    json.dumps(space.to_dict())


def test_recipes_and_limits_come_back() -> None:
    recipe = {
        "epochs": [4, 8],
        "learning_rate": {"low": 1e-5, "high": 0.1, "log": True},
        "clip_norm": [None, 1.0],
        "flip": [None, True, False],
        "optimizer": ["adamw", "sgd"],
        "momentum": {"low": 0.8, "high": 0.95, "step": 0.05},
        "batch_size": {"low": 16, "high": 64, "step": 16},
        "precision": "fp32",
        "weight_decay": 0.0,
        "cutout": None,
    }
    fields = {"arch": IMAGES, "recipe": recipe, "constraints": {"max_params": 5e5, "max_macs": 10**9}}
    space = SearchSpace.from_dict(fields)
    again = SearchSpace.from_yaml(space.to_yaml())
    assert again == space
    assert list(again.recipe) == list(space.recipe) == list(recipe)
    assert again.constraints.max_params == 500_000
    assert space.to_dict()["recipe"] == recipe


def test_as_people_write_it() -> None:
    space = SmallSpace(
        {"max_macs": 7000},
        block=["basic", "bottleneck"],
        depth={"basic": [8, 14], "bottleneck": [11]},
        width={"low": 2, "high": 8, "step": 2},
        merge={"per_stage": ["add", "oa"]},
        xor=["none", "both"],
        neuron={"kind": ["lif", "plif"], "surrogate": {"alpha": [1.0, 2.0]}},
    ).space
    written = space.to_dict()
    assert written == read_yaml(space.to_yaml(), "the space")
    assert written == {
        "arch": {
            "input_shape": [1, 6, 5],
            "num_classes": 3,
            "stem": "conv3",
            "block": ["basic", "bottleneck"],
            "depth": {"basic": [8, 14], "bottleneck": [11]},
            "width": {"low": 2, "high": 8, "step": 2},
            "merge": {"per_stage": ["add", "oa"]},
            "xor": ["none", "both"],
            "timesteps": 2,
            "neuron": {"kind": ["lif", "plif"], "surrogate": {"alpha": [1.0, 2.0]}},
            "logic_gradient": "arithmetic",
        },
        "recipe": {},
        "constraints": {"max_macs": 7000},
    }
    assert space.to_yaml().startswith("arch:\n  input_shape: [1, 6, 5]\n  num_classes: 3\n  stem: conv3\n")


@settings(max_examples=15)
@given(small_spaces(most=100))
def test_random_spaces_come_back(small: SmallSpace) -> None:
    again = SearchSpace.from_yaml(small.space.to_yaml())
    assert again == small.space
    assert again.size() == small.space.size()


@given(
    st.floats(1.001, 1e3), st.floats(1.0, 1e3), st.sampled_from([{}, {"log": True}, {"step": 0.1}, {"step": 1e-3}]),
    st.floats(1e-300, 1e300),
)  # fmt: skip
def test_numbers_come_back_to_the_last_digit(low: float, factor: float, kind: dict[str, Any], threshold: float) -> None:
    tau = {"low": low, "high": low * factor, **kind}
    if "step" in kind:
        tau["high"] = low + 20 * kind["step"]
    space = SmallSpace(neuron={"kind": "lif", "tau": tau, "threshold": threshold}).space
    again = SearchSpace.from_yaml(space.to_yaml())
    assert again.neuron == space.neuron
    assert repr(again.neuron["tau"]) == repr(space.neuron["tau"])
