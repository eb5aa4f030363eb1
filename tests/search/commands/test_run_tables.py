"""Tables are brought up to the study where that can be done, and left alone where not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from tests.search.confirmations import begin, confirming, made_search
from tests.search.views.test_search import complete, search_config, searching
from xoresnet.errors import RunError
from xoresnet.results import load
from xoresnet.search.commands.run_tables import read_run

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
    read_run(str(killed))
    assert list(load(killed).trials["val_accuracy"]) == [0.5, 0.9]


def test_commands_see_it(killed: Path) -> None:
    assert len(xoresnet("front", str(killed), "--json").json) == 2


def test_tables_that_were_never_written(killed: Path) -> None:
    for name in ("trials", "history", "layers"):
        (killed / f"{name}.parquet").unlink()
    read_run(str(killed))
    assert len(load(killed).trials) == 2


def test_tables_that_are_new_stay(killed: Path) -> None:
    os.utime(killed / "trials.parquet")
    os.utime(killed / "study.journal", (1, 1))
    before = contents(killed)
    read_run(str(killed))
    assert contents(killed) == before


def test_a_search_that_goes_on_writes_its_own(killed: Path) -> None:
    with searching(CONFIG, killed):
        before = contents(killed)
        read_run(str(killed))
        assert contents(killed) == before


@pytest.mark.parametrize("text", ["", "no journal", '{"op_code": 99}\n'])
def test_a_damaged_journal_does_no_harm(killed: Path, text: str) -> None:
    (killed / "study.journal").write_text(text)
    before = contents(killed)
    read_run(str(killed))
    assert contents(killed) == before
    assert xoresnet("front", str(killed)).code == 0


@pytest.mark.parametrize("run", ["nowhere", "", "a\0b"])
def test_nothing_to_read(run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError):
        read_run(run)
    assert list(tmp_path.iterdir()) == []


# the table of a confirmation


@pytest.fixture
def confirmed(tmp_path: Path) -> Path:
    """A confirmation of which one training is in its journal alone, and another one runs."""
    with confirming(made_search(tmp_path / "run"), seeds=1) as run:
        run.bridge.on_end(begin(run) or "")
        written = (tmp_path / "run" / "confirmed.parquet").read_bytes()
        run.bridge.on_end(begin(run) or "")
        begin(run, epochs=1)
    (tmp_path / "run" / "confirmed.parquet").write_bytes(written)
    os.utime(tmp_path / "run" / "confirmed.parquet", (1, 1))
    return tmp_path / "run"


def test_what_the_journal_of_a_confirmation_has_is_in_its_table(confirmed: Path) -> None:
    assert len(load(confirmed).confirmed) == 1
    others = {name: text for name, text in contents(confirmed).items() if name != "confirmed.parquet"}
    read_run(str(confirmed))
    assert list(load(confirmed).confirmed["state"]) == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert load(confirmed).confirmed["weights"].notna().sum() == 2
    assert {name: text for name, text in contents(confirmed).items() if name != "confirmed.parquet"} == others


def test_its_table_that_is_new_stays(confirmed: Path) -> None:
    os.utime(confirmed / "confirmed.parquet")
    os.utime(confirmed / "confirm.journal", (1, 1))
    before = contents(confirmed)
    read_run(str(confirmed))
    assert contents(confirmed) == before


def test_a_confirmation_that_goes_on_writes_its_own(confirmed: Path) -> None:
    with confirming(confirmed, seeds=1):
        before = contents(confirmed)
        read_run(str(confirmed))
        assert contents(confirmed) == before


@pytest.mark.parametrize("text", ["", "no journal", '{"op_code": 99}\n'])
def test_its_damaged_journal_does_no_harm(confirmed: Path, text: str) -> None:
    (confirmed / "confirm.journal").write_text(text)
    before = contents(confirmed)
    read_run(str(confirmed))
    assert contents(confirmed) == before
    assert xoresnet("export", str(confirmed), "--pick", "99").code == 2
