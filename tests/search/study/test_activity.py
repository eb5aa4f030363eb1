"""What the latest records of a study tell, read while it grows and afterwards, and how little of it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.storages import JournalStorage
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from xoresnet.search.study.activity import WINDOW_SECONDS, failure_reasons, recent_activity, reports_since
from xoresnet.search.study.attributes import DUPLICATE, FAILURE, PAUSED, RETRIED
from xoresnet.search.study.journal import JournalFile
from xoresnet.search.study.reading import ReadStorage
from xoresnet.search.study.trials import trials_of

NOW = 1_800_000_000.0


@pytest.fixture
def written(tmp_path: Path) -> Study:
    """An empty study, as a search writes it."""
    storage = JournalStorage(JournalFile(tmp_path / "study.journal", durable=False))
    return optuna.create_study(study_name="run", storage=storage, directions=["maximize", "minimize"])


@pytest.fixture(params=["as it is written", "for reading only"])
def study(request: pytest.FixtureRequest, written: Study, tmp_path: Path) -> Any:
    """A function that opens the study."""
    if request.param == "as it is written":
        return lambda: written
    return lambda: read(tmp_path)


def read(folder: Path) -> Study:
    storage = ReadStorage(folder / "study.journal")
    return optuna.load_study(study_name="run", storage=storage, sampler=RandomSampler())


def add(study: Study, *before_now: float, state: str = "PRUNED", node: str = "a", pid: int = 1, **attrs: Any) -> None:
    """A trial that reported epochs of 60 s so many seconds ago."""
    for epoch, seconds in enumerate(before_now, 1):
        where = {"timestamp": NOW - seconds, "hostname": f"node-{node}", "node_id": node, "pid": pid}
        attrs[f"record:{epoch}"] = {"epoch": epoch, "train_seconds": 50.0, "evaluation_seconds": 10.0, **where}
        attrs[f"report:{epoch}"] = [0.5, 100.0]
    values = [0.5, 100.0] if state == "COMPLETE" else None
    study.add_trial(create_trial(state=TrialState[state], values=values, user_attrs=attrs))


def test_a_search_that_goes_on(written: Study, study: Any) -> None:
    add(written, 3000, 2000)
    add(written, 700, 540, 480, state="COMPLETE")
    add(written, 420, 360, node="b", pid=2, **{PAUSED: 2}, state="RUNNING")
    add(written, 400, 300, 200, 100, 60, state="RUNNING")
    add(written, 900, state="RUNNING", node="c")
    add(written, state="RUNNING")
    add(written, 5000, state="FAIL", **{FAILURE: "boom"})
    found = recent_activity(study(), 0.0, NOW)
    assert found is not None
    assert (found.begin, found.end) == (NOW - WINDOW_SECONDS, NOW)
    assert (found.epochs, found.trials) == (9, 2)
    assert [(node.name, node.workers, NOW - node.last_report) for node in found.nodes] == [
        ("node-a", 1, 60.0),
        ("node-b", 1, 360.0),
        ("node-c", 0, 900.0),
    ]
    # of a, from the begin of its first epoch; of b, all but 60 s in which an epoch may go on
    assert found.utilisation == pytest.approx((7 * 60 + 2 * 60) / (600 - 60 + 120 + 300))


def test_the_window_does_not_begin_before_the_search(written: Study, study: Any) -> None:
    add(written, 700, node="old", state="RUNNING")
    add(written, 500, 400, 90, 30)
    found = recent_activity(study(), NOW - 120, NOW)
    assert found is not None
    assert (found.seconds, found.epochs, found.epochs_per_hour) == (120.0, 2, 60.0)
    assert [node.node for node in found.nodes] == ["a"]


def test_a_search_that_is_over(written: Study, study: Any) -> None:
    add(written, 5000, 3700, 3600)
    add(written, 3660, state="RUNNING", node="b")
    found = recent_activity(study(), NOW - 10_000, None)
    assert found is not None
    assert (found.begin, found.end) == (NOW - 3600 - WINDOW_SECONDS, NOW - 3600)
    assert (found.epochs, found.trials) == (3, 2)  # an interrupted trial does not run


def test_a_folder_that_was_copied_since(written: Study, study: Any) -> None:
    """Its files tell nothing of when the search began."""
    add(written, 3600)
    found = recent_activity(study(), NOW - 60, None)
    assert found is not None
    assert (found.seconds, found.epochs) == (WINDOW_SECONDS, 1)


def test_where_nothing_was_reported(written: Study, study: Any) -> None:
    assert recent_activity(study(), 0.0, NOW) is None
    add(written, state="RUNNING")
    add(written, **{"report:1": [0.5, 100.0], "record:1": {"epoch": 1, "train_seconds": 2.0}})
    assert recent_activity(study(), 0.0, NOW) is None


def test_answers_from_the_record_are_no_reports(written: Study, study: Any) -> None:
    add(written, 60)
    add(written, 30, **{DUPLICATE: 0})
    found = recent_activity(study(), 0.0, NOW)
    assert found is not None
    assert (found.epochs, found.trials) == (1, 1)


def test_of_a_large_study_only_the_end_is_read(written: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(500):
        add(written, 4000 - number, 3900 - number)
    for number in range(20):
        add(written, 300 - number, 200 - number, pid=number)
    opened = read(tmp_path)
    places: list[int] = []
    entry = ReadStorage.entry
    monkeypatch.setattr(ReadStorage, "entry", lambda self, place: places.append(place) or entry(self, place))
    found = recent_activity(opened, 0.0, NOW)
    assert found is not None
    assert (found.epochs, found.trials) == (40, 20)
    assert len(places) < 300  # of more than 1,000


def test_the_reports_after_a_step(written: Study, study: Any) -> None:
    add(written, 50, 40, 30)
    (trial,) = trials_of(study())
    assert [NOW - report.reported for report in reports_since(trial, 1)] == [30, 40]
    assert reports_since(trial, 3) == []


def test_why_trials_failed(written: Study, study: Any) -> None:
    add(written, state="FAIL", **{FAILURE: "boom", RETRIED: ["bang"]})
    add(written, state="FAIL")
    add(written, state="FAIL", **{DUPLICATE: 0})
    add(written, 60, state="COMPLETE", **{RETRIED: ["its worker died", "bang"]})
    assert failure_reasons(trials_of(study())) == (
        ["boom", "unknown reason"],
        ["bang", "its worker died", "bang"],
        [],
    )
