"""What a run has found, against the tables that it says it from."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.results.ablations import ablations, trainings
from tests.results.made_runs import confirming, empty_run, pairs, run_of, seed_of, trial, varied_run
from xoresnet.results import Run, ablation, findings, load, paired_effects
from xoresnet.results.analysis.ablation import FEWEST_PAIRS
from xoresnet.results.analysis.findings import first_findings, found
from xoresnet.results.analysis.leading import leading
from xoresnet.results.analysis.wording import Finding
from xoresnet.results.tables.columns import HISTORY, typed

RECORDED = Path(__file__).parents[3] / "examples" / "recorded" / "digits-0"


def of(kind: str, run: Run, place: str | None = None) -> list[Finding]:
    return [finding for finding in found(run, place) if finding.kind == kind]


def sentences(kind: str, run: Run) -> list[str]:
    return [finding.sentence for finding in of(kind, run)]


def of_own(run: Run, objectives: dict[str, Any]) -> list[str]:
    listed = found(run.with_objectives(objectives))
    return [finding.sentence for finding in listed if finding.kind in ("best", "budget")]


def without_history(run: Run) -> Run:
    """Nothing tells on how many images its accuracies were measured."""
    return replace(run, history=typed([], HISTORY))


class TestBest:
    """The best networks, alone and within budgets."""

    RUN = without_history(
        run_of(*(trial(n, 0.1 * n, 100.0 * n**3) for n in range(1, 8)), trial(9, 0.9, 50_000.0, state="PRUNED"))
    )

    def test_of_single_trainings(self) -> None:
        said = [finding.sentence for kind in ("best", "budget") for finding in of(kind, self.RUN)]
        network = "(depth 8 width 8 T=2 or)"
        for sentence, (begin, accuracy, spikes) in zip(
            said,
            [
                (f"The most accurate network is #7 {network}", "70.00", "34,300"),
                (f"With at most 100 spikes per sample, the best network is #1 {network}", "10.00", "100"),
                (f"With at most 1,000 spikes per sample, the best network is #2 {network}", "20.00", "800"),
                (f"With at most 10,000 spikes per sample, the best network is #4 {network}", "40.00", "6,400"),
            ],
            strict=True,
        ):
            assert sentence == f"{begin}: {accuracy} % validation accuracy at {spikes} spikes per sample."

    def test_the_interval_of_an_accuracy_is_that_of_its_images(self) -> None:
        history = [{"trial_id": 1, "arch_id": "a", "epoch": n, "val_accuracy": n / 50} for n in range(1, 20)]
        run = replace(self.RUN, history=typed(history, HISTORY))
        accuracy, spikes = of("best", run)[0].numbers
        assert (accuracy.estimate, accuracy.count) == (pytest.approx(0.7), 50)
        assert tuple(accuracy.interval) == pytest.approx((0.5625, 0.8090), abs=5e-5)  # Wilson's
        assert math.isnan(spikes.interval.low)
        assert "70.00 % [56.25, 80.90] validation accuracy at 34,300 spikes" in sentences("best", run)[0]
        (single,) = of("trust", run)
        assert single.numbers[0].estimate == pytest.approx(math.sqrt(37 / 54 * 17 / 54 / 54))
        assert single.sentence.endswith(
            "The choice of 50 images alone gives the validation accuracy of 70.00 % a standard error of 6.32 points."
        )

    def test_confirmed_means_lead(self) -> None:
        run = confirming(self.RUN)
        best = of("best", run)[0]
        assert best.sentence.startswith(
            "The most accurate network is #7 (depth 8 width 8 T=2 or): 68.00 % [65.52, 70.48]"
        )
        assert best.sentence.endswith(
            " accuracy on the test set at 35,672 [33,968, 37,376] spikes per sample (3 seeds)."
        )
        assert [number.metric for number in best.numbers] == ["test_accuracy", "test_spikes_per_sample"]
        assert [number.count for number in best.numbers] == [3, 3]

    def test_other_objectives(self) -> None:
        objectives = {"val_loss": "min", "energy_pj_per_sample": "min", "train_seconds": "min"}
        rows = [{**trial(n, 0.1 * n, 100.0 * n), "val_loss": 1 / n} for n in range(1, 5)]
        (best, *_) = of("best", run_of(*rows, objectives=objectives))
        assert best.sentence == (
            "The network with the lowest validation loss is #4 (depth 8 width 8 T=2 or): a validation loss of 0.25 at "
            "3,200 pJ energy per sample and 50 s training time."
        )

    def test_objectives_of_the_user(self) -> None:
        """Every number has its noun."""
        run = without_history(run_of(*(trial(n, 0.1 * n, 100.0 * n) for n in range(1, 8))))
        figures = {"latency_ms": [2.0 * n for n in range(1, 8)], "my_cost": [5.0 * n for n in range(1, 8)]}
        run = replace(run, trials=run.trials.assign(**figures))
        network = "#7 (depth 8 width 8 T=2 or)"
        (best, *_, limit, _) = of_own(run, {"val_accuracy": "max", "latency_ms": "min"})
        assert best == f"The most accurate network is {network}: 70.00 % validation accuracy at 14 ms latency."
        assert limit.startswith("With at most 5 ms latency, the best network is #2 (")
        (best, *_, limit) = of_own(run, {"val_accuracy": "max", "my_cost": "min"})
        value = "a value of 35 for my cost"
        assert best == f"The most accurate network is {network}: 70.00 % validation accuracy at {value}."
        assert limit.startswith("With a value of at most 20 for my cost, the best network is #4 (")
        objectives = {"my_cost": "max", "spikes_per_sample": "min", "latency_ms": "min"}
        highest = f"The network with the highest my cost is {network}"
        assert of_own(run, objectives)[0] == f"{highest}: {value} at 700 spikes per sample and 14 ms latency."

    @pytest.mark.parametrize("run", [empty_run(), run_of(trial(0, state="PRUNED"))])
    def test_before_a_trial_is_complete(self, run: Run) -> None:
        assert found(run) == []
        assert list(findings(run).columns) == list(findings(varied_run(60)).columns)
        assert len(findings(run)) == 0


class TestTrust:
    """Single trainings are optimistic, and by how much."""

    ROWS = (trial(0, 0.6, 100.0), trial(1, 0.7, 200.0), trial(2, 0.8, 300.0))
    RUN = without_history(run_of(*ROWS))

    def again(self, *numbers: int, **changes: Any) -> list[dict[str, Any]]:
        """On the test set 1 and 2 points worse, on the validation images half a point and one."""
        return [
            seed_of(row := self.ROWS[number], seed, val_accuracy=row["val_accuracy"] - 0.005 * seed, **changes)
            for number in numbers
            for seed in (1, 2)
        ]

    def test_nothing_is_confirmed(self) -> None:
        (finding,) = of("trust", self.RUN, "runs/my run")
        assert finding.command == "xoresnet confirm 'runs/my run'"
        assert finding.sentence == (
            "These figures come from one training of each network and served to select the networks, so they are "
            "optimistic; no network of the front is confirmed on other seeds."
        )
        assert finding.numbers == ()

    def test_a_confirmation_with_too_few_epochs(self) -> None:
        (finding,) = of("trust", confirming(self.RUN, *self.again(0, **{"config.recipe.epochs": 1})))
        assert "no network of the front is confirmed on other seeds with as many epochs." in finding.sentence

    def test_in_part(self) -> None:
        confirmed, optimism = of("trust", confirming(self.RUN, *self.again(0, 2)), "r")
        assert confirmed.sentence == (
            "2 of the 3 networks of the search's front are confirmed on the test set (2 seeds each); the standard "
            "deviation of accuracy on the test set over seeds is 0.71 points."
        )
        assert confirmed.command == "xoresnet confirm r"
        assert optimism.sentence == (
            "With other seeds than in the search, the accuracy of these 2 networks on average changes by -0.75 [-0.75, "
            "-0.75] points on the validation images and by -1.50 points on the test images."
        )

    def test_as_a_whole(self) -> None:
        worse = [seed_of(self.ROWS[1], seed, test_accuracy=0.6) for seed in (1, 2, 3)]
        confirmed, optimism = of("trust", confirming(self.RUN, *self.again(0, 2), *worse))
        assert confirmed.sentence.startswith(
            "All 3 networks of the search's front are confirmed on the test set (2 to 3"
        )
        assert confirmed.command == ""
        assert confirmed.numbers[0].estimate == pytest.approx(math.sqrt((5e-5 + 5e-5 + 2 * 0) / 4))
        assert "points on the test images (no clear change)" in optimism.sentence
        assert optimism.numbers[1].estimate == pytest.approx((-0.015 - 0.015 - 0.1) / 3)


class TestEffects:
    """What a parameter does with everything else equal."""

    def test_clear_ones(self) -> None:
        run = pairs("xor", ("none", "middle"), [(0.02 + 0.001 * n, 0.5 + 0.01 * n) for n in range(8)])
        effect, note = [*of("effect", run), *of("note", run)]
        assert effect.sentence == (
            "XOR middle instead of none, everything else equal, changes validation accuracy by +2.35 [+2.19, +2.50] "
            "points and spikes per sample by a factor of 0.53 [0.52, 0.55], over 8 pairs of networks."
        )
        assert note.sentence.startswith("Each of these 2 intervals is for its own comparison")

    def test_unclear_ones(self) -> None:
        run = pairs("timesteps", (2, 4), [(0.02 * (-1) ** n, 2.0) for n in range(8)])
        (effect,) = of("effect", run)
        assert effect.sentence.startswith("T=4 instead of T=2, everything else equal, changes spikes per sample by")
        assert "and has no clear effect on validation accuracy (+0.00 [-1.50, +1.50] points)," in effect.sentence

    def test_an_ablation_is_better_evidence(self) -> None:
        """Though the trials of the search say something else."""
        run = pairs("xor", ("none", "middle"), [(-0.02 - 0.001 * n, 2.0) for n in range(8)])
        table = ablations(
            trainings([0.90, 0.91, 0.92, 0.90]),
            trainings([0.93, 0.93, 0.95, 0.93], "xor", "middle", "none", spikes=[50.0, 51.0, 49.0, 50.0]),
            trainings([0.91, 0.90, 0.92, 0.92], "neuron.kind", "if", "lif"),
        )
        run = replace(run, ablations=table)
        xor, neuron = of("effect", run)
        effects = paired_effects(table).set_index(["field", "metric"])
        assert (xor.figure, neuron.figure) == ("one_change", "one_change")
        assert xor.sentence == (
            "XOR middle instead of none, everything else equal, changes accuracy on the test set by +2.75 [+1.95, "
            "+3.55] points and spikes per sample on the test set by a factor of 0.50 [0.49, 0.51], over 4 seeds of #7."
        )
        for number, metric in zip(xor.numbers, ("test_accuracy", "test_spikes_per_sample"), strict=True):
            row = effects.loc[("xor", metric)]
            assert (number.estimate, *number.interval, number.count) == (row["effect"], row["low"], row["high"], 4)
        assert neuron.sentence.startswith(
            "Neuron.kind if instead of lif, everything else equal, has no clear effect on"
        )

    def test_an_ablation_on_one_seed_tells_nothing(self) -> None:
        run = pairs("xor", ("none", "middle"), [(-0.02 - 0.001 * n, 2.0) for n in range(8)])
        table = ablations(trainings([0.90]), trainings([0.99], "xor", "middle", "none"))
        (effect,) = of("effect", replace(run, ablations=table))
        assert effect.figure == "ablation"

    def test_an_ablation_of_several_networks(self) -> None:
        parts = [
            part
            for base, shift in (("b0", 0.0), ("b1", 0.01))
            for part in (
                trainings([0.8, 0.81, 0.82], base=base),
                trainings([0.85 + shift, 0.87, 0.87], "merge", "add", "or", base=base, spikes=[90.0, 95.0, 91.0]),
            )
        ]
        (effect,) = of("effect", replace(run_of(trial(0)), ablations=ablations(*parts)))
        assert effect.sentence.endswith(", over 3 seeds, on average over 2 networks.")

    def test_parameters_that_the_search_did_not_vary(self) -> None:
        assert of("effect", run_of(trial(0), trial(1, 0.6))) == []

    def test_parameters_of_pruned_trials_only(self) -> None:
        """All complete networks have one width; the search tried another."""
        (effect,) = of("effect", run_of(trial(0), trial(1, state="PRUNED", config_width=16)))
        assert (
            effect.sentence
            == "No two complete networks differ in width alone, so this run cannot tell what width does."
        )


@pytest.mark.parametrize("run", [load(RECORDED), varied_run(60), TestBest.RUN, confirming(TestTrust.RUN)])
def test_the_frame_has_every_number_of_every_sentence(run: Run) -> None:
    frame, listed = findings(run, "r"), found(run, "r")
    assert list(dict.fromkeys(frame["sentence"])) == [finding.sentence for finding in listed]
    cells = frame.dropna(subset="metric")[["metric", "scale", "estimate", "low", "high", "count"]].to_dict("records")
    numbers = [number for finding in listed for number in finding.numbers]
    for row, number in zip(cells, numbers, strict=True):
        assert (row["metric"], row["scale"], row["estimate"]) == (number.metric, number.scale, number.estimate)
        assert [row["low"], row["high"]] == pytest.approx(list(number.interval), nan_ok=True)
        assert (None if pd.isna(row["count"]) else row["count"]) == number.count
    for finding in listed:
        assert all(number.text in finding.sentence for number in finding.numbers)


def test_the_first_of_each_kind() -> None:
    listed = found(varied_run(60))
    assert [finding.kind for finding in first_findings(listed)] == ["best", "budget", "trust", "known", "effect"]
    assert [finding.kind for finding in first_findings(listed, 2)] == ["best", "budget"]


LEVELS = {"merge": ("or", "add"), "timesteps": (1, 2), "recipe.learning_rate": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)}


@st.composite
def searched(draw: st.DrawFn) -> Run:
    """Trials over a small grid, each point at most once, some pruned, some known networks."""
    grid = [(a, b, c) for a in LEVELS["merge"] for b in LEVELS["timesteps"] for c in LEVELS["recipe.learning_rate"]]
    rows = []
    for number, point in enumerate(draw(st.lists(st.sampled_from(grid), unique=True, min_size=1, max_size=28))):
        changes = dict(zip((f"config_{name}" for name in LEVELS), point, strict=True))
        changes |= {"state": draw(st.sampled_from(["COMPLETE"] * 5 + ["PRUNED"]))}
        changes |= {"source": draw(st.sampled_from([None] * 5 + ["xoresnet8", "sew-resnet8"]))}
        accuracy = draw(st.integers(0, 36)) / 40 + 0.1 * (point[0] == "add")
        rows.append(trial(number, accuracy, float(draw(st.integers(1, 9))) * point[1], **changes))
    return run_of(*rows)


@settings(max_examples=8)
@given(searched())
def test_nothing_is_claimed_that_the_tables_do_not_have(run: Run) -> None:
    listed = found(run)
    assert bool(listed) == bool(leading(run).total)
    complete = run.trials[run.trials["state"] == "COMPLETE"]
    for finding in listed:
        assert all(number.text in finding.sentence for number in finding.numbers)
        if finding.kind in ("best", "budget"):
            accuracy, spikes = (number.estimate for number in finding.numbers)
            rows = complete[(complete["val_accuracy"] == accuracy) & (complete["spikes_per_sample"] == spikes)]
            assert len(rows)
        if finding.kind == "budget":
            limit = float(finding.subject.split()[2].replace(",", ""))
            within = complete[complete["spikes_per_sample"] <= limit]
            assert (accuracy, spikes <= limit) == (within["val_accuracy"].max(), True)
        if finding.kind == "effect" and finding.numbers:
            check_effect(run, finding)


def check_effect(run: Run, finding: Finding) -> None:
    """Its numbers are the ablation's, over enough pairs; a claim needs an interval that excludes none."""
    table = ablation(run.trials, finding.subject)
    for number in finding.numbers:
        rows = table[(table["kind"] == "matched") & (table["metric"] == number.metric)]
        (row,) = rows.to_dict("records")  # two levels: one comparison
        assert (row["effect"], row["low"], row["high"], row["count"]) == (
            number.estimate, *number.interval, number.count,
        )  # fmt: skip
        assert row["count"] >= FEWEST_PAIRS
        none = 1.0 if number.scale == "ratio" else 0.0
        claimed = number.text in finding.sentence.partition("has no clear effect")[0]
        assert claimed == (not row["low"] <= none <= row["high"])


def test_what_was_ablated_counts_more_than_trials_that_match() -> None:
    run = varied_run()
    rows = [
        trainings([0.5, 0.6, 0.5], spikes=[90.0, 100.0, 110.0]),
        trainings([0.71, 0.81, 0.7], "merge", "add", "or", spikes=[180.0, 210.0, 220.0]),
        trainings([0.5, 0.7, 0.4], "neuron.kind", "if", "lif", spikes=[90.0, 95.0, 120.0]),
    ]
    told = findings(replace(run, ablations=ablations(*rows)))
    of_merge = told[told["subject"] == "merge"]
    (sentence,) = of_merge["sentence"].unique()
    assert sentence.startswith(
        "Merge add instead of or, everything else equal, changes accuracy on the test set by +20."
    )
    assert " spikes per sample on the test set by a factor of 2.0" in sentence
    assert sentence.endswith(", over 3 seeds of #7.")
    assert set(of_merge["figure"]) == {"one_change"}
    assert list(of_merge["count"]) == [3, 3]
    assert set(findings(run).query("subject == 'merge'")["figure"]) == {"ablation"}
    one_seed = replace(run, ablations=ablations(*([part[0]] for part in rows)))
    assert list(findings(one_seed)["sentence"]) == list(findings(run)["sentence"])
