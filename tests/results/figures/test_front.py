from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import confirming, run_of, seed_of, trial, varied_run
from xoresnet.results import Run
from xoresnet.results.figures.front import front_drawing, front_info, front_plot
from xoresnet.results.tables.columns import CONFIRMED, typed


def unconfirmed(run: Run) -> Run:
    return replace(run, confirmed=typed([], CONFIRMED))


class TestFront(FigureContract):
    name = "front"

    def test_complete_trials_alone_are_in_it(self) -> None:
        run = unconfirmed(varied_run())
        table = self.info(run).trials
        complete = run.trials[run.trials["state"] == "COMPLETE"]
        assert list(table["trial_id"]) == list(complete["trial_id"])
        assert list(table["x"]) == list(complete["spikes_per_sample"])
        assert list(table["y"]) == list(complete["val_accuracy"])
        assert set(table.loc[table["is_front"], "trial_id"]) == set(run.front["trial_id"])

    def test_axes(self) -> None:
        info = self.info(unconfirmed(varied_run()))
        assert info.x[:4] == ("spikes_per_sample", "spikes per sample", True, False)
        assert info.y[:4] == ("val_accuracy", "validation accuracy (%)", False, True)

    def test_a_click_gives_the_id_and_hovering_the_configuration(self) -> None:
        run = varied_run()
        for trace in self.drawn(run)["data"]:
            for arch_id, text in zip(trace.get("customdata", []), trace.get("hovertext", []), strict=True):
                assert arch_id in text
                for part in ("accuracy", "spikes", "ResNet-", "T=", "merge: "):
                    assert part in text

    def test_baselines_are_named(self) -> None:
        run = run_of(
            trial(0, 0.5, 10, source="xoresnet8"),
            trial(1, 0.6, 20, source="sew-resnet14"),
            trial(2, 0.7, 30, source="runs/old:7"),
            trial(3, 0.8, 40),
        )
        table = self.info(run).trials
        assert list(table["family"]) == ["XOResNet", "SEW-ResNet", "", ""]
        assert list(table["label"]) == ["XOResNet-8", "SEW-ResNet-14", "", ""]
        assert "from runs/old:7" in table["hover"][2]
        figure = self.drawn(run)
        assert {"XOResNet", "SEW-ResNet"} <= {trace.get("name") for trace in figure["data"]}
        assert {note["text"] for note in figure["layout"]["annotations"]} == {"XOResNet-8", "SEW-ResNet-14"}

    def test_highlighted_trials_are_drawn_ringed_and_labelled(self) -> None:
        dominated = [trial(number, 0.2, 2000.0 + number) for number in range(3000)]
        rows = [*dominated, trial(3000, 0.9, 1000.0, source="xoresnet8"), trial(3001, 0.1, 9.0, state="PRUNED")]
        info = front_info(run_of(*rows), [7, 3000, 3001])
        assert info.highlight == (7, 3000)
        labels = dict(zip(info.trials["trial_id"], info.trials["label"], strict=True))
        assert (labels[7], labels[3000]) == ("#7", "#3000 XOResNet-8")
        assert "Not complete, and therefore not drawn: #3001." in info.notes
        ring = next(trace for trace in front_plot(info)["data"] if trace["name"] == "highlighted")
        assert list(ring["x"]) == [2007, 1000]

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
        assert list(self.info(run).trials.query("is_knee")["trial_id"]) == [1]
        knee = next(trace for trace in self.drawn(run)["data"] if trace.get("name") == "knee")
        assert knee["customdata"] == ["a0001"]

    def test_of_three_objectives_two_are_drawn(self) -> None:
        objectives = {"val_accuracy": "max", "energy_pj_per_sample": "min", "params_count": "min"}
        info = self.info(unconfirmed(varied_run(objectives=objectives)))
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


class TestConfirmed:
    """The figure once the whole front is confirmed."""

    ROWS = (trial(0, 0.5, 100.0), trial(1, 0.7, 200.0), trial(2, 0.8, 300.0), trial(3, 0.4, 400.0))

    def run(self) -> Run:
        """Trial 2 was lucky: confirmed, trial 1 dominates it."""
        worse = {"test_accuracy": 0.4, "test_spikes_per_sample": 310.0}
        lucky = [seed_of(self.ROWS[2], seed, **worse) for seed in (1, 2, 3)]
        others = [seed_of(row, seed) for row in self.ROWS[:2] for seed in (1, 2, 3)]
        return confirming(run_of(*self.ROWS), *others, *lucky)

    def test_the_confirmed_front_leads(self) -> None:
        run = self.run()
        info = front_info(run)
        assert info.title == "Front on the test set, mean of 3 seeds"
        assert (info.x.metric, info.x.label) == (
            "test_spikes_per_sample_mean",
            "spikes per sample on the test set",
        )
        assert (info.y.metric, info.y.label) == ("test_accuracy_mean", "accuracy on the test set (%)")
        ahead = info.trials[~info.trials["is_behind"]]
        assert dict(zip(ahead["trial_id"], ahead["is_front"], strict=True)) == {0: True, 1: True, 2: False}
        assert list(ahead["y"]) == pytest.approx([0.48, 0.68, 0.4])
        assert list(info.steps["x"]) == pytest.approx([104, 208, 208])
        assert list(info.trials.query("is_knee")["trial_id"]) == [run.knee()["trial_id"]]
        assert "accuracy 68.00 % ± 1.00 %, 3 seeds" in ahead["hover"].iloc[1]

    def test_what_the_search_measured_stays_behind_it(self) -> None:
        info = front_info(self.run())
        behind = info.trials[info.trials["is_behind"]]
        assert list(behind["trial_id"]) == [0, 1, 2, 3]
        assert not behind[["is_front", "is_knee"]].to_numpy().any()
        assert list(info.behind_steps["y"]) == [0.5, 0.5, 0.7, 0.7, 0.8]
        assert "single trainings on which it selected" in info.notes[-1]
        figure = front_plot(info)
        first, line = figure["data"][:2]
        assert (first["name"], len(first["x"]), line["line"]["dash"]) == ("search", 4, "dash")
        low, high = figure["layout"]["yaxis"]["range"]
        assert low < 0.4 < 0.8 < high
        labels = {text.get_text() for text in front_drawing(info).legends[0].get_texts()}
        assert labels == {"search", "dominated", "front", "knee"}

    def test_the_search_alone_if_it_is_asked_for_or_not_all_is_confirmed(self) -> None:
        run = self.run()
        for info in (
            front_info(run, searched=True),
            front_info(unconfirmed(run)),
            front_info(confirming(run, seed_of(self.ROWS[0]))),
        ):
            assert (info.title, info.y.metric, len(info.trials)) == ("", "val_accuracy", 4)
            assert info.behind_steps.empty
            assert list(info.trials.loc[info.trials["is_front"], "trial_id"]) == [0, 1, 2]

    def test_highlighted_trials(self) -> None:
        """By their confirmed figures; those that are not confirmed by what the search measured."""
        info = front_info(self.run(), [1, 3, 9])
        ring = next(trace for trace in front_plot(info)["data"] if trace["name"] == "highlighted")
        assert list(ring["x"]) == pytest.approx([400, 208])
        labelled = info.trials[info.trials["label"] != ""]
        assert list(labelled["label"]) == ["#3", "#1"]
        assert info.highlight == (1, 3)

    def test_a_known_network_that_the_search_did_not_try(self) -> None:
        row = {**trial(7, 0.9, 50.0), "trial_id": None, "arch_id": "known", "source": "sew-resnet8"}
        baseline: list[dict[str, Any]] = [seed_of(row, seed) for seed in (1, 2)]
        seeds = [seed_of(each, seed) for each in self.ROWS[:3] for seed in (1, 2, 3)]
        info = front_info(confirming(run_of(*self.ROWS), *seeds, *baseline))
        assert info.title == "Front on the test set, means of 2 to 3 seeds"
        known = info.trials[info.trials["arch_id"] == "known"].iloc[0]
        assert (known["family"], known["label"], known["is_front"], known["is_knee"]) == (
            "SEW-ResNet", "SEW-ResNet-8", True, True,
        )  # fmt: skip
        assert front_plot(info)["data"]

    def test_the_method_of_a_run_names_it(self) -> None:
        assert self.run().plot.front().layout.title.text.startswith("<b>Front on the test set, mean of 3 seeds · made")
        assert self.run().plot.front(searched=True).layout.title.text.startswith("<b>Front · made")
