"""Mutation, crossover and neighbourhoods, for evolutionary and local search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from xoresnet.description.arch import Arch
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.errors import SpecError
from xoresnet.space.domain import Choice, Domain, Value
from xoresnet.space.locate import locate
from xoresnet.space.neurons import neuron_fields
from xoresnet.space.space_fields import SpaceFields

__all__ = ["crossover", "mutate", "neighbours"]

_TRIES = 30
Genes = dict[str, Any]
"""A network by field, with `merge.0` for one stage and `neuron.tau` for a field of the neuron."""


def neighbours(space: SpaceFields, arch: Arch) -> tuple[Arch, ...]:
    """All networks that differ in one field: by another choice, or by one step of a range."""
    genes = _genes(space, arch)
    networks: dict[str, Arch] = {}
    for name, domain in _domains(space, genes).items():
        for value in domain.neighbours(genes[name]):
            other = _express(space, {**genes, name: value}, name)
            if other is not None:
                networks.setdefault(other.arch_id, other)
    networks.pop(arch.arch_id, None)
    return tuple(networks.values())


def mutate(space: SpaceFields, arch: Arch, rng: Random, sample: Callable[[Random], Arch]) -> Arch:
    """A different network that differs in one field, drawn at random, or any other network if there is none.

    The only network of a space is returned unchanged. sample: draws a network of the space.
    """
    genes = _genes(space, arch)
    domains = {
        name: domain
        for name, domain in _domains(space, genes).items()
        if domain.values is None or len(domain.values) > 1
    }
    for _ in range(_TRIES if domains else 0):
        name = rng.choice(list(domains))
        other = _express(space, {**genes, name: domains[name].draw(rng)}, name)
        if other is not None and other.arch_id != arch.arch_id:
            return other
    near = neighbours(space, arch)
    if near:
        return rng.choice(near)
    others = (sample(rng) for _ in range(_TRIES))
    return next((other for other in others if other.arch_id != arch.arch_id), arch)


def crossover(space: SpaceFields, first: Arch, second: Arch, rng: Random) -> Arch:
    """A network that takes each field from one of two parents, or a parent if no child tried keeps to the constraints.

    Block and depth come from the same parent, and so do stages that the other parent lacks.
    """
    parents = [_genes(space, first), _genes(space, second)]
    for _ in range(_TRIES):
        leading, following = rng.sample(parents, 2)
        together = {"block": leading["block"], "depth": leading["depth"]}
        child = {name: rng.choice((value, following.get(name, value))) for name, value in leading.items()}
        network = _express(space, {**child, **together}, None)
        if network is not None:
            return network
    return rng.choice((first, second))


def _genes(space: SpaceFields, arch: Arch) -> Genes:
    located = locate(space, arch)
    if not isinstance(located, Arch):
        raise SpecError(located)
    fields = located.model_dump()
    neuron = fields["neuron"]
    surrogate = neuron.pop("surrogate")
    flat = {**neuron, **{f"surrogate.{name}": value for name, value in surrogate.items()}}
    genes = {name: fields[name] for name in ("stem", "block", "depth", "width", "timesteps", "logic_gradient")}
    genes |= {f"neuron.{name}": flat[name] for name in space.neuron}
    for name, names, domain in (
        ("merge", located.stage_merges, space.merge),
        ("xor", located.stage_xors, space.xor),
    ):
        stages = dict(enumerate(names)) if domain.per_stage else {0: names[0]}
        genes |= {f"{name}.{stage}": value for stage, value in stages.items()}
    return genes


def _domains(space: SpaceFields, genes: Genes) -> dict[str, Domain]:
    domains: dict[str, Domain] = {
        "stem": space.stem,
        "block": Choice(space.blocks),
        "depth": Choice(space.depths[genes["block"]]),
        "width": space.width,
        "timesteps": space.timesteps,
        "logic_gradient": space.logic_gradient,
    }
    domains |= {f"neuron.{name}": domain for name, domain in space.neuron.items()}
    domains |= {name: Choice(space.merge.options) for name in genes if name.startswith("merge.")}
    return domains | {name: Choice(space.xor.options) for name in genes if name.startswith("xor.")}


def _express(space: SpaceFields, genes: Genes, changed: str | None) -> Arch | None:
    """The network of these genes, or None if it is not in the space; a new block gets the nearest of its depths."""
    if changed == "block" and genes["depth"] not in space.depths[genes["block"]]:
        depths = space.depths[genes["block"]]
        genes = {**genes, "depth": min(depths, key=lambda depth: abs(depth - genes["depth"]))}
    stages = len(DEPTHS[genes["block"]][genes["depth"]])
    arch = space.build(
        {
            **{name: genes[name] for name in ("stem", "block", "depth", "width", "timesteps", "logic_gradient")},
            "merge": tuple(_stages(genes, "merge", stages)),
            "xor": tuple(_stages(genes, "xor", stages)),
            "neuron": neuron_fields({name[7:]: value for name, value in genes.items() if name.startswith("neuron.")}),
        }
    )
    located = locate(space, arch)
    return located if isinstance(located, Arch) else None


def _stages(genes: Genes, field: str, stages: int) -> Iterator[Value]:
    """One name per stage; stages without a gene repeat the last one."""
    last = None
    for stage in range(stages):
        last = genes.get(f"{field}.{stage}", last)
        yield last
