"""The folder of a search: what it was told, its lock, and a folder for each trial."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xoresnet.atomic import write_text
from xoresnet.search.claim import claimed, holds_files, is_claimed
from xoresnet.search.config import MAY_CHANGE, SearchConfig
from xoresnet.search.differences import differences
from xoresnet.search.errors import CommandError
from xoresnet.yaml_text import YamlError, read_yaml, write_yaml

__all__ = ["RunFolder"]

_PACKAGES = ("xoresnet", "torch", "ray", "optuna", "numpy", "pandas")


class RunFolder:
    """`runs/<name>`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def saved_config(self) -> dict[str, Any] | None:
        """What the search in this folder was told, or None where there is none. Raises `CommandError`."""
        path = self.path / "config.yaml"
        if not path.exists():
            if holds_files(self.path):
                raise CommandError(f"{self.path} holds other files: choose another folder with --run", exit_code=2)
            return None
        try:
            saved = read_yaml(path.read_text(encoding="utf-8"), str(path))
        except (YamlError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from None
        if not isinstance(saved, dict) or saved.pop("command", None) != "search":
            raise CommandError(f"{self.path} holds something else: choose another folder with --run", exit_code=2)
        return saved

    @contextmanager
    def opened(self, config: SearchConfig) -> Iterator[None]:
        """Claim the folder for this process until the block ends.

        Raises `CommandError` where it holds another search, or another process is at work in it.
        """
        fields = config.model_dump(mode="json")
        saved = self.saved_config()
        if saved is not None:
            found = [line for key, line in differences(saved, fields) if key.split(".")[0] not in MAY_CHANGE]
            if found:
                raise CommandError(
                    f"{self.path} holds another search: {'; '.join(found)}; choose another folder with --run",
                    exit_code=2,
                )
        with claimed(self.path, "searching"):
            write_text(self.path / "config.yaml", write_yaml({"command": "search", **fields}))
            write_text(self.path / "environment.json", json.dumps(_environment(), indent=2) + "\n")
            yield

    def is_busy(self) -> bool:
        """Whether a process is searching in it."""
        return is_claimed(self.path)

    def trial(self, number: int, arch_id: str) -> Path:
        return self.path / "trials" / f"{number:04d}-{arch_id}"


def _environment() -> dict[str, Any]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": sys.version.split()[0], "platform": platform.platform(), "packages": versions}
