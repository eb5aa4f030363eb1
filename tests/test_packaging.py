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


def test_readme_commands_run(tmp_path: Path) -> None:
    """Every command of ours in the README, in order, in one folder; the search with a smaller budget."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    lines = [line.rpartition("&& ")[2] for block in blocks for line in block.splitlines()]
    ours = [shlex.split(line, comments=True) for line in lines if line.startswith("xoresnet ")]
    assert ["xoresnet", "search"] in ours
    for _, *words in ours:
        small = ["trials=6"] if words == ["search"] else []
        command = [sys.executable, "-c", "from xoresnet.search.cli import run; run()", *words, *small]
        found = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
        assert found.returncode == 0, (words, found.stderr)


def test_example_of_any_trainable_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "any_trainable.py")]
    first = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert "ended: 30 trials are finished" in first.stdout
    assert len(first.stdout.splitlines()) > 3  # and a front
    again = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert again.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]


def test_readme_runs(tmp_path: Path) -> None:
    """Every Python block of the README, as written; the errors it shows are the ones that come."""
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        subprocess.run([sys.executable, "-W", "error", "-c", block], check=True, capture_output=True, cwd=tmp_path)
    (shown,) = re.findall(r"```text\n>>> (.*?)\n(.*?)\n```", text)
    failing = f"from xoresnet import Arch\n{shown[0]}"
    result = subprocess.run([sys.executable, "-c", failing], check=False, capture_output=True, text=True)
    assert result.stderr.splitlines()[-1] == shown[1]
