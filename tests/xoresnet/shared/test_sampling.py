from __future__ import annotations

from random import Random

from tests.xoresnet.shared.test_training import ARCHS
from xoresnet.description.layer_table import dense_macs
from xoresnet.shared.sampling import ArchSampler

CANONICAL = [arch.canonical() for arch in ARCHS]


def test_sandwich() -> None:
    costs = sorted({dense_macs(arch) for arch in CANONICAL})
    sandwich = ArchSampler(CANONICAL, "sandwich", 4)
    for seed in range(20):
        least, most, *others = sandwich.draw(Random(seed))
        assert (dense_macs(least), dense_macs(most), len(others)) == (costs[0], costs[-1], 2)
    assert {arch for seed in range(99) for arch in sandwich.draw(Random(seed))} == set(CANONICAL)


def test_uniform() -> None:
    rng = Random(0)
    uniform = ArchSampler(CANONICAL, "uniform", 2)
    drawn = [arch for _ in range(600) for arch in uniform.draw(rng)]
    assert all(50 < drawn.count(arch) < 150 for arch in CANONICAL)  # 100 expected of each
