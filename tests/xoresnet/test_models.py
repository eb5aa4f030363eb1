"""`load_model`: the models of a run by what they are, on a recorded run with confirmed networks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.results.trials import says
from xoresnet import ModelError, RunError, load_model
from xoresnet.models import find_model
from xoresnet.results.analysis.weights import chosen_weights
from xoresnet.results.tables.loading import load

RUN = Path(__file__).parents[1] / "landed" / "run"


@pytest.mark.parametrize("pick", ["knee", "best-accuracy", "max-spikes=1000000", "min-accuracy=0.01"])
def test_picks_are_those_of_export(pick: str) -> None:
    picked = RUN / chosen_weights(load(RUN), pick).place
    assert find_model(f"{RUN}:{pick}") == find_model(f"{RUN.as_uri()}:{pick}") == picked


def test_a_picked_model_is_loaded() -> None:
    model = load_model(f"{RUN}:knee")
    assert model.config is not None
    assert model.config.arch.arch_id in str(find_model(f"{RUN}:knee"))


def test_picks_that_cannot_be_met() -> None:
    with pytest.raises(RunError, match=r"^no complete trial has spikes_per_sample <= 0; trial \d+ comes closest"):
        load_model(f"{RUN}:max-spikes=0")
    with says("pick: 'kneee' is neither a criterion nor a network of run; did you mean 'knee'?"):
        load_model(f"{RUN}:kneee")


def test_weights_that_were_removed(tmp_path: Path) -> None:
    run = shutil.copytree(RUN, tmp_path / "run")
    shutil.rmtree(run / "trials")
    shutil.rmtree(run / "confirmed")
    with pytest.raises(ModelError, match="is complete, but its weights are missing: there is no "):
        load_model(f"{run}:knee")


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no search: it has no config\.yaml"):
        load_model(f"{tmp_path}:knee")
    with pytest.raises(ModelError, match="there is no folder nowhere:knee"):
        load_model("nowhere:knee")


@pytest.mark.parametrize(
    ("source", "meant"),
    [("digits", "runs/digits:knee"), ("digits:7", "runs/digits:7"), ("digts", "runs/digits:knee"), ("one", "runs/one")],
)
def test_a_run_that_was_probably_meant(
    source: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/digits/trials", "runs/one", "digits"):  # the last with a user's images, for example
        Path(folder).mkdir(parents=True)
    for run in ("digits", "one"):
        Path("runs", run, "config.yaml").touch()
    with says(f"there is no model {source}; did you mean {meant}?"):
        load_model(source)
