"""The table of a confirmation, as its study has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.search.confirmations import FRONT, begin, carry_out, confirming, made_search
from xoresnet.description.recipe import Recipe
from xoresnet.results import load
from xoresnet.results.tables.columns import CONFIRMED
from xoresnet.search.confirmation.confirming import ConfirmRun
from xoresnet.search.confirmation.table import confirmed_frame


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ConfirmRun]:
    with confirming(made_search(tmp_path / "run"), seeds=2) as run:
        yield run


def check_table(run: ConfirmRun) -> pd.DataFrame:
    """Value for value what the study has; of each training the last attempt."""
    table = confirmed_frame(run.study, run.path)
    trials = {
        (trial.user_attrs["arch_id"], trial.user_attrs["recipe"]): trial
        for trial in run.study.get_trials(deepcopy=False)
    }
    assert len(table) == len(trials)
    for row, trial in zip(table.to_dict("records"), trials.values(), strict=True):
        attrs = trial.user_attrs
        recipe = Recipe.model_validate_json(attrs["recipe"])
        assert (row["arch_id"], row["state"], row["seed"]) == (attrs["arch_id"], trial.state.name, recipe.seed)
        assert (row["trial_id"], row["config.recipe.seed"]) == (attrs["confirms"], recipe.seed)
        epochs = [int(name.partition(":")[2]) for name in attrs if name.startswith("record:")]
        assert row["epochs_trained"] == max(epochs, default=0)
        if epochs:
            last = attrs[f"record:{max(epochs)}"]
            shared = set(last) & set(row) - {"train_seconds", "evaluation_seconds"}
            assert {"val_accuracy", "spikes_per_sample"} <= shared
            assert {name: row[name] for name in shared} == {name: last[name] for name in shared}
            assert ("test_accuracy" in last) == (trial.state.name == "COMPLETE")
        if trial.state.name != "COMPLETE":
            assert pd.isna(row["test_accuracy"])
            assert pd.isna(row["weights"])
    return table


def test_all_values_are_the_studys(run: ConfirmRun) -> None:
    begin(run, epochs=0)
    begin(run, epochs=1)
    run.bridge.on_end(begin(run) or "")
    failed = begin(run, epochs=1) or ""
    run.bridge.on_end(failed, "boom")
    table = check_table(run)
    assert list(table["state"]) == ["RUNNING", "RUNNING", "COMPLETE", "FAIL"]
    assert list(table["trial_id"]) == [*FRONT, FRONT[0]]
    assert list(table["seed"]) == [1, 1, 1, 2]
    assert table["reason"][3] == "boom"
    assert table["started"].notna().all()


def test_types_are_the_same_from_the_first_training_to_the_last(run: ConfirmRun) -> None:
    seen = [confirmed_frame(run.study, run.path)]
    run.bridge.observers.append(lambda trial: seen.append(load(run.path).confirmed))
    assert len(load(run.path).confirmed) == 0
    seen.append(load(run.path).confirmed)
    carry_out(run)
    assert [len(frame) for frame in seen] == [0, 0, 1, 2, 3, 4, 5, 6]
    for frame in seen:
        assert {name: str(kind) for name, kind in frame.dtypes.items()} == dict(CONFIRMED)


def test_weights_are_named_where_they_were_kept(run: ConfirmRun) -> None:
    carry_out(run, accuracy=lambda number: 0.5 + number / 10 if number != 4 else 0.1)  # of the second network the first
    table = check_table(run)
    kept = {row["seed"]: row["weights"] for row in table.to_dict("records") if row["trial_id"] == FRONT[1]}
    assert [*kept] == [1, 2]
    assert kept[1] == f"confirmed/0001-{table['arch_id'][1]}"
    assert pd.isna(kept[2])
    assert table["weights"].notna().sum() == 3
    for place in table["weights"].dropna():
        assert (run.path / place / "weights.safetensors").exists()
    (run.path / kept[1] / "weights.safetensors").unlink()  # by somebody who needed the room
    assert confirmed_frame(run.study, run.path)["weights"].notna().sum() == 2


def test_of_a_training_that_was_tried_again_the_last_attempt(run: ConfirmRun) -> None:
    run.bridge.on_end(begin(run, epochs=0) or "", "boom")
    assert list(check_table(run)["state"]) == ["FAIL"]
    again = ConfirmRun(run.plan)
    carry_out(again)
    table = check_table(again)
    assert len(again.study.trials) == 7
    assert list(table["state"]) == ["COMPLETE"] * 6
    assert table["reason"].isna().all()
