"""`export`: a trained network as standalone files, each run and compared with the network before it counts as written.

A spike is a yes or no: where a membrane potential comes within rounding of its threshold, two libraries that add up in
another order may disagree, and everything behind that neuron with them. So files are held to the network exactly on
those images where rounding decides nothing, and loosely on the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast

import torch
from torch import Tensor

from xoresnet.description.schema import nearest
from xoresnet.errors import ExportError, UnsupportedError
from xoresnet.files.atomic import write_text
from xoresnet.network.xoresnet import XOResNet
from xoresnet.standalone.card import model_card
from xoresnet.standalone.folder import CONFIG, WEIGHTS, ModelConfig, load_model, save_model
from xoresnet.standalone.module import Standalone

__all__ = ["FORMATS", "Exported", "decided", "export"]

FORMATS = ("safetensors", "pt2", "onnx", "nir")
"""A folder (`model.py`), and files by their suffix (`formats/`); `nir` has no words for some networks."""
_CLOSE, _LOOSE = 1e-5, 0.1
"""Largest difference of logits, relative to the largest logit: where rounding decides nothing, and where it does."""
_COPIES, _SHIFT, _NEAR = 8, 1e-6, 1e-3
"""What is tried to see where rounding decides; a spike more or less changes logits by more than the last."""
_IMAGES = 16
_FILES = frozenset({CONFIG, WEIGHTS, "README.md", *(f"model.{form}" for form in FORMATS)})


class Exported(NamedTuple):
    """One file or folder, compared with its network."""

    path: Path
    images: int
    """On which it was compared."""
    decided: int
    """On how many of them rounding decides nothing: there spikes are equal, and logits within 1e-5."""
    logits_error: float
    """Largest difference on these, relative to the largest logit; NaN for none."""


def export(
    net: XOResNet,
    config: ModelConfig,
    folder: str | Path,
    formats: Sequence[str] = ("safetensors",),
    *,
    spikes: bool = False,
    fold: bool = False,
    images: Tensor | None = None,
) -> list[Exported]:
    """Write a model into a folder: `config.json`, `model.safetensors` and `README.md`, and `model.<format>`.

    formats: of `FORMATS`. spikes: single files return the spikes that each image cost, as a second output. fold: they
    have batch norms folded into convolutions. (`.nir` has one output, and is always folded.) images: [N, C, H, W] in
    [0, 1] to compare on; random ones by default. Raises `ExportError`.
    """
    unknown = next((name for name in formats if name not in FORMATS), None)
    if unknown is not None:
        raise ExportError(f"{unknown!r} is not one of {', '.join(FORMATS)}{nearest(unknown, FORMATS)}")
    folder = Path(folder)
    shape = config.arch.input_shape
    images = images if images is not None else torch.rand(_IMAGES, *shape, generator=torch.Generator().manual_seed(0))
    _check_room(folder)
    truth = _Truth(Standalone(net, config.data.mean, config.data.std, spikes=True), images)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        place = Path(name)
        save_model(place, net, config)
        done = [truth.compare(folder, load_model(place, spikes=True))]
        model = Standalone(net, config.data.mean, config.data.std, spikes=spikes, fold=fold)
        model.config = config
        done += [_written(form, model, place, folder, truth) for form in formats if form != "safetensors"]
        write_text(place / "README.md", model_card(config, [one.path.name for one in done[1:]], spikes=spikes))
        _replace(folder, place)
    return done


def _written(form: str, model: Standalone, place: Path, folder: Path, truth: _Truth) -> Exported:
    """One single file, in a place that is not yet the folder."""
    write, run = _functions(form)
    name = f"model.{form}"
    try:
        write(model, place / name)
        return truth.compare(folder / name, partial(run, place / name))
    except (ExportError, ImportError):
        raise
    except UnsupportedError as error:
        raise ExportError(f"{folder / name} cannot be made: {error}") from None
    except Exception as error:  # of whoever writes or runs the format
        first = (str(error).splitlines() or [""])[0]
        raise ExportError(f"{folder / name} cannot be made: {type(error).__name__}: {first}") from error


def _check_room(folder: Path) -> None:
    """Raises `ExportError` where there is anything but a model."""
    if not folder.exists():
        return
    others = [path.name for path in folder.iterdir() if path.name not in _FILES] if folder.is_dir() else [folder.name]
    if others:
        raise ExportError(f"{folder} holds other files, like {others[0]}: choose another folder")


def _replace(folder: Path, place: Path) -> None:
    """A model that was there before goes, all of it, so that no file is another network's."""
    folder.mkdir(exist_ok=True)
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    for path in place.iterdir():
        path.replace(folder / path.name)


def decided(model: Standalone, images: Tensor) -> Tensor:
    """On which images rounding decides nothing, `[N]`: weights that are a little different give the same spikes.

    model: one that counts them. Its logits and counts are held to those of copies in double precision whose weights
    are off by about a millionth, some sixteen roundings.
    """
    with torch.no_grad():
        logits, spikes = cast("tuple[Tensor, Tensor]", model(images))
        exact, draw = deepcopy(model).double(), torch.Generator().manual_seed(0)
        weights = [weight for weight in exact.state_dict().values() if weight.is_floating_point()]
        kept = [weight.clone() for weight in weights]
        same = torch.ones(len(images), dtype=torch.bool)
        for _ in range(_COPIES):
            found, counted = cast("tuple[Tensor, Tensor]", exact(images.double()))
            near = (found - logits).abs().amax(1) <= _NEAR * logits.abs().max()
            same &= near & (counted == spikes)
            for weight, value in zip(weights, kept, strict=True):
                noise = torch.randn(value.shape, generator=draw, dtype=torch.double)
                weight.copy_(value * (1 + _SHIFT * noise))
    return same


class _Truth:
    """What the network itself returns."""

    def __init__(self, model: Standalone, images: Tensor) -> None:
        self.images = images
        with torch.no_grad():
            self.logits, self.spikes = cast("tuple[Tensor, Tensor]", model(images))
        self.decided = decided(model, images)

    def compare(self, path: Path, run: Callable[[Tensor], Tensor | tuple[Tensor, ...]]) -> Exported:
        """Raises `ExportError` where the file does something else."""
        with torch.no_grad():
            found = run(self.images)
            run(self.images[:1])  # another batch size
        logits, *rest = found if isinstance(found, tuple) else (found,)
        if logits.shape != self.logits.shape:
            raise ExportError(f"{path} returns logits {list(logits.shape)}, the network {list(self.logits.shape)}")
        errors = (logits - self.logits).abs().amax(1) / self.logits.abs().max().clamp_min(1e-12)
        allowed = torch.where(self.decided, _CLOSE, _LOOSE)
        if not bool((errors <= allowed).all()):
            worst = int((errors / allowed).argmax())
            raise ExportError(f"{path} differs from the network: its logits are off by {float(errors[worst]):.2g}")
        if rest and not bool((rest[0] == self.spikes)[self.decided].all()):
            raise ExportError(f"{path} differs from the network: it counts other spikes")
        worst_error = float(errors[self.decided].max()) if bool(self.decided.any()) else math.nan
        return Exported(path, len(self.images), int(self.decided.sum()), worst_error)


def _functions(name: str) -> tuple[Callable[[Standalone, Path], None], Callable[[Path, Tensor], tuple[Tensor, ...]]]:
    module = import_module(f"xoresnet.standalone.formats.{name}")
    return module.write, module.run
