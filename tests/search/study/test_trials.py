"""The trial record: what is written is read back, from a trial that runs and from one that has ended."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial, TrialState, create_trial

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.search.pruning.reports import report
from xoresnet.search.study.attributes import GIVEN_BACK, GPU_SHARE, is_plausible
from xoresnet.search.study.trials import (
    TrialRecord,
    confirmation_attributes,
    network_attributes,
    own_trials,
    repeat_attributes,
    source_attributes,
    training_key,
    trials_of,
    write_duplicate,
    write_excluded,
    write_failure,
    write_given_back,
    write_gpu_share,
    write_metrics,
    write_network,
    write_retry,
)

ARCH, RECIPE = Arch(depth=8, input_shape=(1, 8, 8), num_classes=10).canonical(), Recipe(epochs=3, learning_rate=0.1)


@pytest.fixture
def study() -> Study:
    return optuna.create_study(directions=["maximize", "minimize"])


@pytest.fixture
def trial(study: Study) -> Trial:
    return study.ask()


def record_with(state: TrialState = TrialState.RUNNING, **attributes: Any) -> TrialRecord:
    values = [0.5, 10.0] if state == TrialState.COMPLETE else None
    return TrialRecord(create_trial(state=state, values=values, user_attrs=attributes))


def test_a_new_trial(trial: Trial) -> None:
    record = TrialRecord.of(trial)
    assert (record.number, record.state, record.is_running) == (0, TrialState.RUNNING, True)
    assert not any((record.has_network, record.has_own_network, record.is_answered, record.is_excluded))
    assert (record.source, record.duplicate_of, record.rescues, record.confirms, record.failure) == (None,) * 5
    assert (record.reports, record.metrics, record.last_metrics, record.last_step) == ({}, {}, {}, 0)
    assert (record.layers, record.node, record.retried) == ([], None, [])
    assert record.started is not None
    assert record.ended is None
    with pytest.raises(KeyError):
        record.arch_id  # noqa: B018
    with pytest.raises(ValueError, match="trial 0 is RUNNING and has no values"):
        record.values  # noqa: B018


def test_the_names_on_disk(trial: Trial) -> None:
    """Studies of earlier versions must be read, and later versions must read these."""
    write_network(trial, ARCH, RECIPE)
    write_metrics(trial, 2, {"epoch": 2})
    report(trial, [0.5, 10.0], 2)
    write_retry(trial, "it hung")
    write_failure(trial, "it died")
    write_duplicate(trial, 7)
    assert trial.user_attrs == {
        "recipe": RECIPE.model_dump_json(),
        "arch": ARCH.to_json(indent=None),
        "arch_id": ARCH.arch_id,
        "record:2": {"epoch": 2},
        "report:2": [0.5, 10.0],
        "retried_after": ["it hung"],
        "failure": "it died",
        "duplicate_of": 7,
    }
    write_excluded(trial)
    assert trial.user_attrs["duplicate_of"] == -1
    assert source_attributes("or-resnet8") == {"source": "or-resnet8"}


def test_a_network_is_read_as_it_was_written(trial: Trial) -> None:
    write_network(trial, ARCH, RECIPE)
    record = TrialRecord.of(trial)
    assert (record.arch, record.arch_id, record.recipe) == (ARCH, ARCH.arch_id, RECIPE)
    assert record.training_key == training_key(network_attributes(ARCH, RECIPE)) == (ARCH.arch_id, RECIPE)
    assert record.has_own_network
    config = record.config
    assert (config["number"], Arch.from_json(config["arch"])) == (0, ARCH)
    assert Recipe.from_dict(json.loads(config["recipe"])) == RECIPE


def test_the_id_is_written_last(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    monkeypatch.setattr(trial, "set_user_attr", lambda name, value: names.append(name))
    write_network(trial, ARCH, RECIPE)
    assert names == ["recipe", "arch", "arch_id"]


def test_a_recipe_of_an_older_version_has_the_defaults() -> None:
    older = json.dumps({"epochs": 3, "learning_rate": 0.1})
    assert record_with(arch_id=ARCH.arch_id, recipe=older).training_key == (ARCH.arch_id, RECIPE)


def test_reports_by_step(trial: Trial) -> None:
    layers = [{"name": "stem", "spikes": 3.0}]
    for step in (1, 10, 9):
        write_metrics(trial, step, {"epoch": step, "node_id": "n", "layers": json.dumps(layers)})
        report(trial, [0.1 * step, 5.0], step)
    record = TrialRecord.of(trial)
    assert list(record.reports) == list(record.metrics) == [1, 9, 10]
    assert record.reports[10] == [1.0, 5.0]
    assert (record.last_step, record.last_metrics["epoch"], record.node) == (10, 10, "n")
    assert record.layers == []  # of complete trials only
    trial.study.tell(trial, [0.5, 5.0])
    assert TrialRecord.of(trial).layers == layers


def test_only_what_a_storage_can_hold_is_written(trial: Trial) -> None:
    write_metrics(trial, 1, {"a": np.float32(0.5), "b": np.int64(3), "c": True, "d": "text", "e": [1], "f": None})
    report(trial, [0.5, 1.0], 1)
    assert TrialRecord.of(trial).last_metrics == {"a": 0.5, "b": 3, "c": True, "d": "text"}


def test_a_change_needs_another_record(trial: Trial) -> None:
    report(trial, [0.5, 1.0], 1)
    before = TrialRecord.of(trial)
    assert before.last_step == 1
    report(trial, [0.5, 1.0], 2)
    write_failure(trial, "it died")
    trial.study.tell(trial, state=TrialState.FAIL)
    after = TrialRecord.of(trial)
    assert (before.state, before.last_step) == (TrialState.RUNNING, 1)
    assert (after.failure, after.state, after.last_step) == ("it died", TrialState.FAIL, 2)


def test_retries_add_up(trial: Trial) -> None:
    write_retry(trial, "it hung")
    write_retry(trial, "it died")
    assert TrialRecord.of(trial).retried == ["it hung", "it died"]


def test_what_a_lost_node_and_a_full_gpu_leave_behind(trial: Trial) -> None:
    assert (TrialRecord.of(trial).given_back, TrialRecord.of(trial).gpu_share) == ([], 0.0)
    write_given_back(trial, "its node one was lost")
    report(trial, [0.5, 1.0], 1)
    write_given_back(trial, "its node two is about to leave")
    write_gpu_share(trial, 0.5)
    record = TrialRecord.of(trial)
    assert record.given_back == [(0, "its node one was lost"), (1, "its node two is about to leave")]
    assert (record.gpu_share, record.retried) == (0.5, [])
    assert all(is_plausible(name, value, 2) for name, value in record.attributes.items())
    assert not is_plausible(GIVEN_BACK, ["its node one was lost"], 2)
    assert not is_plausible(GIVEN_BACK, [["its node one was lost", 1]], 2)
    assert not is_plausible(GPU_SHARE, "half", 2)


@pytest.mark.parametrize(
    ("state", "attributes", "counts"),
    [
        (TrialState.COMPLETE, {}, True),
        (TrialState.PRUNED, {}, True),
        (TrialState.FAIL, {}, False),
        (TrialState.RUNNING, {}, False),
        (TrialState.COMPLETE, {"duplicate_of": 0}, False),
        (TrialState.FAIL, {"duplicate_of": -1}, False),
        (TrialState.COMPLETE, {"rescues": 0}, False),
        (TrialState.RUNNING, {"paused_at": 3}, False),
    ],
)
def test_what_counts_as_finished(state: TrialState, attributes: dict[str, Any], counts: bool) -> None:
    assert record_with(state, **attributes).counts_as_finished == counts


@pytest.mark.parametrize(
    ("attributes", "duplicate_of", "excluded", "answered"),
    [
        ({}, None, False, False),
        ({"duplicate_of": 0}, 0, False, True),
        ({"duplicate_of": 12}, 12, False, True),
        ({"duplicate_of": -1}, None, True, True),
    ],
)
def test_answers(attributes: dict[str, Any], duplicate_of: int | None, excluded: bool, answered: bool) -> None:
    record = record_with(arch_id="a", arch="{}", recipe="{}", **attributes)
    assert (record.duplicate_of, record.is_excluded, record.is_answered) == (duplicate_of, excluded, answered)
    assert record.has_own_network != answered


@pytest.mark.parametrize(
    ("state", "attributes", "running", "paused_at", "name"),
    [
        (TrialState.RUNNING, {}, True, 0, "RUNNING"),
        (TrialState.RUNNING, {"paused_at": 3}, False, 3, "PAUSED"),
        (TrialState.RUNNING, {"paused_at": 0}, True, 0, "RUNNING"),  # it was resumed
        (TrialState.PRUNED, {"paused_at": 3}, False, 0, "PRUNED"),  # the search has ended
        (TrialState.COMPLETE, {"paused_at": 0}, False, 0, "COMPLETE"),
    ],
)
def test_a_paused_trial_is_running_to_optuna_alone(
    state: TrialState, attributes: dict[str, Any], running: bool, paused_at: int, name: str
) -> None:
    record = record_with(state, **attributes)
    assert (record.is_running, record.paused_at, record.state_name) == (running, paused_at, name)


def test_a_trial_costs_the_steps_that_it_trained_itself() -> None:
    steps = {"report:1": [0.5, 1.0], "report:9": [0.5, 1.0]}
    assert record_with().charged_steps == 0
    assert record_with(**steps).charged_steps == 9
    assert record_with(**steps, rescues=0, inherited_steps=3).charged_steps == 6
    assert record_with(**steps, extra_steps=3).charged_steps == 12
    assert record_with(TrialState.FAIL, **steps, duplicate_of=0).charged_steps == 0


def test_attributes_of_other_trials() -> None:
    network = network_attributes(ARCH, RECIPE)
    failed = record_with(TrialState.FAIL, **network, rescues=7, failure="it died", **{"report:1": [0.5, 1.0]})
    repeated = record_with(**repeat_attributes(failed))
    assert (repeated.rescues, repeated.source, repeated.training_key) == (7, None, failed.training_key)
    assert (repeated.reports, repeated.failure) == ({}, None)
    assert repeat_attributes(record_with(TrialState.FAIL, **network, source="xoresnet8"))["source"] == "xoresnet8"
    confirms = confirmation_attributes(ARCH, RECIPE, None, None)
    assert confirms == {**network_attributes(ARCH, RECIPE), "confirms": None, "source": None}
    assert record_with(**confirmation_attributes(ARCH, RECIPE, 3, "or-resnet8")).confirms == 3


def test_the_trials_of_a_study(study: Study) -> None:
    for state, answered in [(TrialState.FAIL, False), (TrialState.PRUNED, True), (TrialState.PRUNED, False)]:
        study.add_trial(create_trial(state=state, user_attrs={"duplicate_of": 0} if answered else {}))
    study.ask()
    assert [record.number for record in trials_of(study)] == [0, 1, 2, 3]
    assert [record.number for record in trials_of(study, TrialState.PRUNED, TrialState.RUNNING)] == [1, 2, 3]
    assert [record.number for record in own_trials(study)] == [0, 2, 3]
    assert [record.number for record in own_trials(study, TrialState.PRUNED)] == [2]
