"""One tracker and its thread: what is told twice, what is told late, and what raises or hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray.tune.logger import LoggerCallback

from tests.search.execution.trackers.reading import curve, epochs, made_run, tensorboard_curve
from xoresnet.search.execution.trackers.feed import Feed
from xoresnet.search.execution.trackers.tensorboard import TensorBoardTracker

pytestmark = pytest.mark.filterwarnings("ignore")
LONG = 60.0


def to_tensorboard(folder: Path) -> Feed:
    return Feed("tensorboard", TensorBoardTracker, made_run(folder))


def ended(feed: Feed) -> list[str]:
    """What a feed has raised by its end."""
    feed.end("FINISHED")
    assert feed.has_ended(LONG)
    faults = []
    while not feed.faults.empty():
        faults.append(str(feed.faults.get()))
    return faults


def test_nothing_happens_without_a_trial(tmp_path: Path) -> None:
    assert ended(to_tensorboard(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_trial_through_pauses_and_retries(tmp_path: Path) -> None:
    feed = to_tensorboard(tmp_path)
    feed.start(7, {"width": 4}, None, {})
    feed.log(7, epochs(1))
    feed.leave(7, {}, epochs(1), "PAUSED", "")
    feed.start(7, {"width": 4}, None, epochs(1))  # it goes on
    feed.log(7, epochs(2))
    feed.start(7, {"width": 4}, None, epochs(1, 2))  # its worker has died
    for epoch in (1, 2, 3):
        feed.log(7, epochs(epoch))
    feed.leave(7, {}, epochs(1, 2, 3), "COMPLETE", "")
    assert ended(feed) == []
    assert [path.name for path in (tmp_path / "tensorboard").iterdir()] == ["trial-0007"]
    assert tensorboard_curve(tmp_path / "tensorboard/trial-0007") == curve(1, 2, 3)


def test_another_session_logs_what_is_missing(tmp_path: Path) -> None:
    """Whatever was in the thread when the process was killed, or was trained without this tracker."""
    first = to_tensorboard(tmp_path)
    first.start(0, {}, None, {})
    first.log(0, epochs(1))
    assert ended(first) == []
    second = to_tensorboard(tmp_path)
    second.start(0, {}, None, epochs(1, 2, 3))
    second.log(0, epochs(4))
    assert ended(second) == []
    assert tensorboard_curve(tmp_path / "tensorboard/trial-0000") == curve(1, 2, 3, 4)


def test_a_trial_that_ends_without_having_run(tmp_path: Path) -> None:
    """Paused by another session, and stopped for good by this one."""
    feed = to_tensorboard(tmp_path)
    feed.leave(3, {}, epochs(1, 2), "PRUNED", "")
    assert ended(feed) == []
    assert tensorboard_curve(tmp_path / "tensorboard/trial-0003") == curve(1, 2)


class Recording(LoggerCallback):
    """A user's logger, which raises when it is told to."""

    def __init__(self, raises: Callable[[str], bool] = lambda call: False) -> None:
        self.calls: list[str] = []
        self._raises = raises

    def _record(self, call: str) -> None:
        self.calls.append(call)
        if self._raises(call):
            raise ConnectionError(call)

    def setup(self, *arguments: Any, **more: Any) -> None:
        self._record("setup")

    def log_trial_start(self, trial: Any) -> None:
        self._record(f"start {trial} {trial.config}")

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        self._record(f"{trial}: {result['training_iteration']}, {result['val_accuracy']:g}")

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        self._record(f"end {trial} {failed}")


def test_a_users_logger_sees_one_trial(tmp_path: Path) -> None:
    recording = Recording()
    feed = Feed("Recording", lambda: recording, made_run(tmp_path))
    feed.start(7, {"width": 4}, None, epochs(1))  # an earlier session has logged the first, as far as anybody knows
    feed.log(7, epochs(2))
    feed.leave(7, {}, epochs(1, 2), "PAUSED", "")
    feed.leave(7, {}, epochs(1, 2), "PRUNED", "")  # when the search ends
    feed.start(8, {"width": 2}, None, {})
    feed.leave(8, {}, {}, "FAIL", "it diverged")
    assert ended(feed) == []
    assert recording.calls == [
        "setup",
        "start trial 7 {'data.name': 'digits', 'width': 4}",
        "trial 7: 2, 0.2",
        "end trial 7 False",
        "start trial 8 {'data.name': 'digits', 'width': 2}",
        "end trial 8 True",
    ]


def test_what_was_not_taken_is_offered_again(tmp_path: Path) -> None:
    down = {"setup", "trial 0: 2, 0.2"}  # each fails once

    def is_down(call: str) -> bool:
        failed = call in down
        down.discard(call)
        return failed

    recording = Recording(is_down)
    feed = Feed("Recording", lambda: recording, made_run(tmp_path))
    feed.start(0, {}, None, {})
    for epoch in (1, 2, 3):
        feed.log(0, epochs(epoch))
    assert ended(feed) == ["setup", "trial 0: 2, 0.2"]
    taken = [call for call in recording.calls if call.startswith("trial")]
    assert taken == ["trial 0: 1, 0.1", "trial 0: 2, 0.2", "trial 0: 2, 0.2", "trial 0: 3, 0.3"]


def test_one_that_always_raises(tmp_path: Path) -> None:
    feed = Feed("Recording", lambda: Recording(lambda call: True), made_run(tmp_path))
    feed.start(0, {}, None, {})
    feed.log(0, epochs(1))
    feed.leave(0, {}, epochs(1), "COMPLETE", "")
    assert set(ended(feed)) == {"setup"}


def test_one_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    answered = threading.Event()
    recording = Recording(lambda call: call.startswith("trial") and not answered.wait(LONG))
    feed = Feed("Recording", lambda: recording, made_run(tmp_path))
    feed.start(0, {}, None, {})
    for epoch in (1, 2, 3):
        feed.log(0, epochs(epoch))  # comes back at once
    feed.end("FINISHED")
    assert not feed.has_ended(0.05)
    answered.set()
    assert feed.has_ended(LONG)
    assert recording.calls[-2:] == ["trial 0: 3, 0.3", "end trial 0 False"]


def test_a_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    feed = to_tensorboard(tmp_path / "run")
    (tmp_path / "run").rmdir()
    feed.start(0, {}, None, {})
    assert "No such file or directory" in ended(feed)[0]
    assert list(tmp_path.iterdir()) == []
