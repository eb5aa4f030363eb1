"""Tracing a model into a graph of torch's operations, with which several formats begin."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch.export import Dim, ExportedProgram

from xoresnet.standalone.module import Standalone

__all__ = ["traced"]

_PROGRAMS: WeakKeyDictionary[Standalone, ExportedProgram] = WeakKeyDictionary()


def traced(model: Standalone) -> ExportedProgram:
    """The model as one graph, for any batch size; traced once for each model, because that takes seconds."""
    program = _PROGRAMS.get(model)
    if program is None:
        images = torch.zeros(2, *model.net.arch.input_shape)  # a single image would be taken for a constant
        shapes = {"images": {0: Dim("batch", min=1)}}
        program = _PROGRAMS[model] = torch.export.export(model, (images,), dynamic_shapes=shapes, strict=False)
        program.example_inputs = None  # torch would pickle them into the file
    return program
