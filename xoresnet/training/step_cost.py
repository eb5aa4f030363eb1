"""What one training asks of its device: seconds and memory of a step, measured over a few steps."""

from __future__ import annotations

import time
from itertools import islice
from typing import NamedTuple

import torch

from xoresnet.data.load import DataSet
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.training.fit import Training

__all__ = ["StepCost", "step_cost"]

_STEPS = 6
"""The first ones compile and allocate; the fastest counts."""
_FEWEST = 2
"""Images of a step that leaves a device nothing to do but to begin; batch norms need two."""


class StepCost(NamedTuple):
    """The cost of a step of training, with nothing else on the device."""

    seconds: float
    busy: float
    """The share of that time for which the device computes, between 0 and 1: what is left where two images take as long
    as the whole batch is the time to start the work, in which another training can use the device."""
    memory_bytes: int | None
    """At the peak, with the evaluation, the library's own memory, and all else that lies there; None for the CPU, whose
    memory is not shared out."""
    total_bytes: int | None
    """Of the device."""


def step_cost(arch: Arch, data: DataSet, recipe: Recipe, *, device: str | torch.device | None = None) -> StepCost:
    """Measure a training that is discarded. Raises as `fit` does, and what torch raises if memory runs out."""
    little = _seconds(Training(arch, data, recipe.replace(batch_size=_FEWEST), device=device))
    training = Training(arch, data, recipe, device=device)
    if training.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(training.device)
    seconds = _seconds(training)
    training.evaluate(data.validation.part(torch.arange(min(256, len(data.validation)))))
    busy = min(max(1 - little / seconds, 0.0), 1.0) if recipe.batch_size > _FEWEST else 1.0
    return StepCost(seconds, busy, *_memory(training.device))


def _seconds(training: Training) -> float:
    """Of the fastest of a few steps."""
    times = []
    start = time.perf_counter()
    for step in islice(training._steps(1), _STEPS):
        _ = step.train_loss  # waits for the device
        times.append(time.perf_counter() - start)
        start = time.perf_counter()
    return min(times)


def _memory(device: torch.device) -> tuple[int | None, int | None]:
    if device.type != "cuda":
        return None, None
    free, total = torch.cuda.mem_get_info(device)
    others = total - free - torch.cuda.memory_reserved(device)  # the library's own memory among them
    return torch.cuda.max_memory_reserved(device) + max(others, 0), total
