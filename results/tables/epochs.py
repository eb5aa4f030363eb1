"""Frames of what epochs of training came to."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from xoresnet.measures.records import EpochRecord

__all__ = ["history_frame", "layers_frame"]


def history_frame(records: Sequence[EpochRecord], **identity: object) -> pd.DataFrame:
    """One row for each epoch with all figures of the whole network, behind columns that say whose they are."""
    return pd.DataFrame([{**identity, **record.as_dict()} for record in records])


def layers_frame(records: Sequence[EpochRecord], **identity: object) -> pd.DataFrame:
    """One row for each epoch and layer, behind columns that say whose they are."""
    rows = [
        {**identity, "epoch": record.epoch, **layer._asdict()} for record in records for layer in record.layers
    ]  # fmt: skip
    return pd.DataFrame(rows)
