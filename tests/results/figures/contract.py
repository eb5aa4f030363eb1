"""What holds for every figure; each one's tests inherit it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from tests.results.made_runs import empty_run, run_of, trial, varied_run
from tests.results.trials import unchanged
from xoresnet.results import Run
from xoresnet.results.figures import FIGURES
from xoresnet.results.figures.kit.paper import paper_style

HOSTILE = "<img src=x onerror=alert(1)> $x^ %{x} 'a' \"b\" & c"
_INFOS: dict[tuple[str, int], tuple[Run, Any]] = {}
"""Infos by figure and run; the run is kept, so that its id stays its own."""
TEXTS = {"source": HOSTILE, "reason": HOSTILE, "worker": HOSTILE, "arch_id": HOSTILE}


@cache
def many_trials() -> Run:
    return run_of(*(trial(number, (number % 97) / 100, 10.0 + number % 89) for number in range(2500)))


class FigureContract:
    """A figure by its name."""

    name: str

    def info(self, run: Run) -> Any:
        """What the figure shows of a run, which stays as it was; computed once for each run."""
        key = self.name, id(run)
        if key not in _INFOS:
            _INFOS[key] = run, unchanged(run.trials, lambda _: FIGURES[self.name].info(run))
        return _INFOS[key][1]

    def drawn(self, run: Run) -> dict[str, Any]:
        """The interactive figure as the browser gets it; the static one is drawn as well."""
        kind = FIGURES[self.name]
        info = self.info(run)
        drawing = kind.drawing(info)
        with paper_style():
            drawing.draw_without_rendering()
        width = drawing.get_size_inches()[0]
        assert width in (3.5, 7.0)
        figure: dict[str, Any] = json.loads(kind.plot(info).to_json())
        return figure

    def test_a_run_with_everything(self) -> None:
        run = varied_run()
        assert self.info(run).missing == ""
        assert self.drawn(run)["data"]

    @pytest.mark.parametrize(
        "run",
        [
            empty_run(),
            run_of(trial(0, state="FAIL", epochs_trained=0, started=None, ended=None)),
        ],
        ids=["no trials", "one that failed at once"],
    )
    def test_nothing_to_show_is_said_in_a_sentence(self, run: Run) -> None:
        missing = self.info(run).missing
        assert missing[0].isupper()
        assert missing.endswith(".")
        assert missing.count(". ") == 0
        figure = self.drawn(run)
        assert figure["layout"]["annotations"][0]["text"].replace("<br>", " ") == missing
        assert figure["data"] == []

    @pytest.mark.parametrize("count", [1, 2])
    def test_small_runs(self, count: int) -> None:
        self.drawn(run_of(*(trial(number, 0.1 * number, 10.0 + number) for number in range(count))))

    def test_trials_that_are_all_the_same(self) -> None:
        self.drawn(run_of(*(trial(number) for number in range(12))))

    def test_three_objectives(self) -> None:
        objectives = {"spikes_per_sample": "min", "val_accuracy": "max", "params_count": "min"}
        self.drawn(varied_run(objectives=objectives))

    def test_networks_without_a_single_spike(self) -> None:
        rows = [trial(number, 0.1 + 0.05 * number, 100.0 * (number // 2)) for number in range(12)]
        self.drawn(run_of(*rows))
        self.drawn(run_of(*(trial(number, 0.1, 0.0) for number in range(3))))

    def test_texts_of_users_are_escaped(self) -> None:
        """Plotly takes some tags for formatting, and what is escaped for text."""
        rows = [
            trial(number, 0.1 * number, 10.0 + number, config_merge=("or", HOSTILE)[number % 2], **TEXTS)
            for number in range(12)
        ]
        text = json.dumps(self.drawn(run_of(*rows)))
        assert "<img" not in text
        assert "&lt;img" in text or self.name in ("hypervolume", "importance", "one_change")

    def test_many_trials_are_thinned(self) -> None:
        assert len(json.dumps(self.drawn(many_trials()))) < 2_500_000
