from __future__ import annotations

import pytest
import torch

from tests.xoresnet.lively import archs_of_all_kinds
from xoresnet import Arch, Recipe, TrainingError, UsageError, XOResNet, load_data
from xoresnet.training.fit import Training
from xoresnet.training.footprint import check_memory, least_bytes
from xoresnet.training.learning import training_loss

CPU = torch.device("cpu")
DIGITS = {"input_shape": (1, 8, 8), "num_classes": 10}


@pytest.mark.parametrize("arch", archs_of_all_kinds()[:6], ids=lambda arch: arch.arch_id)
def test_it_is_a_lower_bound_of_what_autograd_keeps(arch: Arch) -> None:
    """Against what the forward pass keeps for the backward pass, and weights, gradients and momentum."""
    batch = 256
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    net, recipe = XOResNet(arch), Recipe(optimizer="sgd", epochs=1)
    images, labels = torch.rand(batch, *arch.input_shape), torch.zeros(batch, dtype=torch.int64)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss, _ = training_loss(net, recipe, images, labels)
    gradients_and_momentum = 2 * sum(4 * parameter.numel() for parameter in net.parameters())
    assert loss.requires_grad
    assert sum(kept.values()) / 4 < least_bytes(arch, batch) < sum(kept.values()) + gradients_and_momentum


@pytest.mark.parametrize(
    ("fields", "recipe"),
    [
        ({"depth": 110, "width": 8192}, Recipe(epochs=1)),
        ({"depth": 8, "width": 512, "timesteps": 10_000}, Recipe(epochs=1)),
    ],
)
def test_what_cannot_fit_is_refused_before_it_is_made(fields: dict[str, int], recipe: Recipe) -> None:
    arch = Arch(**DIGITS, **fields)
    with pytest.raises(TrainingError, match=r"needs at least [\d,.]+ GiB of memory, but cpu has [\d,.]+ GiB: reduce"):
        Training(arch, load_data("digits"), recipe, device="cpu")


def test_padding_counts() -> None:
    arch = Arch(**DIGITS, depth=8)
    assert least_bytes(arch, 64, 4096) - least_bytes(arch, 64) == 64 * (8 + 2 * 4096) ** 2


def test_ordinary_trainings_pass() -> None:
    check_memory(Arch(**DIGITS, depth=20), Recipe(epochs=1), load_data("digits"), CPU, bf16=False)


def test_networks_too_large_to_be_built() -> None:
    with pytest.raises(UsageError, match=r"the network has [\d,]{13,} parameters, more than 2,147,483,648"):
        XOResNet(Arch(**DIGITS, depth=110, width=8192))
