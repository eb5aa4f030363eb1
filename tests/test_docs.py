"""What the pages of docs/ show, run as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import run_here, shown


@pytest.mark.parametrize("page", ["pruning.md", "shared.md", "space.md", "strategies.md"])
def test_docs_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of a page, as written."""
    monkeypatch.chdir(tmp_path)
    blocks = python_of(page)
    assert blocks
    for block in blocks:
        run_here(block)


@pytest.mark.usefixtures("ray")
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_docs_on_searching_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a smaller budget."""
    monkeypatch.chdir(tmp_path)
    for block in python_of("search.md"):
        run_here(block.replace("budget=8, epochs=4", "budget=2, epochs=1"))


def test_docs_on_export_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last block writes what the others read, which know nothing of this project."""
    monkeypatch.chdir(tmp_path)
    *foreign, ours = python_of("export.md")
    assert len(foreign) == 4  # .pt2, .onnx, and .nir by two tools
    run_here(ours)
    alone = ["import sys; sys.modules['xoresnet'] = None", *(f"exec({block!r}, {{}})" for block in foreign)]
    command = [sys.executable, "-c", "\n".join(alone)]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path / "mine")


def python_of(page: str) -> list[str]:
    return [code for _, code in shown(f"docs/{page}") if code]


def test_every_test_that_reliability_names_exists() -> None:
    tests = Path(__file__).parent
    files = ["/" + path.relative_to(tests).as_posix() for path in tests.rglob("*.py")]
    page = (tests.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`(?!benchmarks/)([\w/]+\.py)`", page)
    assert len(named) > 40
    assert [name for name in named if not any(file.endswith("/" + name) for file in files)] == []
