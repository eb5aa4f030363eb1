"""What the pages of docs/ show, run as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pages import Shown, files_of, run_alone, run_here, shown
from tests.search.command_line import xoresnet


@pytest.mark.parametrize("page", ["hardware.md", "pruning.md", "shared.md", "space.md", "strategies.md"])
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
    for block in python_of("searching.md"):
        run_here(block.replace("budget=8, epochs=4", "budget=2, epochs=1"))


@pytest.mark.usefixtures("ray")
@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.parametrize("page", ["howto/own_data", "howto/events", "howto/own_merge", "howto/own_objective", "energy"])
def test_how_to_pages_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With smaller budgets; what needs the reader's own code, in processes of its own."""
    monkeypatch.chdir(tmp_path)
    place = f"docs/{page}.md"
    files = files_of(place)
    for name, content in files.items():
        Path(name).write_text(content)
    ran = 0
    for command, code in shown(place):
        less = [_LESS.get(word.partition("=")[0], word) for word in command]
        if less[:1] == ["search"]:
            less += [word for word in _LESS.values() if word not in less]
        if "mylab.py" in files:
            run_alone(Shown(tuple(less), code), tmp_path)
        elif code:
            run_here(code.replace("budget=2,", "budget=1,"))
        else:
            result = xoresnet(*less)
            assert result.code == 0, (less, result.err)
        ran += 1
    assert ran > 2


_LESS = {name: f"{name}=1" for name in ("budget", "epochs", "max_concurrent")}
"""Settings of a search in place of those of a page, so that it takes seconds."""


def test_docs_on_export_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last block writes what the others read; all but the first of these know nothing of this project."""
    monkeypatch.chdir(tmp_path)
    predicting, *foreign, ours = python_of("export.md")
    assert len(foreign) == 4  # .pt2, .onnx, and .nir by two tools
    run_here(ours)
    Image.fromarray(np.zeros((9, 12, 3), dtype=np.uint8)).save("photo.png")
    run_here(predicting.replace('load_model("model"', 'load_model("mine"'))
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
