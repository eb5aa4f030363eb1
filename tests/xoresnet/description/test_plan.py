from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.strategies import archs
from xoresnet.description.arch import Arch
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.description.merge import Join, Operation
from xoresnet.description.plan import StreamKind, make_plan


def arch(**fields: Any) -> Arch:
    return Arch.from_dict({"input_shape": (3, 32, 32), "num_classes": 10, "depth": 14, **fields})


@pytest.mark.parametrize(("block", "depth"), [(block, depth) for block in DEPTHS for depth in DEPTHS[block]])
def test_depth_counts_layers_as_in_resnet(block: str, depth: int) -> None:
    """The stem, every convolution of every branch, and the read-out; projections do not count."""
    plan = make_plan(arch(block=block, depth=depth))
    assert 1 + sum(len(b.convs) for b in plan.blocks) + 1 == depth


def test_shapes_of_a_basic_network() -> None:
    plan = make_plan(arch(depth=14, width=16))
    assert [(b.convs[-1].out_channels, b.convs[-1].out_size) for b in plan.blocks] == [
        (16, (32, 32)),
        (16, (32, 32)),
        (32, (16, 16)),
        (32, (16, 16)),
        (64, (8, 8)),
        (64, (8, 8)),
    ]
    assert [b.projection is not None for b in plan.blocks] == [False, False, True, False, True, False]


def test_shapes_of_a_bottleneck_network() -> None:
    plan = make_plan(arch(block="bottleneck", depth=14, width=8, stem="conv7-pool", input_shape=(3, 65, 33)))
    assert plan.stem.conv.out_size == (33, 17)
    assert plan.stem.out_size == (17, 9)
    assert [(b.convs[-1].out_channels, b.convs[-1].out_size) for b in plan.blocks] == [
        (32, (17, 9)),
        (64, (9, 5)),
        (128, (5, 3)),
        (256, (3, 2)),
    ]
    assert all(b.projection is not None for b in plan.blocks)


@pytest.mark.parametrize(
    ("block", "depth", "xor", "entry", "middle"),
    [
        # per block of three stages with three blocks each
        ("basic", 20, "none", "000 000 000", "000 000 000"),
        ("basic", 20, "middle", "000 000 000", "111 011 011"),  # not where the shape changes
        ("basic", 20, "entry", "011 001 001", "000 000 000"),  # not after a block whose shape changed
        ("basic", 20, "both", "011 001 001", "111 011 011"),
        ("bottleneck", 29, "middle", "000 000 000", "111 011 011"),  # around a 3x3 at stride 1
        ("bottleneck", 29, "entry", "001 001 001", "000 000 000"),
        ("basic", 20, ("both", "none", "entry"), "011 000 001", "111 000 000"),
    ],
)
def test_where_xor_sits(block: str, depth: int, xor: Any, entry: str, middle: str) -> None:
    plan = make_plan(arch(block=block, depth=depth, xor=xor))

    def marks(values: list[bool]) -> str:
        text = "".join("1" if value else "0" for value in values)
        return f"{text[:3]} {text[3:6]} {text[6:]}"

    assert marks([b.xor_entry for b in plan.blocks]) == entry
    assert marks([b.xor_middle for b in plan.blocks]) == middle


@pytest.mark.parametrize(
    ("merge", "kinds", "most"),
    [
        ("or", "bbbb", (1, 1, 1, 1)),
        ("current", "bbbb", (1, 1, 1, 1)),
        ("add", "iiii", (2, 3, 4, 5)),
        ("membrane", "rrrb", (float("inf"),) * 3 + (1,)),
    ],
)
def test_streams_of_a_stage(merge: str, kinds: str, most: tuple[float, ...]) -> None:
    plan = make_plan(arch(depth=34, merge=merge))
    first, second = plan.stages[0], plan.stages[1]
    names = {StreamKind.BINARY: "b", StreamKind.INTEGER: "i", StreamKind.REAL: "r"}
    assert "".join(names[b.writes.kind] for b in second) == kinds
    assert tuple(b.writes.most for b in second) == most
    assert second[0].reads == first[-1].writes
    assert plan.stem.neuron is (merge != "membrane")


@given(archs())
def test_every_operation_sees_what_it_needs(arch: Arch) -> None:
    plan = make_plan(arch)
    reads = plan.stem.writes
    for block in plan.blocks:
        assert block.reads == reads
        reads = block.writes
        assert block.neuron_in is (block.reads.kind is StreamKind.REAL)
        if block.operation in (Operation.OR, Operation.AND, Operation.IAND) and block.projection is None:
            assert block.reads.kind is StreamKind.BINARY
        if block.reads.kind is StreamKind.REAL:
            assert block.join is Join.POTENTIALS
    assert reads.spiking  # the read-out sees spikes
