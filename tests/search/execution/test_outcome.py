"""An outcome leads to what came out of the search."""

from __future__ import annotations

from pathlib import Path

import optuna
import pandas as pd

from xoresnet.results import Run, load
from xoresnet.search import Outcome

RUN = Path(__file__).parents[2] / "landed" / "run"


def test_it_has_its_run_and_its_front() -> None:
    outcome = Outcome(RUN, optuna.create_study(), "the budget is spent", failed=False, interrupted=0, errors=())
    assert isinstance(outcome.run, Run)
    assert outcome.run.name == "run"
    pd.testing.assert_frame_equal(outcome.front, load(RUN).front)
    assert len(outcome.front)
