"""The folder of a search: its configuration, its lock, and a folder for each trial."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xoresnet.errors import RunError, SpecError, XOResNetError, YamlError
from xoresnet.files.atomic import sweep, write_text
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.results.tables.contents import wrong_content
from xoresnet.search.config import MAY_CHANGE, SearchConfig
from xoresnet.search.folders.claim import claimed, holds_files, is_claimed
from xoresnet.search.folders.differences import differences
from xoresnet.search.folders.trial import TrialFolder

__all__ = ["CONFIRM_JOURNAL", "JOURNAL", "RunFolder"]

JOURNAL = "study.journal"
"""The file of the study, unless it is in a storage elsewhere."""
CONFIRM_JOURNAL = "confirm.journal"
"""The file of the confirmation's study."""
_PACKAGES = ("xoresnet", "torch", "ray", "optuna", "numpy", "pandas")
"""The packages whose versions are recorded."""


class RunFolder:
    """The folder of one search, usually `runs/<name>`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def saved_config(self) -> SearchConfig | None:
        """The configuration of the search in this folder, or None if the folder is empty or missing.

        Raises `RunError` for a folder that holds something else, and for a configuration that cannot be read.
        """
        path = self.path / "config.yaml"
        if not path.exists():
            if self.path.exists() and not self.path.is_dir():
                raise RunError(f"{self.path} is not a folder")
            if holds_files(self.path):
                raise RunError(f"{self.path} holds other files")
            return None
        try:
            saved = read_yaml(path.read_text(encoding="utf-8"), str(path))
        except YamlError as error:
            raise RunError(str(error)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        if not isinstance(saved, dict) or saved.get("command") != "search":
            raise RunError(f"{self.path} {wrong_content(saved, 'search')}")
        del saved["command"]
        try:
            return SearchConfig.from_dict(saved)
        except SpecError as error:
            raise RunError(f"{path} is not a configuration of this version: {error}") from None

    def check(self, config: SearchConfig) -> SearchConfig:
        """The configuration with the name of its study. Raises `RunError` if the folder holds another search."""
        try:
            saved = self.saved_config()
        except XOResNetError as error:
            raise RunError(f"{error}; choose another run folder") from None
        name = self.path.name if saved is None else saved.study
        config = config if config.study is not None else config.replace(study=name or self.path.name)
        if saved is None:
            return config
        if saved.study is None:
            saved = saved.replace(study=self.path.name)
        before, now = (each.model_dump(mode="json") for each in (saved, config))
        changes = [text for key, text in differences(before, now) if key not in MAY_CHANGE]
        if changes:
            raise RunError(f"{self.path} holds another search: {'; '.join(changes)}; choose another run folder")
        return config

    @contextmanager
    def opened(self, config: SearchConfig) -> Iterator[SearchConfig]:
        """Lock the folder for this process until the block ends, and write the configuration, as `check` returns it.

        Raises `RunError` if it holds another search, or if another process is working in it.
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
            except XOResNetError:
                if is_new and not (self.path / JOURNAL).exists():  # nothing was begun: leave nothing behind
                    (self.path / "config.yaml").unlink()
                    (self.path / "environment.json").unlink()
                raise

    def is_busy(self) -> bool:
        """Whether a process is working in the folder."""
        return is_claimed(self.path)

    def trial(self, number: int, arch_id: str) -> TrialFolder:
        """The folder of a trial of the search."""
        return TrialFolder.in_run(self.path, "trials", number, arch_id)


def _environment() -> dict[str, Any]:
    """Versions of Python, the platform and the packages that matter."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": sys.version.split()[0], "platform": platform.platform(), "packages": versions}
