from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import run_of, trial, varied_run


class TestRates(FigureContract):
    name = "rates"

    def test_neuron_layers_of_the_front_in_its_order(self) -> None:
        run = run_of(trial(1, 0.9, 900), trial(2, 0.5, 100), trial(3, 0.1, 5000))
        info = self.info(run)
        assert info.trial_ids == (2, 1)
        assert info.arch_ids == ("a0002", "a0001")
        np.testing.assert_array_equal(info.rates, [[0.1, 0.2, np.nan], [0.1, 0.2, 0.3]])
        assert info.layers == (("stem.neuron", "a.neuron"), ("stem.neuron", "a.neuron", "b.neuron"))
        assert info.networks[0] == "depth 8 width 8 T=2 or"

    def test_cells_say_what_they_are(self) -> None:
        figure = self.drawn(run_of(trial(1, 0.9, 900)))
        (trace,) = figure["data"]
        assert trace["customdata"][0][2] == ["a0001", "b.neuron", "depth 8 width 8 T=2 or"]
        assert trace["text"][0][2] == "#1"
        assert figure["layout"]["yaxis"]["ticktext"] == ["#1 ResNet-8 T=2 or"]
        assert figure["layout"]["meta"]["narrow"]["yaxis.ticktext"] == ["#1"]

    def test_of_a_large_front_some(self) -> None:
        info = self.info(run_of(*(trial(n, 0.1 + n / 1000, 10.0 + n) for n in range(100))))
        assert len(info.trial_ids) == 40
        assert (info.trial_ids[0], info.trial_ids[-1]) == (0, 99)
        assert info.notes == ("Shows 40 of the 100 networks of the front, evenly spaced.",)

    def test_networks_whose_layers_nobody_counted(self) -> None:
        run = varied_run()
        info = self.info(replace(run, layers=run.layers[:0]))
        assert info.missing == "No layers were counted yet; they are counted when a trial is complete."
