"""Named texts and tensors in one safetensors file, which is replaced as a whole and contains no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xoresnet.errors import RunError
from xoresnet.files.atomic import replaced

__all__ = ["TensorFile", "load_tensor_file", "save_tensor_file"]


class TensorFile(NamedTuple):
    """What a training saves: a few texts, the weights, and the optimizer's state of them."""

    texts: Mapping[str, str]
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Mapping[str, Any]]
    """By parameter; values other than tensors are not saved."""


def save_tensor_file(path: Path, form: str, content: TensorFile) -> None:
    """Write a file. Readers see either the previous content or this one, complete, even after a crash."""
    tensors = {f"weights/{name}": value for name, value in content.weights.items()}
    for parameter, state in content.optimizer.items():
        kept = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        tensors |= {f"optimizer/{parameter}/{name}": value for name, value in kept.items()}
    with replaced(path) as partial:
        contiguous = {name: value.contiguous() for name, value in tensors.items()}
        save_file(contiguous, partial, metadata={"format": form, **content.texts})


def load_tensor_file(path: Path, form: str) -> TensorFile:
    """Read a file. Raises `RunError`, naming the file, for one that is damaged or of another format."""
    try:
        with safe_open(path, "pt") as file:
            texts = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path} is not a complete checkpoint: {error}") from None
    if texts.get("format") != form:
        raise RunError(f"{path} is not a checkpoint of this kind: its format is {texts.get('format')!r}, not {form!r}")
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
