"""Commands, called as a shell would call them, but within this process."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from xoresnet.search.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value that stdout must be."""
        return json.loads(self.out, parse_constant=_refuse)

    def is_refusal(self, code: int, message: str) -> bool:
        """Whether stderr is this one sentence; `*` in it stands for anything but a new line."""
        head, *rest = self.err.splitlines()
        pattern = f"error: {message}".replace("[", "[[]").replace("?", "[?]")
        assert fnmatchcase(head, pattern), head
        assert (self.code, rest) == (code, [])
        return True


def xoresnet(*words: str) -> Result:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(list(words))
    return Result(code, out.getvalue(), err.getvalue())


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")
