"""The blocks of a network: shapes, streams and neurons, worked out from the fields of its `Arch`. Imports no torch.

`make_plan` is the only interpretation of an `Arch`: the network is built from the plan, and the summary, the cost and
the canonical form (`canonical.py`) are derived from it. Streams carry their kind, so that every logical operation
provably sees spikes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from xoresnet.description.arch_fields import ArchFields
from xoresnet.description.merge import XOR_PLACEMENTS, Join, Operation, UserOperation, find_merge

__all__ = [
    "BlockPlan",
    "ConvPlan",
    "Plan",
    "StemPlan",
    "Stream",
    "StreamKind",
    "make_plan",
    "takes_entry",
    "takes_middle",
]

_EXPANSION = {"basic": 1, "bottleneck": 4}


class StreamKind(StrEnum):
    """Which values travel between two blocks."""

    BINARY = "binary"
    INTEGER = "integer"
    REAL = "real"


class Stream(NamedTuple):
    """The values that travel between two blocks."""

    kind: StreamKind
    most: float
    """The largest value: 1 for binary streams, infinite for real ones."""

    @property
    def spiking(self) -> bool:
        """Whether the values count spikes."""
        return self.kind is not StreamKind.REAL


_BINARY = Stream(StreamKind.BINARY, 1)
_REAL = Stream(StreamKind.REAL, float("inf"))


class ConvPlan(NamedTuple):
    """A convolution with its batch norm; sizes are (height, width) in pixels, padding is half the kernel."""

    in_channels: int
    out_channels: int
    kernel: int
    stride: int
    in_size: tuple[int, int]

    @property
    def out_size(self) -> tuple[int, int]:
        return _downscale(self.in_size, self.stride)

    @property
    def params_count(self) -> int:
        """Learned numbers: the weights, and scale and shift of the batch norm."""
        return self.out_channels * (self.in_channels * self.kernel**2 + 2)

    @property
    def macs(self) -> int:
        """Dense multiply-adds for one image and one time step, padding included."""
        height, width = self.out_size
        return height * width * self.out_channels * self.in_channels * self.kernel**2


@dataclass(frozen=True)
class StemPlan:
    """The first layers: a convolution, a neuron unless the first stage merges potentials, and perhaps a pool."""

    conv: ConvPlan
    neuron: bool
    """Whether the stem writes spikes."""
    pool: bool
    """Whether it ends in a 3x3 max-pool of stride 2."""

    @property
    def writes(self) -> Stream:
        return _BINARY if self.neuron else _REAL

    @property
    def out_size(self) -> tuple[int, int]:
        return _downscale(self.conv.out_size, 2) if self.pool else self.conv.out_size


@dataclass(frozen=True)
class BlockPlan:
    """One residual block. The properties say which of its optional neurons exist."""

    convs: tuple[ConvPlan, ...]
    projection: ConvPlan | None
    join: Join
    operation: Operation | UserOperation | None
    """What is done with the spikes; None unless spikes meet."""
    xor_entry: bool
    xor_middle: bool
    reads: Stream
    writes: Stream

    @property
    def neuron_in(self) -> bool:
        """Whether a neuron turns what the block reads into spikes first: a real stream."""
        return not self.reads.spiking

    @property
    def neuron_shortcut(self) -> bool:
        """Whether a neuron turns the projection's current into spikes: where spikes meet."""
        return self.projection is not None and self.join is Join.SPIKES

    @property
    def neuron_out(self) -> bool:
        """Whether a neuron ends the branch (spikes meet) or the block (currents meet, or a real stream ends here)."""
        return self.join is not Join.POTENTIALS or self.writes.spiking


@dataclass(frozen=True)
class Plan:
    """A whole network: its stem, and the blocks of each stage."""

    stem: StemPlan
    stages: tuple[tuple[BlockPlan, ...], ...]

    @cached_property
    def blocks(self) -> tuple[BlockPlan, ...]:
        """All blocks in the order of computation."""
        return tuple(block for stage in self.stages for block in stage)

    @property
    def features(self) -> int:
        """Channels that the read-out reads."""
        return self.blocks[-1].convs[-1].out_channels


def make_plan(arch: ArchFields) -> Plan:
    """Work out every block of a network. Raises `SpecError` for a user's merge that can no longer be imported."""
    channels, *size = arch.input_shape
    pool = arch.stem == "conv7-pool"
    stem = StemPlan(
        conv=ConvPlan(channels, arch.width, 7 if pool else 3, 2 if pool else 1, (size[0], size[1])),
        neuron=find_merge(arch.stage_merges[0]).identity is not Join.POTENTIALS,
        pool=pool,
    )
    stages: list[tuple[BlockPlan, ...]] = []
    in_channels, in_size, reads = arch.width, stem.out_size, stem.writes
    for stage in range(len(arch.blocks_per_stage)):
        blocks = _plan_stage(arch, stage, in_channels, in_size, reads)
        last = blocks[-1]
        in_channels, in_size, reads = last.convs[-1].out_channels, last.convs[-1].out_size, last.writes
        stages.append(blocks)
    return Plan(stem, tuple(stages))


def _plan_stage(
    arch: ArchFields, stage: int, in_channels: int, in_size: tuple[int, int], reads: Stream
) -> tuple[BlockPlan, ...]:
    merge = find_merge(arch.stage_merges[stage])
    at_entry, in_middle = XOR_PLACEMENTS[arch.stage_xors[stage]]
    width = arch.width * 2**stage
    count = arch.blocks_per_stage[stage]
    blocks: list[BlockPlan] = []
    for index in range(count):
        stride = 2 if stage > 0 and index == 0 else 1
        convs = _branch(arch.block, in_channels, width, stride, in_size)
        out_channels = convs[-1].out_channels
        projects = stride != 1 or in_channels != out_channels
        join = merge.join(projection=projects)
        last = index == count - 1
        block = BlockPlan(
            convs=convs,
            projection=ConvPlan(in_channels, out_channels, 1, stride, in_size) if projects else None,
            join=join,
            operation=merge.operation if join is Join.SPIKES else None,
            xor_entry=at_entry and takes_entry(blocks[-1] if blocks else None),
            xor_middle=in_middle and takes_middle(convs),
            reads=reads,
            writes=_writes(join, merge.operation, reads, projects=projects, last=last),
        )
        blocks.append(block)
        in_channels, in_size, reads = out_channels, convs[-1].out_size, block.writes
    return tuple(blocks)


def _branch(block: str, in_channels: int, width: int, stride: int, size: tuple[int, int]) -> tuple[ConvPlan, ...]:
    small = _downscale(size, stride)
    if block == "basic":
        return ConvPlan(in_channels, width, 3, stride, size), ConvPlan(width, width, 3, 1, small)
    return (
        ConvPlan(in_channels, width, 1, 1, size),
        ConvPlan(width, width, 3, stride, size),
        ConvPlan(width, width * _EXPANSION[block], 1, 1, small),
    )


def _writes(
    join: Join, operation: Operation | UserOperation | None, reads: Stream, *, projects: bool, last: bool
) -> Stream:
    if join is Join.POTENTIALS:
        return _BINARY if last else _REAL  # a real stream passes one neuron before it leaves its stage
    if join is Join.SPIKES and operation is not None and operation.counts:
        shortcut = _BINARY if projects else reads
        return Stream(StreamKind.INTEGER, shortcut.most + 1)
    if join is Join.SPIKES and not projects and reads.kind is not StreamKind.BINARY:
        raise AssertionError(f"{operation} of a stream that is {reads.kind}")  # no Arch leads here: property-tested
    return _BINARY


def takes_entry(before: BlockPlan | None) -> bool:
    """Whether a block can read XOR at its entry: the block before it read spikes of the same shape."""
    return before is not None and before.projection is None


def takes_middle(convs: tuple[ConvPlan, ...]) -> bool:
    """Whether a branch can read XOR before its last convolution: the one before that keeps the shape."""
    return convs[-2].in_channels == convs[-2].out_channels and convs[-2].stride == 1


def _downscale(size: tuple[int, int], stride: int) -> tuple[int, int]:
    return -(-size[0] // stride), -(-size[1] // stride)
