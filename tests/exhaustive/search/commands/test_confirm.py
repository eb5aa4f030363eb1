"""A confirmation of two trainings at a time, killed after each number of reports."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.search.commands.test_confirm import check_goes_on
from tests.search.conftest import real_search

__all__ = ["real_search"]  # a fixture
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("after", range(1, 15))
def test_stopped_at_any_moment_it_goes_on(
    after: int, real_search: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(real_search, tmp_path / "run"))
    check_goes_on(folder, monkeypatch, after=after, max_concurrent=2)
