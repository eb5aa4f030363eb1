from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.results.fronts.pareto import nondominated
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.prior.networks import is_listed, sample_of, to_predict
from xoresnet.space import SearchSpace

SMALL = SearchSpace.from_dict(
    {"arch": {"input_shape": [1, 8, 8], "num_classes": 10, "depth": [8, 14], "width": 4, "merge": ["add", "or"],
              "timesteps": [1, 2]}}
)  # fmt: skip
PRESET = SearchSpace.preset("digits")


def figures_of(arch: Arch) -> dict[str, float]:
    """Two figures in conflict, as accuracy and spikes are."""
    return {"val_accuracy": params_count(arch) / 1e6, "spikes_per_sample": float(dense_macs(arch) * arch.timesteps)}


def answered(space: SearchSpace, limit: int, seed: int = 0) -> list[list[Arch]]:
    """All rounds, each answered in full."""
    rounds, asked = to_predict(space, DEFAULT_OBJECTIVES, limit, seed), []
    answer: Mapping[str, Mapping[str, Any]] | None = None
    while True:
        try:
            archs = next(rounds) if answer is None else rounds.send(answer)
        except StopIteration:
            return asked
        asked.append(archs)
        answer = {arch.arch_id: figures_of(arch) for arch in archs}


def test_a_space_within_the_limit_is_predicted_whole() -> None:
    assert SMALL.size().networks == 8
    for limit in (8, 100):
        assert is_listed(SMALL, limit)
        (archs,) = answered(SMALL, limit)
        assert {arch.arch_id for arch in archs} == {arch.arch_id for arch in SMALL.enumerate()}
        assert [arch.arch_id for arch in sample_of(SMALL, limit, 0)] == [arch.arch_id for arch in archs]
    assert not is_listed(SMALL, 7)


def test_of_a_larger_one_as_many_as_the_limit_each_once() -> None:
    rounds = answered(PRESET, 120)
    ids = [arch.arch_id for archs in rounds for arch in archs]
    assert len(rounds) > 1
    assert all(rounds)
    assert len(ids) == len(set(ids)) == 120
    assert {arch.arch_id for arch in sample_of(PRESET, 120, 0)} > set(ids)


def test_evolution_goes_where_predictions_are_good() -> None:
    """More of the space's front than as many networks at random have."""
    space = SearchSpace.preset("fashion-mnist")
    archs = list({arch.arch_id: arch for arch in sample_of(space, 300, seed=9)}.values())
    losses = [[-figures_of(arch)["val_accuracy"], figures_of(arch)["spikes_per_sample"]] for arch in archs]
    front = np.array(losses)[nondominated(np.array(losses))]
    late = answered(space, 300)[-1]
    mine = np.array([[-figures_of(arch)["val_accuracy"], figures_of(arch)["spikes_per_sample"]] for arch in late])
    behind = [bool(((front <= point).all(axis=1) & (front < point).any(axis=1)).any()) for point in mine]
    chance = 1 - len(front) / len(archs)
    assert sum(behind) / len(behind) < chance - 0.2


def test_the_same_seed_asks_the_same() -> None:
    asked, again, reseeded = (answered(PRESET, 100, seed) for seed in (0, 0, 1))
    assert asked == again
    assert asked != reseeded


def test_no_answer_counts_as_failed_and_is_not_asked_again() -> None:
    rounds = to_predict(PRESET, DEFAULT_OBJECTIVES, 60, 0)
    asked = list(next(rounds))
    with suppress(StopIteration):
        while True:
            asked += rounds.send({})
    ids = [arch.arch_id for arch in asked]
    assert len(ids) == len(set(ids)) == 60


@pytest.mark.parametrize("limit", [60])
def test_networks_beyond_a_constraint_are_not_predicted(limit: int) -> None:
    fields = PRESET.to_dict()
    fields["constraints"] = {"max_macs": 1_000_000}
    space = SearchSpace.from_dict(fields)
    archs = [arch for archs in answered(space, limit) for arch in archs]
    assert archs
    assert all(dense_macs(arch) <= 1_000_000 for arch in archs)
