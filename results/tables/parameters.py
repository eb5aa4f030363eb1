"""The configuration of trials: the columns `config.*`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError

__all__ = ["codes", "labels", "parameter_column", "parameter_columns", "varying_parameters"]

_PREFIX = "config."


def parameter_columns(trials: pd.DataFrame) -> dict[str, str]:
    """The columns of all parameters by parameter name, in the frame's order: `{"merge": "config.merge", ...}`."""
    return {str(name)[len(_PREFIX) :]: str(name) for name in trials.columns if str(name).startswith(_PREFIX)}


def parameter_column(trials: pd.DataFrame, parameter: str) -> str:
    """The column of one parameter, named with or without `config.`. Raises `UsageError` if there is none."""
    known = parameter_columns(trials)
    name = parameter.removeprefix(_PREFIX)
    if name not in known:
        raise UsageError(f"the frame has no parameter {name!r}{nearest(name, known)}")
    return known[name]


def varying_parameters(trials: pd.DataFrame) -> dict[str, str]:
    """The `config.*` columns, by parameter, whose values differ between trials; missing counts as a value."""
    return {
        name: column
        for name, column in parameter_columns(trials).items()
        if labels(trials[column]).nunique(dropna=False) > 1
    }


def labels(column: pd.Series[Any]) -> pd.Series[Any]:
    """Values that can be sorted: numbers and booleans stay, all other values become text, lists joined by `/`.

    Missing values, of parameters that a trial does not have, stay missing.
    """
    inferred = column.astype(object).convert_dtypes()
    return inferred if is_numeric_dtype(inferred) else inferred.astype(object).map(_text, na_action="ignore")


def codes(column: pd.Series[Any]) -> NDArray[np.intp]:
    """The rank of each value among the sorted distinct values, from 0; -1 where a value is missing."""
    return pd.factorize(labels(column), sort=True)[0]


def _text(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list | tuple | np.ndarray) else str(value)
