"""The lines of a journal: what Optuna writes, one JSON object each, guarded by the line's number and a checksum.

A guarded line is an ordinary line of Optuna's with two more keys at its end, which Optuna ignores:
`{"op_code":6,...,"line":17,"crc32":"0a1b2c3d"}`. The number is that of the line in the file, from 1; the checksum is
that of everything before its own key. Lines of earlier versions, and of other programs, have no guard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from zlib import crc32

__all__ = ["entry_of", "guarded", "is_guarded", "is_placed", "number_of"]

_MARK, _NUMBER = b',"crc32":"', b',"line":'
_GUARD = len(_MARK) + len('00000000"}')


def guarded(entry: Mapping[str, Any], number: int) -> bytes:
    r"""The line of an entry, its end of line included.

    >>> guarded({"op_code": 4}, 17)
    b'{"op_code":4,"line":17,"crc32":"455cb50c"}\n'
    """
    body = json.dumps(entry, separators=(",", ":"))[:-1].encode() + b"%s%d" % (_NUMBER, number)
    return b'%s%s%08x"}\n' % (body, _MARK, crc32(body))


def is_guarded(line: bytes) -> bool:
    """Whether a line ends with a checksum, right or wrong; line: without its end of line."""
    return line[-_GUARD : len(_MARK) - _GUARD] == _MARK


def number_of(line: bytes) -> int | None:
    """The number that a guarded line gives itself; None if its checksum is wrong."""
    body = line[:-_GUARD]
    if line[len(_MARK) - _GUARD :] != b'%08x"}' % crc32(body):
        return None
    digits = body[body.rfind(_NUMBER) + len(_NUMBER) :]
    return int(digits) if digits.isdigit() else None


def is_placed(line: bytes, number: int) -> bool:
    """Whether a line is guarded, intact, and the one with this number; line: with its end of line."""
    body = line[: -_GUARD - 1]
    return line[-_GUARD - 1 :] == b'%s%08x"}\n' % (_MARK, crc32(body)) and body.endswith(b"%s%d" % (_NUMBER, number))


def entry_of(line: bytes) -> dict[str, Any] | None:
    """The entry in a line; None for a line that is damaged. Whether it is in its place is not checked."""
    has_guard = is_guarded(line)
    if has_guard and number_of(line) is None:
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or "op_code" not in entry:
        return None
    return entry if has_guard or "line" not in entry else None  # else the key of the checksum itself is damaged
