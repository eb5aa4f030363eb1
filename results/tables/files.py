"""Writing tables to files that are never half written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from xoresnet.errors import RunError
from xoresnet.files.atomic import replaced, write_text
from xoresnet.limits import MOST_TABLE_BYTES, MOST_TABLE_VALUES
from xoresnet.plain_text import visible
from xoresnet.results.tables.columns import SCHEMA_VERSION

__all__ = ["VERSION_KEY", "csv_text", "read_table", "write_csv", "write_parquet"]

VERSION_KEY = b"xoresnet.schema_version"
"""The key of the schema version in a Parquet file's metadata."""


_BEGINS_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""Some spreadsheets take the full-width forms for the others."""


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as Parquet. Readers see either the previous file or this one, even after a crash."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), VERSION_KEY: str(SCHEMA_VERSION).encode()})
    with replaced(path) as partial:
        pq.write_table(table, partial, write_page_checksum=True)


def read_table(content: bytes) -> pa.Table:
    """Read Parquet. Raises ArrowException for what is damaged, `RunError` for more than `limits` lets a table hold.

    A few kilobytes can announce billions of equal values, so their number is checked before any is made.
    """
    with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
        about = file.metadata
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        if about.num_rows * about.num_columns > MOST_TABLE_VALUES:
            raise RunError(f"it has {about.num_rows:,} rows, more than are read at once")
        if sum(group.total_byte_size for group in groups) > MOST_TABLE_BYTES:
            raise RunError("it is larger than what is read at once")
        return file.read()


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as CSV, as safely as `write_parquet`, and as harmless as `csv_text` makes it."""
    write_text(path, csv_text(frame))


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV whose texts no spreadsheet takes for formulas and no terminal for commands.

    A text that begins like a formula gets an apostrophe in front (OWASP, "CSV injection"); control characters become
    escapes. Numbers stay as they are.
    """
    texts = frame.select_dtypes(["object", "str", "category"]).columns
    harmless = {name: frame[name].astype(object).map(_harmless) for name in texts}
    return str(frame.assign(**harmless).to_csv(index=False))


def _harmless(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    plain = visible(text).replace("\n", r"\n").replace("\t", r"\t")
    return f"'{plain}" if plain.lstrip()[:1] in _BEGINS_FORMULA else plain
