"""What is shown in `examples/` runs as it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import nbformat
import optuna
import pytest
from nbclient import NotebookClient
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str, budget: int, folder: Path) -> list[str]:
    """The lines that an example prints."""
    command = [sys.executable, str(EXAMPLES / name), str(budget)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    return done.stdout.splitlines()


def states(name: str, folder: Path) -> Counter[str]:
    """How many trials of an example's study have ended in each state."""
    storage = JournalStorage(JournalFileBackend(str(folder / "runs" / name / "study.journal")))
    return Counter(trial.state.name for trial in optuna.load_study(study_name=name, storage=storage).trials)


def test_any_trainable_goes_on(tmp_path: Path) -> None:
    ended, *front = example("any_trainable.py", 3, tmp_path)
    assert "budget of 3 full trainings" in ended
    assert front
    before = states("any_trainable", tmp_path)
    assert before["COMPLETE"] >= len(front)
    assert before["PRUNED"] > before["COMPLETE"]
    assert before.keys() == {"COMPLETE", "PRUNED"}
    ended, *front = example("any_trainable.py", 5, tmp_path)  # what was pruned goes on
    assert "budget of 5 full trainings" in ended
    assert states("any_trainable", tmp_path)["COMPLETE"] > before["COMPLETE"]
    assert front


def test_plain_optuna_goes_on(tmp_path: Path) -> None:
    first = example("plain_optuna.py", 3, tmp_path)
    assert any("began, trained up to epoch 1" in line for line in first)
    assert any("continued from" in line and "trained up to epoch 27" in line for line in first)
    front = [line for line in first if ": accuracy " in line]
    assert front
    again = example("plain_optuna.py", 3, tmp_path)
    assert again[1:] == front  # nothing was left to do
    more = example("plain_optuna.py", 5, tmp_path)
    assert any("continued from" in line for line in more)
    assert states("plain_optuna", tmp_path)["COMPLETE"] > len([line for line in first if "epoch 27" in line])


def test_plain_optuna_survives_a_kill(tmp_path: Path) -> None:
    """At the first line of output, in the middle of the second trial."""
    command = [sys.executable, "-u", str(EXAMPLES / "plain_optuna.py"), "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("#0 began")
        process.kill()
    assert "the budget of 2 full trainings is spent" in " ".join(example("plain_optuna.py", 2, tmp_path))
    assert not states("plain_optuna", tmp_path)["RUNNING"]


@pytest.mark.filterwarnings("ignore")  # Jupyter's own
@pytest.mark.parametrize(("name", "cells"), [("analysis", 10), ("fashion_mnist", 8)])
def test_the_notebook_runs_and_shows_something_in_every_cell(name: str, cells: int, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # none is kept in git
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= cells
    for cell in code:
        assert cell.outputs, cell.source
        assert not any(output.output_type == "stream" and output.name == "stderr" for output in cell.outputs)
