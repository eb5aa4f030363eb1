"""The energy models by name, and the figures that each epoch records."""

from __future__ import annotations

from collections.abc import Iterable

from xoresnet.description.arch import Arch
from xoresnet.energy.chips import LOIHI, chip_energy
from xoresnet.energy.memory import memory_energy
from xoresnet.energy.twin import twin_arithmetic, twin_memory
from xoresnet.energy.work import work_of
from xoresnet.measures.figures import Energy, LayerCounts

__all__ = ["MODELS", "energy_figures"]

MODELS = (
    "energy_memory_pj_per_sample",
    "energy_loihi_pj_per_sample",
    "twin_energy_pj_per_sample",
    "twin_energy_memory_pj_per_sample",
)
"""The columns of the figures, besides the energy by arithmetic alone, which `count_spikes` counts."""
_USUAL = Energy()


def energy_figures(arch: Arch, layers: Iterable[LayerCounts], energy: Energy = _USUAL) -> dict[str, float]:
    """The energy of a network, and that of its ReLU twin, by every model, in picojoules per sample (docs/energy.md).

    layers: as `count_spikes` has counted them in evaluation mode (`counts.layers`). energy: the costs of the twin's
    operations by arithmetic alone. Figures of twins are NaN for networks that read recordings, which have none.

    >>> from xoresnet import XOResNet, count_spikes
    >>> import torch
    >>> net = XOResNet(Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4)).eval()
    >>> with count_spikes(net) as counts:
    ...     _ = net(torch.rand(2, 1, 8, 8))
    >>> sorted(energy_figures(net.arch, counts.layers))[:2]
    ['energy_loihi_pj_per_sample', 'energy_memory_pj_per_sample']
    """
    work = work_of(arch, layers)
    by_model = (
        memory_energy(work).total,
        chip_energy(work, LOIHI),
        twin_arithmetic(work, energy),
        twin_memory(work).total,
    )
    return dict(zip(MODELS, by_model, strict=True))
