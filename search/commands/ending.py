"""The last lines of a search or a confirmation: what went wrong, what is kept, and how to go on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path

from xoresnet.files.places import is_url
from xoresnet.search.execution.execute import Outcome
from xoresnet.search.folders.mirror import shown_run
from xoresnet.search.interrupts import signal_of
from xoresnet.search.views.live import LiveView
from xoresnet.search.views.messages import print_error, print_note

__all__ = ["last_words", "show_end", "show_interruption"]

_SHOWN = 3
"""Of the errors outside of trials."""


def show_end(outcome: Outcome, command: str, printed: Collection[str] = ()) -> int:
    """Print what went wrong; returns the exit code, 0 if nothing did.

    command: the command line that resumes it. printed: notices that were printed already.
    """
    if outcome.is_folder_gone:  # which explains all other errors
        print_error(f"{outcome.ended}; if it was moved, resume the search there, with --run and its new path")
        return 1
    for error in outcome.errors[:_SHOWN]:
        print_error(error)
    for notice in outcome.notices:
        if notice not in printed:
            print_note(notice)
    kept = f"everything finished is kept in {shown_run(outcome.folder)}; to resume: {command}"
    if outcome.interrupted:
        print_error(f"interrupted; {kept}")
        return 128 + outcome.interrupted
    if outcome.failed:
        print_error(f"{outcome.ended}; {kept}")
        return 1
    return 0


def show_interruption(interrupt: KeyboardInterrupt, run: str, command: str) -> int:
    """Print the end of a run that was interrupted outside of its trials, as while Ray starts; returns the exit code."""
    begun = is_url(run) or Path(run).exists()
    kept = f"everything finished is kept in {run}; to resume: {command}" if begun else "nothing was begun"
    print_error(f"interrupted; {kept}")
    return 128 + signal_of(interrupt)


def last_words(command: str, view: LiveView) -> Callable[[Outcome], None]:
    """What to do where Ray keeps the main thread from ending: the same, and then end the process."""

    def end(outcome: Outcome) -> None:
        code = 1
        try:
            view.__exit__(None, None, None)
            code = show_end(outcome, command, view.printed)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:  # even if nobody reads what is printed
            os._exit(code)

    return end
