"""One package in four folders: what users, type checkers and Ray's uploads rely on."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import xoresnet

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["space", "search", "results"])
def test_folders_import_as_one_package(name: str) -> None:
    module = importlib.import_module(f"xoresnet.{name}")
    assert module.__file__ is not None
    assert Path(module.__file__).resolve() == (ROOT / name / "__init__.py").resolve()
    assert (ROOT / "xoresnet" / name).readlink() == Path("..") / name


def test_results_is_code_and_never_ignored() -> None:
    lines = (ROOT / ".gitignore").read_text().split()
    assert "runs/" in lines
    assert not any("results" in line for line in lines)


def test_public_names() -> None:
    for name in xoresnet.__all__:
        assert getattr(xoresnet, name) is not None
    assert set(xoresnet.__all__) <= set(dir(xoresnet))
    with pytest.raises(AttributeError, match="module 'xoresnet' has no attribute 'Arhc'"):
        _ = xoresnet.Arhc


def test_names_are_what_they_are_whatever_was_imported_first() -> None:
    """A submodule of the same name would take a function's place once something imports it."""
    code = (
        "import importlib, pkgutil, xoresnet\n"
        "for module in pkgutil.iter_modules(xoresnet.__path__):\n"
        "    if module.name != 'fire_triton': importlib.import_module('xoresnet.' + module.name)\n"
        "for name, home in xoresnet._HOMES.items():\n"
        "    assert getattr(xoresnet, name) is getattr(importlib.import_module('xoresnet.' + home), name), name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_import_is_lazy() -> None:
    code = "import sys, xoresnet; print(sorted({'torch', 'numpy', 'pydantic'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("page", ["pruning.md", "search.md", "space.md"])
def test_docs_run(page: str, tmp_path: Path) -> None:
    """Every Python block of a page, as written."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), flags=re.DOTALL)
    assert blocks
    warnings = "default" if page == "search.md" else "error"  # Ray has some of its own
    for block in blocks:
        subprocess.run([sys.executable, "-W", warnings, "-c", block], check=True, capture_output=True, cwd=tmp_path)


def test_docs_on_export_run(tmp_path: Path) -> None:
    """The last block writes what the others read, which know nothing of this project."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text(), flags=re.DOTALL)
    *foreign, ours = blocks
    assert len(foreign) == 3  # .pt2, .onnx, .nir
    subprocess.run([sys.executable, "-W", "error", "-c", ours], check=True, capture_output=True, cwd=tmp_path)
    for block in foreign:
        alone = f"import sys; sys.modules['xoresnet'] = None\n{block}"
        subprocess.run([sys.executable, "-c", alone], check=True, capture_output=True, cwd=tmp_path / "mine")


def test_readme_runs(tmp_path: Path) -> None:
    """All that the README shows, in its order, in one folder; the search with a smaller budget, and no installing."""
    blocks = re.findall(r"```(bash|python)\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    ran = []
    for language, block in blocks:
        for words in [["-W", "error", "-c", block]] if language == "python" else _commands(block):
            found = subprocess.run([sys.executable, *words], check=False, capture_output=True, text=True, cwd=tmp_path)
            assert found.returncode == 0, (words, found.stderr)
            ran.append(words)
    assert len(ran) > 8


def _commands(block: str) -> list[list[str]]:
    """Ours, as arguments for Python."""
    lines = [line.rpartition("&& ")[2] for line in block.splitlines()]
    ours = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("xoresnet ")]
    less = {"search": "trials=6", "confirm": "--epochs=1"}
    small = [[*words, less[words[0]]] if words[0] in less and "--dry-run" not in words else words for words in ours]
    return [["-c", "from xoresnet.search.cli import run; run()", *words] for words in small]


def test_the_error_that_the_readme_shows_is_the_one_that_comes() -> None:
    text = (ROOT / "README.md").read_text()
    (shown,) = re.findall(r"```text\n>>> (.*?)\n(.*?)\n```", text)
    failing = f"from xoresnet import Arch\n{shown[0]}"
    result = subprocess.run([sys.executable, "-c", failing], check=False, capture_output=True, text=True)
    assert result.stderr.splitlines()[-1] == shown[1]
