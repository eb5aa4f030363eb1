"""Tracing a model into a graph of torch's operations, with which several formats begin."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch.export import Dim, ExportedProgram

from xoresnet.standalone.module import Standalone

__all__ = ["traced"]

_AT_HOME = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")
"""What torch notes at each node of a graph about where it comes from: paths and lines of the author's files."""
_PROGRAMS: WeakKeyDictionary[Standalone, ExportedProgram] = WeakKeyDictionary()


def traced(model: Standalone) -> ExportedProgram:
    """The model as one graph, for any batch size; traced once for each model, because that takes seconds."""
    program = _PROGRAMS.get(model)
    if program is None:
        arch = model.net.arch
        steps = (arch.timesteps,) if model.takes_frames else ()
        images = torch.zeros(*steps, 2, *arch.input_shape)  # a single image would be taken for a constant
        shapes = {"images": {len(steps): Dim("batch", min=1)}}
        program = _PROGRAMS[model] = torch.export.export(model, (images,), dynamic_shapes=shapes, strict=False)
        program.example_inputs = None  # torch would pickle them into the file
        _forget_origins(program)
    return program


def _forget_origins(program: ExportedProgram) -> None:
    """Remove what tells of the author's files: it is most of what would be written, and nobody else's business."""
    for node in program.graph.nodes:
        for key in _AT_HOME:
            node.meta.pop(key, None)
