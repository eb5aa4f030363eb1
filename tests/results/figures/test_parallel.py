from __future__ import annotations

import numpy as np
import pytest

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import run_of, trial, varied_run


class TestParallel(FigureContract):
    name = "parallel"

    def test_what_varies_and_the_objectives(self) -> None:
        run = varied_run()
        names = [dimension.name for dimension in self.info(run).dimensions]
        assert names == ["depth", "merge", "xor", "timesteps", "accuracy", "spikes"]

    def test_each_trial_passes_its_values(self) -> None:
        run = run_of(*(trial(n, 0.1 * n, 10.0**n, config_merge=("or", "oa")[n % 2]) for n in range(1, 5)))
        info = self.info(run)
        merge, accuracy, spikes = info.dimensions
        numbers = list(info.trials["trial_id"])
        ticks = {label: place for place, label in merge.ticks}
        for number, place in zip(numbers, merge.places, strict=True):
            assert abs(place - ticks[("or", "oa")[number % 2]]) < 0.25
        assert list(accuracy.places) == pytest.approx([(number - 1) / 3 for number in numbers])
        assert list(spikes.places) == pytest.approx([(number - 1) / 3 for number in numbers])  # on a logarithm
        assert [label for _, label in spikes.ticks] == ["10", "100", "1,000", "10,000"]

    def test_the_front_is_on_top(self) -> None:
        fronts = list(self.info(varied_run()).trials["is_front"])
        assert fronts == sorted(fronts)
        assert any(fronts)

    def test_numbers_of_many_values_have_a_scale(self) -> None:
        rows = [
            {**trial(n, 0.01 * n, 10.0 + n), "config.recipe.learning_rate": 10 ** (-4 + n / 10)} for n in range(1, 21)
        ]
        rate = self.info(run_of(*rows)).dimensions[0]
        assert rate.name == "recipe.learning_rate"
        assert np.ptp(rate.places) == pytest.approx(1.0)
        assert rate.ticks[0] == (0.0, "0.000126")

    def test_parameters_that_some_networks_do_not_have(self) -> None:
        rows = [{**trial(n, 0.1 * n, 10.0 + n), "config.neuron.tau": 2.0 if n % 2 else None} for n in range(4)]
        (tau, *_) = self.info(run_of(*rows)).dimensions
        assert [label for _, label in tau.ticks] == ["2", "none"]

    def test_many_values_have_some_labels(self) -> None:
        rows = [trial(n, 0.01 * n, 10.0 + n, config_width=8 + n) for n in range(40)]
        width = self.info(run_of(*rows)).dimensions[0]
        assert 8 <= len(width.ticks) <= 12

    def test_on_a_phone_it_scrolls(self) -> None:
        assert self.drawn(varied_run())["layout"]["meta"]["min_width"] == 92 * 6
