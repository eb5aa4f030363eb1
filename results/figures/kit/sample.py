"""Fewer points than there are, where all of them would drown the figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["MOST_POINTS", "thin"]

MOST_POINTS = 2000
"""Of one figure: as many as browsers draw without a pause."""


def thin(trials: pd.DataFrame, most: int, kept: NDArray[np.bool_]) -> tuple[pd.DataFrame, str]:
    """At most so many rows, drawn evenly by a fixed seed, in their order; and a sentence where some are left out.

    kept: rows that stay whatever their number, such as the front.
    """
    if len(trials) <= most:
        return trials, ""
    others = np.flatnonzero(~kept)
    drawn = np.random.default_rng(0).choice(others, min(len(others), max(0, most - int(kept.sum()))), replace=False)
    rows = np.sort(np.concatenate([np.flatnonzero(kept), drawn]))
    return trials.iloc[rows], f"Drawn are {len(rows):,} of {len(trials):,} trials, the whole front among them."
