"""Promotion: which network goes on, and which new one begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tests.search.strategy.made_progress import made_progress
from xoresnet.search.strategy.base import Limits
from xoresnet.search.strategy.dead import Chance
from xoresnet.search.strategy.freeze_thaw import FreezeThaw
from xoresnet.search.strategy.progress import Key, Params, key_of
from xoresnet.search.strategy.promotion import Promotion

CHANCE = Chance(0, 0.1, 1000)


class Widths:
    """A space of one parameter."""

    def __init__(self, most: int, known: Mapping[str, Params] | None = None) -> None:
        self._most, self._known = most, dict(known or {})

    def random(self, seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        left = [{"width": width} for width in range(self._most) if key_of({"width": width}) not in seen]
        return [left[place] for place in np.random.default_rng(seed).permutation(len(left))[:count]]

    def mutants(self, parents: Sequence[Params], seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        near = [{"width": parent["width"] + 1} for parent in parents]
        return [params for params in near if key_of(params) not in seen and params["width"] < self._most][:count]

    def known(self, seen: frozenset[Key]) -> Mapping[str, Params]:
        return {name: params for name, params in self._known.items() if key_of(params) not in seen}


NOTHING = Widths(0)


def test_the_best_of_the_deepest_rung_goes_on() -> None:
    progress = made_progress([[0.5, 0.6], [0.5, 0.8], [0.5], [0.9], [0.2], [0.3]], [9.0, 9.0, 9.0, 9.0, 9.0, 9.0])
    choice = Promotion(0, CHANCE).choose(progress, NOTHING, Limits())
    assert choice is not None
    assert choice.resume == 1  # the better half of the two that reached the second rung


def test_nobody_of_the_worse_half_goes_on_while_new_ones_are_left() -> None:
    progress = made_progress([[0.8, 0.9, 0.95], [0.2], [0.3]], [5.0, 9.0, 9.0])
    choice = Promotion(0, CHANCE).choose(progress, Widths(10), Limits())
    assert choice is not None
    assert choice.open is not None


@pytest.mark.parametrize("strategy", [Promotion(0, CHANCE), FreezeThaw(0, CHANCE)], ids=["promotion", "freeze-thaw"])
def test_in_an_exhausted_space_the_best_that_is_left_goes_on_and_dead_ones_last(strategy: Promotion) -> None:
    progress = made_progress([[0.8, 0.9, 0.95], [0.1], [0.3], [0.4], [0.4]], [5.0, 1.0, 9.0, 8.0, 8.5])
    choice = strategy.choose(progress, NOTHING, Limits())
    assert choice is not None
    assert choice.resume in (2, 3, 4)
    dead = made_progress([[0.8, 0.9, 0.95], [0.1], [0.4, 0.5, 0.6], [0.4, 0.5, 0.7]], [5.0, 1.0, 9.0, 8.0])
    last = strategy.choose(dead, NOTHING, Limits())
    assert last is not None
    assert last.resume == 1


@pytest.mark.parametrize("strategy", [Promotion(0, CHANCE), FreezeThaw(0, CHANCE)], ids=["promotion", "freeze-thaw"])
def test_nothing_begins_that_the_budget_cannot_complete(strategy: Promotion) -> None:
    progress = made_progress([[0.5, 0.6], [0.5, 0.8], [0.5], [0.9], [0.7], [0.3]])
    choice = strategy.choose(progress, Widths(20), Limits(left=6))
    assert choice is not None
    assert choice.resume in (0, 1)  # 6 steps to the end; all others take 8
    assert strategy.choose(progress, Widths(20), Limits(left=5)) is None


@pytest.mark.parametrize("strategy", [Promotion(0, CHANCE), FreezeThaw(0, CHANCE)], ids=["promotion", "freeze-thaw"])
def test_known_networks_keep_to_their_share(strategy: Promotion) -> None:
    known = {"sew-resnet8": {"width": 5}}
    progress = made_progress([[0.5, 0.6, 0.7]] * 4)
    choice = strategy.choose(progress, Widths(20, known), Limits())
    assert choice is not None
    assert choice.open == {"width": 5}
    choice = strategy.choose(progress, Widths(20, known), Limits(known=8))
    assert choice is not None
    assert choice.open != {"width": 5}
    stopped = made_progress([[0.9, 0.95], [0.1]], [1.0, 9.0], known=[0])
    for limits, expected in ((Limits(), 0), (Limits(known=3), 1)):
        choice = strategy.choose(stopped, NOTHING, limits)
        assert choice is not None
        assert choice.resume == expected


def test_an_evicted_network_takes_a_whole_training() -> None:
    progress = made_progress([[0.5, 0.6], [0.5, 0.8]], evicted=[1])
    choice = Promotion(0, CHANCE).choose(progress, NOTHING, Limits(left=8))
    assert choice is not None
    assert choice.resume == 0
    assert list(progress.remaining) == [6, 9]


def test_an_empty_study_begins_with_a_random_network() -> None:
    for strategy in (Promotion(0, CHANCE), FreezeThaw(0, CHANCE)):
        choice = strategy.choose(made_progress([]), Widths(20), Limits())
        assert choice is not None
        assert choice.open is not None
        assert strategy.choose(made_progress([]), NOTHING, Limits()) is None


def test_what_promises_most_comes_first() -> None:
    progress = made_progress([[0.5, 0.6], [0.5, 0.8], [0.1], [0.9], [0.3]], [9.0, 9.0, 1.0, 9.0, 9.0])
    for strategy in (Promotion(0, CHANCE), FreezeThaw(0, CHANCE)):
        order = list(strategy.by_promise(progress))
        assert sorted(order) == [0, 1, 2, 3, 4]
        assert order[-1] == 2  # dead
        assert order.index(1) < order.index(0)
