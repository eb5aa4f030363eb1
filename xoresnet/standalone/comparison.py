"""Compares what a file returns with what its network returns.

A spike is all or nothing: if a membrane potential lies within rounding of its threshold, two libraries that add in
different orders may disagree, and so may every neuron behind that one. Files must therefore agree exactly on those
images on which rounding decides nothing, and loosely on the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor

from xoresnet.errors import ExportError
from xoresnet.standalone.module import Standalone

__all__ = ["Exported", "Reference", "decided"]

_CLOSE, _LOOSE = 1e-5, 0.1
"""Largest difference of logits, relative to the largest logit: if rounding decides nothing, and if it does."""
_COPIES, _SHIFT, _NEAR = 8, 1e-6, 1e-3
"""How many perturbed copies show where rounding decides, and by how much; one spike changes logits by more than the
last."""


class Exported(NamedTuple):
    """One file or folder that was compared with its network."""

    path: Path
    images: int
    """Number of images on which it was compared."""
    decided: int
    """Number of images on which rounding decides nothing: there spikes are equal, and logits agree within 1e-5."""
    logits_error: float
    """Largest difference on these, relative to the largest logit; NaN if there are none."""


class Reference:
    """What the network itself returns for some images."""

    def __init__(self, model: Standalone, images: Tensor) -> None:
        """model: counts spikes. images: [N, C, H, W] in [0, 1], or frames [T, N, 2, H, W]."""
        self.images = images
        with torch.no_grad():
            self.logits, self.spikes = cast("tuple[Tensor, Tensor]", model(images))
        self.decided = decided(model, images)

    def compare(self, path: Path, run: Callable[[Tensor], Tensor | tuple[Tensor, ...]]) -> Exported:
        """Compare a file, which `run` runs. Raises `ExportError`, naming the path, if it returns something else."""
        with torch.no_grad():
            outputs = run(self.images)
            run(self.images.narrow(-4, 0, 1))  # another batch size
        logits, *counts = outputs if isinstance(outputs, tuple) else (outputs,)
        if logits.shape != self.logits.shape:
            raise ExportError(f"{path} returns logits {list(logits.shape)}, the network {list(self.logits.shape)}")
        errors = (logits - self.logits).abs().amax(1) / self.logits.abs().max().clamp_min(1e-12)
        allowed = torch.where(self.decided, _CLOSE, _LOOSE)
        if not bool((errors <= allowed).all()):
            worst = int((errors / allowed).argmax())
            raise ExportError(f"{path} differs from the network: its logits are off by {float(errors[worst]):.2g}")
        if counts and not bool((counts[0] == self.spikes)[self.decided].all()):
            raise ExportError(f"{path} differs from the network: it counts other numbers of spikes")
        worst_error = float(errors[self.decided].max()) if bool(self.decided.any()) else math.nan
        return Exported(path, len(self.decided), int(self.decided.sum()), worst_error)


def decided(model: Standalone, images: Tensor) -> Tensor:
    """The images on which rounding decides nothing, bool [N]: slightly different weights give the same spikes.

    model: counts spikes. Its logits and counts are compared with those of copies in double precision whose weights are
    off by about a millionth, which is some sixteen roundings.
    """
    with torch.no_grad():
        logits, spikes = cast("tuple[Tensor, Tensor]", model(images))
        copy, draw = deepcopy(model).double(), torch.Generator().manual_seed(0)
        weights = [weight for weight in copy.state_dict().values() if weight.is_floating_point()]
        originals = [weight.clone() for weight in weights]
        stable = torch.ones(len(logits), dtype=torch.bool)
        for _ in range(_COPIES):
            copied_logits, copied_spikes = cast("tuple[Tensor, Tensor]", copy(images.double()))
            near = (copied_logits - logits).abs().amax(1) <= _NEAR * logits.abs().max()
            stable &= near & (copied_spikes == spikes)
            for weight, original in zip(weights, originals, strict=True):
                noise = torch.randn(original.shape, generator=draw, dtype=torch.double)
                weight.copy_(original * (1 + _SHIFT * noise))
    return stable
