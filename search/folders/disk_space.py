"""The disk of a run: whether what its running trials will write still fits, and a sentence for when it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count
from xoresnet.errors import RunError
from xoresnet.files.disk import free_bytes, full_disk
from xoresnet.search.folders.mirror import is_copy

__all__ = ["DiskSpace"]

_RESERVE = 2**20
"""Bytes for what a run writes beside tables and weights: lines of its journal, small files, Ray's own."""
_PER_PARAMETER = 16
"""Bytes: a checkpoint holds the weights and two numbers of the optimizer for each, and is replaced by a second file;
weights are written once more after the last epoch."""

Config = Mapping[str, Any]
"""The configuration of a running trial; its network, if it has one, is under `arch` as JSON."""


class DiskSpace:
    """The space that a run has and needs in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def needed(self, running: Iterable[Config]) -> int:
        """The bytes that must be free for the run to continue: the next files of each trial, and new tables."""
        stays = not is_copy(self.folder)  # else weights and checkpoints go to the URL
        networks = [Arch.from_json(config["arch"]) for config in running if "arch" in config and stays]
        tables = sum(map(_size, self.folder.glob("*.parquet")))
        return _RESERVE + tables + _PER_PARAMETER * sum(map(params_count, networks))

    def shortage(self, running: Iterable[Config]) -> str:
        """A sentence that says how much is free and how much is needed; empty if there is room, or if nobody knows."""
        free, needed = free_bytes(self.folder), self.needed(running)
        return "" if free is None or free >= needed else full_disk(self.folder, needed)

    def check(self) -> None:
        """Raises `RunError` if there is no room to begin, before anything is written."""
        shortage = self.shortage(())
        if shortage:
            raise RunError(shortage)

    def sentence(self, running: Iterable[Config], error: BaseException | str) -> str:
        """The sentence after an error that said that no more can be written."""
        return full_disk(self.folder, self.needed(running), error)


def _size(file: Path) -> int:
    """0 for a file that has been removed meanwhile, or whose file server does not answer."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
