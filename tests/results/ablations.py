"""Tables of ablations that are made up for the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from xoresnet.results.tables.columns import ABLATIONS, typed

BASE = "b0"


def trainings(
    accuracies: Sequence[float | None],
    field: str | None = None,
    value: str | None = None,
    reference: str | None = None,
    *,
    spikes: Sequence[float] | None = None,
    base: str = BASE,
    **changes: Any,
) -> list[dict[str, Any]]:
    """One training for each accuracy on the test set, on seeds 1, 2, ...; None for one that has failed."""
    amounts = spikes or [100.0] * len(accuracies)
    return [
        {
            "base_trial_id": 7,
            "base_arch_id": base,
            "field": field,
            "value": value,
            "reference": reference,
            "training_id": seed,
            "arch_id": base if field is None else f"{base}{value}",
            "state": "FAIL" if accuracy is None else "COMPLETE",
            "seed": seed,
            "epochs_trained": 3,
            "test_accuracy": accuracy,
            "test_spikes_per_sample": None if accuracy is None else amount,
            "config.recipe.seed": seed,
            "config.recipe.epochs": 3,
            "config.merge": value if field == "merge" else "or",
            "config.depth": 8,
            **changes,
        }
        for seed, (accuracy, amount) in enumerate(zip(accuracies, amounts, strict=True), start=1)
    ]


def ablations(*parts: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The table of these trainings."""
    return typed([dict(row) for part in parts for row in part], ABLATIONS)
