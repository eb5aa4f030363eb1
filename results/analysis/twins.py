"""Whether the networks of a front need less energy than the same layers with ReLU, and by which model, in sentences."""

from __future__ import annotations

import numpy as np

from xoresnet.results.analysis.leading import Leading
from xoresnet.results.analysis.wording import Finding, Number

__all__ = ["twin_findings"]

_MODELS = {
    "energy_pj_per_sample": ("twin_energy_pj_per_sample", "by arithmetic alone"),
    "energy_memory_pj_per_sample": ("twin_energy_memory_pj_per_sample", "with every access to memory"),
}
"""By the energy of a network, that of its twin, and how the model counts (docs/energy.md)."""


def twin_findings(lead: Leading) -> list[Finding]:
    """One sentence for each model by which energies are known; none for runs that did not record them."""
    listed = []
    for metric, (of_twin, model) in _MODELS.items():
        own, twin = lead.column(metric), lead.column(of_twin)
        if own not in lead.front or twin not in lead.front:
            continue
        ratios = (lead.front[own] / lead.front[twin]).to_numpy(dtype=np.float64)
        ratios = ratios[np.isfinite(ratios)]
        if len(ratios):
            listed.append(_finding(metric, model, ratios))
    return listed


def _finding(metric: str, model: str, ratios: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Finding:
    better, number = int((ratios < 1).sum()), len(ratios)
    median = Number(metric, float(np.median(ratios)), count=number, scale="ratio")
    if number == 1:
        which = "the only network of the front needs"
    elif better in (0, number):
        all_of_them = "both" if number == 2 else f"all {number}"
        which = (
            f"{all_of_them} networks of the front need"
            if better
            else f"none of the {number} networks of the front needs"
        )
    else:
        which = f"{better} of the {number} networks of the front {'needs' if better == 1 else 'need'}"
    less = "more" if number == 1 and not better else "less"
    spread = "" if number == 1 else f" in the median, {ratios.min():.2f} to {ratios.max():.2f} times over the front"
    sentence = (
        f"Counted {model}, {which} {less} energy than the same layers with ReLU, run once with activations of "
        f"ceil(log2(T + 1)) bits: {median.text} times as much{spread}. Nobody has trained those."
    )
    return Finding("energy", "ReLU twins", sentence, (median,), "front")
