from __future__ import annotations

import pytest

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import run_of, trial, varied_run


class TestTimeline(FigureContract):
    name = "timeline"

    def test_bars(self) -> None:
        bars = self.info(run_of(trial(0), trial(1), trial(2, state="PRUNED"))).bars
        assert list(bars["begin"]) == [0.0, 30.0, 60.0]
        assert list(bars["end"]) == [60.0, 90.0, 120.0]
        assert list(bars["worker"]) == ["node:7", "node:8", "node:7"]
        assert list(bars["row"]) == [0, 1, 0]

    def test_what_runs_ends_where_it_last_reported(self) -> None:
        (bar,) = self.info(run_of(trial(0, state="RUNNING", ended=None, epochs_trained=2))).bars.to_dict("records")
        assert (bar["begin"], bar["end"]) == (0.0, 18.0)

    def test_what_never_reported_has_a_row_of_its_own(self) -> None:
        run = run_of(trial(0), trial(1, state="FAIL", worker=None, epochs_trained=0, ended=None))
        info = self.info(run)
        assert info.workers == ("node:7", "unknown")
        assert list(info.bars["end"]) == [60.0, 30.0]

    def test_of_very_many_workers_rows_are_machines(self) -> None:
        info = self.info(run_of(*(trial(n, worker=f"node{n % 2}:{n}") for n in range(50))))
        assert info.workers == ("node0", "node1")
        assert info.notes == ("There were 50 worker processes; each row is a machine.",)

    def test_of_very_many_trials_the_latest(self) -> None:
        info = self.info(run_of(*(trial(n) for n in range(2100))))
        assert list(info.bars["trial_id"]) == list(range(100, 2100))
        assert info.notes == ("Shows the latest 2,000 of 2,100 trials.",)
        assert info.unit == "h"
        assert info.bars["begin"].min() == pytest.approx(100 * 30 / 3600)

    def test_states_have_their_traces(self) -> None:
        names = {trace["name"] for trace in self.drawn(varied_run())["data"]}
        assert names == {"complete", "pruned", "failed", "unfinished"}
