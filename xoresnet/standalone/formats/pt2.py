"""`.pt2`: torch.export's archive; torch alone loads it. T and the image size are fixed, the batch size is not."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from xoresnet.files.atomic import replaced
from xoresnet.standalone.module import Standalone

__all__ = ["exported", "run", "write"]

_TRACED: WeakKeyDictionary[Standalone, ExportedProgram] = WeakKeyDictionary()


def write(model: Standalone, path: Path) -> None:
    program = exported(model)
    with replaced(path) as partial:
        with_suffix = partial.with_suffix(".pt2")  # torch wants it
        torch.export.save(program, with_suffix, extra_files=model.facts())
        with_suffix.replace(partial)


def run(path: Path, images: Tensor) -> tuple[Tensor, ...]:
    """What the file returns for images [N, C, H, W] in [0, 1]: logits, and spikes where it counts them."""
    found = torch.export.load(path).module()(images)
    return cast("tuple[Tensor, ...]", found if isinstance(found, tuple) else (found,))


def exported(model: Standalone) -> ExportedProgram:
    """The model as one graph of torch's operations, traced once: several formats begin with it."""
    known = _TRACED.get(model)
    if known is not None:
        return known
    images = torch.zeros(2, *model.net.arch.input_shape)  # one alone would be taken for a constant
    shapes = {"images": {0: Dim("batch", min=1)}}
    program = _TRACED[model] = torch.export.export(model, (images,), dynamic_shapes=shapes, strict=False)
    program.example_inputs = None  # torch would pickle them into the file
    return program
