"""The distinct neurons of a space: several descriptions may mean the same neuron."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from random import Random
from typing import Any

from xoresnet.description.canonical import canonical_neuron
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.space.domain import Domain, FloatRange, Value

__all__ = ["NEURON_FIELDS", "Variant", "flat_neuron", "neuron_fields", "variants"]

NEURON_FIELDS = ("kind", "tau", "threshold", "reset", "surrogate.kind", "surrogate.alpha", "detach_reset")


@dataclass(frozen=True)
class Variant:
    """One neuron, or one family of neurons: fields with infinitely many values remain ranges."""

    fields: tuple[tuple[str, Value | FloatRange], ...]
    key: Hashable
    """Equal for descriptions of the same neuron at the given number of time steps."""

    @property
    def kind(self) -> str:
        return str(dict(self.fields)["kind"])

    @property
    def continuous(self) -> tuple[str, ...]:
        return tuple(name for name, value in self.fields if isinstance(value, FloatRange))

    def draw(self, rng: Random) -> dict[str, Any]:
        """The fields of a `NeuronSpec`, with a value drawn from each range."""
        drawn = {name: value.draw(rng) if isinstance(value, FloatRange) else value for name, value in self.fields}
        return neuron_fields(drawn)

    def worded(self, neuron: NeuronSpec) -> dict[str, Any]:
        """The fields of a neuron that `matches`, in this variant's description of it."""
        flat = flat_neuron(neuron)
        return neuron_fields(
            {
                name: (flat[name] if flat[name] in value else value.low) if isinstance(value, FloatRange) else value
                for name, value in self.fields
            }
        )

    def matches(self, neuron: NeuronSpec, timesteps: int) -> bool:
        """Whether this variant describes the neuron."""
        mine = dict(self.fields)
        flat = flat_neuron(neuron)
        spec = _spec({**mine, **{name: flat[name] for name in self.continuous}})
        # a range without effect, such as the time constant of an IF neuron, excludes nothing
        ranges = {name: mine[name] for name in self.continuous if name in _relevant(neuron, timesteps)}
        within = all(isinstance(domain, FloatRange) and flat[name] in domain for name, domain in ranges.items())
        return within and _canonical(spec, timesteps) == _canonical(neuron, timesteps)


def variants(domains: Mapping[str, Domain], timesteps: int) -> tuple[Variant, ...]:
    """All distinct neurons, each in the first of its descriptions.

    domains: by the names of NEURON_FIELDS. timesteps: with a single step, for example, the reset has no effect.
    """
    return _variants(tuple(domains.items()), timesteps)


@lru_cache(maxsize=256)
def _variants(named: tuple[tuple[str, Domain], ...], timesteps: int) -> tuple[Variant, ...]:
    domains = dict(named)
    names = list(domains)
    choices: list[tuple[Value | FloatRange, ...]] = []
    for domain in domains.values():
        values = domain.values
        choices.append((domain,) if values is None and isinstance(domain, FloatRange) else tuple(values or ()))
    distinct: dict[Hashable, Variant] = {}
    for row in product(*choices):
        fields = dict(zip(names, row, strict=True))
        key, relevant = _key(fields, timesteps)
        settled = {
            name: value.first if isinstance(value, FloatRange) and name not in relevant else value
            for name, value in fields.items()
        }
        distinct.setdefault(key, Variant(tuple(settled.items()), key))
    return tuple(distinct.values())


def neuron_fields(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted names into the nested fields of a `NeuronSpec`."""
    fields = {name: value for name, value in flat.items() if "." not in name}
    surrogate = {name.split(".")[1]: value for name, value in flat.items() if "." in name}
    return {**fields, "surrogate": surrogate} if surrogate else fields


def _spec(fields: Mapping[str, Any]) -> NeuronSpec:
    return NeuronSpec.from_dict(neuron_fields(fields))


def _key(fields: Mapping[str, Value | FloatRange], timesteps: int) -> tuple[Hashable, set[str]]:
    """A key that is equal for descriptions of the same neuron, and the fields that have an effect."""
    ranges = {name: value for name, value in fields.items() if isinstance(value, FloatRange)}
    spec = _spec({**fields, **{name: domain.high for name, domain in ranges.items()}})
    relevant = _relevant(spec, timesteps)
    key = _canonical(spec, timesteps), tuple(item for item in ranges.items() if item[0] in relevant)
    return key, relevant


def _canonical(neuron: NeuronSpec, timesteps: int) -> NeuronSpec:
    return neuron.replace(**canonical_neuron(neuron, timesteps))


def _relevant(neuron: NeuronSpec, timesteps: int) -> set[str]:
    """The fields that have an effect on the neuron."""
    fixed = canonical_neuron(neuron, timesteps)
    return {name for name in NEURON_FIELDS if name not in fixed}


def flat_neuron(neuron: NeuronSpec) -> dict[str, Any]:
    """The fields of a neuron, by the names of NEURON_FIELDS."""
    fields = neuron.model_dump()
    surrogate = fields.pop("surrogate")
    return {**fields, **{f"surrogate.{name}": value for name, value in surrogate.items()}}
