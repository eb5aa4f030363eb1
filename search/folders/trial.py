"""The folder of one trial or confirmed training: which files it holds, who writes them, and when they are removed.

arch.json                the network; written when the trial is handed out
checkpoint.safetensors   written by the worker after each epoch, so that the training can be resumed; removed when the
                         trial is complete, kept for paused trials that may go on
checkpoint.safetensors.damaged   a checkpoint that could not be read; training began anew
weights.safetensors      the network's state_dict after the last epoch; written by the worker
config.json              what `load_model` needs besides the weights; written with them

For a run at a URL, checkpoints, weights and `config.json` exist only there; workers write them.

The folder of a single training (`folders/train.py`) is one of these with further files. Nothing here imports torch
until weights are written, because tables of runs are read without it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from xoresnet.files.atomic import replaced, sweep
from xoresnet.files.disk import disk_errors
from xoresnet.files.remote import patiently
from xoresnet.search.folders.mirror import is_copy
from xoresnet.search.folders.uploads import Uploads

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ARRIVAL_SECONDS", "TrialFolder", "arrival_fault"]

ARRIVAL_SECONDS = 5.0
"""How long a file server may take to show what another machine has written."""


class TrialFolder:
    """The files of one training, `path/...`."""

    def __init__(self, path: Path, uploads: Uploads | None = None) -> None:
        """uploads: of a run at a URL, of which `path` is in the copy."""
        self.path, self._uploads = path, uploads

    @classmethod
    def in_run(cls, run: Path, kind: str, number: int, arch_id: str, uploads: Uploads | None = None) -> TrialFolder:
        """The folder of a trial in a run; kind: `trials` of the search, or `confirmed`. uploads: of a run at a URL.

        >>> TrialFolder.in_run(Path("runs/digits"), "trials", 7, "3f9c2a1b0d").path.as_posix()
        'runs/digits/trials/0007-3f9c2a1b0d'
        """
        return cls(run / kind / f"{number:04d}-{arch_id}", uploads)

    @property
    def arch(self) -> Path:
        return self.path / "arch.json"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.safetensors"

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    def create(self, arch: str | None = None) -> None:
        """Make the folder, and write the network into it if it is given; arch: as JSON.

        Raises `OSError` if the run has no folder any more, which must not be made again.
        """
        self.path.parent.mkdir(exist_ok=True)
        self.path.mkdir(exist_ok=True)
        if arch is not None:
            self.arch.write_text(json.dumps(json.loads(arch), indent=2) + "\n", encoding="utf-8")

    def prepare(self, *, without_checkpoint: bool) -> None:
        """Make ready for a training that continues from the checkpoint, or begins anew. Raises `RemoteError`."""
        if without_checkpoint:
            self.checkpoint.unlink(missing_ok=True)
        if self._uploads is not None:
            is_left = self._uploads.settle(self._name(self.checkpoint))
            if is_left or without_checkpoint:
                remote, name = self._uploads.remote, self._name(self.checkpoint)
                patiently(lambda: remote.remove(name))

    def take_over(self, stopped: TrialFolder) -> None:
        """Continue from the checkpoint of a stopped trial, whose other files are removed. Raises `RemoteError`."""
        if stopped.checkpoint.exists():
            stopped.checkpoint.replace(self.checkpoint)
        if self._uploads is not None:
            theirs, remote = stopped._name(stopped.checkpoint), self._uploads.remote
            if not self._uploads.settle(theirs) and patiently(lambda: remote.file(theirs)) is not None:
                patiently(lambda: remote.move(theirs, self._name(self.checkpoint)))
        stopped.remove()

    def write_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Write a state_dict; whoever reads the file meanwhile sees all of it or none."""
        from safetensors.torch import save_file

        with replaced(self.weights) as partial, disk_errors(self.weights):
            save_file({name: value.contiguous() for name, value in weights.items()}, partial)

    def weights_fault(self) -> str:
        """Why the weights that a worker has written are not here; empty if they are, or if it has uploaded them."""
        return "" if self._uploads is not None else arrival_fault(self.weights, "its weights have")

    def has_weights(self) -> bool:
        """Whether the weights of a complete training are kept, here or at the URL of the run."""
        return self.weights.exists() or is_copy(self.path.parents[1])

    def has_checkpoint(self) -> bool:
        """Whether a paused training can go on where it was; one at a URL is taken to, and begins anew if it cannot."""
        return self.checkpoint.exists() or is_copy(self.path.parents[1])

    def keep_weights(self) -> None:
        """Tidy up after a complete trial: its weights stay, its checkpoint is not needed any more."""
        if self.has_weights():
            self.evict()
        sweep(self.path)

    def drop_weights(self) -> None:
        """Remove the weights of a complete trial; what else is in the folder stays."""
        files = (self.weights, self.path / "config.json")
        for file in files:
            file.unlink(missing_ok=True)
        if self._uploads is not None:
            self._uploads.remove_later(*map(self._name, files))

    def evict(self) -> None:
        """Remove the checkpoint of a paused trial; what else is in the folder stays."""
        self.checkpoint.unlink(missing_ok=True)
        if self._uploads is not None:
            self._uploads.remove_later(self._name(self.checkpoint))

    def remove(self) -> None:
        """Remove the folder with all its files; no error where there is none."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._uploads is not None:
            files = (self.checkpoint, self.weights, self.arch, self.path / "config.json")
            self._uploads.remove_later(*map(self._name, files))

    def _name(self, file: Path) -> str:
        """A file's name in the run."""
        return file.relative_to(self.path.parents[1]).as_posix()


def arrival_fault(file: Path, what: str) -> str:
    """Why a file that a worker has written is not here; empty if it is. what: the file's content, for the message.

    Waits for a file server that may show a new file some seconds later.
    """
    until = time.monotonic() + ARRIVAL_SECONDS
    while not file.exists():
        if time.monotonic() > until:
            return f"{what} not arrived in {file.parent}: its node does not share the run's folder"
        time.sleep(0.1)
    return ""
