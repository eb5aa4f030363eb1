"""One Ray for all tests of a process; one small real search and its confirmation for all processes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from tests.search.runs import VARIED, add_pruned, without_guessing
from tests.shared_folder import shared_folder


@pytest.fixture(scope="session")
def real_search(ray: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search in a folder `run`, with complete, failed and pruned trials; only read."""

    def make(folder: Path) -> None:
        (folder / "varied.yaml").write_text(VARIED)
        result = xoresnet("search", str(folder / "varied.yaml"), "--run", str(folder / "run"))
        assert (result.code, without_guessing(result.err)) == (0, "")
        add_pruned(folder / "run")

    return shared_folder(tmp_path_factory, "searched", make) / "run"


@pytest.fixture(scope="session")
def real_confirmation(real_search: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its front and the known networks confirmed on two seeds; only read."""

    def make(folder: Path) -> None:
        run = shutil.copytree(real_search, folder / "run")
        result = xoresnet("confirm", str(run), "--seeds", "2", "--baselines", "max_concurrent=1")
        assert (result.code, without_guessing(result.err)) == (0, "")
        (run / "output.txt").write_text(result.out)

    return shared_folder(tmp_path_factory, "confirmed", make) / "run"
