"""Files of a run between real workers of Ray and the folder of a driver that they do not see."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import ray

from xoresnet.search.execution.worker import courier
from xoresnet.search.execution.worker.courier import carrying
from xoresnet.search.execution.worker.work_files import Reach, work_files
from xoresnet.search.folders.run import RunFolder

pytestmark = [pytest.mark.usefixtures("ray"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    (tmp_path / "run" / "trials").mkdir(parents=True)
    return RunFolder(tmp_path / "run")


def lengthen(reach: dict[str, Any], name: str, more: int) -> int:
    """Run by a worker: take a file, add to it, and give it back; returns how long it was."""
    with work_files(reach, reach["folder"]) as files:
        place = files.take(Path(reach["folder"], name))
        assert reach["content"] == "" or not place.is_relative_to(reach["folder"])
        before = place.stat().st_size if place.exists() else 0
        with place.open("ab") as file:
            file.write(os.urandom(more))
        files.give(place)
    return before


def far(reach: Reach) -> dict[str, Any]:
    """As a node has it where the folder is another disk's."""
    return reach._replace(content="of another folder")._asdict()


@pytest.mark.parametrize("size", [1, courier._BLOCK - 1, courier._BLOCK, 2 * courier._BLOCK + 5])
def test_files_of_any_size_come_and_go(run: RunFolder, size: int) -> None:
    reach = Reach.of(run)
    with carrying(run.path, reach.courier):
        task = ray.remote(lengthen)
        assert ray.get(task.remote(far(reach), "trials/weights", size)) == 0
        first = (run.path / "trials" / "weights").read_bytes()
        assert len(first) == size
        assert ray.get(task.remote(far(reach), "trials/weights", 1)) == size
    assert (run.path / "trials" / "weights").read_bytes()[:size] == first
    assert [file.name for file in (run.path / "trials").iterdir()] == ["weights"]


def test_many_files_at_once(run: RunFolder) -> None:
    reach = Reach.of(run)
    with carrying(run.path, reach.courier):
        task = ray.remote(lengthen)
        assert ray.get([task.remote(far(reach), f"trials/{number}", 1000) for number in range(20)]) == [0] * 20
    assert {file.stat().st_size for file in (run.path / "trials").iterdir()} == {1000}


def test_a_worker_that_sees_the_folder_works_there(run: RunFolder) -> None:
    """Nobody carries anything here."""
    reach = Reach.of(run)
    reach.mark()
    with work_files(reach._asdict(), run.path) as files:
        place = files.take(run.path / "trials" / "weights")
        assert place == run.path / "trials" / "weights"
        place.touch()
        files.give(place)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "trials/../../outside", "", "config.yaml", "prior/prior.journal", "a\0b"]
)
def test_nothing_but_files_for_workers_is_read_or_written(run: RunFolder, name: str) -> None:
    (run.path.parent / "outside").write_text("secret")
    (run.path / "config.yaml").write_text("password")
    for request in (("read", name, 0), ("write", name, 1, 0, b"x", True)):
        content, fault = courier._answer(run.path, *request)
        assert (content, fault) == (None, f"{name!r} is no file for workers")
    assert (run.path.parent / "outside").read_text() == "secret"


def test_a_run_that_was_moved_does_not_appear_again(run: RunFolder) -> None:
    run.path.rename(run.path.with_name("moved"))
    content, fault = courier._answer(run.path, "write", "trials/weights", 1, 0, b"x", True)
    assert content is None
    assert "No such file" in fault
    assert not run.path.exists()


def test_what_the_driver_cannot_write_fails_at_the_worker(run: RunFolder) -> None:
    reach = Reach.of(run)
    (run.path / "trials" / "weights").mkdir()  # a file cannot take its place
    with carrying(run.path, reach.courier), pytest.raises(OSError, match="Is a directory"):
        ray.get(ray.remote(lengthen).remote({**far(reach), "content": ""}, "trials/weights", 1))
