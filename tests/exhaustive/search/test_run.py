"""A search, stopped by each signal after each number of reports."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from tests.search.runs import SMALL, reported, status, stop_search
from tests.search.test_run import check_end

pytestmark = [pytest.mark.usefixtures("ray"), pytest.mark.filterwarnings("ignore")]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("count", range(11))
def test_stopped_at_any_moment_it_goes_on(
    count: int, number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SMALL)

    def begun() -> bool:
        return Path("run/study.journal").exists() and reported(tmp_path) >= count

    stop_search(tmp_path, begun, number)
    before = status(tmp_path)
    assert xoresnet("search", "small.yaml", "--run", "run").code == 0
    check_end(before, tmp_path)
