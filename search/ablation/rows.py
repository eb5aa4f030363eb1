"""What the table of an ablation tells of its study, for a journal that has lost it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from xoresnet.search.ablation.study import COMPARED, Compared, compared_in
from xoresnet.search.study.rows import plain_rows, recipe_of

__all__ = ["compared_attributes", "trainings"]


def trainings(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """One row for each training, with the columns of a confirmation's table."""
    if table is None:
        return None
    own = table["field"].isna()
    more = {
        "trial_id": table["base_trial_id"].where(own),
        "source": table["base_source"].where(own),
        "weights": None,
    }
    first = table.assign(**more, of_other=~own).sort_values("of_other", kind="stable")  # the unchanged networks first
    return first.drop_duplicates(["arch_id", "training_id"]).sort_values("training_id", kind="stable")


def compared_attributes(known: Mapping[str, Any], table: pd.DataFrame | None) -> dict[str, Any]:
    """The attributes of the study, with all that the table compares.

    known: those that could be read.
    """
    parts = {part.key: part for part in _parts(table)} | {part.key: part for part in compared_in(known.get(COMPARED))}
    return {**known, COMPARED: [part._asdict() for part in parts.values()]}


def _parts(table: pd.DataFrame | None) -> Iterable[Compared]:
    rows: Sequence[Mapping[str, Any]] = [] if table is None else plain_rows(table)
    for row in rows:
        recipe = recipe_of(row)
        if recipe is not None:
            facts = {name: row[name] for name in Compared._fields if name != "recipe"}
            yield Compared(**facts, recipe=recipe.replace(seed=0).model_dump_json())
