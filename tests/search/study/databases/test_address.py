"""Addresses of databases as people write them: what they mean, which driver they need, and what is wrong with them."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from xoresnet.errors import UsageError
from xoresnet.search.study.databases.address import connect_options, database_url
from xoresnet.search.study.storage import check_storage

HOST = "ann:tops3cret@db.lab/studies"
SHOWN = "ann:***@db.lab/studies"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Python as it is where these packages are not installed."""
    hidden: set[str] = set(request.param)

    class Finder(PathFinder):
        @classmethod
        def find_spec(cls, fullname: str, *rest: Any) -> Any:
            return None if fullname.partition(".")[0] in hidden else PathFinder.find_spec(fullname, *rest)

    monkeypatch.setattr(sys, "meta_path", [Finder if each is PathFinder else each for each in sys.meta_path])
    for name in [name for name in sys.modules if name.partition(".")[0] in hidden]:
        monkeypatch.delitem(sys.modules, name)


DRIVERS = ("psycopg", "psycopg2", "pymysql", "MySQLdb")


@pytest.mark.parametrize(
    ("address", "package", "remedy"),
    [
        ("postgresql", "psycopg", "to install it: pip install 'xoresnet[postgresql]'"),
        ("postgresql+psycopg", "psycopg", "to install it: pip install 'xoresnet[postgresql]'"),
        (
            "postgresql+psycopg2",
            "psycopg2",
            "install it, or write postgresql:// and use the driver psycopg: pip install 'xoresnet[postgresql]'",
        ),
        ("mysql", "pymysql", "to install it: pip install 'xoresnet[mysql]'"),
        ("mysql+pymysql", "pymysql", "to install it: pip install 'xoresnet[mysql]'"),
        ("mariadb", "pymysql", "to install it: pip install 'xoresnet[mysql]'"),
        (
            "mysql+mysqldb",
            "MySQLdb",
            "install it, or write mysql:// and use the driver pymysql: pip install 'xoresnet[mysql]'",
        ),
    ],
)
@pytest.mark.parametrize("without", [DRIVERS], indirect=True)
@pytest.mark.usefixtures("without")
def test_a_driver_that_is_not_installed(address: str, package: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_storage(f"{address}://{HOST}")
    assert str(caught.value) == f"storage: {address}://{SHOWN}: the driver {package} is not installed; {remedy}"


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("postgres", "postgres:// is unknown; write postgresql://"),
        ("postgres+psycopg", "postgres+psycopg:// is unknown; write postgresql://"),
        ("postgressql", "postgressql:// is unknown; write postgresql://"),
        ("PostgreSQL", "PostgreSQL:// is unknown; write postgresql://"),
        ("sqllite", "sqllite:// is unknown; write sqlite://"),
        ("postgresql+psycopg3", "there is no driver psycopg3; write postgresql://"),
    ],
)
def test_a_scheme_that_is_misspelt(address: str, fault: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_storage(f"{address}://{HOST}")
    assert str(caught.value) == f"storage: {address}://{SHOWN}: {fault}"


def test_without_a_driver_the_installed_one_is_meant() -> None:
    assert database_url(f"postgresql://{HOST}") == f"postgresql+psycopg://{HOST}"
    assert database_url(f"postgresql+psycopg2://{HOST}") == f"postgresql+psycopg2://{HOST}"
    assert database_url("sqlite:///studies.db") == "sqlite:///studies.db"


@pytest.mark.parametrize("without", [("psycopg",)], indirect=True)
@pytest.mark.usefixtures("without")
def test_the_older_driver_serves_where_it_alone_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "psycopg2.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert database_url(f"postgresql://{HOST}") == f"postgresql+psycopg2://{HOST}"


def test_the_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIES_PW", "p@ss/{w}")
    assert database_url("postgresql://ann:${STUDIES_PW}@db/s") == "postgresql+psycopg://ann:p%40ss%2F%7Bw%7D@db/s"


def test_limits_for_a_silent_server_can_be_set_in_the_address() -> None:
    options = connect_options(make_url("postgresql+psycopg://db.lab/studies?connect_timeout=3"))
    assert "connect_timeout" not in options
    assert options["tcp_user_timeout"] == 60_000
    assert connect_options(make_url("sqlite:///studies.db")) == {}
