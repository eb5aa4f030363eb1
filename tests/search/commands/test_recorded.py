"""Runs that were passed on as tables alone: read without a word about their study, and mended where it is needed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from xoresnet.search.folders.run import JOURNAL, RECORDED

RECORDINGS = Path(__file__).parents[3] / "examples" / "recorded"


@pytest.fixture(params=["digits-0", "digits-1"])
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(RECORDINGS / request.param, tmp_path / "run"))


@pytest.mark.parametrize("words", ["front run", "front run --json", "status run", "status run --json", "report run"])
def test_it_is_read_without_a_note(words: str, run: Path) -> None:
    result = xoresnet(*words.split())
    assert (result.code, result.err) == (0, "")
    assert result.out
    assert not (run / JOURNAL).exists()


def test_by_url(run: Path) -> None:
    result = xoresnet("front", run.as_uri())
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize(
    "words",
    [
        "confirm run",
        "ablate run --dry-run",
        "search --run run",
        "train run:9 --dry-run",
        "search digits warm_start=run",
        "search --run run --dry-run",
    ],
)
def test_what_needs_the_study_says_how_to_make_one(words: str, run: Path) -> None:
    fact = "*/run is a recorded search: it has its tables, but no study; to make one from them: xoresnet repair */run"
    assert xoresnet(*words.split()).is_refusal(1, fact)
    assert not (run / JOURNAL).exists()


def test_repair_makes_the_study(run: Path) -> None:
    before = xoresnet("front", "run", "--csv").out
    result = xoresnet("repair", "run")
    assert (result.code, result.err) == (0, "")
    found, rebuilt, rest, copies = result.out.splitlines()
    assert found == f"found: {run} is a recorded search: it has its tables, but no study"
    assert rebuilt.endswith("; 40 of them completed from the tables")
    assert "answered from the record, which costs nothing: " in rest
    assert "lost" not in rest
    assert copies == f"what was replaced is in {run / 'before-repair'}"
    assert (run / "before-repair" / RECORDED).exists()
    assert not (run / RECORDED).exists()
    assert xoresnet("front", "run", "--csv").out == before
    assert xoresnet("confirm", "run", "--dry-run").code == 0


def test_a_study_that_was_lost_is_still_told(run: Path) -> None:
    (run / RECORDED).unlink()
    result = xoresnet("front", "run")
    assert result.code == 0
    assert f"{JOURNAL} is missing or empty, but 40 trials finished according to the tables" in result.err
