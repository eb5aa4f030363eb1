"""Where a study is kept: the journal in the run's folder, or the database that `storage` names.

A database's address may take its secrets from the environment (`${VAR}`). No message shows a password, whichever way it
came into the address.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from xoresnet.errors import RunError, UsageError, XOResNetError
from xoresnet.files.disk import full_disk, is_full
from xoresnet.files.secrets import expanded, hidden, hidden_address
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import JOURNAL
from xoresnet.search.study.databases.address import check_driver, database_url
from xoresnet.search.study.databases.database import DatabaseStorage, database_of, reason_of
from xoresnet.search.study.journal import open_journal
from xoresnet.search.study.reading import ReadStorage

__all__ = ["check_storage", "named_errors", "place_of", "storage_of", "storage_to_read", "study_name"]

_ERRORS = (SQLAlchemyError, StorageInternalError, ImportError, OSError, ValueError)
"""Raised for storage addresses; `ValueError` for text that is not an address."""


def check_storage(address: str | None) -> None:
    """Raises `UsageError` for text that is not a storage address, and for storages whose driver is not installed."""
    if address is None:
        return
    try:
        check_driver(address)
    except UsageError:
        raise
    except _ERRORS as error:
        raise UsageError(_sentence(address, error)) from None


def storage_of(config: SearchConfig, folder: Path) -> BaseStorage:
    """What Optuna opens, for writing.

    Raises `UsageError` for a variable that is not set, `RunError` as `mend` does, and what a database's driver raises.
    """
    if config.storage is None:
        return open_journal(folder / JOURNAL)
    check_driver(config.storage)
    return DatabaseStorage(config.storage)


def storage_to_read(config: SearchConfig, folder: Path) -> BaseStorage | None:
    """What Optuna opens, for reading only; None if there is nothing yet. Raises `UsageError` as `storage_of` does."""
    if config.storage is None:
        journal = folder / JOURNAL
        return ReadStorage(journal) if journal.exists() else None
    address = expanded(config.storage)
    if address.startswith("sqlite"):
        file = make_url(address).database
        if file and not file.startswith("file:") and not Path(file).exists():  # opening it would create it
            return None
    check_driver(config.storage)
    return database_of(config.storage)


def study_name(config: SearchConfig, folder: Path) -> str:
    """The name of the study of a run."""
    return config.study or folder.name


def place_of(config: SearchConfig, folder: Path) -> str:
    """Where the study is, as it may be shown."""
    return str(folder / JOURNAL) if config.storage is None else hidden_address(config.storage)


@contextmanager
def named_errors(config: SearchConfig, folder: Path, *more: type[Exception]) -> Iterator[None]:
    """Turn what Optuna and a database's driver raise within the block, and `more`, into a `RunError` of one line."""
    errors: tuple[type[Exception], ...] = (*_ERRORS, *more)
    try:
        yield
    except XOResNetError:  # a damaged journal, a variable that is not set; some are also a ValueError
        raise
    except errors as error:
        if is_full(error):
            raise RunError(full_disk(folder, error=error)) from None
        raise RunError(_sentence(config.storage or str(folder), error)) from None


def _sentence(address: str, error: Exception) -> str:
    """What went wrong, in one line and without the password."""
    reason = reason_of(error)
    for quoted in filter(None, (database_url(address), expanded(address), address)):  # a message may contain it whole
        reason = reason.replace(quoted, hidden_address(quoted))
    return f"storage: {hidden_address(address)}: {hidden(reason)}"
