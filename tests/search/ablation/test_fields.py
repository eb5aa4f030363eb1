"""Which fields of a network can be changed, and to which values."""

from __future__ import annotations

from typing import Any

import pytest

from xoresnet.description.arch import Arch
from xoresnet.description.arch_fields import ArchFields
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS
from xoresnet.description.neuron_spec import NeuronSpec, Surrogate
from xoresnet.errors import SpecError, UsageError
from xoresnet.search.ablation.fields import FIELDS, changed, field_name, field_value, value_text, values_of
from xoresnet.space.search_space import SearchSpace

ARCH = Arch.baseline("xoresnet14", input_shape=(1, 8, 8), num_classes=10)


def space(**arch: Any) -> SearchSpace:
    return SearchSpace.from_dict({"arch": {"input_shape": [1, 8, 8], "num_classes": 10, "depth": [8, 14, 20], **arch}})


def test_all_fields_but_those_of_the_data() -> None:
    of_neuron = {f"neuron.{name}" for name in NeuronSpec.model_fields if name != "surrogate"}
    of_neuron |= {f"neuron.surrogate.{name}" for name in Surrogate.model_fields}
    assert set(FIELDS) == {*ArchFields.model_fields, *of_neuron} - {"input_shape", "num_classes", "neuron"}


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("merge", "merge"),
        ("neuron", "neuron.kind"),
        ("tau", "neuron.tau"),
        ("neuron.surrogate", "neuron.surrogate.kind"),
    ],
)
def test_short_names(name: str, full: str) -> None:
    assert field_name(name) == full


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("depht", "fields: 'depht' is not a field that ablate can change; did you mean 'depth'?"),
        ("input_shape", "fields: 'input_shape' is not a field that ablate can change; the fields are merge, xor, "),
    ],
)
def test_other_names(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        field_name(name)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("merge", [name for name in MERGES if name != "oa"]),
        ("xor", [name for name in XOR_PLACEMENTS if name != "middle"]),
        ("timesteps", [2, 8]),
        ("width", [8, 32]),
        ("depth", [8, 20]),
        ("block", ["bottleneck"]),
        ("neuron.kind", ["if", "plif"]),
        ("neuron.tau", [1.0, 4.0]),
        ("neuron.reset", ["soft"]),
        ("neuron.detach_reset", [False]),
        ("neuron.surrogate.kind", ["sigmoid", "rectangle", "triangle"]),
        ("logic_gradient", ["saturating", "straight-through"]),
    ],
)
def test_a_network_of_ones_own(field: str, values: list[Any]) -> None:
    assert values_of(ARCH, field, None) == values


@pytest.mark.parametrize(("depth", "near"), [(8, [14]), (18, [10, 34]), (110, [56])])
def test_depths_of_as_many_stages(depth: int, near: list[int]) -> None:
    arch = Arch.baseline(f"xoresnet{depth}", input_shape=(1, 8, 8), num_classes=10)
    assert values_of(arch, "depth", None) == near


def test_one_time_step_has_no_half() -> None:
    assert values_of(ARCH.replace(timesteps=1), "timesteps", None) == [2]


@pytest.mark.parametrize(
    ("fields", "field", "values"),
    [
        ({"merge": ["add", "oa"]}, "merge", ["add"]),
        ({"merge": {"per_stage": ["add", "oa", "or"]}}, "merge", ["add", "or"]),  # tied in all stages
        ({"merge": "oa"}, "merge", [name for name in MERGES if name != "oa"]),
        ({}, "depth", [8, 20]),
        ({"timesteps": {"low": 1, "high": 6}}, "timesteps", [1, 2, 3, 5, 6]),
        ({"width": {"low": 2, "high": 64}}, "width", [8, 32]),
        ({"width": {"low": 12, "high": 30}}, "width", [12, 30]),
        ({"neuron": {"tau": {"low": 1.5, "high": 5.0}}}, "neuron.tau", [4.0]),
        ({"neuron": {"kind": ["lif", "plif"]}}, "neuron.kind", ["plif"]),
    ],
)
def test_within_the_space_of_a_search(fields: dict[str, Any], field: str, values: list[Any]) -> None:
    assert values_of(ARCH, field, space(**fields)) == values


@pytest.mark.parametrize(
    ("field", "example"), [("timesteps", "timesteps=2,8"), ("neuron.kind", "neuron.kind=if,plif"), ("stem", "stem=")]
)
def test_what_the_space_holds_constant(field: str, example: str) -> None:
    with pytest.raises(UsageError) as caught:
        values_of(ARCH, field, space())
    text = value_text(field_value(ARCH, field))
    assert str(caught.value).startswith(
        f"fields: the space of this run holds {field} constant at {text}; name the values to try, for example --values "
        f"{example}"
    )


def test_one_field_alone_is_changed() -> None:
    for field in FIELDS:
        for value in values_of(ARCH, field, None):
            if field == "block":  # which has other depths
                continue
            other = changed(ARCH, field, value)
            assert field_value(other, field) == value
            different = {name for name in FIELDS if field_value(other, name) != field_value(ARCH, name)}
            more = {"neuron.surrogate.alpha"} if field == "neuron.surrogate.kind" else set()  # its own sharpness
            assert {field} <= different <= {field, *more}


def test_an_impossible_value() -> None:
    with pytest.raises(SpecError, match=r"must be at least 1 for a lif neuron, got 0.5"):
        changed(ARCH, "neuron.tau", 0.5)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (2.5, "2.5"), ("or", "or"), (("or", "add"), "or/add"), (4, "4")]
)
def test_values_as_text(value: Any, text: str) -> None:
    assert value_text(value) == text
