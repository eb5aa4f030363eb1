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

from xoresnet.description.schema import SpecError
from xoresnet.files.atomic import sweep, write_text
from xoresnet.files.yaml_text import YamlError, read_yaml, write_yaml
from xoresnet.search.config import MAY_CHANGE, SearchConfig
from xoresnet.search.errors import CommandError
from xoresnet.search.folders.claim import claimed, holds_files, is_claimed
from xoresnet.search.folders.differences import differences

__all__ = ["CONFIRM_JOURNAL", "JOURNAL", "RunFolder"]

JOURNAL = "study.journal"
"""The study, unless it has a storage elsewhere."""
CONFIRM_JOURNAL = "confirm.journal"
"""That of a confirmation."""

_PACKAGES = ("xoresnet", "torch", "ray", "optuna", "numpy", "pandas")


class RunFolder:
    """`runs/<name>`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def saved_config(self) -> SearchConfig | None:
        """What the search in this folder was told, or None where there is none. Raises `CommandError`."""
        path = self.path / "config.yaml"
        if not path.exists():
            if self.path.exists() and not self.path.is_dir():
                raise CommandError(f"{self.path} is no folder", exit_code=2)
            if holds_files(self.path):
                raise CommandError(f"{self.path} holds other files", exit_code=2)
            return None
        try:
            saved = read_yaml(path.read_text(encoding="utf-8"), str(path))
        except YamlError as error:
            raise CommandError(str(error)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from None
        if not isinstance(saved, dict) or saved.pop("command", None) != "search":
            raise CommandError(f"{self.path} holds something else than a search", exit_code=2)
        try:
            return SearchConfig.from_dict(saved)
        except SpecError as error:
            raise CommandError(f"{path} is no configuration of this version: {error}") from None

    def check(self, config: SearchConfig) -> SearchConfig:
        """The configuration with the name of the study. Raises `CommandError` where the folder holds another search."""
        try:
            saved = self.saved_config()
        except CommandError as error:
            raise CommandError(f"{error}; choose another folder with --run", exit_code=error.exit_code) from None
        name = self.path.name if saved is None else saved.study
        config = config if config.study is not None else config.replace(study=name or self.path.name)
        if saved is None:
            return config
        if saved.study is None:
            saved = saved.replace(study=self.path.name)
        before, now = (one.model_dump(mode="json") for one in (saved, config))
        found = [line for key, line in differences(before, now) if key not in MAY_CHANGE]
        if found:
            rule = "choose another folder with --run"
            raise CommandError(f"{self.path} holds another search: {'; '.join(found)}; {rule}", exit_code=2)
        return config

    @contextmanager
    def opened(self, config: SearchConfig) -> Iterator[SearchConfig]:
        """Claim the folder for this process until the block ends; gives what `check` gives.

        Raises `CommandError` where it holds another search, or another process is at work in it.
        """
        self.check(config)
        with claimed(self.path):
            sweep(self.path)
            config = self.check(config)  # again: another process may have been here in between
            is_new = not (self.path / "config.yaml").exists()
            fields = {"command": "search", **config.model_dump(mode="json")}
            write_text(self.path / "config.yaml", write_yaml(fields))
            write_text(self.path / "environment.json", json.dumps(_environment(), indent=2) + "\n")
            try:
                yield config
            except CommandError:
                if is_new and not (self.path / JOURNAL).exists():  # a mistake that came to nothing
                    (self.path / "config.yaml").unlink()
                    (self.path / "environment.json").unlink()
                raise

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
