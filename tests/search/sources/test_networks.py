"""What a search proposes: known networks first, no network twice, and an end when there are no more."""

from __future__ import annotations

import json
from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import Trial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count
from xoresnet.description.recipe import Recipe
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.sources.networks import ArchProposals
from xoresnet.search.study.attributes import ARCH_ID, DUPLICATE
from xoresnet.search.study.trials import TrialRecord, trials_of
from xoresnet.space.baseline_networks import baselines
from xoresnet.space.search_space import SearchSpace
from xoresnet.space.walk import parameters_of

SMALL = {
    "arch": {
        "input_shape": [1, 8, 8], "num_classes": 10, "depth": [8, 14], "width": [4, 8], "merge": ["or", "oa", "add"],
        "xor": ["none", "middle"], "timesteps": 1,
    }
}  # fmt: skip


def study(sampler: BaseSampler) -> Study:
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)


def proposals(of: Study, fields: dict[str, Any], **options: Any) -> ArchProposals:
    return ArchProposals(of, SearchSpace.from_dict(fields), Recipe(), seed=0, common={"data": "digits"}, **options)


def search(bridge: TrialBridge) -> list[str]:
    """Run everything to its end: the ids of the networks in the order in which they were trained."""
    trained: list[str] = []
    while (config := bridge.next_config("run")) is not None:
        arch = Arch.from_json(config["arch"])
        trained.append(arch.arch_id)
        figures = {"val_accuracy": 1 - 1 / len(trained), "spikes_per_sample": float(len(trained))}
        bridge.on_report("run", {"epoch": 1, **figures})
        bridge.on_end("run")
    return trained


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        (RandomSampler(seed=0), {}),
        (TPESampler(seed=0), {}),
        (NSGAIISampler(population_size=4, seed=0), {}),
        (RandomSampler(seed=0), {"ask_sampler": False}),
    ],
)
def test_every_network_once_and_then_an_end(sampler: BaseSampler, options: dict[str, Any]) -> None:
    of = study(sampler)
    source = proposals(of, SMALL, **options)
    bridge = TrialBridge(of, source, DEFAULT_OBJECTIVES, budget=1000)
    trained = search(bridge)
    space = SearchSpace.from_dict(SMALL)
    assert sorted(trained) == sorted(arch.arch_id for arch in space.enumerate())
    assert bridge.ended == "every configuration of the space has been tried"
    assert bridge.finished == len(trained) == sum(trial.counts_as_finished for trial in trials_of(of))
    assert not bridge.errors


def test_duplicates_end_at_once_and_name_the_trial_that_has_the_result() -> None:
    """Samplers ignore them, because they are told FAIL: no result counts twice."""
    of = study(RandomSampler(seed=0))
    search(TrialBridge(of, proposals(of, SMALL), DEFAULT_OBJECTIVES, budget=1000))
    answered = [trial for trial in of.trials if DUPLICATE in trial.user_attrs]
    assert answered
    for trial in answered:
        original = of.trials[trial.user_attrs[DUPLICATE]]
        assert original.user_attrs[ARCH_ID] == trial.user_attrs[ARCH_ID]
        assert original.state == TrialState.COMPLETE
        assert (trial.state, trial.values) == (TrialState.FAIL, None)


def test_what_exceeds_the_constraints_is_never_trained() -> None:
    fields = {**SMALL, "constraints": {"max_params": 6000}}
    space = SearchSpace.from_dict(fields)
    assert space.size().excluded > 0
    of = study(RandomSampler(seed=0))
    trained = search(TrialBridge(of, proposals(of, fields), DEFAULT_OBJECTIVES, budget=1000))
    assert sorted(trained) == sorted(arch.arch_id for arch in space.enumerate())


def test_known_networks_come_first_and_under_their_names() -> None:
    of = study(RandomSampler(seed=0))
    source = proposals(of, SMALL)
    known = baselines(SearchSpace.from_dict(SMALL))
    for name, arch in known.items():
        source.enqueue(name, arch)
    trained = search(TrialBridge(of, source, DEFAULT_OBJECTIVES, budget=len(known) + 3))
    first = [arch.arch_id for arch in known.values()]
    assert trained[: len(first)] == list(dict.fromkeys(first))
    assert [trial.user_attrs.get("source") for trial in of.trials[: len(known)]] == list(known)


def test_as_candidates_every_fifth_network_is_a_known_one() -> None:
    of = study(RandomSampler(seed=0))
    space = SearchSpace.from_dict(SMALL)
    known = {name: parameters_of(space, arch) for name, arch in baselines(space).items()}
    trained = search(TrialBridge(of, proposals(of, SMALL, known=known), DEFAULT_OBJECTIVES, budget=11))
    own = [trial for trial in of.trials if TrialRecord(trial).has_own_network]
    assert [trial.user_attrs[ARCH_ID] for trial in own] == trained
    assert {place: trial.user_attrs.get("source") for place, trial in enumerate(own) if place in (4, 9)} == {
        4: "sew-resnet8",
        9: "or-resnet8",
    }
    assert not {trial.user_attrs.get("source") for place, trial in enumerate(own) if place not in (4, 9)} & set(known)


def test_a_search_that_goes_on_knows_what_was_tried() -> None:
    of = study(RandomSampler(seed=0))
    first = search(TrialBridge(of, proposals(of, SMALL), DEFAULT_OBJECTIVES, budget=5))
    second = search(TrialBridge(of, proposals(of, SMALL), DEFAULT_OBJECTIVES, budget=9))
    assert len(set(first + second)) == 9


def test_recipes_make_a_difference() -> None:
    fields = {
        "arch": {**SMALL["arch"], "depth": 8, "width": 4, "merge": "oa", "xor": "none"},
        "recipe": {"learning_rate": [0.001, 0.01]},
    }
    of = study(RandomSampler(seed=1))
    source = proposals(of, fields)
    bridge = TrialBridge(of, source, DEFAULT_OBJECTIVES, budget=5)
    search(bridge)
    assert bridge.ended == "every configuration of the space has been tried"
    finished = [trial for trial in of.trials if TrialRecord(trial).counts_as_finished]
    assert sorted(json.loads(trial.user_attrs["recipe"])["learning_rate"] for trial in finished) == [0.001, 0.01]


def test_what_was_asked_for_and_never_written_down_is_described_again() -> None:
    of = study(RandomSampler(seed=0))
    trial = of.ask()  # the driver is killed before it suggests anything
    source = proposals(of, SMALL)
    bridge = TrialBridge(of, source, DEFAULT_OBJECTIVES, budget=1)
    config = bridge.next_config("run")
    assert config is not None
    assert config["number"] == trial.number
    assert isinstance(bridge.live["run"].trial, Trial)


ATTRIBUTES = ["recipe", "arch", "arch_id", "duplicate_of", "failure"]


@pytest.mark.parametrize("last", ATTRIBUTES)
def test_a_driver_may_die_between_any_two_writes(last: str) -> None:
    """After each attribute of the second proposal, which is a duplicate of the first or breaks a constraint."""
    space = SearchSpace.from_dict(SMALL)
    small, large = (arch for arch in sorted(space.enumerate(), key=params_count)[:: space.size().networks - 1])
    limits = {"max_params": params_count(small)} if last == "failure" else {}
    fields = {**SMALL, "constraints": limits}
    of = study(RandomSampler(seed=0))
    bridge = TrialBridge(of, proposals(of, fields), DEFAULT_OBJECTIVES, budget=8, max_step=1)
    of.enqueue_trial(parameters_of(space, small))
    assert bridge.next_config("run") is not None
    bridge.on_report("run", {"epoch": 1, "val_accuracy": 0.5, "spikes_per_sample": 10.0})
    bridge.on_end("run")
    of.enqueue_trial(parameters_of(space, large if last == "failure" else small))

    class Killed(BaseException):
        pass

    def dies(self: Trial, key: str, value: Any) -> None:
        write(self, key, value)
        if key == last:
            raise Killed

    write = Trial.set_user_attr
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trial, "set_user_attr", dies)
        with pytest.raises(Killed):
            bridge.next_config("killed")
    assert of.trials[1].state == TrialState.RUNNING
    again = TrialBridge(of, proposals(of, fields), DEFAULT_OBJECTIVES, budget=8, max_step=1)
    trained = search(again)
    assert small.arch_id not in trained  # never twice
    assert large.arch_id not in trained or last != "failure"
    assert len(trained) == len(set(trained))
    assert not [trial for trial in of.trials if trial.state == TrialState.RUNNING]
    assert of.trials[1].user_attrs[DUPLICATE] == (-1 if last == "failure" else 0)
