"""Reports of several objectives, in plain Optuna."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import optuna
import pytest
import torch

from xoresnet.search.pruning.reports import report, reports, should_prune
from xoresnet.search.strategy.observing import Observer
from xoresnet.search.strategy.sampler import FreezeThawSampler

INF, NAN = math.inf, math.nan
MINIMIZE = "minimize"


def test_a_step_keeps_its_first_values() -> None:
    study = optuna.create_study(directions=[MINIMIZE, MINIMIZE])
    trial = study.ask()
    report(trial, (1.0, NAN), 2)
    report(trial, (3.0, 3.0), 1)
    report(trial, (5.0, 5.0), 2)
    trial.set_user_attr("report:card", "something else")
    trial.set_user_attr("note", "something else")
    for each in (trial, study.trials[0]):
        values = reports(each)
        assert list(values) == [1, 2]
        assert values[1] == [3.0, 3.0]
        assert values[2][0] == 1.0
        assert math.isnan(values[2][1])
    assert not should_prune(trial)


@pytest.mark.parametrize(
    ("values", "step", "error", "message"),
    [
        ([1.0], 1, ValueError, "the study has 2 objectives, got 1 values"),
        ([1.0, 2.0, 3.0], 1, ValueError, "the study has 2 objectives, got 3 values"),
        ([1.0, "2"], 1, TypeError, "values must be numbers, one for each objective, got [1.0, '2']"),
        ([1.0, None], 1, TypeError, "values must be numbers, one for each objective, got [1.0, None]"),
        ("12", 1, TypeError, "values must be numbers, one for each objective, got '12'"),
        (0.5, 1, TypeError, "values must be numbers, one for each objective, got 0.5"),
        ([1.0, 2.0], 0, ValueError, "a step must be a whole number of at least 1, got 0"),
        ([1.0, 2.0], 1.5, ValueError, "a step must be a whole number of at least 1, got 1.5"),
        ([1.0, 2.0], True, ValueError, "a step must be a whole number of at least 1, got True"),
        ([1.0, 2.0], "1", ValueError, "a step must be a whole number of at least 1, got '1'"),
        ([1.0, 2.0], INF, ValueError, "a step must be a whole number of at least 1, got inf"),
        ([1.0, 2.0], None, ValueError, "a step must be a whole number of at least 1, got None"),
    ],
)
def test_wrong_reports(values: Any, step: Any, error: type[Exception], message: str) -> None:
    trial = optuna.create_study(directions=[MINIMIZE, MINIMIZE]).ask()
    with pytest.raises(error) as raised:
        report(trial, values, step)
    assert str(raised.value) == message
    assert not trial.user_attrs


def test_seconds_of_a_step_keep_their_first_value() -> None:
    study = optuna.create_study(directions=[MINIMIZE, MINIMIZE], sampler=FreezeThawSampler(max_steps=4))
    trial = study.ask({"width": optuna.distributions.IntDistribution(1, 9)})
    for step, seconds in ((1, 9.0), (2, 2.0), (3, 3.0), (3, 99.0)):
        report(trial, [1.0, 1.0], step, seconds=seconds)
    assert list(Observer((1, 3, 4)).progress(study).seconds) == [3.0]  # the median
    trial.set_user_attr("record:3", {"train_seconds": "12 s"})  # of a user's trainable
    trial.set_user_attr("record:2", "mine")
    assert list(Observer((1, 3, 4)).progress(study).seconds) == [9.0]
    for wrong in (-1.0, INF, NAN):
        with pytest.raises(ValueError, match="seconds must be a number of at least 0"):
            report(trial, [1.0, 1.0], 4, seconds=wrong)


def test_numbers_of_any_kind() -> None:
    trial = optuna.create_study(directions=[MINIMIZE, MINIMIZE]).ask()
    report(trial, (np.float32(0.5), torch.tensor(3)), np.int64(2))
    report(trial, np.array([1, True]), 3.0)
    assert reports(trial) == {2: [0.5, 3.0], 3: [1.0, 1.0]}
