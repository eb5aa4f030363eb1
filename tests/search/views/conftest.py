"""Searches whose trials are begun and ended by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.search.views.test_search import search_config, searching
from xoresnet.search.run import SearchRun


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Any]:
    """Makes searches that have their folder and their study."""
    with ExitStack() as stack:

        def open_run(**changes: Any) -> SearchRun:
            return stack.enter_context(searching(search_config(**changes), tmp_path / "run"))

        yield open_run


@pytest.fixture
def run(opened: Any) -> SearchRun:
    made: SearchRun = opened()
    return made
