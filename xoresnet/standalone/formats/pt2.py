"""`.pt2`: torch.export's archive, which torch loads alone. T and the image size are fixed, the batch size is not."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from xoresnet.files.atomic import replaced
from xoresnet.standalone.format import Format, Sample
from xoresnet.standalone.module import Standalone
from xoresnet.standalone.tracing import traced

__all__ = ["FORMAT", "run", "write"]


def write(model: Standalone, path: Path) -> None:
    """Input `images`; outputs logits and, if the model counts them, the spikes of each image."""
    program = traced(model)
    with replaced(path) as partial, partial.open("wb") as file:
        torch.export.save(program, file, extra_files=model.facts())


def run(path: Path, images: Tensor) -> tuple[Tensor, ...]:
    """Logits, and spikes if the file counts them."""
    outputs = torch.export.load(path).module()(images)
    return cast("tuple[Tensor, ...]", outputs if isinstance(outputs, tuple) else (outputs,))


def _example(sample: Sample, *, spikes: bool) -> str:
    return f"""import torch

model = torch.export.load("model.pt2").module()
{sample.name} = {sample.torch}  # {sample.comment}
{"logits, spikes" if spikes else "logits"} = model({sample.name})"""


FORMAT = Format("pt2", write, run, _example)
