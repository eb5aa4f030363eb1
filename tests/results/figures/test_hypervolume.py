from __future__ import annotations

import numpy as np
import pytest

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import run_of, trial, varied_run
from xoresnet.results import hypervolume


class TestHypervolume(FigureContract):
    name = "hypervolume"

    def test_it_ends_where_the_front_is(self) -> None:
        run = varied_run()
        info = self.info(run)
        volume = hypervolume(run.front, run.objectives, info.reference, info.log)
        assert info.log == ("spikes_per_sample",)
        assert [info.volume, info.by_trial["hypervolume"].iloc[-1], info.by_time["hypervolume"].iloc[-1]] == [
            pytest.approx(volume)
        ] * 3
        assert info.by_trial["front_size"].iloc[-1] == len(run.front)

    def test_only_changes_and_the_ends_are_kept(self) -> None:
        values = [(0.5, 100), (0.4, 200), (0.3, 300), (0.9, 50), (0.2, 400)]
        info = self.info(run_of(*(trial(number, *value) for number, value in enumerate(values))))
        assert list(info.by_trial["x"]) == [0, 3, 4]
        assert (np.diff(info.by_trial["hypervolume"]) >= 0).all()
        # the first trial ends after a minute, and each begins half a minute after the one before
        assert (list(info.by_time["x"]), info.time_unit) == ([60.0, 150.0, 180.0], "s")

    def test_the_reference_point_is_said(self) -> None:
        (note,) = self.info(run_of(trial(0, 0.5, 1000), trial(1, 0.9, 10_000))).notes
        assert note == ("Reference point: validation accuracy 46.00 %, spikes per sample 12,589; spikes in decades.")

    def test_trials_without_times(self) -> None:
        run = run_of(*(trial(number, 0.1 * number, 10.0, started=None, ended=None) for number in range(1, 4)))
        info = self.info(run)
        assert info.by_time.empty
        assert not info.by_trial.empty
        assert len(self.drawn(run)["data"]) == 1

    def test_long_searches_are_in_hours(self) -> None:
        info = self.info(run_of(trial(0, 0.5, 10), trial(20_000, 0.6, 10)))
        assert info.time_unit == "h"
        assert info.by_time["x"].iloc[-1] == pytest.approx((20_000 * 30 + 60) / 3600)

    def test_networks_without_spikes_are_left_out_and_that_is_said(self) -> None:
        info = self.info(run_of(trial(0, 0.1, 0.0), trial(1, 0.5, 100), trial(2, 0.6, 200)))
        assert list(info.by_trial["x"]) == [1, 2]
        assert "1 complete trial" in info.notes[-1]
