from __future__ import annotations

import pandas as pd

from xoresnet.measures.figures import LayerCounts
from xoresnet.measures.records import EpochRecord
from xoresnet.results.tables.columns import TRIALS, conformed, history_frame, layers_frame

FIGURES = [name for name in EpochRecord.__dataclass_fields__ if name not in ("epoch", "layers")]


def record(epoch: int) -> EpochRecord:
    """Every figure has a value of its own."""
    layers = tuple(LayerCounts(name, "neuron", *(epoch + number / 8 for number in range(7))) for name in ("a", "b"))
    figures = {name: epoch + number / 16 for number, name in enumerate(FIGURES)}
    return EpochRecord(epoch=epoch, layers=layers, **figures)


def test_a_row_for_each_epoch() -> None:
    records = [record(1), record(2), record(3)]
    frame = history_frame(records, arch_id="0123456789", seed=7)
    assert list(frame.columns) == ["arch_id", "seed", "epoch", *FIGURES]
    assert frame["seed"].tolist() == [7, 7, 7]
    assert frame.drop(columns=["arch_id", "seed"]).to_dict("records") == [epoch.as_dict() for epoch in records]


def test_a_row_for_each_epoch_and_layer() -> None:
    records = [record(1), record(2), record(3)]
    frame = layers_frame(records, arch_id="0123456789", seed=7)
    assert list(frame.columns) == ["arch_id", "seed", "epoch", *LayerCounts._fields]
    assert list(zip(frame["epoch"], frame["name"], strict=True)) == [(e, name) for e in (1, 2, 3) for name in "ab"]
    layers = [layer._asdict() for epoch in records for layer in epoch.layers]
    assert frame[list(LayerCounts._fields)].to_dict("records") == layers


def test_no_epochs_no_rows() -> None:
    for frame in (history_frame([], seed=1), layers_frame([], seed=1)):
        assert isinstance(frame, pd.DataFrame)
        assert len(frame) == 0


def test_a_rate_of_the_schedule_is_not_the_configured_one() -> None:
    """Tables of earlier versions called the last rate `learning_rate`, which reads as the configured one."""
    columns = {"trial_id": "int64", "final_learning_rate": "float64", "config.recipe.learning_rate": "float64"}
    assert {name: TRIALS[name] for name in columns} == columns
    assert "learning_rate" not in TRIALS
    earlier = pd.DataFrame({"trial_id": [0], "learning_rate": [1e-6], "config.recipe.learning_rate": [0.01]})
    (row,) = conformed(earlier, columns).to_dict("records")
    assert row == {"trial_id": 0, "final_learning_rate": 1e-6, "config.recipe.learning_rate": 0.01}
    history = conformed(earlier[["learning_rate"]], {"learning_rate": "float64"})
    assert list(history) == ["learning_rate"]
