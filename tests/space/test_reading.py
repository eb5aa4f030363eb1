from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, SpecError
from xoresnet.space import Choice, Constraints, FloatRange, IntRange, SearchSpace, StageDomain
from xoresnet.space.constraints import LIMITS

IMAGES: dict[str, Any] = {"input_shape": [1, 8, 8], "num_classes": 10}
GOOD: dict[str, Any] = {"arch": IMAGES}


def faults_of(fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        SearchSpace.from_dict(fields)
    return [tuple(fault) for fault in caught.value.faults]


def with_change(change: dict[str, Any]) -> dict[str, Any]:
    return {**change, "arch": {**IMAGES, **change.get("arch", {})}}


# what is right ------------------------------------------------------------------------------------------------------


def test_what_is_left_out_has_its_default() -> None:
    space = SearchSpace.from_dict(GOOD)
    assert space.depths == {"basic": (8, 14, 20)}
    assert (space.merge, space.xor) == (StageDomain(("oa",)), StageDomain(("none",)))
    assert (space.stem, space.width, space.timesteps) == (Choice(("conv3",)), Choice((16,)), Choice((4,)))
    assert space.neuron == {"kind": Choice(("lif",))}
    assert (space.logic_gradient, space.recipe, space.constraints) == (Choice(("arithmetic",)), {}, Constraints())
    assert [arch.replace(depth=8) for arch in space.enumerate()] == [Arch(**{**IMAGES, "depth": 8})] * 3


@pytest.mark.parametrize(
    ("written", "field", "read"),
    [
        ({"width": 8}, "width", Choice((8,))),
        ({"width": [8]}, "width", Choice((8,))),
        ({"width": [8, 32]}, "width", Choice((8, 32))),
        ({"width": {"low": 8, "high": 32}}, "width", IntRange(8, 32)),
        ({"width": {"low": 8, "high": 32, "step": 8}}, "width", IntRange(8, 32, 8)),
        ({"width": {"low": 8, "high": 32, "step": None}}, "width", IntRange(8, 32)),
        ({"width": {"low": 8, "high": 32, "log": True}}, "width", IntRange(8, 32, log=True)),
        ({"width": {"low": 8, "high": 8}}, "width", IntRange(8, 8)),
        ({"merge": "or"}, "merge", StageDomain(("or",))),
        ({"merge": ["or", "oa"]}, "merge", StageDomain(("or", "oa"))),
        ({"merge": {"per_stage": ["or", "oa"]}}, "merge", StageDomain(("or", "oa"), per_stage=True)),
        ({"xor": {"per_stage": "both"}}, "xor", StageDomain(("both",), per_stage=True)),
        ({"depth": 10}, "depths", {"basic": (10,)}),
        ({"depth": [20, 8]}, "depths", {"basic": (20, 8)}),
        ({"depth": {"low": 8, "high": 20}}, "depths", {"basic": (8, 10, 14, 18, 20)}),
        ({"depth": {"low": 8, "high": 40, "step": 6}}, "depths", {"basic": (8, 14, 20, 32)}),
        (
            {"block": ["bottleneck", "basic"], "depth": [8, 14, 29]},
            "depths",
            {"bottleneck": (14, 29), "basic": (8, 14)},
        ),
        (
            {"block": ["basic", "bottleneck"], "depth": {"bottleneck": 11, "basic": {"low": 8, "high": 10}}},
            "depths",
            {"basic": (8, 10), "bottleneck": (11,)},
        ),
        ({"neuron": "plif"}, "neuron", {"kind": Choice(("plif",))}),
        ({"neuron": ["lif", "plif"]}, "neuron", {"kind": Choice(("lif", "plif"))}),
        ({"neuron": {"tau": [2, 1.5]}}, "neuron", {"kind": Choice(("lif",)), "tau": Choice((2, 1.5))}),
        (
            {"neuron": {"surrogate": "sigmoid", "tau": {"low": 1, "high": 3}, "kind": "lif"}},
            "neuron",
            {"kind": Choice(("lif",)), "tau": FloatRange(1.0, 3.0), "surrogate.kind": Choice(("sigmoid",))},
        ),
        (
            {"neuron": {"surrogate": {"alpha": {"low": 1, "high": 2, "step": 0.5}}}},
            "neuron",
            {"kind": Choice(("lif",)), "surrogate.alpha": FloatRange(1.0, 2.0, 0.5)},
        ),
        ({"neuron": {"kind": "if", "tau": 0.5}}, "neuron", {"kind": Choice(("if",)), "tau": Choice((0.5,))}),
    ],
)
def test_what_a_field_may_be(written: dict[str, Any], field: str, read: Any) -> None:
    value = getattr(SearchSpace.from_dict({"arch": {**IMAGES, **written}}), field)
    assert value == read
    if isinstance(read, Mapping):
        assert list(value) == list(read)  # the blocks' order counts, and that of a neuron's fields for samplers


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"epochs": 5}, Choice((5,))),
        ({"learning_rate": {"low": 1e-3, "high": 0.1, "log": True}}, FloatRange(0.001, 0.1, log=True)),
        ({"learning_rate": {"low": 1, "high": 2}}, FloatRange(1.0, 2.0)),
        ({"clip_norm": [None, 1]}, Choice((None, 1))),
        ({"flip": None}, Choice((None,))),
        ({"crop_padding": {"low": 0, "high": 4}}, IntRange(0, 4)),
        ({"batch_size": {"low": 16, "high": 128, "log": True}}, IntRange(16, 128, log=True)),
        ({"optimizer": ["sgd", "adamw"]}, Choice(("sgd", "adamw"))),
        ({"warmup_epochs": {"low": 0, "high": 2}}, FloatRange(0.0, 2.0)),
    ],
)
def test_what_a_field_of_the_recipe_may_be(written: dict[str, Any], read: Any) -> None:
    assert list(SearchSpace.from_dict({**GOOD, "recipe": written}).recipe.values()) == [read]


def test_every_field_of_the_recipe_but_the_seed() -> None:
    everything = {name: value for name, value in Recipe() if name != "seed"}
    assert set(SearchSpace.from_dict({**GOOD, "recipe": everything}).recipe) == set(Recipe.model_fields) - {"seed"}


def test_limits_are_whole_numbers_however_they_are_written() -> None:
    space = SearchSpace.from_dict({**GOOD, "constraints": {"max_params": 5e5, "max_macs": 10_000}})
    assert space.constraints == Constraints(500_000, 10_000)


def test_a_limit_may_be_lifted() -> None:
    lifted = {"max_params": None, "hardware": None, "max_macs": 7}
    assert SearchSpace.from_dict({**GOOD, "constraints": lifted}).constraints == Constraints(max_macs=7)


# what is wrong ------------------------------------------------------------------------------------------------------

MERGE_NAMES = "add, and, iand, or, current, oa, membrane"
BASIC = "8, 10, 14, 18, 20, 32, 34, 44, 56, 110"
BOTTLENECK = "11, 14, 26, 29, 47, 50, 101, 152"
ARCH_FIELDS = ", ".join(Arch.model_fields)
RECIPE_FIELDS = ", ".join(name for name in Recipe.model_fields if name != "seed")
LIMIT_FIELDS = ", ".join((*LIMITS, "hardware"))
PER_STAGE = "must list single names; to choose one per stage, write {per_stage: [...]}, got"


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        # keys nobody knows
        ({"arhc": {}}, {"arhc": "unknown field; did you mean 'arch'?"}),
        ({"Recipe": {}}, {"Recipe": "unknown field; did you mean 'recipe'?"}),
        ({"colour": 1}, {"colour": "unknown field; the fields are arch, recipe, constraints"}),
        ({3: 1}, {"3": "unknown field; the fields are arch, recipe, constraints"}),
        ({"arch": {"widht": 3}}, {"arch.widht": "unknown field; did you mean 'width'?"}),
        ({"arch": {"colour": 3}}, {"arch.colour": f"unknown field; the fields are {ARCH_FIELDS}"}),
        ({"arch": {"neuron": {"tua": 2}}}, {"arch.neuron.tua": "unknown field; did you mean 'tau'?"}),
        (
            {"arch": {"neuron": {"surrogate": {"aplha": 2}}}},
            {"arch.neuron.surrogate.aplha": "unknown field; did you mean 'alpha'?"},
        ),
        ({"recipe": {"lerning_rate": 1}}, {"recipe.lerning_rate": "unknown field; did you mean 'learning_rate'?"}),
        ({"recipe": {"seed": 1}}, {"recipe.seed": f"unknown field; the fields are {RECIPE_FIELDS}"}),
        ({"constraints": {"max_parms": 1}}, {"constraints.max_parms": "unknown field; did you mean 'max_params'?"}),
        # of the wrong type
        ({"arch": {"width": "wide"}}, {"arch.width": "must be a whole number, got 'wide'"}),
        ({"arch": {"width": [8, 2.5]}}, {"arch.width.1": "must be a whole number, got 2.5"}),
        ({"arch": {"width": None}}, {"arch.width": "must be a whole number, got None"}),
        ({"arch": {"timesteps": [True]}}, {"arch.timesteps.0": "must be a whole number, got True"}),
        ({"arch": {"width": [[8]]}}, {"arch.width.0": "must be a whole number, got [8]"}),
        ({"arch": {"neuron": {"tau": "2"}}}, {"arch.neuron.tau": "must be a number, got '2'"}),
        ({"arch": {"neuron": {"detach_reset": 1}}}, {"arch.neuron.detach_reset": "must be true or false, got 1"}),
        ({"arch": {"stem": None}}, {"arch.stem": "None is not one of conv3, conv7-pool"}),
        ({"arch": {"block": {"basic": 8}}}, {"arch.block": "{'basic': 8} is not one of basic, bottleneck"}),
        ({"recipe": []}, {"recipe": f"must be a mapping of fields ({RECIPE_FIELDS}), got []"}),
        ({"constraints": 5}, {"constraints": f"must be a mapping of fields ({LIMIT_FIELDS}), got 5"}),
        # out of bounds
        ({"arch": {"width": [0, 8]}}, {"arch.width.0": "must be at least 1, got 0"}),
        ({"arch": {"neuron": {"threshold": [0.5, 0]}}}, {"arch.neuron.threshold.1": "must be greater than 0, got 0"}),
        ({"arch": {"neuron": {"threshold": float("inf")}}}, {"arch.neuron.threshold": "must be finite, got inf"}),
        ({"recipe": {"momentum": 1.0}}, {"recipe.momentum": "must be less than 1, got 1.0"}),
        ({"recipe": {"clip_norm": [None, 0]}}, {"recipe.clip_norm.1": "must be greater than 0, got 0"}),
        # choices
        ({"arch": {"width": []}}, {"arch.width": "needs at least one choice, got an empty list"}),
        ({"arch": {"block": []}}, {"arch.block": "needs at least one choice, got an empty list"}),
        ({"arch": {"depth": []}}, {"arch.depth": "needs at least one choice, got an empty list"}),
        ({"arch": {"depth": {"basic": []}}}, {"arch.depth.basic": "needs at least one choice, got an empty list"}),
        ({"arch": {"merge": []}}, {"arch.merge": "needs at least one choice, got an empty list"}),
        (
            {"arch": {"merge": {"per_stage": []}}},
            {"arch.merge.per_stage": "needs at least one choice, got an empty list"},
        ),
        ({"arch": {"neuron": []}}, {"arch.neuron.kind": "needs at least one choice, got an empty list"}),
        ({"arch": {"width": [8, 16, 8]}}, {"arch.width.2": "8 is given twice"}),
        ({"arch": {"stem": ["conv3", "conv3"]}}, {"arch.stem.1": "'conv3' is given twice"}),
        ({"arch": {"block": ["basic", "basic"]}}, {"arch.block.1": "'basic' is given twice"}),
        ({"arch": {"depth": [8, 8]}}, {"arch.depth.1": "8 is given twice"}),
        ({"arch": {"xor": {"per_stage": ["none", "none"]}}}, {"arch.xor.per_stage.1": "'none' is given twice"}),
        ({"arch": {"neuron": {"tau": [2, 2.0]}}}, {"arch.neuron.tau.1": "2.0 is given twice"}),
        (
            {"arch": {"stem": "conv7"}},
            {"arch.stem": "'conv7' is not one of conv3, conv7-pool; did you mean 'conv7-pool'?"},
        ),
        ({"arch": {"block": "wide"}}, {"arch.block": "'wide' is not one of basic, bottleneck"}),
        (
            {"arch": {"logic_gradient": ["saturate"]}},
            {
                "arch.logic_gradient.0": "'saturate' is not one of arithmetic, saturating, straight-through; "
                "did you mean 'saturating'?"
            },
        ),
        (
            {"recipe": {"optimizer": "adam"}},
            {"recipe.optimizer": "'adam' is not one of adamw, sgd; did you mean 'adamw'?"},
        ),
        # ranges
        ({"arch": {"width": {"low": 8}}}, {"arch.width.high": "required, but missing"}),
        ({"arch": {"width": {"high": 8}}}, {"arch.width.low": "required, but missing"}),
        (
            {"arch": {"width": {"low": 8, "hihg": 9}}},
            {"arch.width.hihg": "unknown field; did you mean 'high'?", "arch.width.high": "required, but missing"},
        ),
        (
            {"arch": {"width": {"low": 16, "high": 8}}},
            {"arch.width": "low must not exceed high: 16 > 8"},
        ),
        (
            {"arch": {"neuron": {"tau": {"low": 2.0, "high": 1.5}}}},
            {"arch.neuron.tau": "low must not exceed high: 2.0 > 1.5"},
        ),
        ({"arch": {"stem": {"low": 1, "high": 2}}}, {"arch.stem": "takes a list of choices, not a range"}),
        ({"recipe": {"flip": {"low": 0, "high": 1}}}, {"recipe.flip": "takes a list of choices, not a range"}),
        (
            {"arch": {"width": {"low": 1, "high": 8, "step": 2, "log": True}}},
            {"arch.width": "a logarithmic range (log: true) cannot have a step"},
        ),
        (
            {"recipe": {"weight_decay": {"low": 0, "high": 0.1, "log": True}}},
            {"recipe.weight_decay.low": "must be greater than 0 in a logarithmic range (log: true), got 0"},
        ),
        ({"arch": {"width": {"low": 0, "high": 8, "log": True}}}, {"arch.width.low": "must be at least 1, got 0"}),
        ({"arch": {"width": {"low": 1, "high": 8, "step": 0}}}, {"arch.width.step": "must be greater than 0, got 0"}),
        (
            {"arch": {"neuron": {"tau": {"low": 1, "high": 8, "step": -0.5}}}},
            {"arch.neuron.tau.step": "must be greater than 0, got -0.5"},
        ),
        (
            {"arch": {"width": {"low": 1.5, "high": 8.5}}},
            {"arch.width.low": "must be a whole number, got 1.5", "arch.width.high": "must be a whole number, got 8.5"},
        ),
        (
            {"arch": {"width": {"low": 1, "high": 8, "step": 0.5}}},
            {"arch.width.step": "must be a whole number, got 0.5"},
        ),
        (
            {"arch": {"width": {"low": 1, "high": 8, "log": "yes"}}},
            {"arch.width.log": "must be true or false, got 'yes'"},
        ),
        (
            {"arch": {"neuron": {"tau": {"low": 1, "high": True, "step": "a"}}}},
            {"arch.neuron.tau.high": "must be a number, got True", "arch.neuron.tau.step": "must be a number, got 'a'"},
        ),
        (
            {"recipe": {"learning_rate": {"low": float("nan"), "high": 1}}},
            {"recipe.learning_rate.low": "must be finite, got nan"},
        ),
        # blocks and depths
        (
            {"arch": {"depth": [8, 9]}},
            {"arch.depth.1": f"9 does not exist: basic blocks come in depths {BASIC}"},
        ),
        (
            {"arch": {"block": "bottleneck", "depth": [8, 14]}},
            {"arch.depth.0": f"8 does not exist: bottleneck blocks come in depths {BOTTLENECK}"},
        ),
        (
            {"arch": {"block": ["basic", "bottleneck"], "depth": [8]}},
            {"arch.depth": f"[8] contains no depth of bottleneck blocks ({BOTTLENECK})"},
        ),
        (
            {"arch": {"block": ["basic", "bottleneck"], "depth": {"basic": [8]}}},
            {"arch.depth.bottleneck": "required, because bottleneck is among the blocks"},
        ),
        (
            {"arch": {"block": ["basic", "bottleneck"], "depth": {"basic": [8], "bottlneck": [11]}}},
            {
                "arch.depth.bottlneck": "unknown field; did you mean 'bottleneck'?",
                "arch.depth.bottleneck": "required, because bottleneck is among the blocks",
            },
        ),
        (
            {"arch": {"depth": {"basic": 8, "bottleneck": 11}}},
            {"arch.depth.bottleneck": "unknown field; the fields are basic"},
        ),
        (
            {"arch": {"block": ["basic", "bottleneck"], "depth": {"basic": [8, 11], "bottleneck": 8}}},
            {
                "arch.depth.basic.1": f"11 does not exist: basic blocks come in depths {BASIC}",
                "arch.depth.bottleneck": f"8 does not exist: bottleneck blocks come in depths {BOTTLENECK}",
            },
        ),
        (
            {"arch": {"depth": {"low": 21, "high": 30}}},
            {"arch.depth": f"no depth lies in 21 .. 30: basic blocks come in depths {BASIC}"},
        ),
        # merges and XOR
        ({"arch": {"merge": "ored"}}, {"arch.merge": f"'ored' is not one of {MERGE_NAMES}; did you mean 'or'?"}),
        (
            {"arch": {"merge": ["or", "sew"]}},
            {"arch.merge.1": f"'sew' is not one of {MERGE_NAMES}; did you mean 'add'?"},
        ),
        (
            {"arch": {"merge": {"per_stage": ["or", "ored"]}}},
            {"arch.merge.per_stage.1": f"'ored' is not one of {MERGE_NAMES}; did you mean 'or'?"},
        ),
        ({"arch": {"merge": 3}}, {"arch.merge": f"3 is not one of {MERGE_NAMES}"}),
        ({"arch": {"merge": {"per_stage": None}}}, {"arch.merge.per_stage": f"None is not one of {MERGE_NAMES}"}),
        ({"arch": {"xor": False}}, {"arch.xor": "False is not one of none, entry, middle, both"}),
        ({"arch": {"merge": [["or", "or", "add"], "or"]}}, {"arch.merge": f"{PER_STAGE} [['or', 'or', 'add'], 'or']"}),
        ({"arch": {"xor": {"per_stage": [["both"]]}}}, {"arch.xor.per_stage": f"{PER_STAGE} [['both']]"}),
        (
            {"arch": {"merge": {"per_stages": ["or"]}}},
            {"arch.merge": "must be a list or {per_stage: [...]}, got {'per_stages': ['or']}"},
        ),
        (
            {"arch": {"merge": {"per_stage": ["or"], "log": True}}},
            {"arch.merge": "must be a list or {per_stage: [...]}, got {'per_stage': ['or'], 'log': True}"},
        ),
        (
            {"arch": {"merge": "no_such_module.MERGE"}},
            {
                "arch.merge": "'no_such_module.MERGE' cannot be imported: ModuleNotFoundError: "
                "No module named 'no_such_module'; put no_such_module.py into the working directory, or install it"
            },
        ),
        # neurons
        (
            {"arch": {"neuron": ["lif", "lift"]}},
            {"arch.neuron.kind.1": "'lift' is not one of lif, if, plif; did you mean 'lif'?"},
        ),
        ({"arch": {"neuron": 3}}, {"arch.neuron.kind": "3 is not one of lif, if, plif"}),
        ({"arch": {"neuron": {"tau": 0.5}}}, {"arch.neuron.tau": "must be at least 1 for a lif neuron, got 0.5"}),
        (
            {"arch": {"neuron": {"kind": ["if", "plif"], "tau": [2, 1.0]}}},
            {"arch.neuron.tau": "must be greater than 1 for a plif neuron, got 1.0"},
        ),
        (
            {"arch": {"neuron": {"kind": "plif", "tau": {"low": 1, "high": 2.0, "step": 0.5}}}},
            {"arch.neuron.tau": "must be greater than 1 for a plif neuron, got 1.0"},
        ),
        (
            {"arch": {"neuron": {"surrogate": "arctan"}}},
            {
                "arch.neuron.surrogate.kind": "'arctan' is not one of atan, sigmoid, rectangle, triangle; "
                "did you mean 'atan'?"
            },
        ),
        (
            {"arch": {"neuron": {"surrogate": {"alpha": {"low": 0, "high": 1}}}}},
            {"arch.neuron.surrogate.alpha.low": "must be greater than 0, got 0"},
        ),
        # epochs and warm-up
        (
            {"recipe": {"epochs": 5, "warmup_epochs": [0, 5]}},
            {"recipe.warmup_epochs": "must be less than the 5 epochs, got 5"},
        ),
        (
            {"recipe": {"epochs": {"low": 3, "high": 9}, "warmup_epochs": {"low": 0, "high": 3.5}}},
            {"recipe.warmup_epochs": "must be less than the 3 epochs, got 3.5"},
        ),
        # limits
        (
            {"constraints": {"max_params": "1M"}},
            {"constraints.max_params": "must be a whole number of at least 1, got '1M'"},
        ),
        ({"constraints": {"max_params": 0}}, {"constraints.max_params": "must be a whole number of at least 1, got 0"}),
        ({"constraints": {"max_macs": 1.5}}, {"constraints.max_macs": "must be a whole number of at least 1, got 1.5"}),
        (
            {"constraints": {"max_macs": True}},
            {"constraints.max_macs": "must be a whole number of at least 1, got True"},
        ),
        # images
        (
            {"arch": {"input_shape": [1, 8]}},
            {"arch.input_shape": "must be a list of 3 values (channels, height, width), got [1, 8]"},
        ),
        ({"arch": {"input_shape": [1, 8, 0]}}, {"arch.input_shape.2": "must be at least 1, got 0"}),
        ({"arch": {"num_classes": [10, 100]}}, {"arch.num_classes": "must be a whole number, got [10, 100]"}),
        ({"arch": {"num_classes": 1}}, {"arch.num_classes": "must be at least 2, got 1"}),
    ],
)
def test_each_mistake_has_its_place_and_sentence(change: dict[str, Any], faults: dict[str, str]) -> None:
    assert faults_of(with_change(change)) == list(faults.items())


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, ("arch.input_shape", "required, but missing")),
        ({}, ("arch.num_classes", "required, but missing")),
        ({"arch": {"num_classes": 10}}, ("arch.input_shape", "required, but missing")),
        ({"arch": 3}, ("arch", f"must be a mapping of fields ({ARCH_FIELDS}), got 3")),
        ({"arch": None}, ("arch", f"must be a mapping of fields ({ARCH_FIELDS}), got None")),
        ([], ("", "a space must be a mapping of fields (arch, recipe, constraints), got []")),
        ("arch", ("", "a space must be a mapping of fields (arch, recipe, constraints), got 'arch'")),
        (None, ("", "a space must be a mapping of fields (arch, recipe, constraints), got None")),
        ({"arch": {**IMAGES, "depth": 9}}, ("arch.depth", f"9 does not exist: basic blocks come in depths {BASIC}")),
        (
            {"arch": {**IMAGES, "depth": "8"}},
            ("arch.depth", f"'8' does not exist: basic blocks come in depths {BASIC}"),
        ),
        (
            {"arch": {**IMAGES, "depth": {"low": 20, "high": 8}}},
            ("arch.depth", "low must not exceed high: 20 > 8"),
        ),
        (
            {"arch": {**IMAGES, "neuron": {"kind": ["lif", "plif"], "tau": 0.5}}},
            ("arch.neuron.tau", "must be at least 1 for a lif neuron, got 0.5"),
        ),
    ],
)
def test_mistakes_that_have_consequences(fields: Any, fault: tuple[str, str]) -> None:
    """They are told, whatever else is told because of them."""
    assert fault in faults_of(fields)


def test_an_empty_file() -> None:
    for text in ("", "# nothing yet\n", "---\n"):
        with pytest.raises(SpecError, match="a space must be a mapping of fields") as caught:
            SearchSpace.from_yaml(text)
        assert caught.value.faults[0].path == ""


MANY = """
archs: {}
arch:
  input_shape: [1, 28]
  num_classes: ten
  block: [basic, bottleneck]
  depth: {basic: [8, 9], bottlneck: [11]}
  width: {low: 32, high: 8}
  merge: {per_stage: [add, orr]}
  xor: []
  stem: {low: 1, high: 2}
  timesteps: [1, 2, 2]
  neuron: {kind: [lif, plfi], tua: 2, surrogate: {alpha: 0}}
recipe:
  learning_rate: {low: 0.1, high: 0.2, step: 0.05, log: true}
  epocs: 5
constraints: {max_params: 1.5}
"""


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        SearchSpace.from_yaml(MANY)
    assert {fault.path for fault in caught.value.faults} == {
        "archs",
        "arch.input_shape",
        "arch.num_classes",
        "arch.depth.basic.1",
        "arch.depth.bottlneck",
        "arch.depth.bottleneck",
        "arch.width",
        "arch.merge.per_stage.1",
        "arch.xor",
        "arch.stem",
        "arch.timesteps.2",
        "arch.neuron.kind.1",
        "arch.neuron.tua",
        "arch.neuron.surrogate.alpha",
        "recipe.learning_rate",
        "recipe.epocs",
        "constraints.max_params",
    }
    assert len(caught.value.faults) == 17


# whatever is written ------------------------------------------------------------------------------------------------

FULL: dict[str, Any] = {
    "arch": {
        **IMAGES, "stem": ["conv3", "conv7-pool"], "block": ["basic", "bottleneck"],
        "depth": {"basic": [8, 14], "bottleneck": {"low": 11, "high": 14}},
        "width": {"low": 2, "high": 8, "step": 2}, "merge": {"per_stage": ["add", "oa"]}, "xor": ["none", "both"],
        "timesteps": [1, 2], "logic_gradient": "arithmetic",
        "neuron": {
            "kind": ["lif", "plif"], "tau": {"low": 1.5, "high": 2.0}, "threshold": 1.0, "reset": ["hard", "soft"],
            "surrogate": {"kind": "atan", "alpha": 2.0}, "detach_reset": True,
        },
    },
    "recipe": {
        "epochs": [4, 8], "learning_rate": {"low": 0.001, "high": 0.1, "log": True}, "optimizer": ["adamw", "sgd"],
        "warmup_epochs": [0, 2], "clip_norm": [None, 1.0], "flip": True,
    },
    "constraints": {"max_params": 10**6, "max_macs": 10**9},
}  # fmt: skip
WORDS = [
    "low", "high", "step", "log", "per_stage", "basic", "bottleneck", "kind", "tau", "alpha", "surrogate", "arch",
    "recipe", "epochs", "add", "oa", "none", "both", "lif", "plif", "atan", "conv3", "sgd",
    "no_such.merge", "no_such.", ".no_such", ".",
]  # fmt: skip
NUMBERS = [
    -1,
    0,
    1,
    2,
    3,
    8,
    11,
    14,
    40,
    10**400,
    -0.5,
    0.0,
    0.25,
    0.5,
    1.0,
    2.0,
    8.0,
    1e300,
    -1e-300,
    math.nan,
    math.inf,
]
LEAVES = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(WORDS) | st.text(max_size=3)
LEAVES_AS_KEYS = st.sampled_from(WORDS) | st.text(max_size=3) | st.none() | st.booleans() | st.integers(-1, 20)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LEAVES_AS_KEYS, inner, max_size=4),
    max_leaves=8,
)
RANGES = st.fixed_dictionaries(
    {}, optional={"low": LEAVES, "high": LEAVES, "step": st.none() | st.sampled_from([0.25, 0.5, 1, 2, -1, "x", [1]]),
                  "log": LEAVES}
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


def replaced(fields: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.copy(fields)
    changed[path[0]] = replaced(fields[path[0]], path[1:], value)
    return changed


def check_anything_read(data: st.DataObject) -> None:
    """Whatever is written gives a space or faults with their paths."""
    fields = copy.deepcopy(FULL)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places(fields)))
        fields = replaced(fields, path, data.draw(LEAVES | PLAIN | RANGES))
    faults: tuple[Fault, ...] = ()
    try:
        space = SearchSpace.from_dict(fields)
    except SpecError as error:
        faults = error.faults
    if faults:
        assert all(fault.message for fault in faults)
    else:
        assert space.depths
        assert all(space.depths.values())


def test_the_full_mapping_is_right() -> None:
    assert SearchSpace.from_dict(FULL).size().networks > 1000


@settings(max_examples=150)  # more in tests/exhaustive
@given(st.data())
def test_anything_gives_a_space_or_its_faults(data: st.DataObject) -> None:
    check_anything_read(data)
