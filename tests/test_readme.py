"""The README's story, lived."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages import ROOT, run_here, shown
from tests.search.command_line import xoresnet
from xoresnet.errors import SpecError

SMALL = {"search": ["budget=4", "epochs=1", "max_concurrent=1"], "confirm": ["--epochs=1", "max_concurrent=1"]}
"""What commands are given besides, so that they take seconds."""


@pytest.mark.usefixtures("ray")
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the README shows, in its order, in one folder; budgets are smaller here than in `exhaustive`."""
    monkeypatch.chdir(tmp_path)
    ran = 0
    for command, code in shown("README.md"):
        if code:
            run_here(code.replace("epochs=8", "epochs=1").replace("budget=4, epochs=2", "budget=2, epochs=1"))
        else:
            less = [word.replace("epochs=8", "epochs=1") for word in command]
            more = [] if "--dry-run" in command else SMALL.get(command[0], [])
            result = xoresnet(*less, *more)
            assert result.code == 0, (command, result.err)
        ran += 1
    assert ran > 15


def test_the_error_that_the_readme_shows_is_the_one_that_comes() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    ((call, last_line),) = re.findall(r"```text\n>>> (.*?)\n(.*?)\n```", text)
    with pytest.raises(SpecError) as caught:
        run_here(f"from xoresnet import Arch\n{call}")
    assert f"{SpecError.__module__}.{SpecError.__qualname__}: {caught.value}" == last_line
