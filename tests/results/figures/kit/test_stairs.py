from __future__ import annotations

import pandas as pd
import pytest

from xoresnet.measures.metrics import Direction
from xoresnet.results.figures.kit.stairs import stairs

Points = list[tuple[float, float]]


@pytest.mark.parametrize(
    ("way", "points", "corners"),
    [
        ("min", [], []),
        ("min", [(1, 5)], [(1, 5)]),
        ("min", [(3, 9), (1, 5)], [(1, 5), (3, 5), (3, 9)]),  # whatever order they come in
        ("min", [(1, 5), (2, 6), (4, 7)], [(1, 5), (2, 5), (2, 6), (4, 6), (4, 7)]),
        ("max", [(1, 9), (3, 5)], [(1, 9), (1, 5), (3, 5)]),
        ("max", [(3, 5), (1, 9), (2, 7)], [(1, 9), (1, 7), (2, 7), (2, 5), (3, 5)]),
        ("min", [(1, 5), (1, 5)], [(1, 5), (1, 5), (1, 5)]),  # two networks at one place
    ],
)
def test_corners(way: Direction, points: Points, corners: Points) -> None:
    table = pd.DataFrame(points, columns=["x", "y"], dtype="float64")
    steps = stairs(table["x"], table["y"], way)
    assert list(steps.itertuples(index=False, name=None)) == corners
    assert list(steps.columns) == ["x", "y"]
