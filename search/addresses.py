"""The form of addresses, of Ray clusters and of databases, checked before anything heavy is imported."""

from __future__ import annotations

from difflib import get_close_matches

from xoresnet.errors import UsageError
from xoresnet.files.secrets import hidden_address
from xoresnet.plain_text import shown

__all__ = ["check_cluster_address", "check_database_address", "right_database"]

_DATABASES = ("postgresql", "mysql", "mariadb", "sqlite")
_OTHER_NAMES = {"postgres": "postgresql", "pgsql": "postgresql", "psql": "postgresql", "maria": "mariadb"}


def check_cluster_address(address: str) -> str:
    """The address, if it is `auto`, `local`, `HOST:PORT` or `ray://HOST:PORT`. Raises `UsageError`."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address not in ("auto", "local") and not (host and "/" not in host and port.isdecimal() and int(port) < 2**16):
        raise UsageError(f"must be HOST:PORT, ray://HOST:PORT or auto, got {shown(address)}")
    return address


def check_database_address(address: str) -> str:
    """The address, unless its beginning cannot be that of a database; variables, `${VAR}`, may be any part of it.

    Raises `UsageError` with the beginning that was probably meant.
    """
    scheme, separator, _ = address.partition("://")
    if "$" in scheme:
        return address
    if not separator:
        rule = "must be the URL of a database, for example sqlite:///study.db or postgresql://USER@HOST/NAME"
        raise UsageError(f"{rule}, got {shown(hidden_address(address))}")
    right = right_database(scheme.partition("+")[0])
    if right is not None and right != scheme.partition("+")[0]:
        raise UsageError(f"{hidden_address(address)}: {scheme}:// is unknown; write {right}://")
    return address


def right_database(kind: str) -> str | None:
    """The kind of database that was meant, as URLs name it; None for kinds that are not known here.

    >>> right_database("postgres"), right_database("Sqlite3"), right_database("oracle")
    ('postgresql', 'sqlite', None)
    """
    return _OTHER_NAMES.get(kind) or next(iter(get_close_matches(kind.lower(), _DATABASES, n=1, cutoff=0.7)), None)
