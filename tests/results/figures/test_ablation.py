from __future__ import annotations

import pytest

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import run_of, trial, varied_run


class TestAblation(FigureContract):
    name = "ablation"

    def test_matched_effects(self) -> None:
        rows = []
        for number, width in enumerate((4, 8, 16, 32, 48, 64)):
            rows.append(trial(2 * number, 0.5, 1000, config_width=width))
            rows.append(trial(2 * number + 1, 0.6, 2000, config_width=width, config_merge="oa"))
        info = self.info(run_of(*rows))
        assert info.references == {"merge": "oa", "width": "4"}
        assert info.scales == {"val_accuracy": "difference", "spikes_per_sample": "ratio"}
        effects = {row.metric: row for row in info.effects.itertuples() if row.factor == "merge"}
        assert effects["val_accuracy"].effect == pytest.approx(-0.1)
        assert effects["spikes_per_sample"].effect == pytest.approx(0.5)
        assert (effects["val_accuracy"].level, effects["val_accuracy"].count) == ("or", 6)
        accuracy, spikes = self.drawn(run_of(*rows))["data"]
        assert accuracy["hovertext"][0].startswith("<b>merge: or</b><br>accuracy, points -10<br>95 % interval")
        assert "spikes, times \u00d70.5" in spikes["hovertext"][0]

    def test_factors_that_vary(self) -> None:
        info = self.info(varied_run(120))
        assert set(info.effects["factor"]) <= {"merge", "xor", "timesteps", "depth", "width"}
        assert list(info.effects["metric"].unique()) == ["val_accuracy", "spikes_per_sample"]

    def test_numbers_are_in_order(self) -> None:
        rows = [
            trial(4 * width + steps, 0.1 * steps, 10.0 * steps, config_width=width, config_timesteps=steps)
            for width in (4, 8)
            for steps in (1, 2, 4, 8, 16)
        ]
        effects = self.info(run_of(*rows)).effects
        levels = list(effects.loc[effects["metric"].eq("val_accuracy") & effects["factor"].eq("timesteps"), "level"])
        assert len(levels) == 4
        assert levels == sorted(levels, key=int)

    def test_where_nothing_matches_it_shows_means(self) -> None:
        rows = [
            {**trial(n, 0.1 * n, 10.0 + n, config_timesteps=1 + n % 2), "config.recipe.learning_rate": 0.01 * (n + 1)}
            for n in range(6)
        ]
        info = self.info(run_of(*rows))
        assert set(info.scales.values()) == {"mean"}
        assert info.references == {}
        assert len(info.notes) == 1
        assert "trials differ in only one of these parameters" in info.notes[0]
        self.drawn(run_of(*rows))

    def test_a_factor_without_matches_is_named(self) -> None:
        rows = [
            trial(0, 0.5, 100),
            trial(1, 0.6, 200, config_timesteps=4),
            trial(2, 0.7, 300, config_depth=14, config_width=4),
        ]
        assert self.info(run_of(*rows)).notes == ("No two complete trials differ in depth or width alone.",)

    def test_nothing_varies(self) -> None:
        info = self.info(run_of(trial(0), trial(1, config_num_classes=4)))
        assert info.missing == "No complete trials differ in merge, xor, timesteps, depth or width."

    def test_of_many_values_the_most_frequent(self) -> None:
        rows = [
            trial(20 * width + steps, 0.01 * steps, 10.0 * steps, config_width=width, config_timesteps=steps)
            for width in (4, 8)
            for steps in range(1, 15)
        ]
        effects = self.info(run_of(*rows)).effects
        assert effects.loc[effects["factor"] == "timesteps", "level"].nunique() == 8

    def test_on_a_phone_panels_are_below_each_other(self) -> None:
        layout = self.drawn(varied_run(120))["layout"]
        narrow = layout["meta"]["narrow"]
        assert narrow["xaxis.domain"] == narrow["xaxis2.domain"] == [0, 1]
        assert narrow["height"] > layout["height"]
