"""What one machine tells of itself: this one, and with packages that are broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from xoresnet.data.load import load_data
from xoresnet.data.spec import DataSpec
from xoresnet.search.checkup.node import examine_node
from xoresnet.search.checkup.worker import Question

DIGITS = (DataSpec(name="digits").model_dump_json(),)


def broken(package: str, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that the processes of this one find first."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")


def test_data_sets_that_are_read() -> None:
    missing = DataSpec(name="folder", root="/nowhere").model_dump_json()
    facts = examine_node(Question(300, (*DIGITS, missing)))
    assert facts["unknown"] == {}
    assert facts["trial"]["fault"] == ""
    assert 50e6 < facts["trial"]["memory_bytes"] < facts["memory"]["total_bytes"]
    digits, folder = facts["data"]
    assert (digits["fingerprint"], digits["fault"]) == (load_data("digits").fingerprint, "")
    assert folder["fingerprint"] is None
    assert folder["fault"] == "there is no folder /nowhere"


def test_packages_that_are_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One raises, and one ends the process; what can be told without them is told."""
    broken("safetensors", "raise ImportError('it is broken')", tmp_path, monkeypatch)
    broken("sklearn", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", tmp_path, monkeypatch)
    facts = examine_node(Question(300, DIGITS))
    assert facts["trial"]["fault"] == "ImportError: it is broken"
    assert isinstance(facts["gpus"]["devices"], list)
    assert (facts["data"], facts["unknown"]) == (None, {"data": "its process was ended by SIGSEGV"})


def test_a_package_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken("torch", "import time\nprint('no answer', flush=True)\ntime.sleep(600)", tmp_path, monkeypatch)
    facts = examine_node(Question(1))
    assert facts["unknown"] == dict.fromkeys(("trial", "gpus", "run", "data"), "it did not answer within 1 s")
    assert facts["versions"]["torch"]
