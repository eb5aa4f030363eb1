"""Frames to files that are never half written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from xoresnet.atomic import replaced

__all__ = ["write_parquet"]


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame; a reader sees the file that was there before or this one, whatever happens meanwhile."""
    with replaced(path) as partial:
        frame.to_parquet(partial, index=False)
