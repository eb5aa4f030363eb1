from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.space.small_spaces import IMAGES, PLAIN, SmallSpace, small_spaces
from xoresnet.description.arch import Arch
from xoresnet.space.locate import locate


def arch(**fields: Any) -> Arch:
    return Arch.from_dict({**IMAGES, **PLAIN, **fields})


SPEC = {"tau": 2.0, "threshold": 1.0, "reset": "hard"}


@pytest.mark.parametrize(
    ("space", "described", "worded"),
    [
        # depth 8: identity, projection, projection
        ({"merge": "oa"}, {"merge": ("or", "current", "membrane")}, {"merge": "oa"}),
        ({"merge": ["membrane", "oa"]}, {"merge": ("membrane", "oa", "current")}, {"merge": "membrane"}),
        ({"merge": {"per_stage": ["oa", "add"]}}, {"merge": ("or", "add", "current")}, {"merge": ("oa", "add", "oa")}),
        ({"merge": {"per_stage": ["or", "oa"]}}, {"merge": ("oa", "or", "oa")}, {"merge": ("or", "or", "oa")}),
        ({"depth": 14, "merge": "oa"}, {"depth": 14, "merge": ("or", "oa", "oa")}, {"merge": "oa"}),
        ({"xor": "entry", "merge": "add"}, {"xor": "none", "merge": "add"}, {"xor": "entry"}),
        ({"xor": ["none", "both"]}, {"xor": "middle"}, {"xor": "both"}),
        ({"xor": ["none", "both"]}, {"xor": ("middle", "both", "none")}, {"xor": "both"}),
        ({"xor": {"per_stage": ["none", "entry"]}}, {"xor": "entry"}, {"xor": "none"}),
        # neurons
        (
            {"timesteps": 1, "neuron": {"kind": "lif", "tau": [2.0, 1.0]}},
            {"timesteps": 1, "neuron": "if"},
            {"neuron": {"tau": 1.0}},
        ),
        (
            {"timesteps": [1, 2], "neuron": {"kind": ["if", "lif"], "tau": [1.0]}},
            {"timesteps": 1, "neuron": {"tau": 1.0, "reset": "soft"}},
            {"neuron": {"kind": "if", "tau": 1.0}},
        ),
        (
            {"timesteps": 1, "neuron": {"reset": ["soft"], "detach_reset": [False]}},
            {"timesteps": 1, "neuron": "lif"},
            {"neuron": {"reset": "soft", "detach_reset": False}},
        ),
        ({"neuron": {"kind": "if", "tau": [3.0, 4.0]}}, {"neuron": "if"}, {"neuron": {"kind": "if", "tau": 3.0}}),
        ({"neuron": "if"}, {"neuron": {"kind": "if", "tau": 7.0}}, {"neuron": "if"}),
        ({"neuron": {"tau": [1.0]}}, {"neuron": {"tau": 1.0, "reset": "soft"}}, {"neuron": {"tau": 1.0}}),
        (
            {"neuron": {"kind": ["plif", "if"], "tau": {"low": 1.5, "high": 2.0}}},
            {"neuron": {"kind": "if", "tau": 7.0}},
            {"neuron": {"kind": "if", "tau": 1.5}},
        ),
        (
            {"neuron": {"tau": {"low": 1.5, "high": 2.5}, "threshold": {"low": 0.5, "high": 1.0, "step": 0.25}}},
            {"neuron": {"tau": 1.75, "threshold": 0.75}},
            {"neuron": {"tau": 1.75, "threshold": 0.75}},
        ),
        ({"neuron": {"surrogate": {"alpha": [4.0, 2.0]}}}, {"neuron": "lif"}, {"neuron": "lif"}),
        ({"neuron": {"surrogate": "sigmoid"}}, {"neuron": {"surrogate": "sigmoid"}}, {}),
        # forms of gradient
        (
            {"merge": ["add", "oa"], "logic_gradient": ["saturating", "arithmetic"]},
            {"merge": "add", "logic_gradient": "straight-through"},
            {"logic_gradient": "saturating"},
        ),
        (
            {"depth": 14, "merge": "add", "xor": "both", "logic_gradient": ["saturating", "arithmetic"]},
            {"depth": 14, "merge": "add", "xor": "both", "logic_gradient": "arithmetic"},
            {"logic_gradient": "arithmetic"},
        ),
    ],
)  # fmt: skip
def test_other_words_for_a_network_of_the_space(
    space: dict[str, Any], described: dict[str, Any], worded: dict[str, Any]
) -> None:
    """It is found as the space would put it: in the first of the space's words that mean it."""
    wanted = arch(**described)
    search_space = SmallSpace(**space).space
    assert locate(search_space, wanted) == arch(**{**described, **worded})
    for same in (wanted, wanted.canonical(), arch(**{**described, **worded})):
        assert search_space.contains(same)
        assert search_space.faults(same) == ()


SPACE: dict[str, Any] = {
    "stem": ["conv3"], "block": ["basic", "bottleneck"], "depth": {"basic": [8, 14], "bottleneck": [11]},
    "width": {"low": 2, "high": 6, "step": 2}, "merge": ["oa", "add"], "xor": ["none", "middle"],
    "timesteps": [1, 2], "logic_gradient": ["arithmetic", "saturating"],
    "neuron": {
        "kind": ["lif", "plif"], "tau": {"low": 1.5, "high": 2.5}, "threshold": [0.5, 1.0], "surrogate": ["atan"],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("described", "faults"),
    [
        ({}, []),
        ({"input_shape": (3, 8, 8)}, ["input_shape: must be (1, 6, 5), got (3, 8, 8)"]),
        ({"num_classes": 10}, ["num_classes: must be 3, got 10"]),
        ({"stem": "conv7-pool"}, ["stem: must be conv3, got 'conv7-pool'"]),
        ({"width": 3}, ["width: 3 is not in 2 .. 6 by 2"]),
        ({"width": 8}, ["width: 8 is not in 2 .. 6 by 2"]),
        ({"timesteps": 3}, ["timesteps: 3 is not one of 1, 2"]),
        ({"depth": 20}, ["depth: 20 is not one of 8, 14"]),
        ({"block": "bottleneck", "depth": 29}, ["depth: must be 11, got 29"]),
        ({"depth": 20, "width": 9}, ["width: 9 is not in 2 .. 6 by 2", "depth: 20 is not one of 8, 14"]),
        ({"merge": "iand"}, ["merge: 'iand' is not one of oa, add"]),
        ({"merge": "and"}, ["merge: 'and' is not one of oa, add; did you mean 'add'?"]),
        ({"depth": 14, "merge": "or"}, ["merge: 'or' is not one of oa, add"]),
        ({"merge": ("oa", "add", "add")}, ["merge: must be the same in all stages, got oa, add, add"]),
        ({"xor": "entry", "depth": 14}, ["xor: 'entry' is not one of none, middle"]),
        (
            {"xor": ("middle", "none", "middle"), "depth": 14},
            ["xor: must be the same in all stages, got middle, none, middle"],
        ),
        (
            {"xor": "both", "depth": 14, "merge": "membrane"},
            ["merge: 'membrane' is not one of oa, add", "xor: 'both' is not one of none, middle"],
        ),
        (
            {"logic_gradient": "straight-through"},
            ["logic_gradient: 'straight-through' is not one of arithmetic, saturating"],
        ),
        ({"neuron": "if"}, ["neuron.kind: 'if' is not one of lif, plif"]),
        ({"neuron": {"tau": 3.0}}, ["neuron.tau: 3.0 is not in 1.5 .. 2.5"]),
        ({"neuron": {"threshold": 0.7}}, ["neuron.threshold: 0.7 is not one of 0.5, 1"]),
        ({"neuron": {"reset": "soft"}}, ["neuron.reset: must be hard, got 'soft'"]),
        ({"neuron": {"detach_reset": False}}, ["neuron.detach_reset: must be True, got False"]),
        ({"neuron": {"surrogate": "sigmoid"}}, ["neuron.surrogate.kind: must be atan, got 'sigmoid'"]),
        ({"neuron": {"surrogate": {"alpha": 3.0}}}, ["neuron.surrogate.alpha: must be 2, got 3.0"]),
        (
            {"neuron": {"tau": 3.0, "reset": "soft"}, "merge": "iand"},
            [
                "merge: 'iand' is not one of oa, add",
                "neuron.tau: 3.0 is not in 1.5 .. 2.5",
                "neuron.reset: must be hard, got 'soft'",
            ],
        ),
    ],
)  # fmt: skip
def test_near_misses(described: dict[str, Any], faults: list[str]) -> None:
    space = SmallSpace(**SPACE).space
    wanted = arch(**described)
    assert [str(fault) for fault in space.faults(wanted)] == faults
    assert space.contains(wanted) is (not faults)


def test_a_block_that_the_space_has_not() -> None:
    space = SmallSpace(depth=[8, 14]).space
    (fault,) = space.faults(arch(block="bottleneck", depth=14))
    assert fault == ("block", "must be basic, got 'bottleneck'")


def test_limits_say_by_how_much() -> None:
    small = SmallSpace(width=[2, 40], timesteps=[1, 2])
    wide = arch(width=40)
    params, macs = small.costs[wide.arch_id]
    fitting = small.limited(max_params=params, max_macs=macs).space
    assert fitting.contains(wide)
    tight = small.limited(max_params=params - 1, max_macs=macs - 12345).space
    assert [str(fault) for fault in tight.faults(wide)] == [
        (
            f"constraints.max_params: the network has {params:,} parameters, at most {params - 1:,} are allowed; "
            "its largest layer, stages.2.0.convs.1, has 230,720"
        ),
        (
            f"constraints.max_macs: the network has {macs:,} multiply-adds, at most {macs - 12345:,} are allowed; "
            "its largest layer, stages.2.0.convs.1, has 1,843,200"
        ),
    ]
    assert tight.contains(arch(width=2))
    others = [fault.path for fault in tight.faults(wide.replace(width=41))]
    assert others == ["width", "constraints.max_params", "constraints.max_macs"]  # all of them at once


def check_located(small: SmallSpace) -> None:
    """All its descriptions, the canonical one too, are inside or none is; the space's own is the first of its list."""
    for name, group in small.groups.items():
        for described in (*group[:6], group[-1], group[0].canonical()):
            located = locate(small.space, described)
            if name in small.inside:
                assert isinstance(located, Arch)
                assert located.arch_id == name
                assert located.replace(merge=located.stage_merges, xor=located.stage_xors) == group[0]
            else:
                assert not isinstance(located, Arch)
                assert {fault.path for fault in located} <= {"constraints.max_params", "constraints.max_macs"}
                assert located


@settings(max_examples=10)  # more in tests/exhaustive
@given(small_spaces(most=60))
def test_whatever_a_network_is_called(small: SmallSpace) -> None:
    check_located(small)


@settings(max_examples=20)
@given(small_spaces(most=30), small_spaces(most=30))
def test_networks_of_another_space(small: SmallSpace, other: SmallSpace) -> None:
    """A network that is not among those listed is refused, with a reason."""
    for name, group in list(other.groups.items())[:5]:
        assert small.space.contains(group[0]) is (name in small.inside)
        assert bool(small.space.faults(group[0])) is (name not in small.inside)
