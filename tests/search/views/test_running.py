"""Rows of running trials, as many as there is room for."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.search.views.test_search import METRICS, start
from xoresnet.description.arch import Arch
from xoresnet.search.run import SearchRun
from xoresnet.search.views.running import RunningRows
from xoresnet.search.views.words import describe_arch


def lines(rows: RunningRows, most: int, *, wrap: bool = True, width: int = 120) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(rows.table(most, wrap=wrap))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def words(run: SearchRun, number: int) -> str:
    return describe_arch(Arch.from_json(run.study.trials[number].user_attrs["arch"]))


def test_figures_only_of_what_was_reported(run: SearchRun) -> None:
    start(run)
    rows = RunningRows(run.bridge, METRICS)
    assert lines(rows, 10) == [f"#0  epoch 0/2  {words(run, 0)}"]
    start(run, (0.125, 5e6))
    assert lines(rows, 10) == [
        f"#0  epoch 0/2                                {words(run, 0)}",
        f"#1  epoch 1/2  accuracy 12.50 %  spikes 5 M  {words(run, 1)}",
    ]


@pytest.mark.parametrize(
    ("most", "shown", "more"), [(6, 6, None), (5, 4, "and 2 more"), (2, 1, "and 5 more"), (0, 1, "and 5 more")]
)
def test_only_so_many(run: SearchRun, most: int, shown: int, more: str | None) -> None:
    for _ in range(6):
        start(run)
    found = lines(RunningRows(run.bridge, METRICS), most)
    numbers = [live.trial.number for live in run.bridge.live.values()]
    assert [line.split()[0] for line in found[:shown]] == [f"#{number}" for number in numbers[:shown]]
    assert found[shown:] == ([more] if more else [])


def test_where_room_is_scarce_a_row_is_a_line(run: SearchRun) -> None:
    start(run)
    rows = RunningRows(run.bridge, METRICS)
    whole = lines(rows, 10, width=30)
    assert " ".join(" ".join(whole).split()) == f"#0 epoch 0/2 {words(run, 0)}"
    assert len(whole) > 1
    (line,) = lines(rows, 10, width=30, wrap=False)
    assert line.startswith("#0  epoch 0/2  depth ")
    assert line.endswith("…")


def test_rows_follow_the_trials(run: SearchRun) -> None:
    rows = RunningRows(run.bridge, METRICS)
    first = start(run)
    assert lines(rows, 10)[0].startswith("#0 ")
    run.bridge.on_end(first, "boom")
    run.bridge.on_end(start(run), "boom")
    start(run)
    assert [line.split()[0] for line in lines(rows, 10)] == ["#1"]
