"""Known networks of the literature that a space contains."""

from __future__ import annotations

from itertools import product

from xoresnet.description.arch import BASELINES, Arch
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.space.domain import Domain, Value, is_constant
from xoresnet.space.locate import locate
from xoresnet.space.neurons import flat_neuron, neuron_fields
from xoresnet.space.space_fields import SpaceFields

__all__ = ["baselines"]


def baselines(space: SpaceFields) -> dict[str, Arch]:
    """The networks of `Arch.baseline` in a space, by name, such as `sew-resnet18`.

    A baseline is in the space if the space has its block, depth, merge and XOR placement and a network of some size
    keeps to the constraints. Width, time steps and neuron are the values of the space nearest to those of the baseline;
    where the constraints exclude them, the next smaller width at which the network fits, with the most time steps. The
    stem is the first of the space.
    """
    networks: dict[str, Arch] = {}
    for block, depths in space.depths.items():
        for depth in depths:
            if block == "bottleneck" and depth in DEPTHS["basic"]:
                continue  # the name denotes the network of basic blocks
            for family in BASELINES:
                arch = _fitting(space, _at_size(space, f"{family}{depth}", block))
                if isinstance(locate(space, arch), Arch):
                    networks[f"{family}{depth}"] = arch
    return networks


def _at_size(space: SpaceFields, name: str, block: str) -> Arch:
    arch = Arch.baseline(name, input_shape=space.input_shape, num_classes=space.num_classes, block=block)
    usual = flat_neuron(arch.neuron)
    neuron = neuron_fields({field: _nearest(domain, usual[field]) for field, domain in space.neuron.items()})
    return arch.replace(
        stem=space.stem.options[0],
        width=_nearest(space.width, arch.width),
        timesteps=_nearest(space.timesteps, arch.timesteps),
        neuron=neuron,
        logic_gradient=space.logic_gradient.first,
    )


def _fitting(space: SpaceFields, arch: Arch) -> Arch:
    """The network itself, or the largest smaller one that keeps to the constraints; itself, too, if none does."""
    sizes = product(_down_from(space.width, arch.width), _down_from(space.timesteps, arch.timesteps))
    networks = (arch.replace(width=width, timesteps=timesteps) for width, timesteps in sizes)
    return next((network for network in networks if not space.exceeded(network)), arch)


def _down_from(domain: Domain, most: int) -> list[int]:
    """The values of a domain up to one of them, the largest first."""
    values = (value for value in domain.values or () if isinstance(value, int) and value <= most)
    return sorted(values, reverse=True)


def _nearest(domain: Domain, wanted: Value) -> Value:
    if wanted in domain or is_constant(domain):
        return wanted if wanted in domain else domain.first
    values = domain.values or (getattr(domain, "low", None), getattr(domain, "high", None))
    if not isinstance(wanted, int | float) or not all(isinstance(value, int | float) for value in values):
        return domain.first
    numbers = [value for value in values if isinstance(value, int | float)]
    return min(numbers, key=lambda value: abs(value - wanted))
