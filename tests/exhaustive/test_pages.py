"""The README and the pages of docs/ as written, each command and block in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import run_alone, shown


def test_readme_runs_as_written(tmp_path: Path) -> None:
    for block in shown("README.md"):
        run_alone(block, tmp_path)


@pytest.mark.parametrize("page", ["pruning.md", "shared.md", "space.md"])
def test_docs_run_as_written(page: str, tmp_path: Path) -> None:
    for block in shown(f"docs/{page}"):
        if block.code:
            run_alone(block, tmp_path)


def test_docs_on_searching_run_as_written(tmp_path: Path) -> None:
    """Ray warns now and then."""
    for block in shown("docs/searching.md"):
        if block.code:
            subprocess.run([sys.executable, "-c", block.code], check=True, capture_output=True, cwd=tmp_path)
