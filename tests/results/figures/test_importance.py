from __future__ import annotations

from dataclasses import replace

from tests.results.figures.contract import FigureContract
from tests.results.made_runs import run_of, trial, varied_run


class TestImportance(FigureContract):
    name = "importance"

    def test_the_parameter_that_decides_comes_first(self) -> None:
        info = self.info(varied_run(60))
        assert info.parameters[0] == "timesteps"
        assert set(info.parameters) == {"timesteps", "merge", "depth", "xor"}
        traces = self.drawn(varied_run(60))["data"]
        assert [trace["name"] for trace in traces] == ["accuracy", "spikes"]
        headings = {"timesteps": "time steps (T)", "depth": "ResNet depth"}
        named = [headings.get(name, name) for name in info.parameters]
        assert all(trace["y"] == named for trace in traces)

    def test_too_few_trials(self) -> None:
        info = self.info(run_of(*(trial(number, 0.1 * number, 10.0 + number) for number in range(9))))
        assert info.missing == "Importance requires at least 10 complete trials, got 9."

    def test_nothing_that_varies(self) -> None:
        info = self.info(run_of(*(trial(number, 0.01 * number, 10.0 + number) for number in range(12))))
        assert info.missing == "No parameter varies between complete trials."

    def test_of_many_parameters_the_most_important(self) -> None:
        rows = []
        for number in range(40):
            bits = {f"config.extra{bit}": number >> bit % 6 & 1 for bit in range(14)}
            rows.append({**trial(number, 0.01 * number, 10.0 + number), **bits})
        run = run_of(*rows)
        trials = run.trials.assign(**{name: [row[name] for row in rows] for name in bits})
        info = self.info(replace(run, trials=trials))
        assert len(info.parameters) == 12
        assert info.notes == ("Shows the 12 most important of 14 parameters.",)
