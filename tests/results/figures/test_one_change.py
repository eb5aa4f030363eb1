from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.results.ablations import ablations, trainings
from tests.results.figures.contract import HOSTILE, FigureContract
from tests.results.made_runs import run_of, trial, varied_run
from xoresnet.results import Run, paired_effects

METRICS = ["test_accuracy", "test_spikes_per_sample"]


def parts(base: str = "b0", shift: float = 0.0) -> list[list[dict[str, Any]]]:
    """An unchanged network on three seeds, and three changes of it."""
    return [
        trainings([0.5, 0.6, 0.5], base=base, spikes=[90.0, 100.0, 110.0]),
        trainings([0.7, 0.7 + shift, 0.8], "merge", "add", "or", base=base, spikes=[200.0, 210.0, 240.0]),
        trainings([0.4, 0.6, 0.5], "merge", "oa", "or", base=base, spikes=[80.0, 110.0, 100.0]),
        trainings([0.6, 0.7, 0.6], "timesteps", "8", "2", base=base, spikes=[300.0, 350.0, 330.0]),
    ]


def ablated(run: Run, *rows: list[dict[str, Any]]) -> Run:
    return replace(run, ablations=ablations(*(rows or parts())))


class TestOneChange(FigureContract):
    name = "one_change"

    def info(self, run: Run) -> Any:
        """Runs with complete trials are ablated here; of others nothing can be."""
        is_complete = run.trials["state"].eq("COMPLETE").any()
        return super().info(ablated(run) if is_complete and run.ablations.empty else run)

    def test_effects_and_intervals(self) -> None:
        run = varied_run()
        info = self.info(run)
        effects = paired_effects(ablated(run).ablations, METRICS)
        assert list(info.effects["effect"]) == list(effects["effect"])
        assert list(info.effects["low"].dropna()) == list(effects["low"].dropna())
        assert info.references == {"merge": "or", "timesteps": "2"}
        assert info.scales == {"test_accuracy": "difference", "test_spikes_per_sample": "ratio"}
        assert info.notes == ("The unchanged network is #7 (b0): depth 8 or.",)
        figure = self.drawn(run)
        assert "3 seeds" in figure["data"][0]["hovertext"][0]
        titles = [figure["layout"][axis]["title"]["text"] for axis in ("xaxis", "xaxis2")]
        assert titles == ["test accuracy, points", "test spikes, times"]

    def test_what_has_no_interval_is_hollow(self) -> None:
        run = ablated(run_of(trial(0)), trainings([0.5]), trainings([0.6], "merge", "add", "or"))
        (accuracy, _) = self.drawn(run)["data"]
        assert accuracy["marker"]["color"] == ["rgba(0,0,0,0)"]
        assert "no interval" in accuracy["hovertext"][0]

    def test_several_networks_are_pooled(self) -> None:
        run = ablated(run_of(trial(0)), *parts(), *parts("b1", 0.1))
        info = self.info(run)
        effects = paired_effects(run.ablations, METRICS)
        assert list(info.effects["effect"]) == list(effects[effects["base_arch_id"].isna()]["effect"])
        assert info.notes[0].startswith("Means over up to 2 networks")

    def test_of_several_budgets_the_largest(self) -> None:
        longer = [
            trainings([0.5], **{"config.recipe.epochs": 9}),
            trainings([0.9], "merge", "add", "or", **{"config.recipe.epochs": 9}),
        ]
        info = self.info(ablated(run_of(trial(0)), *parts(), *longer))
        assert info.effects["effect"].iloc[0] == pytest.approx(0.4)
        assert len(info.effects) == 2

    def test_hostile_names(self) -> None:
        rows = [trainings([0.5, 0.6]), trainings([0.6, 0.8], "merge", HOSTILE, HOSTILE)]
        figure = self.drawn(ablated(run_of(trial(0)), *rows))
        assert "<img" not in str(figure["data"]) + str(figure["layout"]["yaxis"]["ticktext"])
