"""`.onnx`: onnxruntime alone runs it. Writing and comparing need `pip install 'xoresnet[export]'`."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor

from xoresnet.files.atomic import replaced
from xoresnet.standalone.formats.pt2 import exported
from xoresnet.standalone.module import Standalone

__all__ = ["run", "write"]


def write(model: Standalone, path: Path) -> None:
    """Inputs `images`, outputs `logits` and, where the model counts, `spikes`."""
    _check_installed()
    outputs = ["logits", "spikes"] if model.counts_spikes else ["logits"]
    with _quiet():
        program = torch.onnx.export(
            exported(model), (), dynamo=True, verbose=False, input_names=["images"], output_names=outputs
        )
        if program is None:
            raise RuntimeError("torch.onnx.export returned nothing")
        program.model.metadata_props.update(model.facts())
        with replaced(path) as partial:
            program.save(str(partial), external_data=False)


def run(path: Path, images: Tensor) -> tuple[Tensor, ...]:
    """As in `pt2.py`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return tuple(torch.from_numpy(found) for found in session.run(None, {"images": images.numpy()}))


def _check_installed() -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            import_module(name)
        except ImportError as error:
            raise ImportError(f"writing .onnx needs pip install 'xoresnet[export]': {error}") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns and logs of its own making."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
