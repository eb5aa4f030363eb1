from __future__ import annotations

import pytest

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import run_of, trial, varied_run
from xoresnet.results.figures.front import front_info


class TestFront(FigureContract):
    name = "front"

    def test_complete_trials_alone_are_in_it(self) -> None:
        run = varied_run()
        table = self.info(run).trials
        complete = run.trials[run.trials["state"] == "COMPLETE"]
        assert list(table["trial_id"]) == list(complete["trial_id"])
        assert list(table["x"]) == list(complete["spikes_per_sample"])
        assert list(table["y"]) == list(complete["val_accuracy"])
        assert set(table.loc[table["is_front"], "trial_id"]) == set(run.front["trial_id"])

    def test_axes(self) -> None:
        info = self.info(varied_run())
        assert info.x[:4] == ("spikes_per_sample", "spikes per sample", True, False)
        assert info.y[:4] == ("val_accuracy", "validation accuracy (%)", False, True)

    def test_a_click_gives_the_id_and_hovering_the_configuration(self) -> None:
        run = varied_run()
        for trace in self.drawn(run)["data"]:
            for arch_id, text in zip(trace.get("customdata", []), trace.get("hovertext", []), strict=True):
                assert arch_id in text
                for part in ("accuracy", "spikes", "depth", "T="):
                    assert part in text

    def test_baselines_are_named(self) -> None:
        run = run_of(
            trial(0, 0.5, 10, source="xoresnet8"),
            trial(1, 0.6, 20, source="sew-resnet14"),
            trial(2, 0.7, 30, source="runs/old:7"),
            trial(3, 0.8, 40),
        )
        table = self.info(run).trials
        assert list(table["family"]) == ["xoresnet", "sew-resnet", "", ""]
        assert list(table["depth"]) == [8, 14, 0, 0]
        assert "from runs/old:7" in table["hover"][2]
        traces = {trace["name"]: trace for trace in self.drawn(run)["data"] if "name" in trace}
        assert traces["xoresnet"]["text"] == ["8"]
        assert traces["sew-resnet"]["text"] == ["14"]

    def test_labels_of_baselines_that_are_close_do_not_meet(self) -> None:
        names = ("xoresnet8", "sew-resnet8", "ms-resnet8")
        near = [trial(number, 0.9 + number / 1e4, 1000 + number, source=name) for number, name in enumerate(names)]
        sides = list(self.info(run_of(*near, trial(9, 0.1, 10))).trials["side"])
        assert len(set(sides[:3])) == 3
        assert sides[3] == ""

    @pytest.mark.parametrize(
        ("ways", "points", "corners"),
        [
            (("max", "min"), [(0.5, 10), (0.9, 30)], [(10, 0.5), (30, 0.5), (30, 0.9)]),
            (("min", "min"), [(0.9, 10), (0.5, 30)], [(10, 0.9), (30, 0.9), (30, 0.5)]),
            (("max", "max"), [(0.9, 10), (0.5, 30)], [(10, 0.9), (10, 0.5), (30, 0.5)]),
            (("max", "min"), [(0.5, 10)], [(10, 0.5)]),
        ],
    )
    def test_stairs(
        self, ways: tuple[str, str], points: list[tuple[float, float]], corners: list[tuple[float, float]]
    ) -> None:
        objectives = dict(zip(("val_accuracy", "spikes_per_sample"), ways, strict=True))
        run = run_of(*(trial(number, *point) for number, point in enumerate(points)), objectives=objectives)
        assert list(self.info(run).steps.itertuples(index=False, name=None)) == corners

    def test_the_knee(self) -> None:
        run = run_of(trial(0, 0.1, 10), trial(1, 0.8, 20), trial(2, 0.9, 1000))
        assert self.info(run).knee_id == 1
        knee = next(trace for trace in self.drawn(run)["data"] if trace.get("name") == "knee")
        assert knee["customdata"] == ["a0001"]

    def test_of_three_objectives_two_are_drawn(self) -> None:
        objectives = {"val_accuracy": "max", "energy_pj_per_sample": "min", "params_count": "min"}
        info = self.info(varied_run(objectives=objectives))
        assert (info.y.metric, info.x.metric) == ("val_accuracy", "energy_pj_per_sample")
        assert info.steps.empty
        assert info.notes == (
            "The front has 3 objectives: the axes show the first two, the texts of the dots also parameters.",
        )
        assert "parameters 100" in info.trials["hover"][0]

    def test_what_a_logarithm_cannot_show_is_said(self) -> None:
        info = self.info(run_of(trial(0, 0.1, 0.0), trial(1, 0.8, 20), trial(2, 0.9, 1000)))
        assert list(info.trials["trial_id"]) == [1, 2]
        assert info.notes == ("1 complete trial without any spikes cannot be drawn on these axes.",)

    def test_of_many_the_front_stays_whole(self) -> None:
        dominated = [trial(number, 0.2, 2000.0 + number) for number in range(3000)]
        front = [trial(3000 + number, 0.3 + number / 1000, 1000.0 + number) for number in range(50)]
        info = front_info(run_of(*dominated, *front))
        assert len(info.trials) == 2000
        assert set(info.trials.loc[info.trials["is_front"], "trial_id"]) == set(range(3000, 3050))
        assert info.notes == ("Shows 2,000 of 3,050 trials, including the whole front.",)
        assert list(info.trials["trial_id"]) == list(front_info(run_of(*dominated, *front)).trials["trial_id"])
