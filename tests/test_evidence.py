"""docs/evidence.md: its tables are those that the scripts make of the recorded trainings, and its code runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from xoresnet.results import load_ablation

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")


def lines_of(*command: str) -> list[str]:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("script", ["ablation_tables.py", "handmade_tables.py"])
def test_tables_are_those_of_the_scripts(script: str) -> None:
    rows = [line for line in lines_of(f"benchmarks/evidence/{script}") if line.startswith("|")]
    assert rows
    assert [row for row in rows if row not in PAGE.splitlines()] == []


def test_code() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert blocks
    lines_of("-W", "error", "-c", "\n".join(blocks))


def test_commands_are_those_of_the_scripts() -> None:
    named = {Path(name) for name in re.findall(r"python (benchmarks/[\w/]+\.py)", PAGE)}
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_a_report_of_recorded_trainings_is_drawn_without_a_note(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "benchmarks" / "data" / "evidence-fashion-mnist", tmp_path / "recorded")
    drawn = xoresnet("report", str(folder))
    assert (drawn.code, drawn.err) == (0, "")
    assert (folder / "report.html").exists()


@pytest.mark.parametrize("folder", sorted(ROOT.glob("benchmarks/data/evidence-*")), ids=lambda folder: folder.name)
def test_recorded_trainings(folder: Path) -> None:
    """Each network has the same seeds, and no training is there twice."""
    trainings = load_ablation(folder).drop_duplicates("training_id")
    assert not trainings.duplicated(["arch_id", "seed"]).any()
    assert trainings["state"].eq("COMPLETE").all()
    assert trainings.groupby("arch_id")["seed"].agg(frozenset).nunique() == 1
    assert trainings["test_accuracy"].between(0, 1).all()
