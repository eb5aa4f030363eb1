from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pyarrow
import pytest

from xoresnet.errors import RunError
from xoresnet.results.tables.files import csv_text, read_table, write_csv, write_parquet


def test_a_frame_comes_back_as_it_was(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["a", "ü"], "epoch": [1, 2**40], "rate": [0.1, math.nan], "done": [True, False]})
    (tmp_path / "new").mkdir()
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


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('=HYPERLINK("http://evil","x")', '\'=HYPERLINK("http://evil","x")'),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", r"\t=1"),
        (" =1", "' =1"),
        ("\r=1", r"\r=1"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\n=1", r"a\n=1"),
        ("or/oa", "or/oa"),
        ('say "yes", or', 'say "yes", or'),
    ],
)
def test_csv_holds_no_formula_and_no_command(text: str, cell: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": pd.array([text, None], dtype="str"), "mixed": pd.Series([text, -1], dtype="object")})
    write_csv(tmp_path / "front.csv", frame)
    again = pd.read_csv(tmp_path / "front.csv", dtype="str", keep_default_na=False)
    assert again["text"].tolist() == [cell, ""]
    assert again["mixed"].tolist() == [cell, "-1"]


def test_csv_keeps_numbers_as_they_are() -> None:
    frame = pd.DataFrame(
        {"whole": pd.array([-1, None], dtype="Int64"), "rate": [-0.1, math.nan], "done": [True, False], "a": ["-", "b"]}
    )
    assert csv_text(frame) == "whole,rate,done,a\n-1,-0.1,True,'-\n,,False,b\n"


@pytest.mark.parametrize(
    ("limit", "most", "message"),
    [("MOST_TABLE_VALUES", 1999, "it has 1,000 rows, more than"), ("MOST_TABLE_BYTES", 99, "it is larger")],
)
def test_a_table_that_announces_too_much_is_not_read(
    limit: str, most: int, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Equal values take next to no place in a file, whatever their number."""
    write_parquet(tmp_path / "frame.parquet", pd.DataFrame({"epoch": [1] * 1000, "rate": [0.5] * 1000}))
    content = (tmp_path / "frame.parquet").read_bytes()
    assert read_table(content).num_rows == 1000
    monkeypatch.setattr(f"xoresnet.results.tables.files.{limit}", most)
    with pytest.raises(RunError, match=message):
        read_table(content)
