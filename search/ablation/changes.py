"""What an ablation compares: a network, and the networks that differ from it in one field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS
from xoresnet.errors import SpecError
from xoresnet.search.ablation.fields import changed, field_value, value_text, values_of
from xoresnet.space.space_fields import SpaceFields

__all__ = ["Change", "changes", "tied"]

_IMPOSSIBLE = "impossible: "


class Change(NamedTuple):
    """One value of one field, and the network that has it."""

    field: str
    value: str
    reference: str
    """The value of the unchanged network."""
    arch: Arch | None
    """None if nothing is trained for it."""
    reason: str = ""
    """Why nothing is trained for it: it builds a network that is compared already, or none."""

    @property
    def is_impossible(self) -> bool:
        """Whether no network has the value in place of the unchanged one's."""
        return self.reason.startswith(_IMPOSSIBLE)


def tied(arch: Arch, space: SpaceFields | None = None) -> Arch:
    """The same network with one merge and one XOR placement for all stages, if there are such names for it.

    A search describes each network once, an `oa` network of depth 8 as `or/current/current`; a change of its depth is
    meant to keep `oa`. Names of the space come first.
    """
    for field, known in (("merge", MERGES), ("xor", XOR_PLACEMENTS)):
        options = () if space is None else getattr(space, field).options
        if isinstance(getattr(arch, field), str) and getattr(arch, field) in (options or known):
            continue
        for name in (*options, *known):
            if arch.replace(**{field: name}).arch_id == arch.arch_id:
                arch = arch.replace(**{field: name})
                break
    return arch


def changes(
    arch: Arch, fields: Sequence[str], values: Mapping[str, Sequence[Any]], space: SpaceFields | None
) -> list[Change]:
    """The changes of a network, one field at a time.

    values: by field, in place of those that `values_of` finds, which must keep to the constraints of the space. Raises
    `UsageError` as `values_of` does.
    """
    found: list[Change] = []
    for field in fields:
        own = field_value(arch, field)
        given = values.get(field)
        tried = [value for value in given if value != own] if given is not None else values_of(arch, field, space)
        limits = space if given is None else None
        seen = {arch.arch_id: "the same network as the unchanged one"}
        found += [_change(arch, field, value, own, seen, limits) for value in tried]
    return found


def _change(arch: Arch, field: str, value: Any, own: Any, seen: dict[str, str], space: SpaceFields | None) -> Change:
    """seen: by id of a network what is said of another description of it; this one is added."""
    texts = (field, value_text(value), value_text(own))
    try:
        other = changed(arch, field, value)
    except SpecError as error:
        return Change(*texts, None, f"{_IMPOSSIBLE}{'; '.join(fault.message for fault in error.faults)}")
    if other.arch_id in seen:
        return Change(*texts, None, seen[other.arch_id])
    exceeded = () if space is None else space.exceeded(other)
    if exceeded:
        limits = ", ".join(f"{excess.limit} by {excess.amount:,}" for excess in exceeded)
        return Change(*texts, None, f"outside of the space: it exceeds {limits}")
    seen[other.arch_id] = f"the same network as with {field}={value_text(value)}"
    return Change(*texts, other)
