"""The front of a search as a table."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from typing import Any

from rich.console import Console, RenderableType

from tests.search.views.test_search import METRICS, complete, prune, row_of, start
from xoresnet.search.run import SearchRun
from xoresnet.search.study.attributes import DRAWN, DUPLICATE
from xoresnet.search.study.front import front_of
from xoresnet.search.study.opening import read_search
from xoresnet.search.study.trials import TrialRecord
from xoresnet.search.views.front import front_table
from xoresnet.search.views.words import counted


def text(shown: RenderableType, width: int = 200) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def table_of(run: SearchRun, limit: int | None = None) -> tuple[list[str], list[list[str]]]:
    """Title and header, and the cells of each row."""
    title, header, *rows = text(front_table(run.study, limit))
    return [title, *header.split()], [re.split(r" {2,}", row) for row in rows]


def test_a_search_without_a_complete_trial_has_no_front(run: SearchRun) -> None:
    assert text(front_table(run.study)) == ["No trial is complete yet."]
    prune(run, (0.9, 10))
    start(run, (0.9, 10))
    assert text(front_table(run.study)) == ["No trial is complete yet."]


def test_the_front_is_a_table(run: SearchRun) -> None:
    for accuracy, spikes in ((0.5, 2000), (0.9, 123456), (0.7, 3000), (0.6, 5000), (0.3, 12.5)):
        complete(run, accuracy, spikes)
    head, rows = table_of(run)
    assert head == ["front: 4 networks", "trial", "arch_id", *METRICS, "network"]
    trials = {trial.values[1]: trial for trial in run.study.trials if DUPLICATE not in trial.user_attrs}
    assert rows == [row_of(TrialRecord(trials[spikes])) for spikes in (12.5, 2000, 3000, 123456)]
    assert [row[2:4] for row in rows] == [
        ["30.00 %", "12.5"],
        ["50.00 %", "2,000"],
        ["70.00 %", "3,000"],
        ["90.00 %", "123.5 k"],
    ]


def test_known_networks_have_their_names_behind_them(opened: Any) -> None:
    run = opened(baselines="first")
    complete(run, 0.5, 2000)
    (row,) = table_of(run)[1]
    assert row[-1] == "depth 8 width 8 T=2 add (sew-resnet8)"


def test_how_a_network_was_found_is_no_name(opened: Any) -> None:
    run = opened(sampler="grid")
    complete(run, 0.5, 2000)
    (trial,) = run.study.trials
    assert trial.user_attrs["source"] == DRAWN
    assert table_of(run)[1] == [row_of(TrialRecord(trial))]


def test_a_limit_spreads_the_rows_over_the_front(opened: Any) -> None:
    run = opened(sampler="grid")
    for size in range(1, 19):
        complete(run, 0.2 + size / 100, 100 * size)
        whole = [row_of(trial) for trial in front_of(run.study)]
        for limit in (2, 3, 8):
            head, rows = table_of(run, limit)
            some = f", {limit} of them here" if limit < size else ""
            assert head[0] == f"front: {counted(size, 'network')}{some}"
            places = [whole.index(row) for row in rows]
            assert len(places) == min(size, limit)
            assert (places[0], places[-1]) == (0, size - 1)  # both ends
            gaps = [after - before for before, after in pairwise(places)]
            assert min(gaps, default=1) >= 1
            assert max(gaps, default=0) - min(gaps, default=0) <= 1
    assert table_of(run)[1] == whole


def test_one_row_is_the_best_in_the_last_objective(run: SearchRun) -> None:
    complete(run, 0.5, 2000)
    complete(run, 0.9, 3000)
    assert [row[3] for row in table_of(run, 1)[1]] == ["2,000"]


def test_where_room_is_scarce_the_network_gives_way_alone(run: SearchRun) -> None:
    """At 60 columns it is in several lines under short names; trial, id and figures of each row are whole."""
    for number in range(5):
        complete(run, 0.5 + number / 100, 1000.0 * (number + 1))
    whole = [row_of(trial) for trial in front_of(run.study)]
    title, header, *lines = text(front_table(run.study), width=60)
    assert title == f"front: {len(whole)} networks"
    assert re.split(r" {2,}", header) == ["trial", "arch_id", "accuracy", "spikes", "network"]
    room = header.index("network")
    assert [re.split(r" {2,}", line[:room].rstrip()) for line in lines if line[:room].strip()] == [
        row[:4] for row in whole
    ]
    assert len(lines) > len(whole)
    words = [word for line in lines for word in line[room:].split()]
    assert words == [word for row in whole for word in row[-1].split()]
    assert max(map(len, text(front_table(run.study), width=60))) <= 60


def test_a_study_that_is_opened_for_looking_has_the_same_table(run: SearchRun) -> None:
    for accuracy, spikes in ((0.5, 2000), (0.9, 3000)):
        complete(run, accuracy, spikes)
    seen = read_search(run.folder.path).study
    assert text(front_table(seen)) == text(front_table(run.study))
