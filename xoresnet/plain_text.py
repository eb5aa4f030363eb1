"""Values and texts of strangers in messages: bounded in length, and without characters that steer a terminal."""

from __future__ import annotations

from itertools import islice
from reprlib import Repr
from typing import Any
from unicodedata import category

from xoresnet.limits import MOST_ERROR_CHARACTERS, MOST_SHOWN_CHARACTERS

__all__ = ["cut", "shown", "visible"]

_KEPT = frozenset("\n\t")


def visible(text: str) -> str:
    r"""The text with control characters, format characters and lone surrogates written as Python escapes.

    So no text can move a terminal's cursor, set its title, colour or clipboard, hide a link or reverse the direction of
    reading. Line ends and tabs stay.

    >>> print(visible("\x1b]0;gotcha\x07 caf\xe9"))
    \x1b]0;gotcha\x07 café
    """
    if text.isprintable():
        return text
    return "".join(
        character if character in _KEPT or not _steers(character) else repr(character)[1:-1] for character in text
    )


def cut(text: str, most: int = MOST_ERROR_CHARACTERS) -> str:
    """The text, or its beginning and its end with the number of characters left out where it is longer than `most`.

    >>> cut("abcdefghij" * 10, 40)
    'abcdefghij ... (80 characters) ... abcdefghij'
    """
    if len(text) <= most:
        return text
    ends = max(1, most // 4)
    return f"{text[:ends]} ... ({len(text) - 2 * ends} characters) ... {text[-ends:]}"


class _Shown(Repr):
    """`repr` that makes no more text than it shows, whatever the size of the value."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = 8
        self.maxstring = self.maxother = MOST_SHOWN_CHARACTERS

    def repr_dict(self, x: Any, level: int) -> str:
        """In the order of the mapping, where `Repr` sorts its keys."""
        if level <= 0:
            return "{...}"
        items = [f"{self.repr1(key, level - 1)}: {self.repr1(x[key], level - 1)}" for key in islice(x, self.maxdict)]
        return f"{{{', '.join(items + (['...'] if len(x) > self.maxdict else []))}}}"

    def repr_set(self, x: set[Any], level: int) -> str:
        """Likewise."""
        return f"{{{self.repr_list(list(islice(x, self.maxset + 1)), level)[1:-1]}}}" if x else "set()"

    def repr_int(self, x: int, level: int) -> str:
        if x.bit_length() <= 256:  # Python refuses to write numbers of more than 4,300 digits
            return repr(x)
        return f"{'-' if x < 0 else ''}a number of about {int(x.bit_length() * 0.30103):,} digits"


_SHOWN = _Shown()


def shown(value: object) -> str:
    """`repr(value)` as messages show it: at most `MOST_SHOWN_CHARACTERS` long, and never longer in the making.

    >>> shown("midle"), shown([1] * 10**6)
    ("'midle'", '[1, 1, 1, 1, 1, 1, 1, 1, ...]')
    """
    return cut(_SHOWN.repr(value), MOST_SHOWN_CHARACTERS)


def _steers(character: str) -> bool:
    return category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
