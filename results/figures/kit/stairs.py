"""The staircase of a front: a network attains every point that is worse than it in both objectives."""

from __future__ import annotations

from itertools import pairwise, zip_longest

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import Direction

__all__ = ["stairs"]


def stairs(x: pd.Series[float], y: pd.Series[float], direction: Direction) -> pd.DataFrame:
    """The corners of the staircase, columns `[x, y]`, by ascending x; direction: in which x is better."""
    points = pd.DataFrame({"x": x.to_numpy(), "y": y.to_numpy()}).sort_values("x", kind="stable").to_numpy()
    ordered = np.flipud(points) if direction == "max" else points  # mirrored
    corners = [(after[0], before[1]) for before, after in pairwise(ordered)]
    steps = [point for pair in zip_longest(map(tuple, ordered), corners) for point in pair if point]
    return pd.DataFrame(steps[::-1] if direction == "max" else steps, columns=["x", "y"])
