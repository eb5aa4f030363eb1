"""`export`: writes a trained network as standalone files, and runs and compares each with the network before it counts.

`comparison.py` tells how closely a file must agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from xoresnet.description.schema import nearest
from xoresnet.errors import ExportError, UnsupportedError, UsageError
from xoresnet.files.atomic import write_text
from xoresnet.files.places import local_path
from xoresnet.network.xoresnet import XOResNet
from xoresnet.standalone import formats as format_modules
from xoresnet.standalone.card import model_card
from xoresnet.standalone.comparison import Exported, Reference
from xoresnet.standalone.config import ModelConfig
from xoresnet.standalone.folder import CONFIG, WEIGHTS, load_model, save_model
from xoresnet.standalone.format import Format
from xoresnet.standalone.module import Standalone

__all__ = ["FORMATS", "collect_formats", "export"]

_FOLDER = "safetensors"
_CARD = "README.md"
_IMAGES = 16
_EVENTS = 0.3
"""Mean number of events in each pixel of a random frame."""


def collect_formats() -> dict[str, Format]:
    """The file formats that the modules of `formats/` define, by name, in the order of `Format.place_in_list`."""
    modules = [import_module(f"{format_modules.__name__}.{name}") for name in format_modules.format_names()]
    defined: list[Format] = [module.FORMAT for module in modules]
    return {form.name: form for form in sorted(defined, key=lambda form: form.place_in_list)}


FORMATS = (_FOLDER, *collect_formats())
"""The folder of `folder.py`, which is always written, and the single files of `formats/`."""


def export(
    net: XOResNet,
    config: ModelConfig,
    folder: str | Path,
    formats: Sequence[str] = (_FOLDER,),
    *,
    spikes: bool = False,
    fold: bool = False,
    images: Tensor | None = None,
) -> list[Exported]:
    """Write a model into a folder: `config.json`, `model.safetensors` and `README.md`, and `model.<format>`.

    formats: some of `FORMATS`. spikes: single files also return the number of spikes that each image cost. fold: in
    single files, batch norms are folded into convolutions. (`.nir` has one output and is always folded.) images:
    [N, C, H, W] in [0, 1], or frames [T, N, 2, H, W], to compare on; random ones by default.

    A model that the folder already holds is replaced as a whole. Raises `UsageError` for an unknown format and for a
    folder that holds other files, `UnsupportedError` for a network that a format cannot express, and `ExportError` for
    packages that are not installed and for files that do not agree with the network.
    """
    chosen = _choose(formats)
    folder = local_path(folder, "folder")
    _check_room(folder)
    reference = Reference(Standalone.of(net, config, spikes=True), _random(config) if images is None else images)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        place = Path(name)
        save_model(place, net, config)
        written = [reference.compare(folder, load_model(place, spikes=True))]
        model = Standalone.of(net, config, spikes=spikes, fold=fold)
        written += [_write(form, model, place, folder, reference) for form in chosen]
        write_text(place / _CARD, model_card(config, chosen, spikes=spikes))
        _replace(folder, place)
    return written


def _random(config: ModelConfig) -> Tensor:
    """Images whose pixels are equally likely to have any value, or frames of events that are independent."""
    generator, (channels, height, width) = torch.Generator().manual_seed(0), config.arch.input_shape
    if config.data.frames is None:
        return torch.rand(_IMAGES, channels, height, width, generator=generator)
    rates = torch.full((config.arch.timesteps, _IMAGES, channels, height, width), _EVENTS)
    return torch.poisson(rates, generator=generator)


def _choose(names: Sequence[str]) -> list[Format]:
    """The single files among these formats, in the order given."""
    known = collect_formats()
    names = [names] if isinstance(names, str) else names
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"{name!r} is not one of {', '.join(FORMATS)}{nearest(name, FORMATS)}")
    chosen = [known[name] for name in names if name in known]
    for form in chosen:
        form.check_installed()
    return chosen


def _write(form: Format, model: Standalone, place: Path, folder: Path, reference: Reference) -> Exported:
    """Write and compare one single file, in a place that becomes the folder later."""
    path = folder / form.file
    try:
        form.write(model, place / form.file)
        return reference.compare(path, partial(form.run, place / form.file))
    except UnsupportedError as error:
        raise UnsupportedError(f"{path} cannot be written: {error}") from None
    except ExportError:
        raise
    except Exception as error:  # libraries that write and run the formats raise errors of every class
        first_line = (str(error).splitlines() or [""])[0]
        raise ExportError(f"{path} cannot be written: {type(error).__name__}: {first_line}") from error


def _own_files() -> set[str]:
    return {CONFIG, WEIGHTS, _CARD, *(form.file for form in collect_formats().values())}


def _check_room(folder: Path) -> None:
    """Raises `UsageError` if there is anything but a model."""
    if not folder.exists():
        return
    own = _own_files()
    others = [path.name for path in folder.iterdir() if path.name not in own] if folder.is_dir() else [folder.name]
    if others:
        raise UsageError(f"{folder} holds other files, such as {min(others)}; choose another folder")


def _replace(folder: Path, place: Path) -> None:
    """Remove all files of a model that was there before, so that none belongs to another network, and move ours in."""
    folder.mkdir(exist_ok=True)
    for name in _own_files():
        (folder / name).unlink(missing_ok=True)
    for path in place.iterdir():
        path.replace(folder / path.name)
