"""Checkpoints of training: one safetensors file, replaced as a whole, with no pickle in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xoresnet.arch import Arch
from xoresnet.atomic import replaced
from xoresnet.recipe import Recipe
from xoresnet.records import EpochRecord

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

_FORMAT = "xoresnet-training-1"


class Checkpoint(NamedTuple):
    """All that training needs to go on after an epoch."""

    arch: Arch
    recipe: Recipe
    data: str
    """The data set's name and fingerprint."""
    precision: str
    """What the recipe's came to on the machine."""
    records: tuple[EpochRecord, ...]
    weights: dict[str, Tensor]
    optimizer: dict[int, dict[str, Any]]
    """State of each parameter, as the optimizer's `state_dict` has it."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; whoever reads the file sees the one before or this one, whole, whatever happens meanwhile."""
    tensors = {f"weights/{name}": value for name, value in checkpoint.weights.items()}
    for number, state in checkpoint.optimizer.items():
        tensors |= {f"optimizer/{number}/{name}": value for name, value in state.items() if isinstance(value, Tensor)}
    texts = {
        "format": _FORMAT,
        "arch": checkpoint.arch.to_json(indent=None),
        "recipe": checkpoint.recipe.model_dump_json(),
        "data": checkpoint.data,
        "precision": checkpoint.precision,
        "records": json.dumps([record.to_fields() for record in checkpoint.records]),
    }
    with replaced(path) as partial:
        save_file({name: value.contiguous() for name, value in tensors.items()}, partial, metadata=texts)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises ValueError, naming the file, for one that is broken or of another kind."""
    try:
        with safe_open(path, "pt") as file:
            texts = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a whole checkpoint: {error}") from None
    if texts.get("format") != _FORMAT:
        raise ValueError(
            f"{path} is no checkpoint of this version: its format is {texts.get('format')!r}, not {_FORMAT!r}"
        )
    try:
        return _from_parts(texts, tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a whole checkpoint: {type(error).__name__}: {error}") from error


def _from_parts(texts: dict[str, str], tensors: dict[str, Tensor]) -> Checkpoint:
    optimizer: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, number, key = name.split("/")
            optimizer.setdefault(int(number), {})[key] = value
    return Checkpoint(
        arch=Arch.from_json(texts["arch"]),
        recipe=Recipe.from_dict(json.loads(texts["recipe"])),
        data=texts["data"],
        precision=texts["precision"],
        records=tuple(EpochRecord.from_fields(fields) for fields in json.loads(texts["records"])),
        weights={
            name.removeprefix("weights/"): value for name, value in tensors.items() if name.startswith("weights/")
        },
        optimizer=optimizer,
    )
