"""The folder of a search: its configuration, its lock, and a folder for each trial."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import shlex
import sys
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from xoresnet.errors import NoRunError, RunError, SpecError, UsageError, XOResNetError
from xoresnet.files.atomic import sweep, write_text
from xoresnet.files.places import local_path
from xoresnet.files.run_contents import wrong_content
from xoresnet.files.secrets import HIDDEN, hidden_address, is_whole, private, without_password
from xoresnet.files.small import read_small
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.search.config import MAY_CHANGE, SearchConfig
from xoresnet.search.folders.claim import LOCK, claimed, holds_files, is_claimed
from xoresnet.search.folders.differences import differences
from xoresnet.search.folders.disk_space import DiskSpace
from xoresnet.search.folders.earlier import of_today
from xoresnet.search.folders.lease import Lease
from xoresnet.search.folders.mirror import BUSY, shown_run
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.folders.uploads import Uploads

__all__ = ["ABLATION_JOURNAL", "CONFIRM_JOURNAL", "JOURNAL", "MARKER", "OF_FOLDER", "RECORDED", "TABLES", "RunFolder"]

JOURNAL = "study.journal"
"""The file of the study, unless it is in a storage elsewhere."""
CONFIRM_JOURNAL = "confirm.journal"
"""The file of the confirmation's study."""
ABLATION_JOURNAL = "ablation.journal"
"""The file of the ablation's study."""
OF_FOLDER = ("command", "run_id")
"""What `config.yaml` holds beside the configuration: the command that wrote it, and the id of the run."""
TABLES = ("trials.parquet", "history.parquet", "layers.parquet", "front.csv")
"""What a search writes from its study, in this order."""
MARKER = ".seen"
"""A file into which the driver writes what no other folder has, so that nodes can tell whether they see this one."""
RECORDED = "recorded.txt"
"""A file that users put into a run that they pass on without its study: its tables are complete."""
_WRITTEN = ("config.yaml", "environment.json")
"""What is written when a folder is opened."""
_BEGUN = ("trials", "prior")
"""What exists once a trial, or the training of shared weights, has begun."""
_RELATIVE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|file:|:|[A-Za-z]:)([^?]+)")
_PACKAGES = ("xoresnet", "torch", "ray", "optuna", "numpy", "pandas")
"""The packages whose versions are recorded."""


class RunFolder:
    """The folder of one search, usually `runs/<name>`."""

    def __init__(
        self,
        path: Path,
        uploads: Uploads | None = None,
        lease: Lease | None = None,
        remote_files: Collection[str] = (),
    ) -> None:
        """uploads, lease, remote_files: of a run at a URL, of which `path` is the copy; the names of the files there.

        Raises `UsageError` for a URL.
        """
        self.path = local_path(path, "the folder of a run").absolute()
        self.uploads, self.lease, self.remote_files = uploads, lease, remote_files

    @property
    def shown(self) -> str:
        """The run as users know it: its path, or its URL."""
        return shown_run(self.path)

    def saved_config(self) -> SearchConfig | None:
        """The configuration of the search in this folder, or None if the folder is empty or missing.

        Raises `RunError` for a folder that holds something else, and for a configuration that cannot be read.
        """
        path = self._config_file
        if not path.exists():
            if self.path.exists() and not self.path.is_dir():
                raise NoRunError(f"{self.path} is not a folder")
            if holds_files(self.path):
                raise NoRunError(f"{self.path} holds other files")
            return None
        saved = self._saved_fields()
        if not isinstance(saved, dict) or saved.get("command") != "search":
            raise NoRunError(f"{self.path} {wrong_content(saved, 'search')}")
        fields = of_today({name: value for name, value in saved.items() if name not in OF_FOLDER})
        try:
            return SearchConfig.from_dict(fields)
        except SpecError as error:
            raise RunError(f"{path} is not a configuration of this version: {error}") from None

    def run_id(self) -> str | None:
        """The id of the run, made when its folder is first opened; None if there is none, as in earlier versions."""
        try:
            saved = self._saved_fields()
        except RunError:
            return None
        run_id = saved.get("run_id") if isinstance(saved, dict) else None
        return None if run_id is None else str(run_id)

    @property
    def _config_file(self) -> Path:
        return self.path / "config.yaml"

    def _saved_fields(self) -> Any:
        """The content of `config.yaml`. Raises `RunError` if it cannot be read."""
        path = self._config_file
        try:
            return read_yaml(read_small(path).decode("utf-8"), str(path))
        except UsageError as error:
            raise RunError(str(error)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None

    def check(self, config: SearchConfig) -> SearchConfig:
        """The configuration with the name of its study. Raises `RunError` if the folder holds another search."""
        try:
            saved = self.saved_config()
        except XOResNetError as error:
            kind = NoRunError if isinstance(error, NoRunError) else RunError
            raise kind(f"{error}; choose another run folder") from None
        name = self.path.name if saved is None else saved.study
        config = config if config.study is not None else config.replace(study=name or self.path.name)
        config = _with_absolute_file(_with_saved_password(config, saved))
        if saved is None:
            return config
        if saved.study is None:
            saved = saved.replace(study=self.path.name)
        before, now = (_compared(_with_absolute_file(each)) for each in (saved, config))
        changes = [text for key, text in differences(before, now) if key not in MAY_CHANGE]
        if changes:
            what = f"{self.shown} holds another search: {'; '.join(changes)}"
            go_on = f"xoresnet search --run {shlex.quote(self.shown)}"
            raise NoRunError(f"{what}; choose another run folder, or continue that search: {go_on}")
        return config

    @contextmanager
    def opened(self, config: SearchConfig, facts: Mapping[str, Any] | None = None) -> Iterator[SearchConfig]:
        """Lock the folder for this process until the block ends, and write the configuration, as `check` returns it.

        facts: what `environment.json` notes beside the machine, as `SearchPlan.facts` has it.
        Raises `RunError` if it holds another search, if another process is working in it, or if its disk is full.
        """
        self.check(config)
        DiskSpace(self.path).check()
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        with claimed(self.path):
            sweep(self.path)
            config = self.check(config)  # again: another process may have been here in between
            files = [self.path / name for name in _WRITTEN if (self.path / name).exists()]
            before = {file.name: file.read_text(encoding="utf-8", errors="replace") for file in files}
            run_id = self.run_id() or uuid.uuid4().hex[:12]
            fields = {"command": "search", "run_id": run_id, **config.model_dump(mode="json")}
            write_text(self._config_file, write_yaml(fields), private=private(config.storage))
            write_text(self.path / "environment.json", json.dumps({**_environment(), **(facts or {})}, indent=2) + "\n")
            try:
                yield config
            except XOResNetError:  # it was refused
                for name, text in before.items():
                    with suppress(OSError):
                        write_text(self.path / name, text, private=name == "config.yaml" and private(config.storage))
                if not before and not self.has_trials():
                    self._leave_nothing(missing)
                raise

    def _leave_nothing(self, missing: Sequence[Path]) -> None:
        """Remove what a search has written that was refused before its first trial; missing: folders to remove."""
        for name in (*_WRITTEN, JOURNAL, *TABLES, MARKER, LOCK):
            (self.path / name).unlink(missing_ok=True)
        for folder in missing:
            with suppress(OSError):  # it holds something else
                folder.rmdir()

    def has_trials(self) -> bool:
        """Whether a trial, or the training of shared weights, has begun."""
        return any((self.path / name).exists() for name in _BEGUN)

    def is_busy(self) -> bool:
        """Whether a process is working in the folder, or at the URL of which it is a copy."""
        return is_claimed(self.path) or (self.path / BUSY).exists()

    def is_recorded(self) -> bool:
        """Whether the run has its tables alone, and is meant to be read without its study."""
        return (self.path / RECORDED).exists() and not (self.path / JOURNAL).exists()

    def opened_at(self) -> float:
        """When a process last opened the folder to search, in seconds since 1970; 0 if that is not known."""
        try:
            return (self.path / _WRITTEN[-1]).stat().st_mtime
        except OSError:
            return 0.0

    def is_behind(self) -> bool:
        """Whether the tables may lack something that the journal has, or one of them is missing.

        `front.csv` is the last to be written.
        """
        try:
            sizes = [(self.path / name).stat().st_size for name in TABLES]
            written = (self.path / TABLES[-1]).stat().st_mtime_ns
            return not all(sizes) or written < (self.path / JOURNAL).stat().st_mtime_ns
        except (OSError, ValueError):
            return True

    def trial(self, number: int, arch_id: str) -> TrialFolder:
        """The folder of a trial of the search."""
        return TrialFolder.in_run(self.path, "trials", number, arch_id, self.uploads)

    def retrained(self, kind: str, number: int, arch_id: str) -> TrialFolder:
        """The folder of a training of the confirmation or the ablation; kind: `confirmed` or `ablated`."""
        return TrialFolder.in_run(self.path, kind, number, arch_id, self.uploads)


def _with_saved_password(config: SearchConfig, saved: SearchConfig | None) -> SearchConfig:
    """`***`, as passwords are shown, stands for the password that the run has. Raises `RunError` if it has none."""
    if is_whole(config.storage):
        return config
    assert config.storage is not None
    known = None if saved is None else saved.storage
    if known is not None and without_password(known) == without_password(config.storage):
        return config.replace(storage=known)
    shown = hidden_address(config.storage)
    raise RunError(f"storage: {shown}: this run has no password for {HIDDEN}; write it, or ${{VAR}} for a variable")


def _with_absolute_file(config: SearchConfig) -> SearchConfig:
    """A database in a file is found from every working directory: its path becomes absolute when the run is begun."""
    match = _RELATIVE_FILE.match(config.storage or "")
    if match is None:
        return config
    assert config.storage is not None
    path = Path(match[2]).absolute().as_posix()
    return config.replace(storage=f"{match[1]}{path}{config.storage[match.end() :]}")


def _compared(config: SearchConfig) -> dict[str, Any]:
    """The fields in which another search would differ; a database may get another password."""
    fields = config.model_dump(mode="json")
    return fields if config.storage is None else {**fields, "storage": without_password(config.storage)}


def _environment() -> dict[str, Any]:
    """Versions of Python, the platform and the packages that matter."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": sys.version.split()[0], "platform": platform.platform(), "packages": versions}
