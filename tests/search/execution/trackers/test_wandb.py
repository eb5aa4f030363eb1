"""Offline runs of W&B, read back from its files; nothing here needs an account."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.search.execution.trackers.reading import Wandb, curve, epochs, made_run
from tests.search.execution.trackers.test_feed import ended
from xoresnet.search.execution.trackers.feed import Feed
from xoresnet.search.execution.trackers.wandb import WandbTracker

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("DIR", "PROJECT", "RUN_GROUP"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)


def to_wandb(folder: Path) -> Feed:
    run = made_run(folder)
    return Feed("wandb", partial(WandbTracker, run), run)


def test_two_sessions_of_one_search(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = to_wandb(tmp_path / "run")
    first.start(0, {"width": 4}, None, {})
    first.log(0, epochs(1))
    first.leave(0, {}, epochs(1), "PAUSED", "")
    first.start(1, {"width": 2}, None, {})
    first.start(0, {"width": 4}, None, epochs(1))  # goes on in the same session
    first.log(0, epochs(2))
    assert ended(first) == []
    second = to_wandb(tmp_path / "run")
    second.start(0, {"width": 4}, None, epochs(1, 2))
    second.log(0, epochs(2))
    second.log(0, epochs(3))
    second.leave(0, {}, epochs(1, 2, 3), "COMPLETE", "")
    assert ended(second) == []

    runs = Wandb(tmp_path / "run")
    assert runs.names == {"4d22bce0b346-trial-0": "trial 0", "4d22bce0b346-trial-1": "trial 1"}
    assert runs.groups == {"run 4d22bce0b346"}
    assert runs.curves["4d22bce0b346-trial-0"] == curve(1, 2, 3)
    config = runs.configs["4d22bce0b346-trial-0"]
    assert {name: config[name] for name in ("strategy", "data.name", "width")} == {
        "strategy": "promotion", "data.name": "digits", "width": 4,
    }  # fmt: skip
    assert runs.summaries["4d22bce0b346-trial-0"]["state"] == "COMPLETE"
    assert [path.name for path in tmp_path.iterdir()] == ["run"], "the working directory is littered"
    assert capfd.readouterr() == ("", "")


def test_wandbs_own_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("WANDB_PROJECT", "pictures")
    monkeypatch.setenv("WANDB_RUN_GROUP", "mine")
    feed = to_wandb(tmp_path / "run")
    feed.start(0, {}, None, epochs(1))
    assert ended(feed) == []
    assert not (tmp_path / "run/wandb").exists()
    assert Wandb(tmp_path / "elsewhere").groups == {"mine"}
