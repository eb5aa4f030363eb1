"""The stairs through a front: a network attains everything that is worse than it in both objectives."""

from __future__ import annotations

from itertools import pairwise, zip_longest

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import Direction

__all__ = ["stairs"]


def stairs(x: pd.Series[float], y: pd.Series[float], way: Direction) -> pd.DataFrame:
    """Corners, columns `[x, y]`, from the smallest x on; way: in which direction x is better."""
    points = pd.DataFrame({"x": x.to_numpy(), "y": y.to_numpy()}).sort_values("x", kind="stable").to_numpy()
    ordered = np.flipud(points) if way == "max" else points  # the same seen from the other side
    corners = [(after[0], before[1]) for before, after in pairwise(ordered)]
    found = [point for pair in zip_longest(map(tuple, ordered), corners) for point in pair if point]
    return pd.DataFrame(found[::-1] if way == "max" else found, columns=["x", "y"])
