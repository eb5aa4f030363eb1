"""Find a network in a space, under whichever description the space has for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xoresnet.description.arch import Arch
from xoresnet.description.schema import nearest
from xoresnet.errors import Fault
from xoresnet.plain_text import shown
from xoresnet.space.domain import Choice, constant, rejection
from xoresnet.space.neurons import NEURON_FIELDS, variants
from xoresnet.space.space_fields import SpaceFields
from xoresnet.space.stages import StageDomain

__all__ = ["locate"]


def locate(space: SpaceFields, arch: Arch) -> Arch | tuple[Fault, ...]:
    """The same network as the space describes it, or the reasons why it is not in the space."""
    found = _described(space, arch)
    exceeded = tuple(Fault(f"constraints.{excess.limit}", str(excess)) for excess in space.exceeded(arch))
    if isinstance(found, Arch):
        return exceeded or found
    return (*found, *exceeded)


def _described(space: SpaceFields, arch: Arch) -> Arch | tuple[Fault, ...]:
    """The same without regard to the constraints."""
    faults = list(_simple_faults(space, arch))
    if faults:
        return tuple(faults)
    skeleton = space.skeleton(arch.stem, arch.block, arch.depth)
    merge_meanings = [rules.merge(name) for rules, name in zip(skeleton.rules, arch.stage_merges, strict=True)]
    xor_meanings = [rules.xor(name) for rules, name in zip(skeleton.rules, arch.stage_xors, strict=True)]
    merges, xors = skeleton.merges(space.merge), skeleton.xors(space.xor)
    merge, xor = merges.find(merge_meanings), xors.find(xor_meanings)
    if merge is None:
        known = [{rules.merge(option) for option in space.merge.options} for rules in skeleton.rules]
        unknown = [meaning not in stage for meaning, stage in zip(merge_meanings, known, strict=True)]
        faults.append(_name_fault("merge", arch.stage_merges, unknown, space.merge))
    if xor is None:
        placements = [{rules.xor(option) for option in space.xor.options} for rules in skeleton.rules]
        unknown = [meaning not in stage for meaning, stage in zip(xor_meanings, placements, strict=True)]
        faults.append(_name_fault("xor", arch.stage_xors, unknown, space.xor))
    neuron = next((v for v in variants(space.neuron, arch.timesteps) if v.matches(arch.neuron, arch.timesteps)), None)
    if neuron is None:
        faults += _neuron_faults(space, arch)
    gradient = arch.logic_gradient
    if merge is not None and xor is not None:
        logical = merges.feature(merge).logical or xors.feature(xor).logical
        if not logical:
            gradient = space.logic_gradient.options[0]  # type: ignore[assignment]
        elif gradient not in space.logic_gradient:
            faults.append(Fault("logic_gradient", rejection(space.logic_gradient, gradient)))
    if faults or merge is None or xor is None or neuron is None:
        return tuple(faults)
    return space.build(
        {
            "stem": arch.stem,
            "block": arch.block,
            "depth": arch.depth,
            "width": arch.width,
            "merge": merge,
            "xor": xor,
            "timesteps": arch.timesteps,
            "neuron": neuron.worded(arch.neuron),
            "logic_gradient": gradient,
        }
    )


def _simple_faults(space: SpaceFields, arch: Arch) -> Iterator[Fault]:
    for name in ("input_shape", "num_classes"):
        value, wanted = getattr(arch, name), getattr(space, name)
        if value != wanted:
            yield Fault(name, f"must be {wanted}, got {shown(value)}")
    for name in ("stem", "width", "timesteps"):
        value, domain = getattr(arch, name), getattr(space, name)
        if value not in domain:
            yield Fault(name, rejection(domain, value))
    if arch.block not in space.depths:
        yield Fault("block", rejection(Choice(space.blocks), arch.block))
    elif arch.depth not in space.depths[arch.block]:
        yield Fault("depth", rejection(Choice(space.depths[arch.block]), arch.depth))


def _name_fault(field: str, names: Sequence[str], unknown: Sequence[bool], domain: StageDomain) -> Fault:
    """unknown: for each stage whether no name of the space has the meaning of the network's name."""
    for name, is_unknown in zip(names, unknown, strict=True):
        if is_unknown:
            return Fault(field, f"{rejection(Choice(domain.options), name)}{nearest(name, domain.options)}")
    return Fault(field, f"must be the same in all stages, got {', '.join(names)}")


def _neuron_faults(space: SpaceFields, arch: Arch) -> Iterator[Fault]:
    fields = arch.neuron.model_dump()
    fields |= {f"surrogate.{name}": value for name, value in fields.pop("surrogate").items()}
    defaults = type(arch.neuron)().model_dump()
    defaults |= {f"surrogate.{name}": value for name, value in defaults.pop("surrogate").items()}
    for name in NEURON_FIELDS:
        value, domain = fields[name], space.neuron.get(name)
        if domain is not None and value not in domain:
            yield Fault(f"neuron.{name}", rejection(domain, value))
        elif domain is None and name != "surrogate.alpha" and value != defaults[name]:
            yield Fault(f"neuron.{name}", rejection(constant(defaults[name]), value))
        elif domain is None and name == "surrogate.alpha":
            usual = type(arch.neuron.surrogate)(kind=arch.neuron.surrogate.kind).alpha
            if value != usual:
                yield Fault("neuron.surrogate.alpha", rejection(constant(usual), value))
