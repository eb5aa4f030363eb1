"""Trainings as an ablation: each network beside the one that differs from it in a single field.

from xoresnet.results import comparisons, load, paired_effects

trainings = load("runs/digits").confirmed
paired_effects(comparisons(trainings, {"merge": "add", "xor": "none"}))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from xoresnet.results.tables.columns import ABLATIONS, typed
from xoresnet.results.tables.parameters import labels, parameter_column, parameter_columns

__all__ = ["comparisons"]

_SEED = "config.recipe.seed"
_RECIPE = "config.recipe."


def comparisons(trainings: pd.DataFrame, references: Mapping[str, Any]) -> pd.DataFrame:
    """The table of an ablation, for `paired_effects`, from trainings of any networks on the same seeds.

    trainings: one row per network and seed, with `arch_id`, `state`, `config.*` and figures on the test set:
    `load(run).confirmed`, or what `load_ablation` returns, where trainings that it has several times count once.
    references: by field (`merge`, `neuron.tau`) the value that the others are compared with.
    A network with the reference's value is the unchanged one of all networks that differ from it in this field alone;
    fields of the recipe other than its seed must be equal, too. Networks that have no such counterpart are left out.
    Columns as in `ablations` of docs/ablate.md, without a trial or a source of the unchanged network.
    Raises `UsageError` for a field that the table does not have.
    """
    columns = {field: parameter_column(trainings, field) for field in references}
    config = list(parameter_columns(trainings).values())
    same = ["arch_id", *(name for name in config if name.startswith(_RECIPE))]
    once = trainings.loc[~trainings[same].duplicated()]
    numbered = once.assign(
        training_id=range(len(once)), base_trial_id=None, base_source=None, field=None, value=None, reference=None
    )
    parts = [
        part
        for field, value in references.items()
        for part in _changes(numbered, config, columns[field], field, str(value))
    ]
    bases = list(dict.fromkeys(base for part in parts for base in part["base_arch_id"]))
    unchanged = numbered.loc[numbered["arch_id"].isin(bases)]
    frame = pd.concat([unchanged.assign(base_arch_id=unchanged["arch_id"]), *parts])
    rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    return typed(rows, ABLATIONS)


def _changes(
    trainings: pd.DataFrame, config: list[str], column: str, field: str, reference: str
) -> Iterator[pd.DataFrame]:
    """The networks that differ in one field alone from one that has the reference's value."""
    others = [name for name in config if name not in (column, _SEED)]
    for _, alike in trainings.groupby([labels(trainings[name]) for name in others], dropna=False, sort=False):
        values = labels(alike[column]).astype(str)
        bases = alike.loc[values == reference, "arch_id"].unique()
        changed = alike.loc[values != reference]
        for base in bases if len(changed) else ():
            yield changed.assign(base_arch_id=base, field=field, value=values.loc[changed.index], reference=reference)
