"""Tables are brought up to the study where that can be done, and left alone where not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.search.commands import xoresnet
from tests.search.test_search_view import complete, search_config, searching
from xoresnet.results import load
from xoresnet.search.refresh import refresh

CONFIG = search_config()


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A search whose last trials are in its journal alone."""
    with searching(CONFIG, tmp_path / "run") as run:
        complete(run, 0.5, 1000)
        run.frames.write()
        complete(run, 0.9, 3000)
    os.utime(tmp_path / "run" / "trials.parquet", (1, 1))
    return tmp_path / "run"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


def test_what_the_journal_has_is_in_the_tables(killed: Path) -> None:
    assert len(load(killed).trials) == 1
    refresh(str(killed))
    assert list(load(killed).trials["val_accuracy"]) == [0.5, 0.9]


def test_commands_see_it(killed: Path) -> None:
    assert len(xoresnet("front", str(killed), "--json").json) == 2


def test_tables_that_were_never_written(killed: Path) -> None:
    for name in ("trials", "history", "layers"):
        (killed / f"{name}.parquet").unlink()
    refresh(str(killed))
    assert len(load(killed).trials) == 2


def test_tables_that_are_new_stay(killed: Path) -> None:
    os.utime(killed / "trials.parquet")
    os.utime(killed / "study.journal", (1, 1))
    before = contents(killed)
    refresh(str(killed))
    assert contents(killed) == before


def test_a_search_that_goes_on_writes_its_own(killed: Path) -> None:
    with searching(CONFIG, killed):
        before = contents(killed)
        refresh(str(killed))
        assert contents(killed) == before


@pytest.mark.parametrize("text", ["", "no journal", '{"op_code": 99}\n'])
def test_a_damaged_journal_does_no_harm(killed: Path, text: str) -> None:
    (killed / "study.journal").write_text(text)
    before = contents(killed)
    refresh(str(killed))
    assert contents(killed) == before
    assert xoresnet("front", str(killed)).code == 0


@pytest.mark.parametrize("run", ["nowhere", "memory://bucket/run", "", "a\0b"])
def test_nothing_to_bring_up(run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refresh(run)
    assert list(tmp_path.iterdir()) == []
