"""A trained network as a folder that loads anywhere: `config.json` and `model.safetensors`. Nothing in it is pickled.

Needs torch, pydantic and safetensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import torch
from pydantic import Field, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.description.schema import Spec
from xoresnet.errors import Fault, ModelError, SpecError
from xoresnet.files.atomic import replaced, write_text
from xoresnet.network.xoresnet import XOResNet
from xoresnet.standalone.data_facts import DataFacts
from xoresnet.standalone.module import Standalone

if TYPE_CHECKING:
    from torch import nn

    from xoresnet.training.fit import Training

__all__ = ["CONFIG", "WEIGHTS", "ModelConfig", "find_model", "load_model", "save_model", "write_config"]

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_ALSO = "weights.safetensors"
"""What weights are called in the folder of a training."""
_VERSION = 1


class ModelConfig(Spec):
    """What a model is besides its weights."""

    format_version: Annotated[int, Field(ge=1, strict=True)] = _VERSION
    arch: Arch
    data: DataFacts
    """On which it was trained: its classes, and the mean and deviation by which images are normalised."""
    figures: Mapping[str, float] = {}
    """What was measured, by the names of an epoch's record."""
    recipe: Recipe | None = None
    origin: str | None = None
    """Where it comes from: `run:trial`."""
    versions: Mapping[str, str] = {}
    """Of the software that made it."""

    @classmethod
    def of(cls, training: Training, more: Mapping[str, float] = {}) -> Self:
        """Of a training that has come to its end, with the figures of its last epoch and those that are given."""
        last = {**training.records[-1].as_dict(), **more}
        return cls(
            arch=training.arch,
            data=DataFacts.of(training.data),
            figures={name: value for name, value in last.items() if math.isfinite(value)},
            recipe=training.recipe,
            versions={"torch": torch.__version__},
        )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        channels, classes = self.arch.input_shape[0], self.arch.num_classes
        if (len(self.data.mean), len(self.data.classes)) != (channels, classes):
            rule = f"{len(self.data.classes)} classes and {len(self.data.mean)} channels"
            raise SpecError([Fault("data", f"{rule}, but the network has {classes} and {channels}")])
        return self


def save_model(folder: str | Path, net: XOResNet, config: ModelConfig) -> None:
    """Write the folder's two files, each as a whole. Raises ValueError where net is not what config describes."""
    if net.arch != config.arch:
        raise ValueError(f"the network is {net.arch.arch_id}, its description {config.arch.arch_id}")
    folder = Path(folder)
    weights = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    with replaced(folder / WEIGHTS) as partial:
        save_file(weights, partial)
    write_config(folder, config)


def write_config(folder: Path, config: ModelConfig) -> None:
    write_text(folder / CONFIG, config.model_dump_json(indent=2) + "\n")


def load_model(source: str | Path, *, spikes: bool = False) -> Standalone:
    """A trained model, ready to use: takes images [N, C, H, W] in [0, 1], returns logits [N, classes].

    source: the folder of a model or of a training, or `RUN:ID` for a trial of a search. spikes: return the spikes that
    each image cost, [N], as well. Its description is in `.config`. Raises `ModelError`.
    """
    folder = find_model(source)
    config = _read_config(folder)
    weights = folder / WEIGHTS
    net = _load_weights(XOResNet(config.arch), weights if weights.exists() else folder / _ALSO)
    model = Standalone(net, config.data.mean, config.data.std, spikes=spikes)
    model.config = config
    return model


def find_model(source: str | Path) -> Path:
    """The folder that is meant. Raises `ModelError` where `RUN:ID` names no complete trial."""
    run, colon, trial = str(source).rpartition(":")
    if not colon or not trial.isdecimal() or Path(source).exists():
        return Path(source)
    found = sorted((Path(run) / "trials").glob(f"{int(trial):04d}-*/{CONFIG}"))
    if not found:
        raise ModelError(f"{run} holds no weights of a trial {trial}: only complete trials have any")
    return found[0].parent


def _read_config(folder: Path) -> ModelConfig:
    """Raises `ModelError`."""
    path = folder / CONFIG
    try:
        fields = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no model: it has no {CONFIG}") from None
    except NotADirectoryError:
        raise ModelError(f"{folder} is no folder of a model") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from None
    version = fields.get("format_version") if isinstance(fields, dict) else None
    if isinstance(version, int) and version > _VERSION:
        raise ModelError(
            f"{path} is of format {version}, and this xoresnet reads up to {_VERSION}: install a newer one"
        )
    try:
        return ModelConfig.from_dict(fields)
    except SpecError as error:
        raise ModelError(f"{path}: {error}") from None


def _load_weights(net: XOResNet, path: Path) -> XOResNet:
    """Give a network the weights in a safetensors file. Raises `ModelError`, naming the tensor and both shapes."""
    try:
        with safe_open(path, "pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except FileNotFoundError:
        raise ModelError(f"{path.parent} holds no weights: it has no {path.name}") from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} holds no whole weights: {str(error).splitlines()[0]}") from None
    fault = _mismatch(net, weights)
    if fault:
        raise ModelError(f"{path} holds the weights of another network: {fault}")
    net.load_state_dict(weights)
    return net


def _mismatch(net: nn.Module, weights: Mapping[str, Tensor]) -> str:
    wanted = net.state_dict()
    for name, value in wanted.items():
        if name not in weights:
            return f"{name} is missing"
        found = weights[name]
        if (found.shape, found.dtype) != (value.shape, value.dtype):
            return f"{name} is {_kind(found)}, not {_kind(value)}"
        if not bool(torch.isfinite(found).all()):
            return f"{name} is not finite"
    extra = next((name for name in weights if name not in wanted), "")
    return f"there is no {extra} in it" if extra else ""


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
