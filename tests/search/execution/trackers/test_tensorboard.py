"""Event files of TensorBoard, read back with TensorBoard's own reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.search.execution.trackers.reading import curve, epochs, made_run, tensorboard_curve
from tests.search.execution.trackers.test_feed import ended, to_tensorboard
from xoresnet.search.execution.trackers.tracked import TrackedTrial

pytestmark = pytest.mark.filterwarnings("ignore")


def logged(folder: Path, *numbers: int) -> Path:
    """Log a trial with these epochs; the folder of its files."""
    feed = to_tensorboard(folder)
    feed.start(0, {"width": 4, "merge": "or"}, None, epochs(*numbers))
    feed.leave(0, {}, {}, "COMPLETE", "")
    assert ended(feed) == []
    return folder / "tensorboard/trial-0000"


def test_names_are_plain(tmp_path: Path) -> None:
    folder = logged(tmp_path, 1, 2)
    assert tensorboard_curve(folder, "peak_memory_mib") == {1: 1.0, 2: 1.0}
    content = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"ray/tune" not in content
    assert b"_hparams_/session_start_info" in content
    assert b"merge" in content


@pytest.mark.parametrize("lost", [5, 60])
def test_a_file_that_a_killed_process_left(lost: int, tmp_path: Path) -> None:
    """Some bytes of the last figure, or the figure as a whole, did not reach the disk: the epoch is logged again."""
    feed = to_tensorboard(tmp_path)
    feed.start(0, {}, None, epochs(1, 2))
    assert ended(feed) == []
    (file,) = (tmp_path / "tensorboard/trial-0000").iterdir()
    file.write_bytes(file.read_bytes()[:-lost])
    folder = logged(tmp_path, 1, 2, 3)
    assert tensorboard_curve(folder) == curve(1, 2, 3)
    assert set(tensorboard_curve(folder, "peak_memory_mib")) == {1, 2, 3}


def test_a_trial_knows_what_rays_trial_would() -> None:
    """While none of Ray's runs it, the rest is unknown."""
    trial = TrackedTrial(made_run(Path()), "tensorboard", 7, {"width": 4})
    assert (str(trial), trial.trial_id, trial.config["width"]) == ("trial 7", "4d22bce0b346-trial-7", 4)
    with pytest.raises(AttributeError, match="has no placement_group_factory"):
        _ = trial.placement_group_factory
