from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given

from tests.strategies import archs
from xoresnet.description.arch import Arch
from xoresnet.description.hardware import hardware_layers
from xoresnet.description.merge import MERGES, Join, Merge

FIRES_AFTER_THE_POOL = Merge(Join.POTENTIALS, Join.CURRENTS)
FIRES_BEFORE_THE_POOL = Merge(Join.CURRENTS, Join.CURRENTS)
"""Alike in bottlenecks of a single block, but for the stem's neuron."""


def arch(**fields: Any) -> Arch:
    return Arch.from_dict({"input_shape": (3, 32, 32), "num_classes": 10, "depth": 14, **fields})


@given(archs())
def test_canonical_form_is_a_fixed_point(arch: Arch) -> None:
    canonical = arch.canonical()
    assert canonical.canonical() == canonical
    assert canonical.arch_id == arch.arch_id


@pytest.mark.parametrize(
    ("change", "canonical"),
    [
        ({"depth": 8, "merge": ("or", "current", "current")}, {"merge": "oa"}),
        ({"depth": 8, "merge": ("oa", "membrane", "oa")}, {"merge": "oa"}),
        ({"depth": 8, "merge": ("oa", "add", "oa")}, {"merge": ("or", "add", "current")}),
        ({"depth": 14, "merge": ("or", "oa", "oa")}, {"merge": "oa"}),
        ({"depth": 14, "merge": ("add", "add", "add")}, {"merge": "add"}),
        ({"depth": 10, "xor": "both", "merge": "add"}, {"xor": "middle"}),
        ({"depth": 14, "xor": ("both", "both", "middle"), "merge": "add"}, {"xor": "both"}),
        ({"depth": 8, "xor": "entry", "merge": "add"}, {"xor": "none"}),
        ({"block": "bottleneck", "depth": 11, "merge": "membrane"}, {"merge": "current"}),
        # one pools before it fires, the other after
        (
            {"block": "bottleneck", "depth": 11, "merge": "membrane", "stem": "conv7-pool"},
            {},
        ),
        ({"merge": "add", "neuron": {"kind": "if", "tau": 5.0}}, {"neuron": {"kind": "if"}}),
        ({"merge": "add", "neuron": {"kind": "plif", "tau": 5.0}}, {}),
        ({"merge": "add", "neuron": {"tau": 1.0, "reset": "soft"}}, {"neuron": {"tau": 1.0}}),
        ({"merge": "add", "timesteps": 1, "neuron": {"tau": 1.0}}, {"neuron": "if"}),
        ({"merge": "add", "timesteps": 1, "neuron": {"reset": "soft", "detach_reset": False}}, {"neuron": "lif"}),
        ({"merge": "add", "logic_gradient": "saturating"}, {"logic_gradient": "arithmetic"}),
        ({"merge": "iand", "logic_gradient": "saturating"}, {"logic_gradient": "arithmetic"}),
        ({"merge": "or", "logic_gradient": "saturating"}, {}),
        ({"merge": "add", "xor": "middle", "logic_gradient": "saturating"}, {}),
    ],
)
def test_canonical_forms(change: dict[str, Any], canonical: dict[str, Any]) -> None:
    assert arch(**change).canonical() == arch(**{**change, **canonical})


def test_merges_that_differ_keep_their_names() -> None:
    for name, stem in product(MERGES, ("conv3", "conv7-pool")):
        assert arch(depth=14, merge=name, stem=stem).canonical().merge == name


@pytest.mark.parametrize(("stem", "alike"), [("conv3", True), ("conv7-pool", False)])
def test_a_stem_that_pools_fires_before_or_after(stem: str, alike: bool) -> None:
    fields = {"block": "bottleneck", "depth": 11, "stem": stem}
    before = arch(**fields, merge=f"{__name__}.FIRES_BEFORE_THE_POOL")
    after = arch(**fields, merge=f"{__name__}.FIRES_AFTER_THE_POOL")
    assert before.arch_id == arch(**fields, merge="current").arch_id
    assert (before.arch_id == after.arch_id) == alike
    assert len(hardware_layers(after)) == len(hardware_layers(after.canonical()))
