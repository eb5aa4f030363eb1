"""A reader's story, lived: the README and the tutorial, in this order and in one folder; and the cookbook."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.pages import ROOT, run_here, shown
from tests.search.command_line import xoresnet
from xoresnet.errors import SpecError

SMALL = {
    "search": ["budget=4", "epochs=1", "max_concurrent=1"],
    "confirm": ["--epochs=1", "--seeds=2", "max_concurrent=1"],
    "ablate": ["--epochs=1", "--seeds=2", "max_concurrent=1"],
}
"""What commands are given besides, so that they take seconds."""


@pytest.mark.usefixtures("ray")
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_pages_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that they show; budgets are smaller here than in `exhaustive`."""
    monkeypatch.chdir(tmp_path)
    ran = dict.fromkeys(["README.md", "docs/tutorial.md"], 0)
    for page in ran:
        for command, code in shown(page):
            if code:
                run_here(code.replace("budget=4, epochs=2", "budget=2, epochs=1"))
            else:
                more = [] if "--dry-run" in command else SMALL.get(command[0], [])
                result = xoresnet(*command, *more)
                assert result.code == 0, (page, command, result.err)
            ran[page] += 1
    assert ran["README.md"] > 10
    assert ran["docs/tutorial.md"] > 7


def test_the_cookbook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On two recorded runs; its blocks follow each other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    for name, recorded in (("digits", "digits-0"), ("other", "digits-1")):
        shutil.copytree(ROOT / "examples" / "recorded" / recorded, tmp_path / "runs" / name)
    known: dict[str, object] = {"__name__": "__main__"}
    blocks = [code for _, code in shown("docs/howto/analysis.md")]
    assert len(blocks) > 10
    for block in blocks:
        run_here(block, known)
    assert Path("mine.pdf").exists()
    assert Path("front.csv").exists()


def test_the_error_that_the_readme_shows_is_the_one_that_comes() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    ((call, last_line),) = re.findall(r"```text\n>>> (.*?)\n(.*?)\n```", text)
    with pytest.raises(SpecError) as caught:
        run_here(f"from xoresnet import Arch\n{call}")
    assert f"{SpecError.__module__}.{SpecError.__qualname__}: {caught.value}" == last_line
