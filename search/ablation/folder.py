"""The folder of an ablation that belongs to no search: `runs/xoresnet14-digits-ablation`."""

from __future__ import annotations

import uuid
from typing import Any

from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import NoRunError, RunError, UsageError
from xoresnet.files.atomic import write_text
from xoresnet.files.run_contents import wrong_content
from xoresnet.files.small import read_small
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.search.folders.claim import holds_files
from xoresnet.search.folders.differences import differences
from xoresnet.search.folders.run import RunFolder

__all__ = ["OneNetwork", "check_folder", "is_alone", "write_config"]

_FILE = "config.yaml"
_MAY_DIFFER = ("data.root", "data.verify", "name", "run_id")


class OneNetwork:
    """A network that is ablated without a search, with its data and its recipe."""

    def __init__(self, arch: Arch, data: DataSpec, recipe: Recipe, name: str | None = None) -> None:
        """name: what the network is called in tables, `xoresnet14`."""
        self.arch, self.data, self.recipe, self.name = arch, data, recipe, name

    def fields(self) -> dict[str, Any]:
        """What `config.yaml` holds, and what two ablations in one folder must have in common."""
        parts = {"arch": self.arch, "data": self.data, "recipe": self.recipe}
        dumped = {name: part.model_dump(mode="json") for name, part in parts.items()}
        return {"command": "ablate", "name": self.name, **dumped}


def check_folder(folder: RunFolder, network: OneNetwork) -> None:
    """Raises `RunError` if the folder holds something other than the ablation of this network."""
    saved = _saved(folder)
    if saved is None:
        return
    if saved.get("command") != "ablate":
        raise NoRunError(f"{folder.shown} {wrong_content(saved, 'ablation')}; choose another run folder")
    changes = [text for key, text in differences(saved, network.fields()) if key not in _MAY_DIFFER]
    if changes:
        raise NoRunError(f"{folder.shown} holds another ablation: {'; '.join(changes)}; choose another run folder")


def is_alone(folder: RunFolder) -> bool:
    """Whether the folder holds an ablation that belongs to no search; False where that cannot be read."""
    try:
        saved = _saved(folder)
    except RunError:
        return False
    return saved is not None and saved.get("command") == "ablate"


def write_config(folder: RunFolder, network: OneNetwork) -> None:
    """Write what `check_folder` compares; the folder is claimed."""
    check_folder(folder, network)  # again: another process may have been here in between
    fields = {"run_id": folder.run_id() or uuid.uuid4().hex[:12], **network.fields()}
    write_text(folder.path / _FILE, write_yaml(fields))


def _saved(folder: RunFolder) -> dict[str, Any] | None:
    """The content of `config.yaml`; None for a folder that is empty or missing. Raises `RunError`."""
    path = folder.path / _FILE
    if not path.exists():
        if folder.path.exists() and not folder.path.is_dir():
            raise NoRunError(f"{folder.shown} is not a folder; choose another run folder")
        if holds_files(folder.path):
            raise NoRunError(f"{folder.shown} holds other files; choose another run folder")
        return None
    try:
        saved = read_yaml(read_small(path).decode("utf-8"), str(path))
    except (UsageError, UnicodeDecodeError) as error:
        raise RunError(str(error)) from None
    if not isinstance(saved, dict):
        raise NoRunError(f"{folder.shown} {wrong_content(saved, 'ablation')}; choose another run folder")
    return saved
