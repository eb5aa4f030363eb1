"""Checkpoints of training: one safetensors file each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import CheckpointError, RunError
from xoresnet.measures.records import EpochRecord
from xoresnet.training.tensor_file import TensorFile, load_tensor_file, save_tensor_file

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

_FORMAT = "xoresnet-training-1"


class Checkpoint(NamedTuple):
    """All that training needs to resume after an epoch."""

    arch: Arch
    recipe: Recipe
    data: str
    """The data set's name and fingerprint."""
    precision: str
    """bf16 or fp32: what the recipe's precision meant on the machine."""
    records: tuple[EpochRecord, ...]
    weights: dict[str, Tensor]
    optimizer: dict[int, dict[str, Any]]
    """The state of each parameter, as in the optimizer's `state_dict`."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint. Readers see either the previous checkpoint or this one, complete, even after a crash."""
    texts = {
        "arch": checkpoint.arch.to_json(indent=None),
        "recipe": checkpoint.recipe.model_dump_json(),
        "data": checkpoint.data,
        "precision": checkpoint.precision,
        "records": json.dumps([record.to_fields() for record in checkpoint.records]),
    }
    optimizer = {str(number): state for number, state in checkpoint.optimizer.items()}
    save_tensor_file(path, _FORMAT, TensorFile(texts, checkpoint.weights, optimizer))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises `CheckpointError` for one that is damaged, `RunError` for one of another kind or version; both name the file.
    """
    content = load_tensor_file(path, _FORMAT)
    try:
        return _from_content(content)
    except (KeyError, TypeError, ValueError) as error:
        kind = RunError if content.checked else CheckpointError
        raise kind(f"{path} is not a complete checkpoint: {type(error).__name__}: {error}") from error


def _from_content(content: TensorFile) -> Checkpoint:
    texts = content.texts
    return Checkpoint(
        arch=Arch.from_json(texts["arch"]),
        recipe=Recipe.from_dict(json.loads(texts["recipe"])),
        data=texts["data"],
        precision=texts["precision"],
        records=tuple(EpochRecord.from_fields(fields) for fields in json.loads(texts["records"])),
        weights=dict(content.weights),
        optimizer={int(number): dict(state) for number, state in content.optimizer.items()},
    )
