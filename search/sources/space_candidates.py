"""`SpaceCandidates`: new networks of a `SearchSpace`, as parameters of Optuna trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from random import Random

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.search.strategy.base import distinct
from xoresnet.search.strategy.progress import Key, Params, key_of
from xoresnet.space.domain import Domain, Value
from xoresnet.space.optuna_adapter import from_parameters
from xoresnet.space.search_space import SearchSpace
from xoresnet.space.walk import parameters_of, walk

__all__ = ["SpaceCandidates"]

_LISTED = 5_000
"""Spaces of up to so many networks are listed."""
_TRIES = 4
"""How many networks are drawn for each one that is wanted, because some were seen before."""
_MOST_DRAWN = 80
"""How many networks of a space that is not listed are drawn for one decision, which takes time."""
_PARENTS, _EACH, _MOST_EACH = 5, 6, 48
"""How many parents of a decision have mutants there, and how many each: the next ones where all were seen, up to the
last number. They take more time, and are made once."""


class SpaceCandidates:
    """Draws and mutates networks; recipe fields that the space varies are drawn and mutated with them."""

    def __init__(self, space: SearchSpace, recipe: Recipe, known: Mapping[str, Params]) -> None:
        """recipe: values of the fields that the space does not vary. known: the known networks, by name."""
        self._space, self._recipe, self._known = space, recipe, dict(known)
        self._made: dict[Key, list[Params]] = {}

    @cached_property
    def _listed(self) -> list[Params] | None:
        size = self._space.size()
        if self._space.recipe or size.continuous or size.networks > _LISTED:
            return None
        return [parameters_of(self._space, arch) for arch in self._space.enumerate()]

    @cached_property
    def _places(self) -> dict[Key, Params]:
        return {key_of(params): params for params in self._listed or ()}

    def random(self, seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        rng = Random(seed)
        if self._listed is not None:
            left = [params for key, params in self._places.items() if key not in seen]
            return rng.sample(left, min(count, len(left)))
        return distinct(lambda: self._drawn(rng), seen, min(count, _MOST_DRAWN), _TRIES * count)

    def mutants(self, parents: Sequence[Params], seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        rng = Random(seed)
        chosen = rng.sample(list(parents), min(len(parents), _PARENTS))
        unseen = {key_of(params): params for parent in chosen for params in self._unseen_mutants(parent, seen)}
        return rng.sample(list(unseen.values()), min(count, len(unseen)))

    def _unseen_mutants(self, parent: Params, seen: frozenset[Key]) -> list[Params]:
        """A few mutants of a parent, always the same in the same order; empty if most were seen."""
        made = self._made.setdefault(key_of(parent), [])
        for begin in range(0, _MOST_EACH, _EACH):
            if len(made) == begin:
                rng = Random(repr((sorted(parent.items()), begin)))
                made += [self._mutant(parent, rng) for _ in range(_EACH)]
            unseen = [params for params in made[begin : begin + _EACH] if key_of(params) not in seen]
            if unseen:
                return unseen
        return []

    def known(self, seen: frozenset[Key]) -> Mapping[str, Params]:
        return {name: params for name, params in self._known.items() if key_of(params) not in seen}

    def _drawn(self, rng: Random) -> Params:
        return self._asked(self._space.sample(rng), {name: domain.draw(rng) for name, domain in self._fields.items()})

    @cached_property
    def _fields(self) -> dict[str, Domain]:
        """The recipe fields that the space varies, as parameters."""
        return {f"recipe.{name}": domain for name, domain in self._space.recipe.items()}

    def _mutant(self, parent: Params, rng: Random) -> Params:
        """A parent with one field changed, and with a second one in half of the cases."""
        arch, _ = from_parameters(self._space, parent, self._recipe)
        recipe = {name: parent.get(name, domain.first) for name, domain in self._fields.items()}
        for _ in range(1 + (rng.random() < 0.5)):
            if recipe and rng.random() < len(recipe) / len(parent):
                name = rng.choice(list(recipe))
                recipe[name] = self._fields[name].draw(rng)
            else:
                arch = self._space.mutate(arch, rng)
        return self._asked(arch, recipe)

    def _asked(self, arch: Arch, recipe: Mapping[str, Value]) -> Params:
        """The parameters that a trial of this network is asked for."""
        own = parameters_of(self._space, arch)
        if not recipe:
            return own
        known = {**own, **recipe}
        asked: dict[str, Value] = {}

        def choose(name: str, domain: Domain) -> Value:
            asked[name] = known[name]
            return known[name]

        walk(self._space, choose, self._recipe)
        return asked
