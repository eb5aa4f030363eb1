"""What one sees of a search while it goes on; whoever executes its trials is left out."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import fields, replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from rich.console import Console, RenderableType

from xoresnet.description.arch import Arch
from xoresnet.measures.metrics import metric_of
from xoresnet.measures.records import EpochRecord
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import Verdict
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.prepare import plan_search
from xoresnet.search.run import SearchRun
from xoresnet.search.study.attributes import DRAWN, DUPLICATE
from xoresnet.search.study.front import front_of
from xoresnet.search.study.trials import TrialRecord, trials_of
from xoresnet.search.views.search import SearchView, describe_arch, front_table, trial_line

SPACE = {
    "arch": {
        "input_shape": [1, 8, 8], "num_classes": 10, "depth": [8, 14], "width": [4, 8], "merge": ["or", "oa", "add"],
        "xor": ["none", "middle"], "timesteps": [1, 2],
    }
}  # fmt: skip
METRICS = ["val_accuracy", "spikes_per_sample"]
_ids = count()


def search_config(**changes: Any) -> SearchConfig:
    """A search of two epochs a trial, in which nothing is pruned but by hand."""
    defaults = {"sampler": "random", "pruner": {"kind": "none"}, "trials": 30, "epochs": 2, "baselines": False}
    return SearchConfig.from_dict({"space": SPACE, **defaults, **changes})


@contextmanager
def searching(config: SearchConfig, path: Path) -> Iterator[SearchRun]:
    """A search that has its folder and its study, as `run_search` makes it."""
    folder, plan = RunFolder(path), plan_search(config)
    with folder.opened(plan.config) as named:
        yield SearchRun(replace(plan, config=named), folder)


def record(epoch: int, accuracy: float, spikes: float) -> dict[str, Any]:
    """What a trial reports after an epoch."""
    figures = dict.fromkeys((field.name for field in fields(EpochRecord)), 0.5)
    figures.update(epoch=epoch, val_accuracy=accuracy, spikes_per_sample=spikes)
    return EpochRecord.from_fields({**figures, "layers": ()}).as_dict()


def start(run: SearchRun, *reports: tuple[float, float]) -> str:
    """A trial that runs and has reported these figures, epoch by epoch; its id."""
    run_id = f"run{next(_ids)}"
    assert run.bridge.next_config(run_id) is not None
    for epoch, (accuracy, spikes) in enumerate(reports, start=1):
        assert run.bridge.on_report(run_id, record(epoch, accuracy, spikes)) is Verdict.CONTINUE
    return run_id


def complete(run: SearchRun, accuracy: float, spikes: float) -> None:
    run.bridge.on_end(start(run, (accuracy / 2, spikes / 2), (accuracy, spikes)))


def prune(run: SearchRun, *reports: tuple[float, float]) -> None:
    run_id = start(run, *reports)
    run.bridge.live[run_id].pruned = True
    run.bridge.on_end(run_id)


def fail(run: SearchRun, reason: str) -> None:
    """As often as it is tried."""
    for _ in range(run.config.retries + 1):
        run.bridge.on_end(start(run), reason)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Any]:
    """Makes searches that have their folder and their study."""
    with ExitStack() as stack:

        def open_run(**changes: Any) -> SearchRun:
            return stack.enter_context(searching(search_config(**changes), tmp_path / "run"))

        yield open_run


@pytest.fixture
def run(opened: Any) -> SearchRun:
    made: SearchRun = opened()
    return made


def text(shown: RenderableType, width: int = 200) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


# words and figures


ARCH: dict[str, Any] = {"input_shape": (3, 32, 32), "num_classes": 10, "depth": 20, "width": 16, "timesteps": 4}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"merge": "oa"}, "depth 20 width 16 T=4 oa"),
        ({"merge": "oa", "xor": "middle"}, "depth 20 width 16 T=4 oa xor middle"),
        ({"merge": "add", "neuron": {"kind": "plif"}}, "depth 20 width 16 T=4 add plif"),
        ({"merge": "or", "xor": "both", "neuron": {"kind": "if"}}, "depth 20 width 16 T=4 or xor both if"),
        ({"merge": ("or", "add", "oa")}, "depth 20 width 16 T=4 or/add/oa"),
        (
            {"merge": "oa", "xor": ("none", "entry", "both")},
            "depth 20 width 16 T=4 oa xor none/entry/both",
        ),
        ({"block": "bottleneck", "depth": 29, "merge": "iand"}, "bottleneck depth 29 width 16 T=4 iand"),
    ],
)
def test_a_network_in_a_few_words(changes: dict[str, Any], words: str) -> None:
    assert describe_arch(Arch.from_dict({**ARCH, **changes})) == words


# a line for each trial


def test_the_line_of_a_complete_trial(run: SearchRun) -> None:
    complete(run, 0.5, 2000)
    (trial,) = run.study.trials
    words = describe_arch(Arch.from_json(trial.user_attrs["arch"]))
    line = f"   1/30  #0    complete     accuracy 50.00 %  spikes 2,000  {words}"
    assert trial_line(TrialRecord(trial), METRICS, 1, run) == line


def test_the_line_of_a_pruned_trial_has_what_it_came_to(run: SearchRun) -> None:
    complete(run, 0.5, 2000)
    prune(run, (0.2, 4000), (0.1, 123456))
    trial = run.study.trials[1]
    line = trial_line(TrialRecord(trial), METRICS, 2, run)
    assert line.startswith("   2/30  #1    pruned at 2  accuracy 10.00 %  spikes 123.5 k  depth ")


def test_the_line_of_a_failed_trial_has_its_reason(run: SearchRun) -> None:
    fail(run, "RuntimeError: boom")
    (trial,) = run.study.trials
    assert trial.state == TrialState.FAIL
    assert trial_line(TrialRecord(trial), METRICS, 0, run).startswith("   0/30  #0    failed: RuntimeError: boom ")


def test_a_trial_that_failed_late_has_its_last_figures_too(opened: Any) -> None:
    run = opened(retries=0)
    run.bridge.on_end(start(run, (0.25, 400)), "its worker died")
    (trial,) = run.study.trials
    assert "failed: its worker died accuracy 25.00 %  spikes 400" in trial_line(TrialRecord(trial), METRICS, 0, run)


def test_known_networks_go_by_their_names(opened: Any) -> None:
    run = opened(baselines=True)
    for number in range(3):
        complete(run, 0.5 + number / 10, 1000 * (number + 1))
    lines = [trial_line(trial, METRICS, 1, run) for trial in trials_of(run.study, TrialState.COMPLETE)]
    assert [line.rpartition(" ")[2].strip("()") for line in lines] == ["sew-resnet8", "or-resnet8", "xoresnet8"]


def test_other_metrics_by_their_short_names(run: SearchRun) -> None:
    complete(run, 0.5, 2000)
    line = trial_line(TrialRecord(run.study.trials[0]), ["train_accuracy", "energy_pj_per_sample"], 1, run)
    assert "  training accuracy 50.00 %  energy (pJ) 2,000  " in line


def lines_of(run: SearchRun, capsys: pytest.CaptureFixture[str], *, lines: bool = True) -> list[str]:
    """Of one trial of each end, as a view prints them where nothing moves."""
    with SearchView(lines=lines) as view:
        view.begin(run)
        complete(run, 0.5, 2000)
        prune(run, (0.1, 3000))
        fail(run, "boom")
        view.look(run)
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def test_every_end_has_its_line(run: SearchRun, capsys: pytest.CaptureFixture[str]) -> None:
    found = lines_of(run, capsys)
    assert [line.split()[0] for line in found] == ["1/30", "2/30", "2/30"]
    assert found == [
        trial_line(trial, METRICS, min(place, 2), run) for place, trial in enumerate(trials_of(run.study), 1)
    ]


def test_where_stdout_is_wanted_for_something_else_there_are_none(
    run: SearchRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines_of(run, capsys, lines=False) == []


def test_answers_from_the_record_have_no_line(opened: Any, capsys: pytest.CaptureFixture[str]) -> None:
    space = {"arch": {**SPACE["arch"], "depth": 8, "width": 4, "xor": "none", "timesteps": 1}}
    run = opened(space=space, trials=20)
    with SearchView(lines=True) as view:
        view.begin(run)
        while not run.bridge.ended:
            run_id = f"run{next(_ids)}"
            if run.bridge.next_config(run_id) is not None:
                run.bridge.on_report(run_id, record(1, 0.5, 100))
                run.bridge.on_end(run_id)
    trials = run.study.trials
    trained = [trial.number for trial in trials if DUPLICATE not in trial.user_attrs]
    assert 0 < len(trained) < len(trials)
    found = capsys.readouterr().out.splitlines()
    assert [int(line.partition("#")[2].split()[0]) for line in found] == trained


def test_a_trial_that_is_an_answer_is_passed_over(run: SearchRun, capsys: pytest.CaptureFixture[str]) -> None:
    with SearchView(lines=True) as view:
        view.begin(run)
        run_id = start(run, (0.5, 2000))
        run.bridge.live[run_id].trial.set_user_attr(DUPLICATE, 0)
        run.bridge.on_end(run_id)
    assert capsys.readouterr().out == ""


# the front


def row_of(trial: TrialRecord) -> list[str]:
    """The cells of a trial's row."""
    figures = [metric_of(name).compact_text(value) for name, value in zip(METRICS, trial.values, strict=True)]
    return [str(trial.number), trial.arch_id, *figures, describe_arch(trial.arch)]


def table_of(run: SearchRun, limit: int | None = None) -> tuple[list[str], list[list[str]]]:
    """Title and header, and the cells of each row."""
    title, header, *rows = text(front_table(run.study, limit))
    return [title, *header.split()], [re.split(r" {2,}", row) for row in rows]


def test_a_search_without_a_complete_trial_has_no_front(run: SearchRun) -> None:
    assert text(front_table(run.study)) == ["no trial is complete yet"]
    prune(run, (0.9, 10))
    start(run, (0.9, 10))
    assert text(front_table(run.study)) == ["no trial is complete yet"]


def test_the_front_is_a_table(run: SearchRun) -> None:
    for accuracy, spikes in ((0.5, 2000), (0.9, 123456), (0.7, 3000), (0.6, 5000), (0.3, 12.5)):
        complete(run, accuracy, spikes)
    head, rows = table_of(run)
    assert head == ["front: 4 networks", "trial", "arch_id", *METRICS, "network"]
    trials = {trial.values[1]: trial for trial in run.study.trials if DUPLICATE not in trial.user_attrs}
    assert rows == [row_of(TrialRecord(trials[spikes])) for spikes in (12.5, 2000, 3000, 123456)]
    assert [row[2:4] for row in rows] == [
        ["30.00 %", "12.5"], ["50.00 %", "2,000"], ["70.00 %", "3,000"], ["90.00 %", "123.5 k"],
    ]  # fmt: skip


def test_known_networks_have_their_names_behind_them(opened: Any) -> None:
    run = opened(baselines=True)
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
            assert head[0] == f"front: {size} networks"
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
    """At 60 columns it is in several lines; trial, id and figures of each row are whole."""
    for number in range(5):
        complete(run, 0.5 + number / 100, 1000.0 * (number + 1))
    whole = [row_of(trial) for trial in front_of(run.study)]
    title, header, *lines = text(front_table(run.study), width=60)
    assert title == f"front: {len(whole)} networks"
    assert re.split(r" {2,}", header)[:4] == ["trial", "arch_id", *METRICS]
    room = header.index("netwo")
    assert [re.split(r" {2,}", line[:room].rstrip()) for line in lines if line[:room].strip()] == [
        row[:4] for row in whole
    ]  # fmt: skip
    assert len(lines) > len(whole)
    words = [word for line in lines for word in line[room:].split()]
    assert words == [word for row in whole for word in row[-1].split()]
    assert max(map(len, text(front_table(run.study), width=60))) <= 60


def test_a_study_that_is_opened_for_looking_has_the_same_table(run: SearchRun) -> None:
    for accuracy, spikes in ((0.5, 2000), (0.9, 3000)):
        complete(run, accuracy, spikes)
    seen = optuna.load_study(study_name=run.study.study_name, storage=run.study._storage)
    assert text(front_table(seen)) == text(front_table(run.study))


# the picture on a terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LINES", "40")
    return Terminal()


def lines_on(screen: Terminal) -> list[str]:
    """All that was ever drawn, without colours and the movements of the cursor."""
    plain = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", screen.getvalue())
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain)]


@pytest.mark.parametrize("width", [80, 120])
def test_a_moving_picture(width: int, run: SearchRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with redirect_stdout(on_a_terminal(width, monkeypatch)) as screen, SearchView(lines=False) as view:
        view.begin(run)
        for number in range(10):
            complete(run, 0.5 + number / 100, 1000.0 * (number + 1))
        start(run, (0.125, 5e6))
        start(run)
        view.look(run)
        drawn = lines_on(screen)
    assert max(map(len, drawn)) <= width
    (bar,) = [line for line in drawn if line.startswith("10/30 trials ")]
    assert re.search(r"━+ +about \S+ \S+ left$", bar)
    trials = run.study.trials
    one, other = [trial for trial in trials if trial.state == TrialState.RUNNING]
    (first,) = [line for line in drawn if line.startswith(f"#{one.number} ")]
    assert re.match(rf"#{one.number} +epoch 1/2 +accuracy 12\.50 % +spikes 5 M +depth ", first)
    (second,) = [line for line in drawn if line.startswith(f"#{other.number} ")]
    assert re.match(rf"#{other.number} +epoch 0/2 +depth ", second)
    at = drawn.index("front: 10 networks")
    rows = [line for line in drawn[at + 2 :] if re.match(r"\d", line)]  # without what networks have on further lines
    assert len(rows) == 8
    assert re.search(r" 50\.00 % +1,000 +depth ", rows[0])
    assert re.search(r" 59\.00 % +10 k +depth ", rows[-1])
    volume = re.compile(r"hypervolume 0\.\d{4} up to \(49\.10 %, 12\.59 k\), spikes in decades$")
    assert any(map(volume.match, drawn))


def test_where_there_is_room_every_cell_is_whole(run: SearchRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with redirect_stdout(on_a_terminal(120, monkeypatch)) as screen, SearchView(lines=False) as view:
        view.begin(run)
        for number in range(3):
            complete(run, 0.5 + number / 100, 1000.0 * (number + 1))
        start(run, (0.125, 5e6))
        view.look(run)
        drawn = lines_on(screen)
    assert not any("…" in line for line in drawn)
    for trial in front_of(run.study):
        assert re.split(r" {2,}", next(line for line in drawn if line.startswith(f"{trial.number} "))) == row_of(trial)
    arch = Arch.from_json(run.study.trials[-1].user_attrs["arch"])
    assert any(
        line.startswith(f"#{len(run.study.trials) - 1} ") and line.endswith(describe_arch(arch)) for line in drawn
    )


def test_before_two_trials_have_finished_nothing_is_foretold(run: SearchRun, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        complete(run, 0.5, 2000)
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen, SearchView(lines=False) as view:
        view.begin(run)  # it goes on: those four say nothing of how long one takes now
        complete(run, 0.6, 2000)
        view.look(run)
        assert any(re.match(r"5/30 trials .* so far$", line) for line in lines_on(screen))


def test_lines_stay_above_the_picture(run: SearchRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with redirect_stdout(on_a_terminal(60, monkeypatch)) as screen, SearchView(lines=True) as view:
        view.begin(run)
        view.look(run)
        complete(run, 0.5, 2000)
        fail(run, "[red]a reason that is rather long, so that it does not go on one line of a narrow terminal")
    whole = [trial_line(trial, METRICS, 1, run) for trial in trials_of(run.study)]
    assert [line for line in lines_on(screen) if line.lstrip().startswith("1/30 ") and "#" in line] == whole


def test_it_is_not_drawn_more_than_twice_a_second(run: SearchRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen, SearchView(lines=False) as view:
        view.begin(run)
        began = time.monotonic()
        for _ in range(20):
            view.look(run)
        most = 1 + (time.monotonic() - began) / 0.5
        assert 1 <= sum(line.startswith("0/30 trials") for line in lines_on(screen)) <= most + 1  # cleared at the end
