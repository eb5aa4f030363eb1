"""Named texts and tensors in one safetensors file, replaced as a whole, with no pickle in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xoresnet.files.atomic import replaced

__all__ = ["TensorFile", "load_tensor_file", "save_tensor_file"]


class TensorFile(NamedTuple):
    """What training writes down: a few texts, weights, and what the optimizer keeps of them."""

    texts: Mapping[str, str]
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Mapping[str, Any]]
    """By parameter; what is no tensor is left out."""


def save_tensor_file(path: Path, form: str, content: TensorFile) -> None:
    """Whoever reads the file sees the one before or this one, whole, whatever happens meanwhile."""
    tensors = {f"weights/{name}": value for name, value in content.weights.items()}
    for parameter, state in content.optimizer.items():
        kept = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        tensors |= {f"optimizer/{parameter}/{name}": value for name, value in kept.items()}
    with replaced(path) as partial:
        contiguous = {name: value.contiguous() for name, value in tensors.items()}
        save_file(contiguous, partial, metadata={"format": form, **content.texts})


def load_tensor_file(path: Path, form: str) -> TensorFile:
    """Raises ValueError, naming the file, for one that is broken or of another form."""
    try:
        with safe_open(path, "pt") as file:
            texts = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a whole checkpoint: {error}") from None
    if texts.get("format") != form:
        raise ValueError(
            f"{path} is no checkpoint of this version: its format is {texts.get('format')!r}, not {form!r}"
        )
    weights: dict[str, Tensor] = {}
    optimizer: dict[str, dict[str, Any]] = {}
    for name, value in tensors.items():
        kind, _, rest = name.partition("/")
        if kind == "weights":
            weights[rest] = value
        elif kind == "optimizer":
            parameter, _, key = rest.rpartition("/")
            optimizer.setdefault(parameter, {})[key] = value
    return TensorFile(texts, weights, optimizer)
