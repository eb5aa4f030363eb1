"""`predicted.parquet`: the predictions of shared weights, in a table without any measured figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count
from xoresnet.errors import RunError
from xoresnet.measures.records import MEASURED
from xoresnet.results.tables.columns import PREDICTED, arch_fields, typed
from xoresnet.results.tables.files import write_parquet

__all__ = ["PREDICTED_FILE", "SECONDS", "PredictedTableError", "predicted_row", "read_predicted", "write_predicted"]

PREDICTED_FILE = "predicted.parquet"
SECONDS = "seconds"
"""The key of how long a prediction or a job took."""


class PredictedTableError(RunError):
    """A table of predictions that is missing or damaged."""


def predicted_row(arch: Arch, predictions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The row of one network: the mean of its predictions, one by each set of weights.

    predictions: figures by the names of a record, and `SECONDS`.
    """
    return {
        "arch_id": arch.arch_id,
        "arch": arch.to_json(indent=None),
        "weights_seeds": len(predictions),
        **{f"predicted_{name}": fmean(float(figures[name]) for figures in predictions) for name in MEASURED},
        "params_count": params_count(arch),
        "prediction_seconds": sum(float(figures[SECONDS]) for figures in predictions),
        **arch_fields(arch),
    }


def write_predicted(run: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the table into the folder of a run."""
    write_parquet(run / PREDICTED_FILE, typed(list(map(dict, rows)), PREDICTED))


def read_predicted(run: Path) -> pd.DataFrame:
    """The table in the folder of a run, checksums verified. Raises `PredictedTableError`."""
    try:
        return cast(pd.DataFrame, pq.read_table(run / PREDICTED_FILE, page_checksum_verification=True).to_pandas())
    except (pa.ArrowException, OSError) as error:
        raise PredictedTableError(f"{run / PREDICTED_FILE} cannot be read: {str(error).splitlines()[0]}") from None
