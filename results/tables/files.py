"""Writing tables to files that are never half written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from xoresnet.files.atomic import replaced
from xoresnet.results.tables.columns import SCHEMA_VERSION

__all__ = ["VERSION_KEY", "write_csv", "write_parquet"]

VERSION_KEY = b"xoresnet.schema_version"
"""The key of the schema version in a Parquet file's metadata."""


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as Parquet. Readers see either the previous file or this one, even after a crash."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), VERSION_KEY: str(SCHEMA_VERSION).encode()})
    with replaced(path) as partial:
        pq.write_table(table, partial, write_page_checksum=True)


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as CSV, as safely as `write_parquet`."""
    with replaced(path) as partial:
        frame.to_csv(partial, index=False)
