"""Secrets in addresses: taken from the environment (`${VAR}`), and hidden wherever an address is shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

from xoresnet.errors import UsageError

__all__ = ["HIDDEN", "expanded", "hidden", "hidden_address", "is_whole", "private", "without_password"]

HIDDEN = "***"
"""What is shown in place of a secret."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_NO_SECRET = re.compile(rf"(?:{_VARIABLE.pattern}|{re.escape(HIDDEN)}|)")
"""What may be shown in the place of a secret."""
_KEY = r"[?&](?:sig|[^=&\s]*(?:pass|pwd|secret|token|signature|access_?key|account_?key|odbc_connect)[^=&\s]*)="
# up to the last @, because a password that was not quoted may contain one, or a slash; the scheme may be forgotten
_IN_ADDRESS = re.compile(
    rf"((?:://|^(?!(?:\w+=)?\w[\w+.-]*://))[^\s:/@?]*:)(.*)(?=@)|({_KEY})([^&]*)", re.DOTALL | re.IGNORECASE
)
_IN_TEXT = re.compile(rf"(\w://[^\s:/@?]*:)(\S*)(?=@)|({_KEY})([^&\s'\"]*)", re.IGNORECASE)


def hidden_address(address: str) -> str:
    """The address with `***` in place of its password; `${VAR}`, which says only where it is kept, stays.

    >>> hidden_address("postgresql://ann:tops3cret@db.lab/studies")
    'postgresql://ann:***@db.lab/studies'
    >>> hidden_address("postgresql://ann:${PGPASSWORD}@db.lab/studies")
    'postgresql://ann:${PGPASSWORD}@db.lab/studies'
    >>> hidden_address("storage=postgresql://ann:tops3cret@db.lab/studies")  # as a word of a command
    'storage=postgresql://ann:***@db.lab/studies'
    """
    return _IN_ADDRESS.sub(_hide, address)


def hidden(text: str) -> str:
    """A sentence with the passwords of all addresses in it hidden, for whatever a library may have put into it.

    >>> hidden("cannot reach mysql://ann:tops3cret@db.lab/studies, is it up?")
    'cannot reach mysql://ann:***@db.lab/studies, is it up?'
    """
    return _IN_TEXT.sub(_hide, text)


def private(address: str | None) -> bool:
    """Whether the address itself contains a secret."""
    return address is not None and hidden_address(address) != address


def is_whole(address: str | None) -> bool:
    """Whether no password of the address was replaced by `***`."""
    return address is None or not any(HIDDEN in (match[2], match[4]) for match in _IN_ADDRESS.finditer(address))


def without_password(address: str) -> str:
    """The address without its password, to compare what two addresses lead to."""
    return _IN_ADDRESS.sub(lambda match: (match[1] or match[3]).removesuffix(":"), address)


def expanded(address: str, environment: Mapping[str, str] = os.environ) -> str:
    """The address with the values of its `${VAR}`; where they are user, password or option, their signs are quoted.

    Raises `UsageError` for a variable that is not set.

    >>> expanded("postgresql://ann:${PW}@db.lab/studies", {"PW": "p@ss/w"})
    'postgresql://ann:p%40ss%2Fw@db.lab/studies'
    """

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise UsageError(f"storage: the environment variable {match[1]} is not set")
        _, begun, before = address[: match.start()].partition("://")
        is_user = bool(begun) and "/" not in before and "@" in address[match.end() :]
        value = environment[match[1]]
        return quote(value, safe="") if is_user or "?" in before else value

    return _VARIABLE.sub(value_of, address)


def _hide(match: re.Match[str]) -> str:
    before, secret = (match[1], match[2]) if match[1] else (match[3], match[4])
    return before + (secret if _NO_SECRET.fullmatch(secret) else HIDDEN)
