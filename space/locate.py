"""Whether a network is in a space, and how the space would describe it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xoresnet.description.arch import Arch
from xoresnet.description.schema import nearest
from xoresnet.errors import Fault
from xoresnet.space.neurons import NEURON_FIELDS, variants
from xoresnet.space.space_fields import SpaceFields
from xoresnet.space.stages import StageDomain

__all__ = ["locate"]


def locate(space: SpaceFields, arch: Arch) -> Arch | tuple[Fault, ...]:
    """The same network in the space's own words, or why it is not in the space."""
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
        strange = [meaning not in stage for meaning, stage in zip(merge_meanings, known, strict=True)]
        faults.append(_name_fault("merge", arch.stage_merges, strange, space.merge))
    if xor is None:
        places = [{rules.xor(option) for option in space.xor.options} for rules in skeleton.rules]
        odd = [meaning not in stage for meaning, stage in zip(xor_meanings, places, strict=True)]
        faults.append(_name_fault("xor", arch.stage_xors, odd, space.xor))
    neuron = next((v for v in variants(space.neuron, arch.timesteps) if v.matches(arch.neuron, arch.timesteps)), None)
    if neuron is None:
        faults += _neuron_faults(space, arch)
    gradient = arch.logic_gradient
    if merge is not None and xor is not None:
        logical = merges.feature(merge).logical or xors.feature(xor).logical
        if not logical:
            gradient = space.logic_gradient.options[0]  # type: ignore[assignment]
        elif gradient not in space.logic_gradient:
            faults.append(Fault("logic_gradient", f"{gradient} is not one of {space.logic_gradient}"))
    if faults or merge is None or xor is None or neuron is None:
        return tuple(faults)
    exceeded = space.exceeded(arch)
    if exceeded:
        return tuple(Fault(f"constraints.{name}", f"exceeded by {excess:,}") for name, excess in exceeded.items())
    return space.build({
        "stem": arch.stem, "block": arch.block, "depth": arch.depth, "width": arch.width, "merge": merge, "xor": xor,
        "timesteps": arch.timesteps, "neuron": neuron.worded(arch.neuron), "logic_gradient": gradient,
    })  # fmt: skip


def _simple_faults(space: SpaceFields, arch: Arch) -> Iterator[Fault]:
    for name in ("input_shape", "num_classes"):
        value, wanted = getattr(arch, name), getattr(space, name)
        if value != wanted:
            yield Fault(name, f"{value} is not {wanted}")
    for name in ("stem", "width", "timesteps"):
        value, domain = getattr(arch, name), getattr(space, name)
        if value not in domain:
            yield Fault(name, f"{value} is not in {domain}")
    if arch.block not in space.depths:
        yield Fault("block", f"{arch.block} is not one of {', '.join(space.depths)}")
    elif arch.depth not in space.depths[arch.block]:
        yield Fault("depth", f"{arch.depth} is not one of {', '.join(map(str, space.depths[arch.block]))}")


def _name_fault(field: str, names: Sequence[str], strange: Sequence[bool], domain: StageDomain) -> Fault:
    """strange: in which stages no name of the space means what is meant."""
    for name, unknown in zip(names, strange, strict=True):
        if unknown:
            return Fault(field, f"{name} is not one of {domain}{nearest(name, domain.options)}")
    return Fault(field, f"{', '.join(names)}: the space has one for all stages")


def _neuron_faults(space: SpaceFields, arch: Arch) -> Iterator[Fault]:
    fields = arch.neuron.model_dump()
    fields |= {f"surrogate.{name}": value for name, value in fields.pop("surrogate").items()}
    defaults = type(arch.neuron)().model_dump()
    defaults |= {f"surrogate.{name}": value for name, value in defaults.pop("surrogate").items()}
    for name in NEURON_FIELDS:
        value, domain = fields[name], space.neuron.get(name)
        if domain is not None and value not in domain:
            yield Fault(f"neuron.{name}", f"{value} is not in {domain}")
        elif domain is None and name != "surrogate.alpha" and value != defaults[name]:
            yield Fault(f"neuron.{name}", f"{value} is not {defaults[name]}")
        elif domain is None and name == "surrogate.alpha":
            usual = type(arch.neuron.surrogate)(kind=arch.neuron.surrogate.kind).alpha
            if value != usual:
                yield Fault("neuron.surrogate.alpha", f"{value} is not {usual}")
