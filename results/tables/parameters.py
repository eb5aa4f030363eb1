"""What a trial was configured with: the columns `config.*`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from xoresnet.description.schema import nearest

__all__ = ["codes", "labels", "parameter_column", "parameter_columns"]

_PREFIX = "config."


def parameter_columns(trials: pd.DataFrame) -> dict[str, str]:
    """The columns of all parameters by the parameters' names, in order: `{"merge": "config.merge", ...}`."""
    return {str(name)[len(_PREFIX) :]: str(name) for name in trials.columns if str(name).startswith(_PREFIX)}


def parameter_column(trials: pd.DataFrame, parameter: str) -> str:
    """The column of one, named with `config.` or without. Raises ValueError where there is none."""
    known = parameter_columns(trials)
    name = parameter.removeprefix(_PREFIX)
    if name not in known:
        raise ValueError(f"the frame has no parameter {name!r}{nearest(name, known)}")
    return known[name]


def labels(column: pd.Series[Any]) -> pd.Series[Any]:
    """Values that can be sorted: numbers and booleans as they are, all else as text; lists joined by `/`.

    Missing values, of parameters that a trial does not have, stay missing.
    """
    plain = column.astype(object).convert_dtypes()
    return plain if is_numeric_dtype(plain) else plain.astype(object).map(_text, na_action="ignore")


def codes(column: pd.Series[Any]) -> NDArray[np.intp]:
    """The place of each value among all values in order; -1 where missing."""
    return pd.factorize(labels(column), sort=True)[0]


def _text(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list | tuple | np.ndarray) else str(value)
