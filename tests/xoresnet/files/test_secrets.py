"""Passwords in addresses: never shown, however the address is written, and taken from the environment."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from xoresnet.errors import UsageError
from xoresnet.files.secrets import expanded, hidden, hidden_address, is_whole, private, without_password

SECRET = "tops3cret"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"postgresql://ann:{SECRET}@db.lab:5432/studies", "postgresql://ann:***@db.lab:5432/studies"),
        (f"mysql+pymysql://ann:{SECRET}@db.lab/studies?charset=utf8", "mysql+pymysql://ann:***@db.lab/studies?charset=utf8"),
        (f"postgresql://ann:{SECRET}@x/w@db.lab/studies", "postgresql://ann:***@db.lab/studies"),  # not quoted
        (f"postgresql://ann:{SECRET}/@db.lab/studies", "postgresql://ann:***@db.lab/studies"),
        (f"postgresql://ann:a b{SECRET}@db.lab/studies", "postgresql://ann:***@db.lab/studies"),
        (f"postgresql://ann:\n{SECRET}@db.lab/studies", "postgresql://ann:***@db.lab/studies"),
        (f"ann:{SECRET}@db.lab/studies", "ann:***@db.lab/studies"),  # the scheme forgotten
        (f"postgresql:/ann:{SECRET}@db.lab/studies", "postgresql:***@db.lab/studies"),
        (f"sqlite+pysqlcipher://:{SECRET}@/studies.db", "sqlite+pysqlcipher://:***@/studies.db"),
        (f"postgresql:///studies?user=ann&password={SECRET}&x=1", "postgresql:///studies?user=ann&password=***&x=1"),
        (f"postgresql:///studies?sslpassword={SECRET}", "postgresql:///studies?sslpassword=***"),
        (f"mssql+pyodbc:///?odbc_connect=UID%3Dann%3BPWD%3D{SECRET}", "mssql+pyodbc:///?odbc_connect=***"),
        (f"postgresql://ann:{SECRET}${{PW}}@db.lab/studies", "postgresql://ann:***@db.lab/studies"),
    ],
)  # fmt: skip
def test_a_password_is_hidden(address: str, shown: str) -> None:
    assert hidden_address(address) == shown
    assert hidden_address(shown) == shown
    assert private(address)
    assert not private(shown)
    assert is_whole(address)
    assert not is_whole(shown)
    assert SECRET not in without_password(address)


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///studies.db", "sqlite:////data/a:b/studies.db", "postgresql://ann@db.lab/studies", "postgresql:///studies",
        "postgresql://ann:${PGPASSWORD}@db.lab/studies", "postgresql:///studies?password=${PW}", "${DATABASE_URL}", "",
        "mysql://db.lab:3306/studies", "mysql://db.lab:3306/studies?charset=utf8",
    ],
)  # fmt: skip
def test_an_address_without_one_is_shown_as_it_is(address: str) -> None:
    assert hidden_address(address) == hidden(address) == address
    assert not private(address)
    assert is_whole(address)
    assert not private(None)
    assert is_whole(None)


@given(st.text(min_size=1), st.sampled_from(["postgresql", "mysql+pymysql", "sqlite"]))
@example("//", "postgresql")
@example("@", "postgresql")
def test_no_password_is_shown_even_in_part(password: str, scheme: str) -> None:
    assume(not re.fullmatch(r"\$\{\w+\}", password))
    assert hidden_address(f"{scheme}://ann:{password}@host/name") == f"{scheme}://ann:***@host/name"


def test_sentences_of_others() -> None:
    sentence = f"(OperationalError) cannot reach postgresql://ann:{SECRET}@db.lab/x (see http://docs.lab/a@b)"
    assert hidden(sentence) == "(OperationalError) cannot reach postgresql://ann:***@db.lab/x (see http://docs.lab/a@b)"
    assert hidden(f"'storage=mysql://a:{SECRET}@b/c' is wrong") == "'storage=mysql://a:***@b/c' is wrong"
    quoted = "to resume: xoresnet search 'storage=sqlite:///x.db?uri=true&password=***' --run 'my run'"
    assert hidden(quoted) == quoted
    assert hidden(quoted.replace("***", SECRET)) == quoted
    assert hidden("/data/run: at 12:30 ann@lab said so") == "/data/run: at 12:30 ann@lab said so"


def test_two_addresses_of_one_database() -> None:
    same = [f"mysql://ann{password}@db.lab/x" for password in ("", ":", f":{SECRET}", ":${PW}", ":***")]
    assert {without_password(address) for address in same} == {"mysql://ann@db.lab/x"}
    assert without_password("mysql://bob@db.lab/x") != without_password("mysql://ann@db.lab/x")


@given(st.text(st.characters(blacklist_categories=("Cs",)), min_size=1))
def test_a_password_of_any_signs_comes_from_the_environment(password: str) -> None:
    url = make_url(
        expanded(
            "postgresql://${U}:${PW}@${HOST}/x?sslpassword=${PW}", {"U": "a@b", "PW": password, "HOST": "db.lab:54"}
        )
    )
    assert (url.username, url.password, url.host, url.port, url.database) == ("a@b", password, "db.lab", 54, "x")
    assert url.query == {"sslpassword": password}


def test_a_whole_address_comes_from_the_environment() -> None:
    assert expanded("${URL}", {"URL": "mysql://ann:p%40s@db.lab/x"}) == "mysql://ann:p%40s@db.lab/x"
    assert expanded("sqlite:///$HOME/${a b}.db", {}) == "sqlite:///$HOME/${a b}.db"


def test_a_variable_that_is_not_set() -> None:
    with pytest.raises(UsageError, match=r"^storage: the environment variable PW is not set$"):
        expanded("mysql://ann:${PW}@db.lab/x", {"HOME": "/"})
