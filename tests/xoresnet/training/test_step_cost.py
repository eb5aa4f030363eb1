"""On the CPU; no GPU was measured."""

from __future__ import annotations

import torch

from xoresnet.data.load import load_data
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.training.step_cost import step_cost


def test_a_step_on_the_cpu() -> None:
    arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=8, timesteps=2)
    before = torch.random.get_rng_state()
    cost = step_cost(arch, load_data("digits"), Recipe(batch_size=256, precision="fp32"), device="cpu")
    assert cost.seconds > 0
    assert 0 < cost.busy <= 1  # 256 images take longer than two
    assert (cost.memory_bytes, cost.total_bytes) == (None, None)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_batch_of_two_is_all_work() -> None:
    arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=2, timesteps=1)
    cost = step_cost(arch, load_data("digits"), Recipe(batch_size=2, precision="fp32"), device="cpu")
    assert cost.busy == 1
