from __future__ import annotations

import pytest
import torch

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.network.xoresnet import XOResNet
from xoresnet.training.learning import lay_out


@pytest.mark.parametrize(
    ("width", "wanted", "device", "laid_out"),
    [
        (16, True, "cpu", True),
        (16, False, "cpu", False),
        (8, True, "cpu", False),  # oneDNN#6035
        (8, True, "cuda", True),
    ],
)
def test_memory_format(width: int, wanted: bool, device: str, laid_out: bool) -> None:
    net = XOResNet(Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=width))
    lay_out(net, Recipe(channels_last=wanted), torch.device(device))
    weights = [value for value in net.parameters() if value.dim() == 4 and value.shape[1] > 1 and value.shape[2] > 1]
    assert weights
    assert all(value.is_contiguous(memory_format=torch.channels_last) == laid_out for value in weights)
