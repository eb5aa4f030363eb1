"""What one sees of a search while it goes on; whoever executes its trials is left out."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from tests.search.runs import leave_weights
from xoresnet.description.arch import Arch
from xoresnet.measures.metrics import metric_of
from xoresnet.measures.records import EpochRecord
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import Verdict
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.prepare import plan_search
from xoresnet.search.run import SearchRun
from xoresnet.search.study.attributes import DUPLICATE
from xoresnet.search.study.front import front_of
from xoresnet.search.study.trials import TrialRecord, trials_of
from xoresnet.search.views.search import SearchView, trial_line
from xoresnet.search.views.words import describe_arch

SPACE = {
    "arch": {
        "input_shape": [1, 8, 8], "num_classes": 10, "depth": [8, 14], "width": [4, 8], "merge": ["or", "oa", "add"],
        "xor": ["none", "middle"], "timesteps": [1, 2],
    }
}  # fmt: skip
METRICS = ["val_accuracy", "spikes_per_sample"]
PAUSING = {"strategy": "freeze-thaw", "sampler": None, "pruner": None}
_ids = count()


def search_config(**changes: Any) -> SearchConfig:
    """A search of two epochs a trial, in which nothing is pruned but by hand."""
    defaults = {"sampler": "random", "pruner": {"kind": "none"}, "budget": 30, "epochs": 2, "baselines": "none"}
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
    run_id = start(run, (accuracy / 2, spikes / 2), (accuracy, spikes))
    leave_weights(run.bridge.live[run_id].config)
    run.bridge.on_end(run_id)


def prune(run: SearchRun, *reports: tuple[float, float]) -> None:
    run_id = start(run, *reports)
    run.bridge.live[run_id].stopped = True
    run.bridge.on_end(run_id)


def pause(run: SearchRun, report: tuple[float, float]) -> None:
    """A new trial that the strategy stops after its first epoch, because others have not had one yet."""
    run_id = start(run)
    assert run.bridge.on_report(run_id, record(1, *report)) is Verdict.STOP
    run.bridge.on_end(run_id)


def fail(run: SearchRun, reason: str) -> None:
    """As often as it is tried."""
    for _ in range(run.config.retries + 1):
        run.bridge.on_end(start(run), reason)


def row_of(trial: TrialRecord) -> list[str]:
    """The cells of a trial's row."""
    figures = [metric_of(name).compact_text(value) for name, value in zip(METRICS, trial.values, strict=True)]
    return [str(trial.number), trial.arch_id, *figures, describe_arch(trial.arch)]


# a line for each trial


def test_the_line_of_a_complete_trial(run: SearchRun) -> None:
    complete(run, 0.5, 2000)
    (trial,) = run.study.trials
    words = describe_arch(Arch.from_json(trial.user_attrs["arch"]))
    line = f"  1.0/30  #0    complete     accuracy 50.00 %  spikes 2,000  {words}"
    assert trial_line(TrialRecord(trial), METRICS, run.bridge) == line


def test_the_line_of_a_pruned_trial_has_what_it_came_to(run: SearchRun) -> None:
    complete(run, 0.5, 2000)
    prune(run, (0.1, 123456))
    trial = run.study.trials[1]
    line = trial_line(TrialRecord(trial), METRICS, run.bridge)
    assert line.startswith("  1.5/30  #1    pruned at 1  accuracy 10.00 %  spikes 123.5 k  depth ")


def test_the_line_of_a_paused_trial_has_what_it_came_to(opened: Any) -> None:
    run = opened(**PAUSING)
    pause(run, (0.1, 123456))
    line = trial_line(TrialRecord(run.study.trials[0]), METRICS, run.bridge)
    assert line.startswith("  0.5/30  #0    paused at 1  accuracy 10.00 %  spikes 123.5 k  depth ")
    run.bridge.finish()
    line = trial_line(TrialRecord(run.study.trials[0]), METRICS, run.bridge)
    assert line.startswith("  0.5/30  #0    pruned at 1  accuracy 10.00 %  spikes 123.5 k  depth ")


def test_the_line_of_a_failed_trial_has_its_reason(run: SearchRun) -> None:
    fail(run, "RuntimeError: boom")
    (trial,) = run.study.trials
    assert trial.state == TrialState.FAIL
    assert trial_line(TrialRecord(trial), METRICS, run.bridge).startswith("  0.0/30  #0    failed: RuntimeError: boom ")


def test_a_trial_that_failed_late_has_its_last_figures_too(opened: Any) -> None:
    run = opened(retries=0)
    run.bridge.on_end(start(run, (0.25, 400)), "its worker died")
    (trial,) = run.study.trials
    assert "failed: its worker died accuracy 25.00 %  spikes 400" in trial_line(TrialRecord(trial), METRICS, run.bridge)


def test_known_networks_go_by_their_names(opened: Any) -> None:
    run = opened(baselines="first")
    for number in range(3):
        complete(run, 0.5 + number / 10, 1000 * (number + 1))
    lines = [trial_line(trial, METRICS, run.bridge) for trial in trials_of(run.study, TrialState.COMPLETE)]
    assert [line.rpartition(" ")[2].strip("()") for line in lines] == ["sew-resnet8", "or-resnet8", "xoresnet8"]


def test_other_metrics_by_their_short_names(run: SearchRun) -> None:
    complete(run, 0.5, 2000)
    line = trial_line(TrialRecord(run.study.trials[0]), ["train_accuracy", "energy_pj_per_sample"], run.bridge)
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
    lines = lines_of(run, capsys)
    assert [line.split()[0] for line in lines] == ["1.0/30", "1.5/30", "1.5/30"]
    whole = [trial_line(trial, METRICS, run.bridge) for trial in trials_of(run.study)]
    assert [line.split()[1:] for line in lines] == [line.split()[1:] for line in whole]


def test_where_stdout_is_wanted_for_something_else_there_are_none(
    run: SearchRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines_of(run, capsys, lines=False) == []


def test_answers_from_the_record_have_no_line(opened: Any, capsys: pytest.CaptureFixture[str]) -> None:
    space = {"arch": {**SPACE["arch"], "depth": 8, "width": 4, "xor": "none", "timesteps": 1}}
    run = opened(space=space, budget=20)
    with SearchView(lines=True) as view:
        view.begin(run)
        while not run.bridge.ended:
            run_id = f"run{next(_ids)}"
            if run.bridge.next_config(run_id) is not None:
                run.bridge.on_report(run_id, record(1, 0.5, 100))
                leave_weights(run.bridge.live[run_id].config)
                run.bridge.on_end(run_id)
    trials = run.study.trials
    trained = [trial.number for trial in trials if DUPLICATE not in trial.user_attrs]
    assert 0 < len(trained) < len(trials)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.partition("#")[2].split()[0]) for line in lines] == trained


def test_a_trial_that_is_an_answer_is_passed_over(run: SearchRun, capsys: pytest.CaptureFixture[str]) -> None:
    with SearchView(lines=True) as view:
        view.begin(run)
        run_id = start(run, (0.5, 2000))
        run.bridge.live[run_id].trial.set_user_attr(DUPLICATE, 0)
        run.bridge.on_end(run_id)
    assert capsys.readouterr().out == ""


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
    (bar,) = [line for line in drawn if line.startswith("10.5/30 full trainings ")]
    assert re.search(r"━+ +about \S+ \S+ left$", bar)
    trials = run.study.trials
    reported, silent = [trial for trial in trials if trial.state == TrialState.RUNNING]
    (first,) = [line for line in drawn if line.startswith(f"#{reported.number} ")]
    assert re.match(rf"#{reported.number} +epoch 1/2 +accuracy 12\.50 % +spikes 5 M +depth ", first)
    (second,) = [line for line in drawn if line.startswith(f"#{silent.number} ")]
    assert re.match(rf"#{silent.number} +epoch 0/2 +depth ", second)
    at = drawn.index("front: 10 networks, 8 of them here")
    rows = [line for line in drawn[at + 2 :] if re.match(r"\d", line)]  # without what networks have on further lines
    assert len(rows) == 8
    assert re.search(r" 50\.00 % +1,000 +depth ", rows[0])
    assert re.search(r" 59\.00 % +10 k +depth ", rows[-1])
    volume = re.compile(r"hypervolume 1\.\d{4} up to \(0\.00 %, 100 k\), spikes in decades$")
    assert any(map(volume.match, drawn))


def test_how_many_networks_are_paused(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened(**PAUSING)
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen, SearchView(lines=False) as view:
        view.begin(run)
        for number in range(3):
            pause(run, (0.5 + number / 10, 1000.0))
        view.look(run)
        drawn = lines_on(screen)
    assert any(line.startswith("1.5/30 full trainings ") for line in drawn)
    assert "3 networks paused, the longest after epoch 1" in drawn


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
        assert any(re.match(r"5/30 full trainings .* so far$", line) for line in lines_on(screen))


def test_lines_stay_above_the_picture(run: SearchRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with redirect_stdout(on_a_terminal(60, monkeypatch)) as screen, SearchView(lines=True) as view:
        view.begin(run)
        view.look(run)
        complete(run, 0.5, 2000)
        fail(run, "[red]a reason that is rather long, so that it does not go on one line of a narrow terminal")
    whole = [trial_line(trial, METRICS, run.bridge) for trial in trials_of(run.study)]
    assert [line for line in lines_on(screen) if line.lstrip().startswith("1.0/30 ") and "#" in line] == whole


def report_from(run: SearchRun, run_id: str, epoch: int, node: str, pid: int, ago: float = 0.0) -> None:
    """An epoch of one second, reported so many seconds ago."""
    where = {"timestamp": int(time.time() - ago), "hostname": node, "node_id": node, "pid": pid}
    run.bridge.on_report(run_id, {**record(epoch, 0.1 * epoch, 100), **where})


def test_nodes_rates_and_failures(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened(retries=1)
    began = float(int(time.time()))  # as records have it
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen, SearchView(lines=False) as view:
        monkeypatch.setattr(time, "time", lambda: began)
        view.begin(run)
        run.bridge.on_end(start(run), "it took longer than 60 s")
        failing = start(run)
        monkeypatch.setattr(time, "time", lambda: began + 60)
        report_from(run, start(run), 1, "node-a", 11, ago=30)
        report_from(run, start(run), 1, "node-b", 11, ago=20)
        run.bridge.on_end(failing, "its worker died")
        view.look(run)
        drawn = lines_on(screen)
    at = drawn.index("running: 2 trials, reports from 2 nodes: node-a, node-b")
    # one second of work and 49 or 39 of idleness, of which one second may be an epoch that goes on
    assert drawn[at + 1] == "busy 4 % of the last 1 min; 0 trials and 120 epochs an hour"
    assert drawn[at + 2 : at + 4] == [
        "failed: 1 x its worker died",
        "tried again: 1 x it took longer than 60 s",
    ]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 30)])
def test_the_picture_fits_the_terminal(width: int, height: int, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened(sampler="grid", budget=100)
    for number in range(6):
        complete(run, 0.5 + number / 100, 1000.0 * (number + 1))
    for _ in range(35):
        start(run, (0.125, 5e6))
    console = on_a_terminal(width, monkeypatch)
    monkeypatch.setenv("LINES", str(height))
    with redirect_stdout(console), SearchView(lines=False) as view:
        view.begin(run)
        picture = view.laid_out(view.picture(run))
    drawn = ["".join(segment.text for segment in line).rstrip() for line in picture.lines]
    assert len(drawn) < height
    assert max(map(len, drawn)) <= width
    (more,) = [line for line in drawn if line.startswith("and ")]
    rows = [line for line in drawn if line.startswith("#")]
    assert more == f"and {35 - len(rows)} more"
    assert len(rows) >= 2
    assert any(line.startswith("hypervolume ") for line in drawn)
    assert "front: 6 networks" in drawn


def test_it_is_not_drawn_more_than_twice_a_second(run: SearchRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen, SearchView(lines=False) as view:
        began = time.monotonic()
        view.begin(run)
        for _ in range(20):
            view.look(run)
        most = 1 + (time.monotonic() - began) / 0.5
        assert (
            1 <= sum(line.startswith("0/30 full trainings") for line in lines_on(screen)) <= most + 1
        )  # cleared at the end
