"""Whole searches with predictions of shared weights, on real digits in a real Ray."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from tests.search.command_line import Result, xoresnet
from tests.search.runs import reported, status, stop_search, without_guessing
from xoresnet.data.load import load_data
from xoresnet.description.arch import Arch
from xoresnet.measures.records import MEASURED
from xoresnet.results import Run, load
from xoresnet.results.tables.spending import spent_trainings
from xoresnet.shared.prediction import predict
from xoresnet.shared.training import load_shared
from xoresnet.shared.weights import WeightGroup
from xoresnet.standalone.folder import load_model

SPACE = """
space:
  arch:
    {input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: [2, 4], merge: [or, add, and, iand], timesteps: 1}
data: digits
recipe: {precision: fp32, batch_size: 128}
baselines: none
epochs: 3
budget: 4
max_concurrent: 1
cost: epochs
prior: {kind: shared, epochs: 2, seeds: 1}
"""
NETWORKS, GROUPS = 8, 2
"""Of the space; each width has weights of its own."""


class Guided(NamedTuple):
    folder: Path
    run: Run
    result: Result


def search(folder: Path, *more: str) -> Result:
    (folder / "small.yaml").write_text(SPACE)
    return xoresnet("search", str(folder / "small.yaml"), "--run", str(folder / "run"), *more)


@pytest.fixture(scope="module")
def guided(ray: None, tmp_path_factory: pytest.TempPathFactory) -> Guided:
    """Never interrupted; only read."""
    folder = tmp_path_factory.mktemp("guided")
    result = search(folder)
    assert (result.code, without_guessing(result.err)) == (0, "")
    return Guided(folder / "run", load(folder / "run"), result)


def test_all_networks_are_predicted_by_the_weights_of_their_group(guided: Guided) -> None:
    folder, run, _ = guided
    assert len(run.predicted) == NETWORKS
    files = sorted((folder / "prior").glob("*.safetensors"))
    assert len(files) == GROUPS
    for row in run.predicted.to_dict("records"):
        arch = Arch.from_json(row["arch"])
        assert row["predicted_spikes_per_sample"] > 0
        assert (row["arch_id"], row["weights_seeds"]) == (arch.arch_id, 1)


def test_the_budget_pays_for_it(guided: Guided) -> None:
    folder, run, result = guided
    cost = run.prior["epochs_charged"]
    assert GROUPS * 2 <= cost < GROUPS * 2 + NETWORKS
    assert 3 * 3 < run.trials["epochs_trained"].sum() + cost <= 4 * 3  # what is left completes nothing
    said = xoresnet("status", str(folder), "--json").json["spent"]
    assert said == pytest.approx(spent_trainings(run.trials) + cost / 3, abs=0.001)
    assert f"have ranked {NETWORKS} networks" in result.out
    assert f"; the budget has paid {cost:,.0f} epochs for them." in result.out


def test_no_prediction_is_ever_a_result(guided: Guided, tmp_path: Path) -> None:
    folder, run, _ = guided
    for table in (run.trials, run.front, run.history, run.layers):
        assert not [name for name in table.columns if "predicted" in str(name)]
    trained = set(run.trials["arch_id"])
    assert set(run.front["arch_id"]) <= trained
    assert trained < set(run.predicted["arch_id"])
    predicted = run.predicted[[f"predicted_{name}" for name in MEASURED]].to_numpy().ravel()
    exported = xoresnet("export", str(folder), "--output", str(tmp_path / "model"))
    assert exported.code == 0, exported.err
    config = load_model(tmp_path / "model").config
    assert config is not None
    (row,) = run.trials[run.trials["arch_id"] == config.arch.arch_id].to_dict("records")
    assert config.figures["val_accuracy"] > 0
    for name in MEASURED:
        assert config.figures[name] == row[name]
    assert "predicted" not in (tmp_path / "model" / "README.md").read_text()
    assert not set(run.trials["spikes_per_sample"]) & set(predicted)


@pytest.fixture
def here(ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which searches are stopped and gone on with."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def phases(folder: Path) -> dict[str, Callable[[], bool]]:
    """Of such a search in `run`, in their order: whether each has begun."""
    prior = folder / "run" / "prior"
    return {
        "trains": lambda: bool(list(prior.glob("*.safetensors"))),
        "predicts": lambda: bool(list(prior.glob("*.json"))),
        "tries": lambda: reported(folder) >= 1,
    }


def stop_in(phase: str, folder: Path) -> None:
    """Kill the search when this phase has begun, and the next one has not."""
    begun = phases(folder)
    stop_search(folder, begun[phase])
    names = list(begun)
    assert not any(begun[later]() for later in names[names.index(phase) + 1 :])


def test_stopped_in_a_phase_it_goes_on(guided: Guided, here: Path) -> None:
    """All phases, one after the other, are in `tests/exhaustive`."""
    (here / "small.yaml").write_text(SPACE)
    stop_in("predicts", here)
    check_goes_on(guided, here)


def check_goes_on(guided: Guided, folder: Path) -> None:
    """To the end that it has without a stop."""
    assert xoresnet("search", "small.yaml", "--run", "run").code == 0
    run, never_stopped = load(folder / "run"), guided.run
    timed = ["prediction_seconds"]
    pd.testing.assert_frame_equal(run.predicted.drop(columns=timed), never_stopped.predicted.drop(columns=timed))
    assert len(run.trials) == len(never_stopped.trials)
    after = status(folder)
    assert (after["failed"], after["running"]) == (0, [])
    assert after["finished"] == len(run.trials)


def test_its_price_is_said_before(tmp_path: Path) -> None:
    result = search(tmp_path, "--dry-run")
    assert "Shared weights cost 5 epochs of these." in result.out
    assert search(tmp_path, "--dry-run", "--json").json["prior_epochs"] == 5
    refused = search(tmp_path, "budget=2")
    assert refused.is_refusal(
        2,
        "prior: shared weights cost as much as 2 full trainings, but budget=2: raise it, lower prior.seeds or "
        "prior.epochs, or set prior=none",
    )
    assert not (tmp_path / "run").exists()


def test_a_lost_table_and_a_damaged_journal_are_made_again(guided: Guided, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(guided.folder, folder)
    (folder / "predicted.parquet").write_bytes(b"PAR1")
    journal = folder / "prior" / "prior.journal"
    content = bytearray(journal.read_bytes())
    content[len(content) // 3] = 0
    journal.write_bytes(content)
    result = search(tmp_path, "budget=5")
    assert result.code == 0
    (sentence,) = without_guessing(result.err).splitlines()
    assert sentence.startswith(f"error: {journal}, line ")
    assert sentence.endswith("it is kept as prior.journal.damaged, and the jobs of the shared weights are repeated")
    assert (folder / "prior" / "prior.journal.damaged").read_bytes() == content
    run, timed = load(folder), ["prediction_seconds"]
    pd.testing.assert_frame_equal(run.predicted.drop(columns=timed), guided.run.predicted.drop(columns=timed))
    assert run.prior["epochs_charged"] == guided.run.prior["epochs_charged"]  # trained on from the checkpoints
    assert spent_trainings(run.trials) > spent_trainings(guided.run.trials)


def test_predictions_are_those_of_the_core(guided: Guided) -> None:
    """The same weights, asked without Ray."""
    folder, run, _ = guided
    arch = Arch.from_json(run.predicted["arch"][3])
    (file,) = (folder / "prior").glob(f"{WeightGroup.of(arch).group_id}-*.safetensors")
    (prediction,) = predict(load_shared(file), [arch], load_data("digits"))
    (row,) = run.predicted[run.predicted["arch_id"] == arch.arch_id].to_dict("records")
    for name, value in prediction.figures.items():
        assert row[f"predicted_{name}"] == pytest.approx(value)
