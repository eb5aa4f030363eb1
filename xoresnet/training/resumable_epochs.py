"""Epochs one after another, which may end anywhere and go on from a checkpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

__all__ = ["ResumableEpochs"]

Record = TypeVar("Record")


class ResumableEpochs(ABC, Generic[Record]):
    """`records` of the epochs done, and iteration over those to come.

    Stopping between two epochs is always safe. Iterating anew after an exception goes on from the checkpoint.
    Subclasses call `_begin` at the end of their `__init__`.
    """

    def __init__(self, epochs: int, checkpoint: str | Path | None) -> None:
        self.records: list[Record] = []
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
        """Make weights and optimizer as they are before the first epoch."""

    @abstractmethod
    def _epoch(self, epoch: int) -> Record:
        """Train one epoch, counted from 1."""

    @abstractmethod
    def _save(self, file: Path) -> None:
        """Write a checkpoint, with the records."""

    @abstractmethod
    def _restore(self, file: Path) -> None:
        """Read a checkpoint, with the records. Raises ValueError for one of another training."""

    def _begin(self) -> None:
        self._within_epoch = False
        self._prepare()
        if self._file is not None and self._file.exists():
            self._restore(self._file)

    def _begin_again(self) -> None:
        if self.records and (self._file is None or not self._file.exists()):
            epoch = len(self.records) + 1
            raise RuntimeError(f"training was interrupted within epoch {epoch} and has no checkpoint to go on from")
        self.records = []
        self._begin()
