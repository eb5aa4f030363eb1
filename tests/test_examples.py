"""What is shown in `examples/` runs as it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_any_trainable_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "any_trainable.py")]
    first = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert "ended: 30 trials are finished" in first.stdout
    assert len(first.stdout.splitlines()) > 3  # and a front
    again = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert again.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]


@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_the_notebook_runs_and_shows_something_in_every_cell(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    notebook = nbformat.read(EXAMPLES / "analysis.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # none is kept in git
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 10
    for cell in code:
        assert cell.outputs, cell.source
        assert not any(output.output_type == "stream" and output.name == "stderr" for output in cell.outputs)
