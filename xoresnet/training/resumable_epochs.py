"""`ResumableEpochs`: epochs one after another, which may stop anywhere and resume from a checkpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

from xoresnet.errors import CheckpointError, TrainingError

__all__ = ["ResumableEpochs"]

Record = TypeVar("Record")


class ResumableEpochs(ABC, Generic[Record]):
    """The `records` of finished epochs, and iteration over those to come.

    It is always safe to stop between two epochs. Iterating again after an exception resumes from the checkpoint, and
    raises `TrainingError` if there is none. A damaged checkpoint is set aside, and training begins at epoch 1; `notice`
    then says so, and is empty otherwise. Subclasses call `_begin` at the end of their `__init__`.
    """

    def __init__(self, epochs: int, checkpoint: str | Path | None) -> None:
        self.records: list[Record] = []
        self.notice = ""
        self._epochs = epochs
        self._file = None if checkpoint is None else Path(checkpoint)
        self._within_epoch = False

    def __iter__(self) -> Iterator[Record]:
        if self._within_epoch:  # an exception left the weights between two epochs
            self._begin_again()
        while len(self.records) < self._epochs:
            self._within_epoch = True
            record = self._epoch(len(self.records) + 1)
            self.records.append(record)
            if self._file is not None:
                self._save(self._file)
            self._within_epoch = False
            yield record

    @abstractmethod
    def _prepare(self) -> None:
        """Create weights and optimizer as they are before the first epoch."""

    @abstractmethod
    def _epoch(self, epoch: int) -> Record:
        """Train one epoch, counted from 1."""

    @abstractmethod
    def _save(self, file: Path) -> None:
        """Write a checkpoint, including the records."""

    @abstractmethod
    def _restore(self, file: Path) -> None:
        """Read a checkpoint, including the records.

        Raises `CheckpointError`, before anything is changed, if it is damaged, and `RunError` if it is of another
        training.
        """

    def _begin(self) -> None:
        self._within_epoch = False
        self._prepare()
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if not self._file.exists():
            return
        try:
            self._restore(self._file)
        except CheckpointError as error:
            aside = self._file.with_name(f"{self._file.name}.damaged")
            self._file.replace(aside)
            self.notice = f"{error}; it was set aside as {aside.name}, and training begins at epoch 1"

    def _begin_again(self) -> None:
        if self.records and (self._file is None or not self._file.exists()):
            epoch = len(self.records) + 1
            raise TrainingError(f"training was interrupted within epoch {epoch} and has no checkpoint to resume from")
        self.records = []
        self._begin()
