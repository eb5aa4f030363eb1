"""A guided search, killed in each of its phases, one after the other, and with a prior that comes late."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.search.prior.test_guided_search import (
    NETWORKS,
    SPACE,
    Guided,
    check_goes_on,
    guided,
    here,
    search,
    stop_in,
)
from tests.search.runs import without_guessing
from xoresnet.files.yaml_text import read_yaml
from xoresnet.results import load
from xoresnet.results.tables.spending import spent_trainings
from xoresnet.search import SearchConfig, run_search
from xoresnet.search.run import SearchRun

__all__ = ["guided", "here"]  # fixtures
pytestmark = pytest.mark.filterwarnings("ignore")


def test_stopped_in_each_phase_it_goes_on(guided: Guided, here: Path) -> None:
    (here / "small.yaml").write_text(SPACE)
    for phase in ("trains", "predicts", "tries"):
        stop_in(phase, here)
    check_goes_on(guided, here)


def test_its_time_may_be_up_before_the_first_trial(ray: None, tmp_path: Path, guided: Guided) -> None:
    """Nothing is begun; the same without the limit goes on, and ends as if there had been none."""
    result = search(tmp_path, "time_budget=0.000001")  # passed before anything can begin
    assert (result.code, without_guessing(result.err)) == (0, "")
    assert "1e-06 s have passed" in result.out
    folder = tmp_path / "run"
    assert len(load(folder).trials) == 0
    assert not list((folder / "prior").glob("*.safetensors"))
    assert search(tmp_path, "time_budget=600").code == 0
    run, timed = load(folder), ["prediction_seconds"]
    pd.testing.assert_frame_equal(run.predicted.drop(columns=timed), guided.run.predicted.drop(columns=timed))
    assert len(run.trials) == len(guided.run.trials)


def test_without_shared_weights_it_goes_on_and_with_them_once_there_are_any(ray: None, tmp_path: Path) -> None:
    folder, config = tmp_path / "run", SearchConfig.from_dict(read_yaml(SPACE, "space")).replace(budget=3)

    def take_their_place(search: SearchRun) -> None:
        (folder / "prior").write_text("mine")

    outcome = run_search(config, folder, on_begin=take_their_place)
    (sentence,) = outcome.errors
    assert sentence.startswith("no shared weights: FileExistsError: ")
    assert sentence.endswith("; the search continues without them")
    assert json.loads((folder / "prior.json").read_text())["failed"] in sentence
    run = load(folder)
    assert (spent_trainings(run.trials), len(run.predicted)) == (3, 0)
    (folder / "prior").unlink()
    again = run_search(config.replace(budget=6), folder)
    assert not again.errors
    run = load(folder)
    assert len(run.predicted) == NETWORKS
    assert 5 < spent_trainings(run.trials) + run.prior["epochs_charged"] / 3 <= 6
