"""The spaces that come with the package, as YAML files in `presets/`."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from xoresnet.description.schema import nearest
from xoresnet.errors import Fault, SpecError
from xoresnet.plain_text import shown

__all__ = ["preset_names", "preset_text"]


def preset_names() -> list[str]:
    """The names of all presets, in alphabetical order."""
    return sorted(file.name.removesuffix(".yaml") for file in _folder().iterdir() if file.name.endswith(".yaml"))


def preset_text(name: str) -> str:
    """The YAML text of a preset, as a start for a space of your own. Raises `SpecError` for an unknown name."""
    names = preset_names()
    if name not in names:
        raise SpecError(
            [Fault("", f"unknown preset {shown(name)}; the presets are {', '.join(names)}{nearest(name, names)}")]
        )
    return _folder().joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def _folder() -> Traversable:
    return files("xoresnet.space").joinpath("presets")
