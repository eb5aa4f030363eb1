"""What a node is asked before it runs trials. The node is this process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xoresnet.data.load import load_data
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.worker.probe import Question, device_fault, examine


@pytest.fixture
def question(tmp_path: Path) -> Question:
    url = f"local://{tmp_path}/bucket/run"
    return Question.of(SearchConfig.from_dict({"space": "digits"}), load_data("digits"), url)


def test_a_node_that_has_everything(question: Question, tmp_path: Path) -> None:
    assert examine(question) == ""
    assert [*(tmp_path / "bucket" / "run").iterdir()] == []


def test_another_version(question: Question) -> None:
    versions = {**question.versions, "xoresnet": "9.9", "Python": "3.99"}
    mine = question.versions
    assert examine(question._replace(versions=versions)) == (
        f"Python is {mine['Python']} there and 3.99 here; xoresnet is {mine['xoresnet']} there and 9.9 here"
    )


def test_a_package_that_is_missing(question: Question) -> None:
    assert examine(question._replace(versions={"a-package": "1.0"})) == "a-package is missing there and 1.0 here"


def test_a_url_that_cannot_be_written_there(question: Question, tmp_path: Path) -> None:
    (tmp_path / "bucket").touch()
    fault = examine(question)
    assert fault.startswith(f"local://{tmp_path}/bucket/run cannot be written: ")
    assert ".probe" not in fault


def test_other_data(question: Question) -> None:
    place = load_data("digits").place
    fault = f"its data set digits, in {place}, is another one than here"
    assert examine(question._replace(fingerprint="0" * 10)) == fault
    missing = examine(question._replace(data='{"name": "folder", "root": "/nowhere"}'))
    assert missing == "there is no folder /nowhere"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_torch_does_not_find(question: Question) -> None:
    assert examine(question._replace(wants_gpu=True)) == device_fault()
    assert device_fault().startswith("Ray counts a GPU there, but torch finds none: ")
