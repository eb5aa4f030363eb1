"""Whether a training can fit into memory at all, worked out before anything of its size is made.

A training that cannot is refused with a sentence; without the check, the system would end the process, or another one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch

from xoresnet.data.load import DataSet
from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import LayerRow, layer_table
from xoresnet.description.recipe import Recipe
from xoresnet.errors import TrainingError
from xoresnet.training.learning import augmentation_of

__all__ = ["check_memory", "least_bytes"]

_EVALUATED_AT_ONCE = 256
"""The batch size of `evaluation.evaluate`."""
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def check_memory(arch: Arch, recipe: Recipe, data: DataSet, device: torch.device, *, bf16: bool) -> None:
    """Raises `TrainingError` if one step of the training needs more memory than the device has in all."""
    batch = min(recipe.batch_size, len(data.train))
    padding = augmentation_of(data, recipe).crop_padding
    evaluated, frames = len(data.validation), data.frames is not None
    needed = least_bytes(arch, batch, padding, bf16=bf16, evaluated=evaluated, frames=frames)
    there = _total_bytes(device)
    if there is not None and needed > there:
        sizes = f"at least {_gib(needed)} of memory, but {device} has {_gib(there)}"
        raise TrainingError(
            f"a step of {arch.arch_id} with {batch:,} images at T={arch.timesteps:,} needs {sizes}: "
            "reduce batch_size, timesteps, width or the size of the images"
        )


def least_bytes(
    arch: Arch,
    batch: int,
    padding: int = 0,
    *,
    bf16: bool = False,
    evaluated: int = _EVALUATED_AT_ONCE,
    frames: bool = False,
) -> int:
    """A lower bound of the memory of one step: weights, gradients, and what batch norms keep for later.

    batch: images per step. padding: pixels on each side, out of which images are cut at random. evaluated: validation
    images. frames: whether it is of recordings, of which every time step has a frame of its own.
    """
    convolutions = list(_convolutions(arch, stem_steps=arch.timesteps if frames else 1))
    values = [math.prod(row.output_shape) * steps for row, steps in convolutions]
    weights = 8 * sum(row.params_count for row, _ in convolutions)
    channels, *sides = arch.input_shape
    images = batch * (arch.timesteps if frames else 1)
    padded = images * channels * math.prod(side + 2 * padding for side in sides) if padding else 0
    activations = (2 if bf16 else 4) * max(batch * sum(values), min(evaluated, _EVALUATED_AT_ONCE) * max(values))
    return weights + padded + activations


def _convolutions(arch: Arch, *, stem_steps: int) -> Iterator[tuple[LayerRow, int]]:
    """The convolutions, and at how many time steps each runs."""
    for row in layer_table(arch):
        if row.kind.startswith("conv"):
            yield row, stem_steps if row.name.startswith("stem") else arch.timesteps


def _total_bytes(device: torch.device) -> int | None:
    """The memory of a device, or of this machine or container for the CPU; None if it is not known."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    limits = [int(text) for path in _CGROUP_LIMITS if (text := _text(path)).isdecimal()]
    with suppress(AttributeError, OSError, ValueError):  # systems without these names
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits, default=None)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _gib(number: int) -> str:
    return f"{number / 2**30:,.1f} GiB"
