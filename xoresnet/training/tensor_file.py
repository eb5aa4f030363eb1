"""Named texts and tensors in one safetensors file, which is replaced as a whole and contains no pickle."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xoresnet.errors import CheckpointError, RunError
from xoresnet.files.atomic import replaced
from xoresnet.files.disk import disk_errors

__all__ = ["TensorFile", "load_tensor_file", "save_tensor_file"]


class TensorFile(NamedTuple):
    """What a training saves: a few texts, the weights, and the optimizer's state of them."""

    texts: Mapping[str, str]
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Mapping[str, Any]]
    """By parameter; values other than tensors are not saved."""
    checked: bool = False
    """Whether it was read from a file with a checksum, which it matches."""


_CHECKSUM = "crc32"


def save_tensor_file(path: Path, form: str, content: TensorFile) -> None:
    """Write a file. Readers see either the previous content or this one, complete, even after a crash."""
    tensors = {f"weights/{name}": value for name, value in content.weights.items()}
    for parameter, state in content.optimizer.items():
        kept = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        tensors |= {f"optimizer/{parameter}/{name}": value for name, value in kept.items()}
    saved = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    texts = {"format": form, **content.texts}
    texts[_CHECKSUM] = _checksum(texts, saved)
    with replaced(path) as partial, disk_errors(path):
        save_file(saved, partial, metadata=texts)


def load_tensor_file(path: Path, form: str) -> TensorFile:
    """Read a file. Raises `CheckpointError` for one that is damaged, `RunError` for one of another format or without
    access; both name the file.
    """
    try:
        with safe_open(path, "pt") as file:
            texts = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a complete checkpoint: {error}") from None
    except OSError as error:
        raise RunError(f"{path} is not a complete checkpoint: {error}") from None
    checksum = texts.pop(_CHECKSUM, None)  # files of earlier versions have none
    if checksum not in (None, _checksum(texts, tensors)):
        raise CheckpointError(f"{path} is not a complete checkpoint: its content does not match its checksum")
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
    return TensorFile(texts, weights, optimizer, checked=checksum is not None)


def _checksum(texts: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """A checksum of all texts and tensors, with their names, types and shapes."""
    checksum = zlib.crc32(json.dumps(texts, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        checksum = zlib.crc32(f"{name} {value.dtype} {tuple(value.shape)}".encode(), checksum)
        checksum = zlib.crc32(value.reshape(-1).view(torch.uint8).numpy().data, checksum)
    return f"{checksum:08x}"
