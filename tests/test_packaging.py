"""One package in four folders: what users, type checkers and Ray's uploads rely on."""

from __future__ import annotations

import importlib
import importlib.metadata
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
    assert {*xoresnet.__all__, "__version__"} <= set(dir(xoresnet))
    assert xoresnet.__version__ == importlib.metadata.version("xoresnet")
    with pytest.raises(AttributeError, match="module 'xoresnet' has no attribute 'Arhc'"):
        _ = xoresnet.Arhc


def test_names_are_what_they_are_whatever_was_imported_first() -> None:
    """A submodule of the same name would take a function's place once something imports it."""
    code = (
        "import importlib, pkgutil, types, xoresnet\n"
        "for module in pkgutil.iter_modules(xoresnet.__path__): importlib.import_module('xoresnet.' + module.name)\n"
        "for name in xoresnet.__all__: assert not isinstance(getattr(xoresnet, name), types.ModuleType), name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_import_is_lazy() -> None:
    code = "import sys, xoresnet; print(sorted({'torch', 'numpy', 'pydantic'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "[]"


def test_the_command_line_is_a_module_too() -> None:
    words = [sys.executable, "-m", "xoresnet", "--version"]
    result = subprocess.run(words, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == f"xoresnet, version {xoresnet.__version__}"
    wrong = subprocess.run([*words[:-1], "serch"], check=False, capture_output=True, text=True)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


def test_the_citation_has_this_version() -> None:
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    assert f"version: {xoresnet.__version__}" in lines
