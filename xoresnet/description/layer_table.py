"""The table of layers of an `Arch`: shapes, parameters, multiply-adds. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.neuron_spec import neuron_params_count
from xoresnet.description.plan import BlockPlan, ConvPlan, Plan, make_plan

__all__ = ["LayerRow", "dense_macs", "format_table", "layer_table", "params_count", "summary"]


class LayerRow(NamedTuple):
    """One layer of a network."""

    name: str
    """Name of the module in `XOResNet`."""
    kind: str
    output_shape: tuple[int, ...]
    """Shape of the output for one sample and one time step."""
    params_count: int
    """Learned numbers, those of batch norm included."""
    macs: int
    """Dense multiply-adds per sample over all time steps at which the layer runs, padding included: the cost of the
    same network without spikes. The cost with spikes depends on the data: `count_spikes` measures it."""


def layer_table(arch: Arch) -> list[LayerRow]:
    """Return every convolution, neuron and XOR in the order of computation, then the read-out, for images as input.

    >>> arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8)
    >>> layer_table(arch)[0]
    LayerRow(name='stem.conv', kind='conv 3x3 + norm', output_shape=(16, 8, 8), params_count=176, macs=9216)
    """
    plan = make_plan(arch)
    rows = list(_stem_rows(arch, plan))
    for s, stage in enumerate(plan.stages):
        for b, block in enumerate(stage):
            rows += _block_rows(arch, block, f"stages.{s}.{b}")
    features, classes = plan.features, arch.num_classes
    rows.append(LayerRow("head", "linear", (classes,), (features + 1) * classes, features * classes))
    return rows


def params_count(arch: Arch) -> int:
    """Return how many numbers the network learns."""
    return sum(row.params_count for row in layer_table(arch))


def dense_macs(arch: Arch) -> int:
    """Return dense multiply-adds per sample over all time steps; stem and read-out run once, other layers T times."""
    return sum(row.macs for row in layer_table(arch))


def summary(arch: Arch) -> str:
    """Return the table of layers as text, below a line that describes the network."""
    rows = layer_table(arch)
    merge = arch.merge if isinstance(arch.merge, str) else "/".join(arch.merge)
    xor = arch.xor if isinstance(arch.xor, str) else "/".join(arch.xor)
    if xor != "none" and arch.canonical().xor == "none":
        xor += " (no block can take it)"
    head = (
        f"XOResNet {arch.arch_id}: {arch.block} depth {arch.depth} width {arch.width}, merge {merge}, xor {xor}, "
        f"T={arch.timesteps}, {arch.neuron.kind}"
    )
    header = ("layer", "kind", "output", "parameters", "dense MACs")
    cells = [
        (row.name, row.kind, "x".join(map(str, row.output_shape)), _count(row.params_count), _count(row.macs))
        for row in rows
    ]
    total = ("total", "", "", _count(params_count(arch)), _count(dense_macs(arch)))
    return f"{head}\n{format_table(header, cells, total, left=3)}"


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], total: Sequence[str], left: int) -> str:
    """Lay out cells in columns; the first `left` columns are aligned to the left, the others to the right."""
    table = [header, *rows, total]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join([rule, lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _stem_rows(arch: Arch, plan: Plan) -> Iterator[LayerRow]:
    stem = plan.stem
    yield _conv_row("stem.conv", stem.conv, steps=1)
    shape = (stem.conv.out_channels, *stem.conv.out_size)
    if stem.neuron:
        yield _neuron_row("stem.neuron", arch, shape)
    if stem.pool:
        yield LayerRow("stem.pool", "max-pool 3x3 /2", (shape[0], *stem.out_size), 0, 0)


def _block_rows(arch: Arch, block: BlockPlan, name: str) -> Iterator[LayerRow]:
    first, last = block.convs[0], block.convs[-1]
    read = (first.in_channels, *first.in_size)
    written = (last.out_channels, *last.out_size)
    if block.neuron_in:
        yield _neuron_row(f"{name}.neuron_in", arch, read)
    if block.xor_entry:
        yield LayerRow(f"{name}.xor_entry", "xor", read, 0, 0)
    for i, conv in enumerate(block.convs[:-1]):
        yield _conv_row(f"{name}.convs.{i}", conv, arch.timesteps)
        yield _neuron_row(f"{name}.neurons.{i}", arch, (conv.out_channels, *conv.out_size))
    if block.xor_middle:
        yield LayerRow(f"{name}.xor_middle", "xor", (last.in_channels, *last.in_size), 0, 0)
    yield _conv_row(f"{name}.convs.{len(block.convs) - 1}", last, arch.timesteps)
    if block.projection:
        yield _conv_row(f"{name}.projection", block.projection, arch.timesteps)
    if block.neuron_shortcut:
        yield _neuron_row(f"{name}.neuron_shortcut", arch, written)
    if block.neuron_out:
        yield _neuron_row(f"{name}.neuron_out", arch, written)


def _conv_row(name: str, conv: ConvPlan, steps: int) -> LayerRow:
    stride = f" /{conv.stride}" if conv.stride > 1 else ""
    kind = f"conv {conv.kernel}x{conv.kernel}{stride} + norm"
    return LayerRow(name, kind, (conv.out_channels, *conv.out_size), conv.params_count, conv.macs * steps)


def _neuron_row(name: str, arch: Arch, shape: tuple[int, ...]) -> LayerRow:
    kind = arch.neuron.kind
    return LayerRow(name, kind, shape, neuron_params_count(kind), 0)


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"
