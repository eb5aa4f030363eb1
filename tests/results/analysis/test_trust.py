"""How far the figures of a run can be trusted, and whether any network is better than guessing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.results.made_runs import confirming, run_of, seed_of, trial
from xoresnet.results import Run
from xoresnet.results.analysis.findings import first_findings, found
from xoresnet.results.analysis.leading import leading
from xoresnet.results.analysis.trust import guessing_findings, images_behind, trust_findings

THREE = {"arch": {"num_classes": 3}}


def noted(run: Run, images: object, classes: object = 3) -> Run:
    """The run with what a search notes of its data."""
    data = {"classes": classes, "training_images": 600, "validation_images": images}
    return replace(run, environment={**run.environment, "data": data})


def warnings(run: Run) -> list[str]:
    return [finding.sentence for finding in guessing_findings(run, leading(run))]


class TestGuessing:
    """A run in which nothing was learned says so first."""

    RUN = run_of(*(trial(number, 1 / 3, 100.0 + number) for number in range(3)))

    def test_all_at_pure_chance(self) -> None:
        run = noted(self.RUN, 150)
        listed = found(run)
        assert listed[0].sentence == (
            "No network is clearly better than guessing (33.33 % with 3 classes; the best has 33.33 % [26.29, 41.21] "
            "validation accuracy): search in a new folder with more epochs, smaller batches (recipe.batch_size) "
            "or another learning rate, and check that the labels fit the images."
        )
        assert first_findings(listed)[0] is listed[0]
        assert listed[0].numbers[0].count == 150
        assert "33.33 % [26.29, 41.21] validation accuracy at 100 spikes" in listed[1].sentence

    def test_a_stopped_network_was_better(self) -> None:
        stopped = trial(3, 0.98, 90.0, state="PRUNED", epochs_trained=2)
        rows = [trial(number, 1 / 3, 100.0 + number) for number in range(3)]
        remedies = {
            strategy: found(noted(run_of(*rows, stopped, strategy=strategy), 150))[0].sentence.partition("): ")[2]
            for strategy in ("promotion", "classic")
        }
        assert remedies["promotion"] == (
            "#3 had 98.00 % when it was stopped after epoch 2, so let it go on with a larger budget."
        )
        assert remedies["classic"].startswith("search in a new folder")  # which stops networks for good

    @pytest.mark.parametrize(
        ("best", "images", "is_warned"),
        [
            (0.44, 150, True),  # three standard deviations are 11.5 points
            (0.46, 150, False),
            (0.44, 1500, False),
            (0.44, None, False),  # and nothing tells how many images there are
            (1 / 3, None, True),
            (0.1, None, True),
        ],
    )
    def test_luck_is_no_success(self, best: float, images: int | None, is_warned: bool) -> None:
        rows = (trial(0, 0.3, 50.0), trial(1, best, 100.0), trial(2, 0.99, 10.0, state="PRUNED"))
        assert bool(warnings(noted(run_of(*rows), images))) == is_warned

    def test_the_space_tells_the_classes_of_earlier_runs(self) -> None:
        assert warnings(run_of(trial(0, 1 / 3), space=THREE))
        assert not warnings(run_of(trial(0, 0.5), space=THREE))
        assert not warnings(self.RUN)

    @pytest.mark.parametrize("junk", ["150", -1, True, None, [], math.nan])
    def test_what_a_stranger_wrote(self, junk: object) -> None:
        run = noted(self.RUN, junk, junk)
        assert warnings(run) == []
        assert images_behind(run, "val_accuracy") is None
        assert warnings(replace(run, environment={"data": junk}, config={**run.config, "space": junk})) == []

    def test_confirmed_figures_count_once_they_lead(self) -> None:
        learned = confirming(noted(self.RUN, 150), *(seed_of(self.RUN.front.iloc[0], test_accuracy=0.9),))
        assert leading(learned).is_confirmed
        assert warnings(learned) == []
        (warned,) = warnings(confirming(noted(self.RUN, 150)))
        assert "(33.33 % with 3 classes; the best has 31.33 % [28.85, 33.82] accuracy on the test set)" in warned

    def test_without_an_accuracy_nothing_is_said(self) -> None:
        objectives = {"val_loss": "min", "spikes_per_sample": "min"}
        rows = [{**trial(0), "val_accuracy": None, "val_loss": 1.0, "epochs_trained": 0}]
        assert warnings(noted(run_of(*rows, objectives=objectives), 150)) == []

    @pytest.mark.parametrize("run", [run_of(), run_of(trial(0, state="PRUNED"))])
    def test_before_a_trial_is_complete(self, run: Run) -> None:
        assert warnings(noted(run, 150)) == []


class TestWhyUnconfirmed:
    """Where no figure of the front is confirmed, the reason is the true one."""

    ROWS = (trial(0, 0.6, 100.0), trial(1, 0.7, 200.0))

    def single(self, run: Run) -> tuple[str, str]:
        (finding,) = trust_findings(run, leading(run), "r")
        return finding.sentence.partition("; ")[2], finding.command

    def test_trainings_that_do_not_measure_the_objective(self) -> None:
        objectives = {"val_accuracy": "max", "latency_ms": "min"}
        run = confirming(run_of(*self.ROWS), *(seed_of(row, seed) for row in self.ROWS for seed in (1, 2)))
        run = replace(run, trials=run.trials.assign(latency_ms=[3.0, 4.0])).with_objectives(objectives)
        why = "2 networks of the front were trained again on other seeds, but those trainings do not measure latency."
        assert self.single(run) == (why, "")

    def test_trainings_with_too_few_epochs(self) -> None:
        run = confirming(run_of(*self.ROWS), seed_of(self.ROWS[0], **{"config.recipe.epochs": 1}))
        assert self.single(run) == (
            "no network of the front is confirmed on other seeds with as many epochs.",
            "xoresnet confirm r",
        )

    def test_trainings_that_failed(self) -> None:
        failed: dict[str, Any] = {"state": "FAIL", "test_accuracy": None, "test_spikes_per_sample": None}
        run = confirming(run_of(*self.ROWS), seed_of(self.ROWS[0], **failed))
        assert self.single(run) == ("the trainings that were to confirm the front have failed.", "xoresnet confirm r")
