"""Runs of MLflow, read back with its own client."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.search.execution.trackers.reading import Mlflow, curve, epochs, made_run
from tests.search.execution.trackers.test_feed import ended
from xoresnet.search.execution.trackers.feed import Feed
from xoresnet.search.execution.trackers.mlflow import MlflowTracker

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TRACKING_URI", "EXPERIMENT_NAME", "EXPERIMENT_ID"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)


def to_mlflow(folder: Path) -> Feed:
    run = made_run(folder)
    return Feed("mlflow", partial(MlflowTracker, run), run)


def test_two_sessions_of_one_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = to_mlflow(tmp_path / "run")
    first.start(0, {"width": 4}, None, {})
    first.log(0, epochs(1))
    first.leave(0, {}, epochs(1), "PAUSED", "")
    first.start(1, {"width": 2}, None, {})
    first.log(1, epochs(1))
    first.end("KILLED")
    assert first.has_ended(60)
    between = Mlflow.of(tmp_path / "run")
    assert {name: run.info.status for name, run in between.children.items()} == {
        "trial 0": "SCHEDULED",
        "trial 1": "KILLED",
    }
    second = to_mlflow(tmp_path / "run")
    second.start(1, {"width": 2}, None, epochs(1, 2))
    second.log(1, epochs(3))
    second.leave(1, {}, epochs(1, 2, 3), "FAIL", "val_loss is nan at epoch 4")
    second.leave(0, {"width": 4}, epochs(1), "PRUNED", "")
    assert ended(second) == []

    store = Mlflow.of(tmp_path / "run")
    (parent,) = store.parents
    assert (parent.info.run_name, parent.info.status, parent.data.params) == (
        "run", "FINISHED", {"strategy": "promotion"},
    )  # fmt: skip
    assert {run.data.tags["mlflow.parentRunId"] for run in store.children.values()} == {parent.info.run_id}
    states = {name: (run.info.status, run.data.tags["xoresnet.state"]) for name, run in store.children.items()}
    assert states == {"trial 0": ("KILLED", "PRUNED"), "trial 1": ("FAILED", "FAIL")}
    assert store.children["trial 1"].data.tags["xoresnet.failure"] == "val_loss is nan at epoch 4"
    assert store.children["trial 1"].data.params == {"data.name": "digits", "width": "2"}
    assert store.curve(store.children["trial 0"]) == curve(1)
    assert store.curve(store.children["trial 1"]) == curve(1, 2, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["run"], "the working directory is littered"
    assert capsys.readouterr() == ("", "")


def test_mlflows_own_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two searches share a store and an experiment."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "pictures")
    for name, id in (("a", "aaaaaaaaaaaa"), ("b", "bbbbbbbbbbbb")):  # noqa: A001
        run = made_run(tmp_path / name, name, id)
        feed = Feed("mlflow", partial(MlflowTracker, run), run)
        feed.start(0, {}, None, epochs(1))
        assert ended(feed) == []
        assert not (tmp_path / name / "mlflow").exists()
    store = Mlflow.__new__(Mlflow)
    from mlflow import MlflowClient

    store.client = MlflowClient()
    (experiment,) = [each for each in store.client.search_experiments() if each.name != "Default"]
    runs = store.client.search_runs([experiment.experiment_id])
    assert experiment.name == "pictures"
    assert sorted(run.info.run_name for run in runs) == ["a", "b", "trial 0", "trial 0"]


def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    feed = to_mlflow(tmp_path / "run")
    feed.start(0, {}, None, epochs(1))
    faults = ended(feed)
    assert faults
    assert all("127.0.0.1" in fault for fault in faults)
