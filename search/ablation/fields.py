"""The fields of a network that an ablation may change, and the values that it tries for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel

from xoresnet.description.arch import Arch
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS
from xoresnet.description.neuron_spec import NEURON_KINDS, NeuronSpec, Surrogate
from xoresnet.description.schema import Spec, nearest
from xoresnet.errors import UsageError
from xoresnet.space.domain import Choice, Domain, Value, is_constant
from xoresnet.space.space_fields import SpaceFields

__all__ = ["FIELDS", "changed", "field_name", "field_value", "value_text", "values_of"]

_SHORT = {
    "neuron": "neuron.kind",
    "surrogate": "neuron.surrogate.kind",
    "neuron.surrogate": "neuron.surrogate.kind",
    **{name: f"neuron.{name}" for name in ("tau", "threshold", "reset")},
}
"""Other names of fields."""
FIELDS = (
    "merge",
    "xor",
    "timesteps",
    "depth",
    "width",
    "block",
    "stem",
    "neuron.kind",
    "neuron.tau",
    "neuron.threshold",
    "neuron.reset",
    "neuron.detach_reset",
    "neuron.surrogate.kind",
    "neuron.surrogate.alpha",
    "logic_gradient",
)
"""All fields; images and classes belong to the data."""
_NAMED: Mapping[str, Sequence[Value]] = {
    "merge": tuple(MERGES),
    "xor": tuple(XOR_PLACEMENTS),
    "neuron.kind": tuple(NEURON_KINDS),
}
SpecT = TypeVar("SpecT", bound=Spec)
_MOST_VALUES = 8
"""Of a range; of larger ones, half and twice the network's own value are tried."""


def field_name(name: str) -> str:
    """A field by its name or a short one, `neuron` for `neuron.kind`. Raises `UsageError` for any other."""
    full = _SHORT.get(name, name)
    if full not in FIELDS:
        guess = nearest(name, [*FIELDS, *_SHORT]) or f"; the fields are {', '.join(FIELDS)}"
        raise UsageError(f"fields: {name!r} is not a field that ablate can change{guess}")
    return full


def field_value(arch: Arch, field: str) -> Any:
    """The value of a field of a network; for `merge` and `xor` a tuple if the stages differ."""
    value: Any = arch
    for name in field.split("."):
        value = getattr(value, name)
    return value


def value_text(value: Any) -> str:
    """A value as tables show it: values per stage are joined by `/`."""
    if isinstance(value, bool):
        return str(value).lower()
    return "/".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def changed(arch: Arch, field: str, value: Any) -> Arch:
    """The network with another value of one field. Raises `SpecError` for impossible ones."""
    return _replaced(arch, field.split("."), value)


def _replaced(spec: SpecT, path: Sequence[str], value: Any) -> SpecT:
    first, *rest = path
    return spec.replace(**{first: _replaced(getattr(spec, first), rest, value) if rest else value})


def values_of(arch: Arch, field: str, space: SpaceFields | None) -> list[Value]:
    """The values that are tried for a field, without the network's own.

    Those that the space allows; for `merge` and `xor`, if the space holds them constant, all known values. Without a
    space, all known values, and of numbers half and twice the network's own, or the next depths of the table.
    Raises `UsageError` for other fields that the space holds constant.
    """
    own = field_value(arch, field)
    if space is None:
        return _others(_known_values(arch, field, own), own)
    domain = _domain(space, arch, field)
    if domain is not None and not is_constant(domain):
        return _others(_few(domain, own), own)
    if field in ("merge", "xor"):
        return _others(_NAMED[field], own)
    example = _others(_known_values(arch, field, own), own)
    wanted = ",".join(map(value_text, example)) or "VALUE"
    raise UsageError(
        f"fields: the space of this run holds {field} constant at {value_text(own)}; name the values to try, for "
        f"example --values {field}={wanted}"
    )


def _domain(space: SpaceFields, arch: Arch, field: str) -> Domain | None:
    """What the space allows for a field; None if it has the field's default alone."""
    first, _, rest = field.partition(".")
    if rest:
        return space.neuron.get(rest)
    if first in ("merge", "xor"):
        return Choice(tuple(getattr(space, first).options))
    if first == "block":
        return Choice(space.blocks)
    if first == "depth":
        return Choice(space.depths.get(arch.block, (arch.depth,)))
    domain: Domain = getattr(space, first)
    return domain


def _few(domain: Domain, own: Any) -> Sequence[Value]:
    """All values of a domain, or, of many numbers, those that are half and twice as large, else both ends."""
    values = domain.values
    if isinstance(domain, Choice) or (values is not None and len(values) <= _MOST_VALUES):
        return tuple(values or ())
    near = [value for value in _around(own) if value in domain]
    return near or [domain.low, domain.high]


def _known_values(arch: Arch, field: str, own: Any) -> Sequence[Value]:
    if field in _NAMED:
        return _NAMED[field]
    if field == "depth":
        return _next_depths(arch)
    annotation = _annotation(field)
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return (True, False) if isinstance(own, bool) else _around(own)


def _annotation(field: str) -> Any:
    models: Mapping[str, type[BaseModel]] = {"neuron": NeuronSpec, "neuron.surrogate": Surrogate}
    outer, _, name = field.rpartition(".")
    return models.get(outer, Arch).model_fields[name].annotation


def _next_depths(arch: Arch) -> list[Value]:
    """The next smaller and the next larger depth of the table with as many stages."""
    table = DEPTHS[arch.block]
    alike = sorted(depth for depth, stages in table.items() if len(stages) == len(arch.blocks_per_stage))
    place = alike.index(arch.depth)
    return [alike[other] for other in (place - 1, place + 1) if 0 <= other < len(alike)]


def _around(own: Any) -> list[Value]:
    """Half and twice a number; halves of whole numbers are whole and at least 1."""
    if isinstance(own, int):
        return [max(1, own // 2), 2 * own]
    return [own / 2, own * 2]


def _others(values: Sequence[Value], own: Any) -> list[Value]:
    return [value for value in dict.fromkeys(values) if value != own]
