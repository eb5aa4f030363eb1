"""A trained network as a folder that loads anywhere: `config.json` and `model.safetensors`. Nothing in it is pickled.

Loading needs only torch, pydantic and safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count
from xoresnet.description.user_code import names_only
from xoresnet.errors import ModelError, NoModelError, SpecError, UsageError
from xoresnet.files.atomic import replaced, write_text
from xoresnet.files.disk import disk_errors
from xoresnet.files.places import local_path
from xoresnet.files.small import read_small
from xoresnet.network.xoresnet import XOResNet
from xoresnet.standalone.config import FORMAT_VERSION, ModelConfig
from xoresnet.standalone.module import Standalone

__all__ = ["CONFIG", "WEIGHTS", "load_model", "save_model", "write_config"]

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_TRAINED_WEIGHTS = "weights.safetensors"
"""The name of the weights in the folder of a training or a trial."""
_MOST_BUILT, _SMALL = 2, 10**6
"""A described network is built, to compare it with the weights of a file, if it has at most so many times the file's
numbers, or so many times the second of these."""


def save_model(folder: str | Path, net: XOResNet, config: ModelConfig) -> None:
    """Write the folder's two files, each as a whole. Raises `ModelError` if config describes another network."""
    if net.arch != config.arch:
        raise ModelError(f"the network is {net.arch.arch_id}, but its description is of {config.arch.arch_id}")
    folder = local_path(folder, "folder")
    weights = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    with replaced(folder / WEIGHTS) as partial, disk_errors(folder / WEIGHTS):
        save_file(weights, partial)
    write_config(folder, config)


def write_config(folder: Path, config: ModelConfig) -> None:
    """Write `config.json`, as a whole."""
    write_text(folder / CONFIG, config.model_dump_json(indent=2) + "\n")


def load_model(folder: str | Path, *, spikes: bool = False, trust_code: bool = False) -> Standalone:
    """A trained model, ready to use: takes images [N, C, H, W] in [0, 1], or frames, and returns logits [N, classes].

    folder: of a model, a training or a trial of a search. spikes: also return the number of spikes that each image
    cost, [N]. The model's description is in `.config`. trust_code: import merges and neurons
    that the description names by dotted path, which runs their modules; modules that are imported already need no
    trust. Raises `ModelError` for a folder that is missing or damaged, and for weights of another network, and
    `UntrustedCodeError`, which names the code, where code would have to be imported.
    """
    folder = Path(folder)
    config = _read_config(folder, trust_code=trust_code)
    weights = folder / WEIGHTS
    net = _load_weights(config.arch, weights if weights.exists() else folder / _TRAINED_WEIGHTS)
    return Standalone.of(net, config, spikes=spikes)


def _read_config(folder: Path, *, trust_code: bool) -> ModelConfig:
    """Raises `ModelError`, `UntrustedCodeError`."""
    path = folder / CONFIG
    try:
        fields = json.loads(read_small(path))
    except FileNotFoundError:
        raise _no_model(folder) from None
    except NotADirectoryError:
        raise NoModelError(f"{folder} is not the folder of a model") from None
    except UsageError as error:
        raise ModelError(str(error)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from None
    version = fields.get("format_version") if isinstance(fields, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelError(
            f"{path} has format version {version}, but this xoresnet reads up to {FORMAT_VERSION}; install a newer one"
        )
    try:
        with names_only(path, trust_code=trust_code) as named:
            config = ModelConfig.from_dict(fields)
    except SpecError as error:
        raise ModelError(f"{path}: {error}") from None
    named.refuse()
    return config


def _models_in(folder: Path) -> list[str]:
    try:
        return sorted(file.parent.name for file in folder.glob(f"*/{CONFIG}"))
    except OSError:  # a folder that may not be read
        return []


def _no_model(folder: Path) -> ModelError:
    """What is at a path instead of a model."""
    if not folder.exists():
        near = get_close_matches(folder.name, _models_in(folder.parent), n=1)
        guess = f"; did you mean {folder.parent / near[0]}?" if near else ""
        return NoModelError(f"there is no folder {folder}{guess}")
    if (folder / "trials").is_dir():
        return NoModelError(f"{folder} holds a search; name one of its networks, {folder}:knee or {folder}:ID")
    if (folder / "arch.json").exists():
        return ModelError(f"{folder} holds a training that is not finished: it has no {CONFIG}")
    return NoModelError(f"{folder} holds no model: {CONFIG} is missing")


def _load_weights(arch: Arch, path: Path) -> XOResNet:
    """The network with the weights in a safetensors file. Raises `ModelError` that names the tensor and both shapes."""
    try:
        with safe_open(path, "pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except FileNotFoundError:
        raise ModelError(f"{path.parent} holds no weights: {path.name} is missing") from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged: {str(error).splitlines()[0]}") from None
    held, described = sum(weight.numel() for weight in weights.values()), params_count(arch)
    if described > _MOST_BUILT * max(held, _SMALL):  # before anything of the described size is made
        rule = f"{held:,} numbers, but {CONFIG} describes a network of {described:,}"
        raise ModelError(f"{path} holds the weights of another network: {rule}")
    net = XOResNet(arch)
    fault = _mismatch(net, weights)
    if fault:
        raise ModelError(f"{path} holds the weights of another network: {fault}")
    net.load_state_dict(weights)
    return net


def _mismatch(net: nn.Module, weights: Mapping[str, Tensor]) -> str:
    """What keeps these weights from being the network's; empty if nothing does."""
    expected = net.state_dict()
    for name, value in expected.items():
        if name not in weights:
            return f"{name} is missing"
        loaded = weights[name]
        if (loaded.shape, loaded.dtype) != (value.shape, value.dtype):
            return f"{name} is {_kind(loaded)}, not {_kind(value)}"
        if not bool(torch.isfinite(loaded).all()):
            return f"{name} is not finite"
    extra = next((name for name in weights if name not in expected), "")
    return f"the network has no {extra}" if extra else ""


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
