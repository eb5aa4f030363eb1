"""Trainings that are paired by hand: against the table that an ablation writes itself."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tests.results.ablations import ablations, trainings
from tests.results.trials import unchanged
from xoresnet.errors import UsageError
from xoresnet.results import comparisons, paired_effects

METRICS = ["test_accuracy", "test_spikes_per_sample"]


def network(accuracies: list[float | None], **config: Any) -> list[dict[str, Any]]:
    """One network on the seeds 1, 2, ... as a table of trainings has it."""
    named = {f"config.{name.replace('_', '.')}": value for name, value in config.items()}
    arch_id = "-".join(f"{value}" for value in config.values())
    return trainings(accuracies, **{"arch_id": arch_id, "config.merge": "add", "config.xor": "none", **named})


def test_the_table_of_an_ablation_is_made_again() -> None:
    written = ablations(
        trainings([0.5, 0.6, 0.8]),
        trainings([0.7, 0.6, 0.9], "merge", "add", "or"),
        trainings([0.4, None, 0.3], "merge", "oa", "or"),
    )
    made = comparisons(written.sample(frac=1, random_state=0), {"merge": "or"})
    shown = ["base_arch_id", "field", "value", "reference", "metric", "effect", "low", "high", "seeds", "failed"]
    expected, effects = (
        paired_effects(table, METRICS)[shown].sort_values(["metric", "value"], ignore_index=True)
        for table in (written, made)
    )
    assert_frame_equal(effects, expected, check_exact=False, rtol=1e-12)


def test_each_network_is_paired_in_every_field_in_which_it_has_a_counterpart() -> None:
    table = ablations(
        network([0.1, 0.2], merge="add", xor="none"),
        network([0.3, 0.3], merge="or", xor="none"),
        network([0.5, 0.4], merge="add", xor="middle"),
        network([0.6, 0.5], merge="or", xor="middle"),
        network([0.9, 0.9], merge="or", xor="none", depth=14),
    )
    made = unchanged(table, lambda frame: comparisons(frame, {"merge": "add", "xor": "none"}))
    pairs = made.dropna(subset="field")[["arch_id", "base_arch_id", "field", "value", "reference"]].drop_duplicates()
    assert sorted(pairs.itertuples(index=False, name=None)) == [
        ("add-middle", "add-none", "xor", "middle", "none"),
        ("or-middle", "add-middle", "merge", "or", "add"),
        ("or-middle", "or-none", "xor", "middle", "none"),
        ("or-none", "add-none", "merge", "or", "add"),
    ]
    assert not made["arch_id"].eq("or-none-14").any()
    assert made.groupby("arch_id")["training_id"].nunique().eq(2).all()
    pooled = paired_effects(made, METRICS[:1])
    pooled = pooled[pooled["base_arch_id"].isna()].set_index("field")
    assert pooled.loc["merge", "effect"] == pytest.approx((0.2 + 0.1 + 0.1 + 0.1) / 4)
    assert pooled.loc["xor", "effect"] == pytest.approx((0.4 + 0.2 + 0.3 + 0.2) / 4)


def test_other_recipes_are_other_trainings() -> None:
    table = ablations(
        network([0.1, 0.2], merge="add"),
        network([0.3, 0.3], merge="or", recipe_epochs=5),
        network([0.4, 0.4], merge="add", recipe_epochs=5),
    )
    effects = paired_effects(comparisons(table, {"merge": "add"}), METRICS[:1])
    assert effects[["epochs", "effect", "seeds"]].to_numpy().tolist() == [[5, pytest.approx(-0.1), 2]]


def test_nothing_to_compare() -> None:
    table = ablations(network([0.1], merge="or"))
    made = comparisons(table, {"merge": "add"})
    assert made.empty
    assert made.dtypes.equals(table.dtypes)
    assert paired_effects(made).empty


def test_an_unknown_field() -> None:
    with pytest.raises(UsageError, match=r"^the frame has no parameter 'merg'; did you mean 'merge'\?$"):
        comparisons(pd.DataFrame({"config.merge": ["or"], "arch_id": ["a"]}), {"merg": "add"})
