"""What one sees of a confirmation or an ablation while it goes on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.search.confirmations import begin, carry_out, confirming, made_search
from xoresnet.search.confirmation.confirming import ConfirmRun
from xoresnet.search.views.retraining import RetrainingView
from xoresnet.search.views.words import describe_arch


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ConfirmRun]:
    with confirming(made_search(tmp_path / "run"), seeds=1, wanted=["0", "2", "xoresnet8"]) as run:
        yield run


def test_every_end_has_its_line(run: ConfirmRun, capsys: pytest.CaptureFixture[str]) -> None:
    with RetrainingView(lines=True) as view:
        view.begin(run)
        run.bridge.on_end(begin(run) or "")
        run.bridge.on_end(begin(run, epochs=1) or "", "boom")
        run.bridge.on_end(begin(run) or "")
        view.look(run)  # no terminal: nothing moves
    out, err = capsys.readouterr()
    first, second, third = (describe_arch(job.arch) for job in run.plan.jobs)
    assert out.splitlines() == [
        f"   1/3  #0        seed 1  test accuracy 50.00 %  test spikes 101  {first}",
        f"   1/3  #2        seed 1  failed: boom  {second}",
        f"   2/3  xoresnet8 seed 1  test accuracy 50.00 %  test spikes 101  {third}",
    ]
    assert err == ""


def test_of_the_next_command_its_own_are_counted(run: ConfirmRun, capsys: pytest.CaptureFixture[str]) -> None:
    run.bridge.on_end(begin(run) or "")
    with RetrainingView(lines=True) as view:
        again = ConfirmRun(run.plan)
        view.begin(again)
        carry_out(again)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["1/2", "2/2"]


def test_where_stdout_is_wanted_for_something_else_there_are_none(
    run: ConfirmRun, capsys: pytest.CaptureFixture[str]
) -> None:
    with RetrainingView(lines=False) as view:
        view.begin(run)
        carry_out(run)
    assert capsys.readouterr().out == ""


def test_the_picture(run: ConfirmRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LINES", "40")
    view = RetrainingView(lines=True)
    view.begin(run)
    run.bridge.on_end(begin(run) or "")
    run.bridge.on_end(begin(run) or "", "boom")
    begin(run, epochs=1)
    console = Console(file=io.StringIO(), width=200)
    console.print(view.picture(run))
    assert isinstance(console.file, io.StringIO)
    bar, trials, failed, running = (line.rstrip() for line in console.file.getvalue().splitlines())
    assert bar.startswith("1/3 trainings ")
    assert (trials, failed) == ("running: 1 trial", "failed: 1 x boom")
    assert running == f"#2  epoch 1/2  accuracy 50.00 %  spikes 50  {describe_arch(run.plan.jobs[2].arch)}"
