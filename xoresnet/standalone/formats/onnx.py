"""`.onnx`, which onnxruntime runs alone. Writing and comparing need the packages of the extra `export`."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from xoresnet.errors import ExportError
from xoresnet.files.atomic import replaced
from xoresnet.standalone.format import Format, Sample
from xoresnet.standalone.module import Standalone
from xoresnet.standalone.tracing import traced

__all__ = ["FORMAT", "run", "write"]


def write(model: Standalone, path: Path) -> None:
    """Input `images`, or `frames`; outputs `logits` and, if the model counts them, `spikes`."""
    name = "frames" if model.takes_frames else "images"
    outputs = ["logits", "spikes"] if model.counts_spikes else ["logits"]
    with _quiet():
        program = torch.onnx.export(
            traced(model), (), dynamo=True, verbose=False, input_names=[name], output_names=outputs
        )
        if program is None:
            raise ExportError("torch.onnx.export returned nothing")
        _forget_origins(program)
        program.model.metadata_props.update(model.facts())
        with replaced(path) as partial:
            program.save(str(partial), external_data=False)


def run(path: Path, images: Tensor) -> tuple[Tensor, ...]:
    """Logits, and spikes if the file counts them."""
    import onnxruntime  # optional

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return tuple(
        torch.from_numpy(output) for output in session.run(None, {session.get_inputs()[0].name: images.numpy()})
    )


def _forget_origins(program: torch.onnx.ONNXProgram) -> None:
    """Remove the exporter's notes, among them source lines and paths of the machine that wrote the file."""
    graph = program.model.graph
    graph.metadata_props.clear()
    for node in graph:
        node.metadata_props.clear()
        node.doc_string = None


def _example(sample: Sample, *, spikes: bool) -> str:
    return f"""import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
{sample.name} = {sample.numpy}  # {sample.comment}
{"logits, spikes" if spikes else "(logits,)"} = session.run(None, {{"{sample.name}": {sample.name}}})"""


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, which warns and logs about its own internals."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


FORMAT = Format("onnx", write, run, _example, packages=("onnx", "onnxscript", "onnxruntime"))
