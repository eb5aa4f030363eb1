"""The address of a database as users write it, and as SQLAlchemy opens it; drivers that are not installed are named.

`postgresql://` and `mysql://` alone mean whichever driver is installed, the one that comes with xoresnet's extra first.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import NoSuchModuleError

from xoresnet.errors import UsageError
from xoresnet.files.secrets import expanded, hidden_address
from xoresnet.search.addresses import right_database

__all__ = ["check_driver", "connect_options", "database_url"]

_MYSQL = {"pymysql": "mysql+pymysql", "MySQLdb": "mysql+mysqldb"}
_DRIVERS: Mapping[str, Mapping[str, str]] = {
    "postgresql": {"psycopg": "postgresql+psycopg", "psycopg2": "postgresql+psycopg2"},
    "mysql": _MYSQL,
    "mariadb": _MYSQL,  # of SQLAlchemy's two dialects for MariaDB, the one that Optuna knows
}
"""For each kind of database the drivers' packages, the preferred one first, and how SQLAlchemy calls them."""
_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_CONNECT_SECONDS = 10
_SILENT_SECONDS = 60
"""After so long without an answer a connection counts as broken."""


def database_url(address: str) -> str:
    """The address for SQLAlchemy: variables replaced, and a driver chosen where the address names none.

    Raises `UsageError` for a variable that is not set.
    """
    full = expanded(address)
    scheme, separator, rest = full.partition("://")
    drivers = _DRIVERS.get(scheme, {})
    if not separator or not drivers:
        return full
    chosen = next((package for package in drivers if find_spec(package) is not None), next(iter(drivers)))
    return f"{drivers[chosen]}://{rest}"


def check_driver(address: str) -> None:
    """Import the driver. Raises `UsageError` where it is not installed or unknown, and what SQLAlchemy raises."""
    url = make_url(database_url(address))
    scheme = address.partition("://")[0]
    kind, _, driver = scheme.partition("+")
    try:
        url.get_dialect().import_dbapi()
    except NoSuchModuleError:
        right = right_database(kind)
        if right is None:
            raise
        what = f"there is no driver {driver}" if right == kind else f"{scheme}:// is unknown"
        raise UsageError(f"storage: {hidden_address(address)}: {what}; write {right}://") from None
    except ModuleNotFoundError as error:
        if error.name is None or find_spec(error.name.partition(".")[0]) is not None:
            raise  # another import failed within the driver
        raise UsageError(f"storage: {hidden_address(address)}: {_missing(kind, driver, error.name)}") from None


def connect_options(url: URL) -> dict[str, Any]:
    """Limits for a server that does not answer; what the address itself says counts more."""
    driver, options = url.get_driver_name(), {}
    if driver in ("psycopg", "psycopg2"):
        options = {
            "connect_timeout": _CONNECT_SECONDS,
            "keepalives_idle": _SILENT_SECONDS // 2,
            "keepalives_interval": _SILENT_SECONDS // 6,
            "keepalives_count": 3,
            "tcp_user_timeout": 1000 * _SILENT_SECONDS,
        }
    elif driver in ("pymysql", "mysqldb"):
        options = dict.fromkeys(("read_timeout", "write_timeout"), _SILENT_SECONDS)
        options["connect_timeout"] = _CONNECT_SECONDS
    return {name: value for name, value in options.items() if name not in url.query}


def _missing(kind: str, driver: str, package: str) -> str:
    """That a driver is not installed, with the remedy."""
    missing = f"the driver {package} is not installed"
    if kind not in _EXTRAS:
        return f"{missing}; install it with pip"
    remedy = f"pip install 'xoresnet[{_EXTRAS[kind]}]'"
    preferred = next(iter(_DRIVERS[kind]))
    if package == preferred:
        return f"{missing}; to install it: {remedy}"
    return f"{missing}; install it, or write {kind}:// and use the driver {preferred}: {remedy}"
