from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.results.made_runs import predicted, run_of, trial, varied_run, write_run
from xoresnet.results import load, load_many, pareto_front
from xoresnet.results.analysis.prediction import predicted_and_measured, prediction_quality
from xoresnet.results.fronts.ranks import kendall


def test_complete_trials_beside_their_predictions() -> None:
    rows = [trial(0, 0.5, 100.0), trial(1, 0.6, 200.0, state="PRUNED"), trial(2, 0.7, 300.0, source="prior")]
    run = predicted(run_of(*rows))
    pairs = predicted_and_measured(run)
    assert list(pairs["trial_id"]) == [0, 2]
    assert list(pairs["spikes_per_sample"]) == [100.0, 300.0]
    assert list(pairs["predicted_spikes_per_sample"]) == [150.0, 450.0]
    quality = prediction_quality(pairs, run.objectives)
    assert quality["spikes_per_sample"].tau == pytest.approx(1.0)
    assert list(quality) == list(run.objectives)


def test_a_duplicate_s_network_is_there_with_each_trial_of_it() -> None:
    """One network may be trained with several recipes: each is a measurement of its own."""
    run = predicted(run_of(trial(0, 0.5, 100.0)))
    run = replace(run, trials=run_of(trial(0, 0.5), trial(1, 0.6, arch_id="a0000")).trials)
    assert list(predicted_and_measured(run)["trial_id"]) == [0, 1]


def test_quality_is_kendall_s_tau() -> None:
    run = varied_run()
    pairs = predicted_and_measured(run)
    for metric, agreement in prediction_quality(pairs, run.objectives).items():
        assert agreement.tau == kendall(pairs[metric].to_numpy(), pairs[f"predicted_{metric}"].to_numpy())
        assert agreement.pairs == len(pairs) > 10


def test_no_prediction_is_in_any_other_table(tmp_path: Path) -> None:
    folder = write_run(varied_run(), tmp_path / "made")
    run = load(folder)
    assert len(run.predicted) > len(run.trials)
    assert run.prior["networks"] == len(run.predicted)
    for frame in (run.trials, run.history, run.layers, run.confirmed, run.front, pareto_front(run.trials)):
        assert not [name for name in frame.columns if "predicted" in name]
        assert set(frame["arch_id"]) <= set(run.trials["arch_id"])
    assert set(load_many([folder]).predicted["run"]) == {"made"}
