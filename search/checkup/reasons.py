"""Errors of other libraries in a few words."""

from __future__ import annotations

import os
import re

from xoresnet.files.secrets import hidden

__all__ = ["in_few_words"]

_MOST_CHARACTERS = 300
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def in_few_words(error: BaseException) -> str:
    r"""The system's own words for an error of the system; else the line that says what happened, without passwords.

    That is the last line of a traceback in the error's text, otherwise the first.

    >>> in_few_words(PermissionError(13, "Failed to open local file 'a'. Detail: [errno 13] Permission denied"))
    'Permission denied'
    >>> in_few_words(ValueError("no such bucket\nask its owner"))
    'no such bucket'
    """
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    lines = [line.strip() for line in _COLOURS.sub("", str(error)).splitlines() if line.strip()]
    has_traceback = any(line.startswith(("Traceback", "ray::", "File ")) for line in lines)
    return hidden(lines[-1 if has_traceback else 0][:_MOST_CHARACTERS]) if lines else type(error).__name__
