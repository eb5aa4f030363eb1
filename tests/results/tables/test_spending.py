"""What a search has spent, where a network may have been continued under another number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.results.made_runs import run_of, trial
from xoresnet.results.tables.spending import spent_trainings, without_continued

ROWS = [
    trial(0, epochs_trained=12),
    trial(1, epochs_trained=3, state="PRUNED"),
    trial(2, epochs_trained=12, rescues=1),
    trial(3, epochs_trained=1, state="FAIL"),
    trial(4, epochs_trained=2, state="PAUSED"),
]


@pytest.mark.parametrize(
    ("rows", "numbers", "spent"),
    [
        ([], [], 0.0),
        (ROWS[:1], [0], 1.0),
        (ROWS[:2], [0, 1], 1.25),
        (ROWS[:3], [0, 2], 2.0),
        (ROWS, [0, 2, 3, 4], 2.25),
    ],
)
def test_each_epoch_counts_once(rows: list[dict[str, Any]], numbers: list[int], spent: float) -> None:
    trials = run_of(*({**row, "config.recipe.epochs": 12} for row in rows)).trials
    assert list(without_continued(trials)["trial_id"]) == numbers
    assert spent_trainings(trials) == pytest.approx(spent)


def test_a_recipe_may_be_shorter_than_a_full_training() -> None:
    rows = [trial(0, epochs_trained=4), trial(1, epochs_trained=2)]
    trials = run_of(*({**row, "config.recipe.epochs": row["epochs_trained"]} for row in rows)).trials
    assert spent_trainings(trials) == 1.5
