from __future__ import annotations

import pytest

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.training.threads import suitable_threads

DIGITS, CIFAR = (1, 8, 8), (3, 32, 32)


@pytest.mark.parametrize(
    ("name", "input_shape", "width", "batch_size", "available", "threads"),
    [
        ("xoresnet8", DIGITS, 4, 64, 64, 1),
        ("xoresnet8", DIGITS, 16, 64, 64, 1),  # as the name has it
        ("xoresnet8", DIGITS, 16, 64, 1, 1),
        ("xoresnet18", CIFAR, 64, 64, 8, 8),
        ("xoresnet18", CIFAR, 64, 64, 2, 2),
        ("xoresnet18", CIFAR, 64, 64, 1, 1),
    ],
)
def test_threads_of_a_network(
    name: str, input_shape: tuple[int, int, int], width: int, batch_size: int, available: int, threads: int
) -> None:
    arch = Arch.baseline(name, input_shape=input_shape, num_classes=10, width=width)
    assert suitable_threads(arch, Recipe(batch_size=batch_size), available) == threads


def test_more_work_for_a_layer_is_worth_more_threads() -> None:
    small = Arch.baseline("xoresnet8", input_shape=CIFAR, num_classes=10, width=4)

    def threads(batch_size: int = 64, **changes: int) -> int:
        return suitable_threads(small.replace(**changes), Recipe(batch_size=batch_size), 10_000)

    for growing in (
        [threads(width=width) for width in (2, 4, 8, 16, 32, 64)],
        [threads(timesteps=timesteps) for timesteps in (1, 4, 16, 64)],
        [threads(batch_size=batch_size) for batch_size in (8, 64, 512, 4096)],
    ):
        assert growing == sorted(growing)
        assert growing[0] < growing[-1]
    # nine times as many blocks of the same size: there is more to do, but no operation has more to share out
    assert threads(depth=56, width=16) < 2 * threads(depth=8, width=16)
