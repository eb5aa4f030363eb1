from __future__ import annotations

import torch
from hypothesis import given, settings
from torch import Tensor, nn

from tests.strategies import archs
from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import dense_macs, layer_table, params_count, summary
from xoresnet.network.xoresnet import XOResNet


@settings(deadline=None, max_examples=25)
@given(archs())
def test_table_is_what_the_network_does(arch: Arch) -> None:
    """Names, shapes, parameters and multiply-adds, against hooks on the real modules."""
    net = XOResNet(arch).eval()
    shapes: dict[str, tuple[int, ...]] = {}
    macs: dict[str, int] = {}
    names = {id(module): name for name, module in net.named_modules()}

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(output, tuple):  # a block
            return
        shapes[names[id(module)]] = tuple(output.shape[2:] if output.dim() == 5 else output.shape[1:])
        if isinstance(module, nn.Conv2d | nn.Linear):
            macs[names[id(module)]] = output.numel() * module.weight[0].numel()

    rows = layer_table(arch)
    with torch.no_grad():
        handles = [module.register_forward_hook(note) for name, module in net.named_modules() if name]
        net(torch.rand(1, *arch.input_shape))
        for handle in handles:
            handle.remove()
    for row in rows:
        assert shapes[row.name] == row.output_shape, row
        assert sum(p.numel() for p in net.get_submodule(row.name).parameters()) == row.params_count, row
        inner = row.name if row.kind == "linear" else f"{row.name}.conv"
        assert macs.get(inner, 0) == row.macs, row
    assert params_count(arch) == sum(p.numel() for p in net.parameters())
    assert dense_macs(arch) == sum(macs.values())


def test_printed_table() -> None:
    arch = Arch.baseline("xoresnet8", input_shape=(1, 28, 28), num_classes=10)
    lines = str(XOResNet(arch)).splitlines()
    assert "\n".join(lines) == summary(arch)
    assert lines[0] == f"XOResNet {arch.arch_id}: basic depth 8 width 16, merge oa, xor middle, T=4, lif"
    first = next(line for line in lines if line.startswith("stem.conv")).split()
    assert first == ["stem.conv", "conv", "3x3", "+", "norm", "16x28x28", "176", "112,896"]
    # 28 x 28 x 16 x 16 x 9 per step, four steps
    second = next(line for line in lines if line.startswith("stages.0.0.convs.0")).split()
    assert second[-1] == f"{28 * 28 * 16 * 16 * 9 * 4:,}"
    assert lines[-1].split() == ["total", f"{params_count(arch):,}", f"{dense_macs(arch):,}"]
