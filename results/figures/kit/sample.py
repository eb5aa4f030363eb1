"""Subsampling of trials, where all of them would clutter a figure and slow the browser down."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["MOST_POINTS", "thin"]

MOST_POINTS = 2000
"""How many points a browser draws without a noticeable pause."""


def thin(trials: pd.DataFrame, most: int, kept: NDArray[np.bool_]) -> tuple[pd.DataFrame, str]:
    """At most `most` rows in their order, drawn uniformly with a fixed seed, and a sentence if some are left out.

    kept: rows that always stay, such as the front, even if they are more.
    """
    if len(trials) <= most:
        return trials, ""
    others = np.flatnonzero(~kept)
    drawn = np.random.default_rng(0).choice(others, min(len(others), max(0, most - int(kept.sum()))), replace=False)
    rows = np.sort(np.concatenate([np.flatnonzero(kept), drawn]))
    return trials.iloc[rows], f"Shows {len(rows):,} of {len(trials):,} trials, including the whole front."
