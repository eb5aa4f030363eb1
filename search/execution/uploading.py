"""A search or a confirmation while what it writes is brought to the URL of its run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.execute import Outcome
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.folders.run import RunFolder

__all__ = ["note_uploads", "push_last", "uploading"]

_LAST_SECONDS = 2.0, 20.0
"""How long the last writes may take, to a folder and to a URL: the process is about to end."""


def uploading(folder: RunFolder, run: Callable[[], Outcome]) -> Outcome:
    """Call `run`, and upload until it has ended; without a URL, only call it.

    What could not be uploaded at the end stays in the copy of the run on this machine, and the outcome says so.
    """
    if folder.uploads is None:
        return run()
    folder.uploads.begin()
    outcome = run()
    if outcome.is_folder_gone or (folder.lease is not None and folder.lease.lost):
        return outcome
    fault = folder.uploads.end()
    if not fault:
        return outcome
    kept = f"{fault}; what was not uploaded is kept in {folder.path}, and the same command uploads it"
    return replace(outcome, errors=(kept, *outcome.errors), failed=True, ended=outcome.ended or "not uploaded")


def note_uploads(folder: RunFolder, bridge: TrialBridge, lifeline: Lifeline) -> None:
    """Note what went wrong with the URL of a run, and end the run where another driver has taken over."""
    if folder.uploads is not None:
        while folder.uploads.faults:
            bridge.errors.append(folder.uploads.faults.pop(0))
    if folder.lease is not None and folder.lease.lost and not lifeline.lost:
        lifeline.lose(folder.lease.lost)


def push_last(folder: RunFolder, write_tables: Callable[[], None]) -> None:
    """Write the tables, and upload, in a thread that is not waited for longer than a moment."""

    def write() -> None:
        write_tables()
        if folder.uploads is not None:
            folder.uploads.push()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writer.join(_LAST_SECONDS[folder.uploads is not None])
