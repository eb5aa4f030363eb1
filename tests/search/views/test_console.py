from __future__ import annotations

import io
import json
import math
from contextlib import redirect_stdout

import pytest
from rich.table import Table

from xoresnet.search.views.console import print_json, print_lines, print_table


def test_json_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"rate": math.nan})
    assert json.loads(capsys.readouterr().out) == {"rate": None}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_long_lines_go_on_between_two_words_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    with redirect_stdout(Terminal()) as screen:
        print_lines(["  #1 short", "failed: 3 x it ran out of GPU memory, 2 x its worker died"])
    assert screen.getvalue().splitlines() == [
        "  #1 short",
        "failed: 3 x it ran out of GPU",
        "    memory, 2 x its worker",
        "    died",
    ]


def test_tables_in_a_pipe_have_no_blanks_at_the_end_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name", "of a long title", title="front", title_justify="left", box=None)
    table.add_row("a", "x")
    print_table(table)
    assert capsys.readouterr().out == "front\n name  of a long title\n a     x\n"


def test_in_a_pipe_they_stay_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    print_lines(["word " * 20, ""])
    assert capsys.readouterr().out == "word " * 20 + "\n\n"
