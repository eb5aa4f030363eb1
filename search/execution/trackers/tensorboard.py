"""TensorBoard: event files in `<run>/tensorboard/trial-0007/`, a folder for each trial."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from ray.tune.logger import TBXLoggerCallback
from tensorboardX import SummaryWriter
from tensorboardX.proto.event_pb2 import Event

from xoresnet.measures.records import EpochRecord
from xoresnet.search.execution.trackers.tracked import TrackedTrial

__all__ = ["TensorBoardTracker"]

_PREFIX = "ray/tune/"
"""Ray's callback writes it before the name of each figure."""


_FILES = "events.out.tfevents.*"
_LAST = [field.name for field in fields(EpochRecord) if field.name != "layers"][-1]
"""The figure of an epoch that is written last: without it, a process was killed in the midst of the epoch."""


class _Writer(SummaryWriter):  # type: ignore[misc]
    """Writes figures under their own names, and lets TensorBoard forget an epoch that is in the files only in part."""

    def __init__(self, logdir: str, **more: Any) -> None:
        last, files = _last_epoch(Path(logdir)), len(list(Path(logdir).glob(_FILES)))
        # without the number, a file of the same second would be overwritten
        super().__init__(logdir, purge_step=last + 1 if last else None, filename_suffix=f".{files}", **more)

    def add_scalar(self, tag: str, *arguments: Any, **more: Any) -> None:
        super().add_scalar(tag.removeprefix(_PREFIX), *arguments, **more)


class TensorBoardTracker(TBXLoggerCallback):
    """Ray Tune's callback for TensorBoard with plain names.

    A trial that goes on gets another event file in its folder, which TensorBoard shows as one curve.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._summary_writer_cls = _Writer

    def last_epoch(self, trial: TrackedTrial, recorded: int) -> int:
        """The last epoch in the event files of a trial, as `Tracker` has it."""
        return _last_epoch(Path(trial.local_path))

    def end(self, status: str) -> None:
        """Nothing: the writers of trials are closed already."""

    def give_up(self) -> None:
        """Nothing: files need no giving up."""

    def _try_log_hparams(self, trial: Any, result: dict[str, Any]) -> None:
        super()._try_log_hparams(trial, {name.removeprefix(_PREFIX): value for name, value in result.items()})


def _last_epoch(folder: Path) -> int:
    """The last epoch that the event files in a folder have as a whole; 0 without any."""
    events = (event for file in folder.glob(_FILES) for event in _events(file))
    return max((event.step for event in events if any(value.tag == _LAST for value in event.summary.value)), default=0)


def _events(file: Path) -> Iterator[Event]:
    """The events of a file, up to a last one that a killed process has written half.

    Each is a record of TensorFlow's: the length in 8 bytes, its checksum in 4, the event, and a checksum in 4.
    """
    content, place = file.read_bytes(), 0
    while place + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        end = place + 12 + length + 4
        if end > len(content):
            return
        yield Event.FromString(content[place + 12 : end - 4])
        place = end
