"""CONTRIBUTING.md: its examples, applied to a copy of the project as they stand, with their own tests."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
OWN, ADDED = PAGE.split("## To add")


def blocks(page: str, language: str = "python") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def place_of(block: str) -> tuple[str, str]:
    """The file that a block names in its first line, and where in it the block belongs; empty for a script."""
    match = re.match(r"# (\S+\.py)(?:: (\w+))?\n", block)
    return (match[1], match[2] or "") if match else ("", "")


def test_users_own_code(tmp_path: Path) -> None:
    """In an ordinary working directory, as written."""
    scripts = 0
    for block in blocks(OWN):
        file, _ = place_of(block)
        if file:
            (tmp_path / file).write_text(block)
        else:
            subprocess.run([sys.executable, "-W", "error", "-c", block], check=True, cwd=tmp_path)
            scripts += 1
    assert scripts == 2
    (command,) = (line for line in "".join(blocks(OWN, "bash")).splitlines() if line.startswith("xoresnet "))
    run = "from xoresnet.search.cli import run; run()"
    subprocess.run([sys.executable, "-c", run, *shlex.split(command)[1:]], check=True, cwd=tmp_path)
    assert '"mylab.INHIBIT"' in (tmp_path / "runs" / "mine" / "arch.json").read_text()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with all examples applied."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("xoresnet", "space", "search", "results", "tests"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for block in blocks(ADDED):
        file, where = place_of(block)
        path = folder / file
        lines = block.partition("\n")[2]
        if not where:
            assert not path.exists(), f"{file} exists already: the example must be a new file"
            path.write_text(lines)
        elif where == "end":
            path.write_text(f"{path.read_text()}\n\n{lines}")
        else:
            opening = re.search(rf"^{where}\b.* = MappingProxyType\(\n    {{\n", path.read_text(), flags=re.MULTILINE)
            assert opening is not None, f"{file} has no table {where}"
            text = path.read_text()
            path.write_text(text[: opening.end()] + lines + text[opening.end() :])
    return folder


def test_what_is_added_passes_its_tests(copy: Path) -> None:
    tests = [file for file, _ in map(place_of, blocks(ADDED)) if file.startswith("tests/")]
    assert len(tests) == 5
    # the copy goes before the installed project
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests]
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=copy, env=environment)
    assert result.returncode == 0, result.stdout[-3000:]
    where = "import xoresnet.search; print(xoresnet.search.__file__)"
    location = subprocess.run(
        [sys.executable, "-c", where], check=True, capture_output=True, text=True, cwd=copy, env=environment
    )
    assert location.stdout.startswith(str(copy))


def test_an_addition_touches_one_file_and_its_test() -> None:
    """But for a pruner, which is named in the registry as well."""
    touched = {file for file, _ in map(place_of, blocks(ADDED)) if not file.startswith("tests/")}
    assert touched == {
        "xoresnet/description/merge.py",
        "xoresnet/data/datasets/stripes.py",
        "search/registry.py",
        "search/pruning/budget_pruner.py",
        "results/figures/cost.py",
        "xoresnet/standalone/formats/textproto.py",
    }
