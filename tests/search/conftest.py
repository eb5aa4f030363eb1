"""One Ray for all tests of a process, and one small real search with its confirmation."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from tests.search.runs import VARIED, add_pruned


@pytest.fixture(scope="session")
def ray() -> Iterator[None]:
    quiet = {"RAY_AIR_NEW_OUTPUT": "0", "RAY_AUTH_MODE": "disabled", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    import ray as started

    started.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    yield
    started.shutdown()


@pytest.fixture(scope="session")
def real_search(ray: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search in a folder `run`, with complete, failed and pruned trials; only read."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "varied.yaml").write_text(VARIED)
    result = xoresnet("search", str(folder / "varied.yaml"), "--run", str(folder / "run"))
    assert (result.code, result.err) == (0, "")
    add_pruned(folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def real_confirmation(real_search: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its front and the known networks confirmed on two seeds; only read."""
    folder = shutil.copytree(real_search, tmp_path_factory.mktemp("confirmed") / "run")
    result = xoresnet("confirm", str(folder), "--seeds", "2", "--baselines", "max_concurrent=2")
    assert (result.code, result.err) == (0, "")
    (folder / "said").write_text(result.out)
    return folder
