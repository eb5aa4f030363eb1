"""`Run`: what its methods return is what the functions return, and confirmed figures lead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.results.made_runs import confirming, empty_run, run_of, seed_of, trial, varied_run, write_run
from tests.results.trials import says
from xoresnet.results import (
    Run,
    RunError,
    ablation,
    attainment,
    best,
    compare,
    hypervolume,
    hypervolume_over_time,
    importance,
    is_pareto,
    knee,
    load,
    load_many,
    losses,
    pareto_front,
    reference_point,
)
from xoresnet.results.figures import FIGURES

ENERGY = {"val_accuracy": "max", "energy_pj_per_sample": "min"}


def searched() -> Run:
    return run_of(trial(0, 0.5, 100), trial(1, 0.8, 300), trial(2, 0.9, 2000), trial(3, 0.4, 900))


def test_functions_take_a_run_and_its_objectives() -> None:
    run = varied_run(objectives=ENERGY)
    same = pd.testing.assert_frame_equal
    same(pareto_front(run), pareto_front(run.trials, ENERGY))  # type: ignore[arg-type]
    assert is_pareto(run).equals(is_pareto(run.trials, ENERGY))  # type: ignore[arg-type]
    assert (losses(run.with_objectives(["accuracy", "params"]))[:, 1] == run.trials["params_count"]).all()
    reference = reference_point(run)
    assert reference == reference_point(run.trials, ENERGY)  # type: ignore[arg-type]
    assert hypervolume(run, reference=reference) == hypervolume(run.trials, ENERGY, reference)  # type: ignore[arg-type]
    same(hypervolume_over_time(run, reference=reference), run.hypervolume_over_time(reference, log=()))
    same(ablation(run, "merge"), ablation(run.trials, "merge", list(ENERGY)))
    same(run.ablation("merge"), ablation(run, "merge"))
    same(importance(run), importance(run.trials, ENERGY))  # type: ignore[arg-type]
    same(compare(run, run), compare(run.trials, run.trials, ENERGY))  # type: ignore[arg-type]
    assert knee(run).equals(run.knee())
    assert best(run, max_spikes=500).equals(run.best(max_spikes=500))


def test_several_runs(tmp_path: Path) -> None:
    runs = [searched(), run_of(trial(0, 0.6, 150), trial(1, 0.7, 400))]
    surface = attainment(runs, levels=[1.0])
    assert list(surface["val_accuracy"]) == [0.5, 0.6, 0.7][: len(surface)]
    folders = [write_run(run, tmp_path / str(place)) for place, run in enumerate(runs)]
    pd.testing.assert_frame_equal(attainment(load_many(folders), levels=[1.0]), surface)
    other = varied_run(objectives=ENERGY)
    rule = "(val_accuracy max, spikes_per_sample min) and (val_accuracy max, energy_pj_per_sample min)"
    for call in (lambda: compare(runs[0], other), lambda: attainment([runs[0], other])):
        with says(f"the runs have different objectives, {rule}; add objectives=... to compare them on the same"):
            call()


def test_search_figures_lead_until_the_front_is_confirmed() -> None:
    run = searched()
    assert run.knee()["trial_id"] == 1
    assert run.best(max_spikes=1000)["trial_id"] == 1
    assert run.best(min_accuracy=0.45)["trial_id"] == 0
    partly = confirming(run, seed_of(run.trials.iloc[1].to_dict(), 1))
    assert partly.best()["trial_id"] == 2


def test_confirmed_figures_lead_then() -> None:
    run = searched()
    rows = [seed_of(row, seed) for seed in (1, 2) for row in run.front.to_dict("records")]
    for row in rows:
        if row["trial_id"] == 2:  # was lucky
            row["test_accuracy"] = 0.3
    confirmed = confirming(run, *rows)
    assert confirmed.best()["trial_id"] == 1
    assert confirmed.best()["test_accuracy_mean"] == pytest.approx(0.8 - 0.015)
    assert confirmed.best(max_spikes=250)["trial_id"] == 0  # by the spikes on the test set
    assert confirmed.best(min_accuracy=0.45)["trial_id"] == 0
    assert confirmed.knee()["trial_id"] == 1  # of two networks that are left, the more accurate
    assert set(confirmed.front["trial_id"]) == {0, 1, 2}  # that of the search stays what it was


def test_other_objectives() -> None:
    run = searched()
    cheap = run.with_objectives(["accuracy", "energy"])
    assert isinstance(cheap, Run)
    assert cheap.objectives == {"val_accuracy": "max", "energy_pj_per_sample": "min"}
    assert run.objectives == {"val_accuracy": "max", "spikes_per_sample": "min"}
    with says("the frame has no column 'acuracy'; did you mean 'accuracy'?"):
        run.with_objectives(["acuracy", "spikes"])
    with says("objectives must be two or more metrics, got val_accuracy"):
        run.with_objectives(["accuracy"])
    with says("objectives must be two or more metrics, got 'accuracy'"):
        run.with_objectives("accuracy")
    with says("the direction of firing_rate is not known; write {'firing_rate': 'min'} or 'max'"):
        run.with_objectives(["accuracy", "firing_rate"])
    assert run.with_objectives({"accuracy": "max", "firing_rate": "min"}).objectives["firing_rate"] == "min"


def test_the_volume_is_that_of_the_report() -> None:
    run = varied_run()
    assert run.hypervolume() == pytest.approx(FIGURES["hypervolume"].info(run).volume)
    assert run.hypervolume_over_time()["hypervolume"].iloc[-1] == pytest.approx(run.hypervolume())
    assert empty_run().hypervolume() == 0.0
    assert empty_run().hypervolume_over_time().empty


def test_loading_gives_a_run(tmp_path: Path) -> None:
    folder = write_run(searched(), tmp_path / "digits")
    run = load(folder)
    assert isinstance(run, Run)
    assert isinstance(replace(run, name="other"), Run)
    assert run.report(tmp_path / "page.html").exists()
    with pytest.raises(RunError):
        load(tmp_path / "nothing")
    assert repr(load_many([folder])) == "<1 runs: digits (4 trials)>"
