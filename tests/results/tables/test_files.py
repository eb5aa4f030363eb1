from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pyarrow
import pytest

from xoresnet.results.tables.files import write_parquet


def test_a_frame_comes_back_as_it_was(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["a", "ü"], "epoch": [1, 2**40], "rate": [0.1, math.nan], "done": [True, False]})
    write_parquet(tmp_path / "new" / "frame.parquet", frame[::-1])
    again = pd.read_parquet(tmp_path / "new" / "frame.parquet")
    pd.testing.assert_frame_equal(again, frame[::-1].reset_index(drop=True), check_exact=True)


def test_whoever_reads_the_file_before_goes_on_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "frame.parquet"
    write_parquet(file, pd.DataFrame({"epoch": [1]}))
    with file.open("rb") as reader:
        write_parquet(file, pd.DataFrame({"epoch": [1, 2]}))
        assert pd.read_parquet(reader)["epoch"].tolist() == [1]
    assert pd.read_parquet(file)["epoch"].tolist() == [1, 2]


def test_a_frame_that_cannot_be_written_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    file = tmp_path / "frame.parquet"
    write_parquet(file, pd.DataFrame({"epoch": [1]}))
    with pytest.raises(pyarrow.ArrowException):
        write_parquet(file, pd.DataFrame({"epoch": [1, "two", object()]}))
    assert pd.read_parquet(file)["epoch"].tolist() == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["frame.parquet"]
