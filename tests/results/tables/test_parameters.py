from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.results.trials import says
from xoresnet.results.tables.parameters import codes, labels, parameter_column, parameter_columns

FRAME = pd.DataFrame({"trial_id": [1], "config.merge": ["oa"], "config.recipe.lr": [0.1], "configuration": [1]})


def test_columns_of_parameters() -> None:
    assert parameter_columns(FRAME) == {"merge": "config.merge", "recipe.lr": "config.recipe.lr"}
    assert parameter_column(FRAME, "merge") == parameter_column(FRAME, "config.merge") == "config.merge"
    with says("the frame has no parameter 'merg'; did you mean 'merge'?"):
        parameter_column(FRAME, "merg")
    with says("the frame has no parameter 'trial_id'"):
        parameter_column(FRAME, "trial_id")


@pytest.mark.parametrize(
    ("column", "expected", "places"),
    [
        (pd.Series(["oa", "add", None, "oa"]), ["oa", "add", None, "oa"], [1, 0, -1, 1]),
        (pd.Series([["oa", "add"], "oa", np.array(["or", "oa"])]), ["oa/add", "oa", "or/oa"], [1, 0, 2]),
        (pd.Series([4.0, np.nan, 2.0, 10.0]), [4, None, 2, 10], [1, -1, 0, 2]),
        (pd.Series([10, 9, None], dtype=object), [10, 9, None], [1, 0, -1]),
        (pd.Series([1.5, 1.25]), [1.5, 1.25], [1, 0]),
        (pd.Series([True, False, None], dtype="boolean"), [True, False, None], [1, 0, -1]),
        (pd.Series(["b", "a", None], dtype="category"), ["b", "a", None], [1, 0, -1]),
        (pd.Series([1, "a"], dtype=object), ["1", "a"], [0, 1]),
        (pd.Series([None, None], dtype=object), [None, None], [-1, -1]),
        (pd.Series([], dtype=object), [], []),
    ],
)
def test_labels_and_their_order(column: pd.Series, expected: list[object], places: list[int]) -> None:
    texts = labels(column)
    assert [None if missing else value for value, missing in zip(texts, texts.isna(), strict=True)] == expected
    assert codes(column).tolist() == places
