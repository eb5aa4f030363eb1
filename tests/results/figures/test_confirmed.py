from __future__ import annotations

import json
import math
from base64 import b64decode
from typing import Any

import numpy as np
import pytest

from tests.results.figures.contract import HOSTILE, FigureContract
from tests.results.made_runs import confirming, run_of, seed_of, trial, varied_run
from xoresnet.results import Run, confirmed_networks, ranking_kept

NAN = math.nan


def traces(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in figure["data"] if "name" in trace}


def numbers(column: Any) -> list[float]:
    """Of a trace: plotly writes arrays of numbers as base64."""
    if isinstance(column, dict):
        return [float(value) for value in np.frombuffer(b64decode(column["bdata"]), column["dtype"])]
    return [NAN if value is None else float(value) for value in column]


class TestConfirmed(FigureContract):
    name = "confirmed"

    def info(self, run: Run) -> Any:
        """The front of each run that all figures are held to is confirmed here."""
        return super().info(run if len(run.confirmed) else confirming(run))

    def test_means_and_deviations(self) -> None:
        run = varied_run()
        info = self.info(run)
        networks = confirmed_networks(run)
        assert list(info.networks["arch_id"]) == list(networks["arch_id"])
        for way, column in (("x", "test_spikes_per_sample"), ("y", "test_accuracy")):
            assert list(info.networks[way]) == list(networks[f"{column}_mean"])
            assert list(info.networks[f"{way}_std"]) == list(networks[f"{column}_std"])
        assert list(info.networks["x_searched"]) == list(networks["spikes_per_sample"])
        assert list(info.networks["y_searched"]) == list(networks["val_accuracy"])
        assert info.tau == ranking_kept(networks, run.objectives)
        drawn = traces(self.drawn(run))
        assert numbers(drawn["confirmed"]["error_x"]["array"]) == list(info.networks["x_std"])
        assert numbers(drawn["confirmed"]["error_y"]["array"]) == list(info.networks["y_std"])
        assert numbers(drawn["confirmed"]["x"]) == list(info.networks["x"])
        assert numbers(drawn["search"]["x"]) == list(info.networks["x_searched"])

    def test_a_line_leads_from_each_to_what_the_search_had_found(self) -> None:
        run = run_of(trial(0, 0.5, 100.0), trial(1, 0.9, 200.0))
        rows = [seed_of(row) for row in run.trials.to_dict("records")]
        rows.append(seed_of({**rows[0], "trial_id": None, "arch_id": "alone"}))
        lines = [trace for trace in self.drawn(confirming(run, *rows))["data"] if trace["mode"] == "lines"]
        xs, ys = (numbers(lines[0][way]) for way in ("x", "y"))
        assert xs == pytest.approx([102.0, 100.0, NAN, 204.0, 200.0, NAN], nan_ok=True)
        assert ys == pytest.approx([0.49, 0.5, NAN, 0.89, 0.9, NAN], nan_ok=True)

    def test_axes_say_where_it_was_measured(self) -> None:
        info = self.info(varied_run())
        assert info.x[1:4] == ("spikes per sample on the test set", True, False)
        assert info.y[1:4] == ("accuracy on the test set (%)", False, True)
        objectives = {"val_loss": "min", "energy_pj_per_sample": "min"}
        run = run_of({**trial(0), "val_loss": 0.5}, objectives=objectives)
        info = self.info(run)
        assert (info.x.label, info.y.label) == ("energy per sample on the test set (pJ)", "loss on the test set")

    def test_hovering_tells_means_and_seeds(self) -> None:
        run = varied_run()
        trace = traces(self.drawn(run))["confirmed"]
        row = confirmed_networks(run).iloc[0]
        text = trace["hovertext"][0]
        assert trace["customdata"][0] == row["arch_id"]
        assert f"<b>#{row['trial_id']}  {row['arch_id']}</b>" in text
        mean, deviation = 100 * row["test_accuracy_mean"], 100 * row["test_accuracy_std"]
        assert f"test accuracy {mean:.2f} % ± {deviation:.2f} %, 3 seeds" in text
        assert "ResNet-14, width 8" in text

    def test_networks_that_the_search_did_not_train(self) -> None:
        row = {**trial(0), "trial_id": None, "arch_id": "alone", "source": "xoresnet8"}
        run = confirming(run_of(trial(0)), seed_of(row), seed_of(row, 2))
        info = self.info(run)
        assert info.networks["x_searched"].isna().all()
        assert info.networks["hover"][0].startswith("<b>alone</b><br>")
        assert "from xoresnet8" in info.networks["hover"][0]
        assert info.notes == ()
        assert self.drawn(run)["data"]

    def test_one_seed_has_no_spread(self) -> None:
        row = trial(0)
        info = self.info(confirming(run_of(row), seed_of(row)))
        assert info.networks["x_std"].isna().all()
        assert info.notes == ("1 network has one seed and thus no spread.",)
        assert "±" not in info.networks["hover"][0]
        assert "1 seed" in info.networks["hover"][0]
        drawn = traces(self.drawn(confirming(run_of(row), seed_of(row))))
        assert numbers(drawn["confirmed"]["error_y"]["array"]) == [0.0]

    def test_all_failed(self) -> None:
        row = trial(0)
        run = confirming(run_of(row), *(seed_of(row, seed, state="FAIL", test_accuracy=None) for seed in (1, 2)))
        assert self.info(run).missing == "No network is confirmed: all trainings failed."
        assert self.drawn(run)["data"] == []

    def test_what_failed_is_counted(self) -> None:
        rows = [trial(number, 0.5 + number / 10, 100.0 + number) for number in range(3)]
        seeds = [seed_of(row, seed) for row in rows for seed in (1, 2)]
        seeds[0]["state"] = seeds[3]["state"] = "FAIL"
        *_, note = self.info(confirming(run_of(*rows), *seeds)).notes
        assert note == "2 networks have one seed and thus no spread. 2 trainings failed."

    def test_how_the_ranking_held_is_said(self) -> None:
        rows = [trial(number, 0.5 + number / 10, 100.0 + number) for number in range(3)]
        seeds = [seed_of(row, 1, test_accuracy=accuracy) for row, accuracy in zip(rows, (0.5, 0.9, 0.8), strict=True)]
        note, _ = self.info(confirming(run_of(*rows), *seeds)).notes
        taus = "0.33 for accuracy, 1.00 for spikes (1: same order)"
        assert note == f"Kendall's tau between the rankings of 3 networks by search and confirmation: {taus}."

    def test_the_front_is_that_of_the_means(self) -> None:
        """What was best in the search need not be."""
        rows = [trial(0, 0.9, 100.0), trial(1, 0.8, 50.0), trial(2, 0.7, 20.0)]
        figures = [(0.6, 110.0), (0.8, 60.0), (0.5, 30.0)]
        seeds = [
            seed_of(row, 1, test_accuracy=accuracy, test_spikes_per_sample=spikes)
            for row, (accuracy, spikes) in zip(rows, figures, strict=True)
        ]
        info = self.info(confirming(run_of(*rows), *seeds))
        assert list(info.networks.loc[info.networks["is_front"], "arch_id"]) == ["a0002", "a0001"]
        assert list(info.steps.itertuples(index=False, name=None)) == [(30.0, 0.5), (60.0, 0.5), (60.0, 0.8)]

    def test_what_a_logarithm_cannot_show_is_said(self) -> None:
        rows = [trial(0, 0.1, 0.0), trial(1, 0.8, 50.0), trial(2, 0.05, 60.0)]
        info = self.info(confirming(run_of(*rows), *(seed_of(row) for row in rows)))
        assert list(info.networks["arch_id"]) == ["a0001", "a0002"]
        # the one without spikes is better than the last, though it has no place here
        assert list(info.networks["is_front"]) == [True, False]
        assert len(info.steps) == 1
        assert info.notes[-1] == "1 confirmed network cannot be drawn on these axes."

    def test_bars_that_reach_below_zero(self) -> None:
        row = trial(0, 0.5, 10.0)
        seeds = [seed_of(row, 1, test_spikes_per_sample=1.0), seed_of(row, 2, test_spikes_per_sample=40.0)]
        info = self.info(confirming(run_of(row), *seeds))
        assert info.networks["x_std"][0] > info.networks["x"][0]
        assert self.drawn(confirming(run_of(row), *seeds))["data"]

    def test_spikes_appear_where_the_search_had_found_none(self) -> None:
        row = trial(0, 0.5, 0.0)
        run = confirming(run_of(row), seed_of(row, 1, test_spikes_per_sample=5.0))
        assert self.info(run).x.log
        assert self.drawn(run)["data"]

    def test_of_three_objectives_two_are_drawn(self) -> None:
        objectives = {"val_accuracy": "max", "energy_pj_per_sample": "min", "params_count": "min"}
        info = self.info(varied_run(objectives=objectives))
        assert info.x.metric == "test_energy_pj_per_sample_mean"
        assert info.steps.empty
        assert "parameters " in info.networks["hover"][0]

    def test_names_of_baselines_are_escaped(self) -> None:
        row = {**trial(0), "trial_id": None, "arch_id": HOSTILE, "source": HOSTILE, "config.merge": HOSTILE}
        text = json.dumps(self.drawn(confirming(run_of(trial(0)), seed_of(row))))
        assert "<img" not in text
        assert text.count("&lt;img") >= 4
