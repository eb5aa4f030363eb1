"""Every file of a run, mutated: each command that reads ends with a sentence at worst, and nothing is lost.

`tests/exhaustive/test_fuzz.py` has several hundred mutants.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MEMORY = 4096
"""MiB that the process may have used at most: torch's libraries alone may be half of it, a bomb would be far more."""


def check(seed: int, mutants: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.search.fuzzing", str(seed), str(mutants)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tally = json.loads(done.stdout.splitlines()[-1])
    assert tally["failures"] == []
    assert tally["mutants"] > 0.9 * mutants
    assert tally["peak_mib"] < MEMORY
    assert sum(count for end, count in tally["ends"].items() if end.endswith((" 1", " 2"))) > mutants / 20


def test_a_sample_of_mutants() -> None:
    check(seed=1, mutants=24)
