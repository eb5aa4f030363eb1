"""The columns of a run's tables: one type each, the same from the first trial to the last."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pandas as pd
from pydantic import BaseModel

from xoresnet.description.arch import Arch
from xoresnet.description.neuron_spec import NeuronSpec, Surrogate
from xoresnet.description.recipe import Recipe
from xoresnet.measures.figures import LayerCounts
from xoresnet.measures.records import MEASURED, EpochRecord

__all__ = [
    "ABLATIONS",
    "CONFIRMED",
    "HISTORY",
    "LAST",
    "LAYERS",
    "PREDICTED",
    "SCHEMA_VERSION",
    "SUMMED",
    "TRIALS",
    "arch_fields",
    "config_fields",
    "conformed",
    "history_frame",
    "layers_frame",
    "typed",
]

SCHEMA_VERSION = 2
"""Version of the tables in a run's folder; it rises whenever a column is removed or changes its meaning."""

SUMMED = ("train_seconds", "evaluation_seconds")
"""Columns of `TRIALS` that are sums over all epochs; other figures are those of the last epoch."""

LAST: Mapping[str, str] = {"learning_rate": "final_learning_rate"}
"""Figures of an epoch whose name alone would mean something else in a row of a whole trial: there they are called so,
because `learning_rate` reads as the configured one. Tables of version 1 have the names of the epoch."""

_TIME = "datetime64[ms, UTC]"
_EPOCH = {
    field.name: "int64" if field.name == "epoch" else "float64"
    for field in fields(EpochRecord)
    if field.name != "layers"
}
_LAYER = {name: "float64" if name not in ("name", "kind") else "str" for name in LayerCounts._fields}


def _dtype(annotation: Any) -> str:
    """The pandas type of a field of a description, where any value may be missing."""
    if get_origin(annotation) is Annotated:
        return _dtype(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return "str"
    if get_origin(annotation) in (Union, types.UnionType):
        dtypes = {_dtype(part) for part in get_args(annotation) if part is not type(None)}
        return dtypes.pop() if len(dtypes) == 1 else "str"
    return {int: "Int64", float: "float64", bool: "boolean"}.get(annotation, "str")


def _flat_dtypes(model: type[BaseModel], prefix: str) -> dict[str, str]:
    nested: dict[str, type[BaseModel]] = {"neuron": NeuronSpec, "surrogate": Surrogate}
    dtypes: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if name in nested:
            dtypes |= _flat_dtypes(nested[name], f"{prefix}{name}.")
        else:
            dtypes[f"{prefix}{name}"] = _dtype(field.annotation)
    return dtypes


TRIALS: Mapping[str, str] = {
    "trial_id": "int64",
    "arch_id": "str",
    "state": "str",
    "reason": "str",
    "source": "str",
    "rescues": "Int64",
    "seed": "Int64",
    "epochs_trained": "int64",
    **{LAST.get(name, name): dtype for name, dtype in _EPOCH.items() if name != "epoch"},
    "params_count": "Int64",
    "started": _TIME,
    "ended": _TIME,
    "worker": "str",
    "node_id": "str",
    "device": "str",
    "is_pareto": "bool",
    **_flat_dtypes(Arch, "config."),
    **_flat_dtypes(Recipe, "config.recipe."),
}
"""One row per trial. Metrics are those of its last epoch; `*_seconds` are sums over all its epochs."""

CONFIRMED: Mapping[str, str] = {
    **{name: dtype for name, dtype in TRIALS.items() if name not in ("rescues", "is_pareto")},
    "trial_id": "Int64",
    **{f"test_{name.removeprefix('val_')}": "float64" for name in MEASURED},
    "weights": "str",
}
"""One row per confirmed network and seed. `trial_id` refers to the search and is missing for networks that the search
did not train; `weights` is the folder of the weights that were kept, relative to the run."""

ABLATIONS: Mapping[str, str] = {
    "base_trial_id": "Int64",
    "base_source": "str",
    "base_arch_id": "str",
    "field": "str",
    "value": "str",
    "reference": "str",
    "training_id": "int64",
    **{name: dtype for name, dtype in CONFIRMED.items() if name not in ("trial_id", "source", "weights")},
}
"""One row per compared network and seed. `base_*`: the unchanged network, which `base_trial_id` of the search trained.
`field`, `value` and `reference` are what was changed, to what, and the unchanged network's own value; they are missing
in the rows of that network itself. `training_id` is the number of the training, which may have several rows."""

PREDICTED: Mapping[str, str] = {
    "arch_id": "str",
    "arch": "str",
    "weights_seeds": "int64",
    **{f"predicted_{name}": "float64" for name in MEASURED},
    "params_count": "int64",
    "prediction_seconds": "float64",
    **_flat_dtypes(Arch, "config."),
}
"""One row per network that shared weights evaluated; `arch` is the whole architecture as JSON."""

HISTORY: Mapping[str, str] = {"trial_id": "int64", "arch_id": "str", **_EPOCH, "reported": _TIME}
"""One row per trial and epoch."""

LAYERS: Mapping[str, str] = {"trial_id": "int64", "arch_id": "str", "layer": "int64", **_LAYER}
"""One row per complete trial and layer, counted after the last epoch; `layer` counts from the input."""


def config_fields(arch: Arch, recipe: Recipe) -> dict[str, Any]:
    """The `config.*` columns of a network and its recipe; per-stage values are joined by `/`."""
    return {**arch_fields(arch), **_flat(recipe.model_dump(mode="json"), "config.recipe.")}


def arch_fields(arch: Arch) -> dict[str, Any]:
    """The `config.*` columns of a network without its recipe."""
    return _flat(arch.model_dump(mode="json"), "config.")


def typed(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """A frame of exactly these columns with these types; a value that a row lacks is missing."""
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({name: dtype for name, dtype in columns.items() if dtype != _TIME}).assign(
        **{
            name: pd.to_datetime(frame[name], utc=True).dt.as_unit("ms")
            for name, dtype in columns.items()
            if dtype == _TIME
        }
    )


def conformed(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """A table that was read, with the columns that it should have; missing values where it was written without one.

    Raises `ValueError`, which names the column, if one is missing or has another type and cannot be completed.
    """
    renamed = {name: new for name, new in LAST.items() if new in columns and new not in frame}
    frame = frame.rename(columns=renamed)
    kinds = {str(name): str(kind) for name, kind in frame.dtypes.items()}
    wrong = [name for name, kind in columns.items() if kinds.get(name) != kind]
    for name in wrong:
        if name in kinds:
            raise ValueError(f"column {name} has the type {kinds[name]}, not {columns[name]}")
        if columns[name] in ("int64", "bool"):  # which cannot be missing
            raise ValueError(f"it has no column {name}")
    missing = {name: typed([], columns)[name].reindex(frame.index) for name in wrong}
    return frame.assign(**missing)[[*columns, *(name for name in kinds if name not in columns)]] if wrong else frame


def history_frame(records: Sequence[EpochRecord], **identity: object) -> pd.DataFrame:
    """One row per epoch with all metrics of the network; identity: columns placed first, with the same value in all."""
    return pd.DataFrame([{**identity, **record.as_dict()} for record in records])


def layers_frame(records: Sequence[EpochRecord], **identity: object) -> pd.DataFrame:
    """One row per epoch and layer; identity: columns placed first, with the same value in all rows."""
    rows = [{**identity, "epoch": record.epoch, **layer._asdict()} for record in records for layer in record.layers]
    return pd.DataFrame(rows)


def _flat(fields: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            flat[f"{prefix}{name}"] = ("x" if name == "input_shape" else "/").join(map(str, value))
        else:
            flat[f"{prefix}{name}"] = value
    return flat
