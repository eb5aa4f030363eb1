from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import predicted, run_of, trial, varied_run
from xoresnet.results import Run
from xoresnet.results.analysis.prediction import predicted_and_measured


class TestPredicted(FigureContract):
    name = "predicted"

    def info(self, run: Run) -> Any:
        """All runs that figures are held to are predicted here."""
        return super().info(run if len(run.predicted) else predicted(run))

    def test_a_panel_for_each_of_the_first_two_objectives(self) -> None:
        run = varied_run()
        pairs = predicted_and_measured(run)
        info = self.info(run)
        assert [panel.axis.metric for panel in info.panels] == list(run.objectives)
        for panel in info.panels:
            metric = panel.axis.metric
            assert list(panel.networks["x"]) == list(pairs[f"predicted_{metric}"])
            assert list(panel.networks["y"]) == list(pairs[metric])
            assert list(panel.networks["is_chosen"]) == list(pairs["source"] == "prior")
            assert panel.networks["is_chosen"].nunique() == 2
            values = panel.networks[["x", "y"]].to_numpy()
            assert panel.ends == (values.min(), values.max())

    def test_both_kinds_are_drawn_and_named_once(self) -> None:
        traces = [trace for trace in self.drawn(varied_run())["data"] if trace["mode"] == "markers"]
        named = [trace["name"] for trace in traces if trace.get("showlegend", True)]
        assert named == ["tried for other reasons", "tried because of its prediction"]
        assert len(traces) == 4

    def test_cost_and_quality_are_said(self) -> None:
        run = predicted(run_of(*(trial(number, 0.1 * number, 100.0 * number) for number in range(1, 9))), charged=7)
        quality, cost = self.info(run).notes
        assert quality.startswith("Kendall's tau over 8 networks, some of which these predictions may have selected")
        assert "spikes" in quality
        assert "1.00 (95 %: " in quality
        assert "Predicting 11 networks took 12 s of machine time" in cost
        assert "the budget has paid 6 epochs of one network for it" in cost

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({}, "No network with a prediction was trained to the end yet."),
            ({"predicted": varied_run().predicted[:0], "prior": {}}, "This search used no shared weights."),
            (
                {"predicted": varied_run().predicted[:0], "prior": {"failed": "no weights. They diverged."}},
                "Shared weights could not be trained: no weights; They diverged.",
            ),
        ],
    )
    def test_why_there_is_nothing(self, changes: dict[str, Any], sentence: str) -> None:
        run = replace(predicted(run_of()), **changes)
        assert super().info(run).missing == sentence
