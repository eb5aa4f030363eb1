"""What an earlier version wrote is read, gone on with and run as it is; `landed/README.md` says what is there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from safetensors import safe_open

from tests.search.command_line import xoresnet
from tests.search.runs import status, without_guessing
from xoresnet import load_model
from xoresnet.description.arch import Arch
from xoresnet.results import best, confirmed_networks, load
from xoresnet.standalone.formats import nir, onnx, pt2

LANDED = Path(__file__).parent / "landed"
RUN = {0: "fe2b76a0a8", 1: "6c49d140d8", 2: "2515556f15", 3: "03403e33ae", 6: "504e2429d4", 9: "dcd33526d0"}
"""The networks of its trials."""
PRUNED = [1, 3, 9]
INTERRUPTED = {0: "a868dcd391", 1: "5c0936018e", 2: "03403e33ae"}
"""What the earlier version came to when it went on: trial 2 was not begun yet."""
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's and torch's own


@pytest.fixture
def landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, which is the working directory; journals are newer than tables, which git does not keep."""
    folder = shutil.copytree(LANDED, tmp_path / "landed")
    for journal in folder.rglob("*.journal"):
        journal.touch()
    monkeypatch.chdir(folder)
    return folder


def test_the_tables_of_a_run(landed: Path) -> None:
    run = load(landed / "run")
    assert dict(zip(run.trials["trial_id"], run.trials["arch_id"], strict=True)) == RUN
    assert list(run.trials.query("state == 'PRUNED'")["trial_id"]) == PRUNED
    assert list(run.front["trial_id"]) == [6, 0]
    assert run.trials["source"].dropna().to_dict() == {0: "sew-resnet8", 1: "or-resnet8", 2: "xoresnet8"}
    assert best(run.trials)["val_accuracy"] == pytest.approx(0.372822, abs=1e-6)
    assert len(run.history) == 9
    assert set(run.layers["trial_id"]) == {0, 2, 6}
    assert list(run.confirmed["trial_id"]) == [6, 0, 6, 0]
    assert list(confirmed_networks(run)["seeds"]) == [2, 2]


def test_the_tables_are_made_anew_from_the_journal(landed: Path) -> None:
    before = load(landed / "run")
    for path in (landed / "run").glob("*.parquet"):
        path.unlink()
    assert xoresnet("front", "run").code == 0
    after = load(landed / "run")
    for name in ("trials", "history", "layers", "confirmed"):
        pd.testing.assert_frame_equal(getattr(after, name), getattr(before, name))


def test_commands_on_a_run(landed: Path) -> None:
    assert (status(landed)["finished"], status(landed)["pruned"]) == (6, 3)
    assert [row["trial_id"] for row in xoresnet("front", "run", "--json").json] == [6, 0]
    assert xoresnet("report", "run").code == 0
    assert (landed / "run" / "report.html").stat().st_size > 100_000
    confirm = xoresnet("confirm", "run", "--seeds", "2", "--epochs", "1", "--dry-run")
    assert " 0 of 4 trainings left" in confirm.out


@pytest.mark.usefixtures("ray")
def test_what_pruning_saved_of_its_budget_may_be_spent(landed: Path) -> None:
    """It was a number of trials, which is now one of full trainings."""
    before, fields = load(landed / "run").trials.drop(columns="is_pareto"), status(landed)
    assert (fields["budget"], fields["spent"]) == (6, 4.5)
    result = xoresnet("search", "run/config.yaml", "--run", "run")
    assert (result.code, without_guessing(result.err)) == (0, "")
    assert "Resuming: 4.5 of 6 full trainings are spent." in result.out
    after = load(landed / "run").trials.drop(columns="is_pareto")
    assert len(after) == len(before) + 1
    pd.testing.assert_frame_equal(after.head(len(before)), before)
    assert status(landed)["spent"] == 5.5


def test_ids_are_what_they_were(landed: Path) -> None:
    for path in landed.rglob("arch.json"):
        if path.parent.parent.name in ("trials", "confirmed"):
            assert Arch.load(path).arch_id == path.parent.name.partition("-")[2]
    (name,) = (storage := JournalStorage(JournalFileBackend(str(landed / "run" / "study.journal")))).get_all_studies()
    for trial in storage.get_all_trials(name._study_id):
        if trial.number in RUN:
            assert Arch.from_json(trial.user_attrs["arch"]).arch_id == RUN[trial.number]


@pytest.mark.usefixtures("ray")
def test_an_interrupted_search_goes_on(landed: Path) -> None:
    assert xoresnet("front", "interrupted").code == 0  # the tables may be older than the journal
    before = load(landed / "interrupted").history
    result = xoresnet("search", "interrupted/config.yaml", "--run", "interrupted")
    assert (result.code, without_guessing(result.err)) == (0, "")
    run = load(landed / "interrupted")
    assert dict(zip(run.trials["trial_id"], run.trials["arch_id"], strict=True)) == INTERRUPTED
    assert set(run.trials["state"]) == {"COMPLETE"}
    assert len(before) == 3
    pd.testing.assert_frame_equal(run.history.head(3), before)  # from its checkpoint: an epoch is not trained twice
    assert len(run.history) == 6


def test_a_training_goes_on(landed: Path) -> None:
    folder, recipe = landed / "trained", ["epochs=3", "batch_size=128", "precision=fp32"]
    with safe_open(folder / "checkpoint.safetensors", "pt") as file:
        (before,) = json.loads(file.metadata()["records"])
    result = xoresnet("train", "sew-resnet8", "width=2", "timesteps=2", *recipe, "--run", "trained")
    assert (result.code, without_guessing(result.err)) == (0, "")
    history = pd.read_parquet(folder / "history.parquet")
    assert list(history["epoch"]) == [1, 2, 3]
    assert history["train_seconds"][0] == before["train_seconds"]  # not trained again: that takes another time


@pytest.mark.parametrize("name", ["model", "run:0", "run/confirmed/0003-fe2b76a0a8"])
def test_a_model(name: str, landed: Path) -> None:
    model = load_model(name, spikes=True)
    assert model.config is not None
    if name != "model":
        assert model.config.arch.arch_id == RUN[0]
    recorded = np.load(landed / "model" / "outputs.npz")
    with torch.no_grad():
        logits, spikes = model(torch.from_numpy(recorded["images"]))
    if name == "model":
        assert spikes.tolist() == recorded["spikes"].tolist()
        np.testing.assert_allclose(logits.numpy(), recorded["logits"], rtol=1e-5, atol=1e-6)
    assert spikes.sum() > 0


@pytest.mark.parametrize("file", [pt2, onnx, nir])
def test_exports(file: object, landed: Path) -> None:
    suffix = file.__name__.rpartition(".")[2]  # type: ignore[attr-defined]
    recorded = np.load(landed / "model" / "outputs.npz")
    logits, spikes = file.run(landed / "model" / f"model.{suffix}", torch.from_numpy(recorded["images"]))  # type: ignore[attr-defined]
    assert spikes.tolist() == recorded["spikes"].tolist()
    np.testing.assert_allclose(logits.numpy(), recorded["logits"], rtol=1e-5, atol=1e-6)
