"""New networks of a space, as parameters."""

from __future__ import annotations

from random import Random

import pytest

from xoresnet.description.recipe import Recipe
from xoresnet.search.sources.space_candidates import SpaceCandidates
from xoresnet.search.strategy.progress import Key, key_of
from xoresnet.space.baseline_networks import baselines
from xoresnet.space.optuna_adapter import from_parameters
from xoresnet.space.search_space import SearchSpace
from xoresnet.space.walk import parameters_of

DIGITS = SearchSpace.preset("digits")
VARIED = SearchSpace.from_dict(
    {
        "arch": {**DIGITS.to_dict()["arch"], "merge": {"per_stage": ["add", "or", "oa"]}},
        "recipe": {
            "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
            "optimizer": ["sgd", "adamw"],
            "momentum": [0.8, 0.9],
        },
    }
)
LARGE = SearchSpace.preset("cifar")


@pytest.mark.parametrize("space", [DIGITS, VARIED, LARGE], ids=["listed", "recipe", "large"])
def test_candidates_are_networks_of_the_space_that_were_not_seen(space: SearchSpace) -> None:
    candidates = SpaceCandidates(space, Recipe(), {})
    drawn = candidates.random(frozenset(), 20, 0)
    assert len({key_of(params) for params in drawn}) == 20
    assert candidates.random(frozenset(), 20, 0) == drawn
    assert candidates.random(frozenset(), 20, 1) != drawn
    seen = frozenset(map(key_of, drawn))
    parents = drawn[:3]
    for params in [*candidates.random(seen, 20, 0), *candidates.mutants(parents, seen, 20, 0)]:
        assert key_of(params) not in seen
        arch, recipe = from_parameters(space, params, Recipe())
        assert space.contains(arch)
        assert all(
            getattr(recipe, name) in domain for name, domain in space.recipe.items() if f"recipe.{name}" in params
        )


def test_mutants_are_near_their_parents() -> None:
    candidates = SpaceCandidates(VARIED, Recipe(), {})
    (parent,) = candidates.random(frozenset(), 1, 3)
    for params in candidates.mutants([parent], frozenset([key_of(parent)]), 30, 0):
        changed = {name for name in {*params, *parent} if params.get(name) != parent.get(name)}
        assert 1 <= len(changed) <= 4  # two fields, and what is asked only beside some of their values


def test_a_listed_space_is_exhausted() -> None:
    candidates = SpaceCandidates(DIGITS, Recipe(), {})
    every = frozenset(key_of(parameters_of(DIGITS, arch)) for arch in DIGITS.enumerate())
    assert len(candidates.random(frozenset(), 10_000, 0)) == len(every)
    assert candidates.random(every, 3, 0) == []
    assert candidates.mutants([parameters_of(DIGITS, DIGITS.sample(Random(0)))], every, 3, 0) == []


def test_known_networks_keep_their_names() -> None:
    known = {name: parameters_of(DIGITS, arch) for name, arch in baselines(DIGITS).items()}
    candidates = SpaceCandidates(DIGITS, Recipe(), known)
    assert candidates.known(frozenset()) == known
    name, params = next(iter(known.items()))
    assert name not in candidates.known(frozenset([key_of(params)]))


def test_mutants_reach_every_field() -> None:
    """A block that is changed takes its depth with it."""
    fields = DIGITS.to_dict()["arch"]
    both = {**fields, "block": ["basic", "bottleneck"], "depth": {"basic": [8, 14], "bottleneck": [11, 29]}}
    space = SearchSpace.from_dict({"arch": both})
    candidates = SpaceCandidates(space, Recipe(), {})
    (parent,) = candidates.random(frozenset(), 1, 0)
    seen: set[Key] = set()
    changed: set[str] = set()
    while found := candidates.mutants([parent], frozenset(seen), 3, len(seen)):
        assert found == candidates.mutants([parent], frozenset(seen), 3, len(seen))
        seen |= set(map(key_of, found))
        changed |= {name for params in found for name in params if params[name] != parent.get(name)}
    assert changed >= {"block", "width", "timesteps", "merge"}
    assert len(seen) > 20
