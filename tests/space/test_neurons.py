from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xoresnet.description.arch import Arch
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.space.domain import Choice, Domain, FloatRange
from xoresnet.space.neurons import NEURON_FIELDS, neuron_fields, variants

OPTIONS: dict[str, tuple[Any, ...]] = {
    "kind": ("lif", "if", "plif"), "tau": (2.0, 1.0, 1.5), "threshold": (1.0, 0.5), "reset": ("soft", "hard"),
    "surrogate.kind": ("atan", "sigmoid"), "surrogate.alpha": (2.0, 4.0), "detach_reset": (True, False),
}  # fmt: skip


@st.composite
def domains(draw: st.DrawFn) -> dict[str, Domain]:
    """Some fields with some of their options, in the order in which spaces have them."""
    names = {"kind", *draw(st.lists(st.sampled_from(NEURON_FIELDS), max_size=4))}
    chosen = {
        name: tuple(draw(st.lists(st.sampled_from(OPTIONS[name]), min_size=1, max_size=3, unique=True)))
        for name in NEURON_FIELDS
        if name in names
    }
    if "plif" in chosen["kind"] and 1.0 in chosen.get("tau", ()):
        chosen["tau"] = (2.0, 1.5)
    return {name: Choice(options) for name, options in chosen.items()}


def arch_id(neuron: dict[str, Any] | NeuronSpec, timesteps: int) -> str:
    fields = {"input_shape": (1, 8, 8), "num_classes": 2, "depth": 8, "width": 1, "timesteps": timesteps}
    return Arch.from_dict({**fields, "neuron": neuron}).arch_id


@settings(max_examples=60)
@given(domains(), st.sampled_from([1, 2]))
def test_variants_are_the_neurons_that_differ(domains: dict[str, Domain], timesteps: int) -> None:
    """Each in the first of its descriptions."""
    firsts: dict[str, dict[str, Any]] = {}
    for row in product(*(domain.values or () for domain in domains.values())):
        fields = neuron_fields(dict(zip(domains, row, strict=True)))
        firsts.setdefault(arch_id(fields, timesteps), fields)
    distinct = variants(domains, timesteps)
    assert [variant.draw(Random(0)) for variant in distinct] == list(firsts.values())
    for variant, name in zip(distinct, firsts, strict=True):
        assert variant.kind == firsts[name]["kind"]
        assert variant.continuous == ()
    for neuron in (NeuronSpec.from_dict(fields) for fields in list(firsts.values())[:6]):
        matching = [variant for variant in distinct if variant.matches(neuron, timesteps)]
        assert [variant.worded(neuron) for variant in matching] == [firsts[arch_id(neuron, timesteps)]]


@pytest.mark.parametrize(
    ("fields", "timesteps", "number"),
    [
        ({"kind": ("lif",)}, 4, 1),
        ({"kind": ("lif", "if", "plif")}, 1, 3),
        ({"kind": ("if",), "tau": (1.0, 2.0, 3.0)}, 4, 1),
        ({"kind": ("lif", "if"), "tau": (1.0, 2.0)}, 2, 3),
        ({"kind": ("lif", "if"), "tau": (1.0, 2.0)}, 1, 2),  # h = x in both
        ({"kind": ("lif",), "reset": ("hard", "soft"), "detach_reset": (True, False)}, 1, 1),
        ({"kind": ("lif",), "reset": ("hard", "soft"), "detach_reset": (True, False)}, 2, 4),
        ({"kind": ("lif",), "tau": (1.0, 2.0), "reset": ("hard", "soft")}, 2, 3),  # with tau 1 nothing is left to reset
        ({"kind": ("plif",), "tau": (1.5, 2.0), "reset": ("hard", "soft")}, 1, 2),
        ({"kind": ("lif",), "surrogate.kind": ("atan", "sigmoid"), "surrogate.alpha": (2.0, 4.0)}, 1, 4),
    ],
)
def test_numbers_of_variants(fields: dict[str, tuple[Any, ...]], timesteps: int, number: int) -> None:
    assert len(variants({name: Choice(options) for name, options in fields.items()}, timesteps)) == number


def test_ranges_stay_ranges() -> None:
    tau, threshold = FloatRange(1.5, 3.0), FloatRange(0.5, 1.0)
    distinct = variants({"kind": Choice(("if", "lif")), "tau": tau, "threshold": threshold}, 4)
    assert [variant.kind for variant in distinct] == ["if", "lif"]
    lif = distinct[1]
    assert lif.continuous == ("tau", "threshold")
    drawn = lif.draw(Random(0))
    assert drawn["tau"] in tau
    assert drawn["threshold"] in threshold
    inside = NeuronSpec(tau=1.75, threshold=0.75)
    assert lif.matches(inside, 4)
    assert lif.worded(inside) == {"kind": "lif", "tau": 1.75, "threshold": 0.75}
    outside: list[dict[str, Any]] = [{"tau": 3.5}, {"tau": 2.0, "threshold": 1.5}, {"reset": "soft"}, {"kind": "plif"}]
    assert [fields for fields in outside if lif.matches(NeuronSpec.from_dict(fields), 4)] == []
    assert not distinct[0].matches(NeuronSpec(kind="if", tau=2.0, threshold=1.5), 4)


def test_the_time_constant_of_an_if_neuron_excludes_nothing() -> None:
    if_variant, _ = variants({"kind": Choice(("if", "lif")), "tau": FloatRange(1.5, 3.0)}, 4)
    assert if_variant.matches(NeuronSpec(kind="if", tau=99.0), 4)
    assert if_variant.worded(NeuronSpec(kind="if", tau=99.0)) == {"kind": "if", "tau": 1.5}
    assert not if_variant.matches(NeuronSpec(kind="if", threshold=1.5), 4)


def test_a_range_with_steps_is_a_list() -> None:
    distinct = variants({"kind": Choice(("lif",)), "threshold": FloatRange(0.1, 0.4, 0.1)}, 2)
    assert [variant.draw(Random(0))["threshold"] for variant in distinct] == [0.1, 0.2, 0.3, 0.4]
    assert all(variant.continuous == () for variant in distinct)


def test_names_with_dots() -> None:
    flat = {"kind": "lif", "surrogate.kind": "atan", "surrogate.alpha": 3.0, "tau": 2.0}
    assert neuron_fields(flat) == {"kind": "lif", "tau": 2.0, "surrogate": {"kind": "atan", "alpha": 3.0}}
    assert neuron_fields({"kind": "if"}) == {"kind": "if"}
