from __future__ import annotations

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import run_of, trial, varied_run


class TestCurves(FigureContract):
    name = "curves"

    def test_each_trial_as_far_as_it_came(self) -> None:
        run = varied_run()
        curves = self.info(run).curves
        lengths = curves.groupby("trial_id").size()
        trained = run.trials.set_index("trial_id")["epochs_trained"]
        assert lengths.to_dict() == trained[trained > 0].to_dict()
        merged = curves.merge(run.history, on=["trial_id", "epoch"])
        assert (merged["value"] == merged["val_accuracy"]).all()

    def test_roles(self) -> None:
        run = run_of(
            trial(0, 0.5, 10),
            trial(1, 0.4, 20),
            trial(2, 0.9, 5, state="PRUNED", epochs_trained=1),
            trial(3, 0.2, 30, state="FAIL", epochs_trained=2),
            trial(4, 0.9, 5, state="RUNNING", epochs_trained=2),
        )
        roles = self.info(run).curves.drop_duplicates("trial_id")["role"]
        assert list(roles) == ["front", "complete", "pruned", "failed", "unfinished"]

    def test_gaps_keep_trials_apart_and_crosses_mark_where_they_were_stopped(self) -> None:
        run = run_of(
            trial(0, 0.5, 10),
            trial(1, 0.6, 20, state="PRUNED", epochs_trained=1),
            trial(2, 0.6, 20, state="PRUNED", epochs_trained=2),
        )
        traces = self.drawn(run)["data"]
        pruned, crosses, _ = traces
        assert [row and row[0] for row in pruned["customdata"]] == ["a0001", "a0001", "a0002", "a0002", "a0002"]
        assert crosses["marker"]["symbol"] == "x-thin"

    def test_another_first_objective(self) -> None:
        run = varied_run(objectives={"spikes_per_sample": "min", "val_accuracy": "max"})
        info = self.info(run)
        assert (info.y.metric, info.y.log) == ("spikes_per_sample", True)

    def test_an_objective_that_no_epoch_has(self) -> None:
        run = varied_run(objectives={"params_count": "min", "spikes_per_sample": "min"})
        assert self.info(run).y.metric == "spikes_per_sample"

    def test_of_many_the_front_stays_whole(self) -> None:
        rows = [trial(number, 0.2, 2000.0 + number) for number in range(1, 500)]
        info = self.info(run_of(trial(0, 0.9, 10), *rows))
        assert info.curves["trial_id"].nunique() == 300
        assert info.curves.loc[info.curves["role"] == "front", "trial_id"].unique().tolist() == [0]
        assert info.notes == ("Shows 300 of 500 trials, including the whole front.",)
