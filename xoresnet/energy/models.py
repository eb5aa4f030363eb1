"""The energy models by name, and the figures that each epoch records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from xoresnet.description.arch import Arch
from xoresnet.energy.chips import LOIHI, chip_energy
from xoresnet.energy.memory import memory_energy
from xoresnet.energy.twin import twin_arithmetic, twin_memory
from xoresnet.energy.work import Work, work_of
from xoresnet.measures.figures import LayerCounts

__all__ = ["MODELS", "energy_figures"]

MODELS: Mapping[str, Callable[[Work], float]] = MappingProxyType(
    {
        "energy_memory_pj_per_sample": lambda work: memory_energy(work).total,
        "energy_loihi_pj_per_sample": lambda work: chip_energy(work, LOIHI),
        "twin_energy_pj_per_sample": twin_arithmetic,
        "twin_energy_memory_pj_per_sample": lambda work: twin_memory(work).total,
    }
)
"""By the name of its column, what each model makes of a network's work, in picojoules per sample."""


def energy_figures(arch: Arch, layers: Iterable[LayerCounts]) -> dict[str, float]:
    """The energy of a network, and that of its ReLU twin, by every model, in picojoules per sample.

    layers: as `count_spikes` has counted them in evaluation mode (`counts.layers`).

    >>> from xoresnet import XOResNet, count_spikes
    >>> import torch
    >>> net = XOResNet(Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4)).eval()
    >>> with count_spikes(net) as counts:
    ...     _ = net(torch.rand(2, 1, 8, 8))
    >>> sorted(energy_figures(net.arch, counts.layers))[:2]
    ['energy_loihi_pj_per_sample', 'energy_memory_pj_per_sample']
    """
    work = work_of(arch, layers)
    return {name: model(work) for name, model in MODELS.items()}
