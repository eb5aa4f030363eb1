"""A guide and a pruner in one search: what was pruned is finished once that promises most, from where it stopped."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import TrialState

from tests.search.sources.test_guide import ARCHS, table, true_figures
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.search.execution.bridge import TrialBridge, Verdict
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.pruning.pareto_pruner import ParetoPruner
from xoresnet.search.pruning.reports import reports
from xoresnet.search.sources.guide import Guide
from xoresnet.search.sources.proposals import ArchProposals
from xoresnet.search.study.attributes import ARCH_ID, GUIDED, RESCUES, SOURCE
from xoresnet.search.study.near_front import rescued
from xoresnet.search.study.trials import TrialRecord
from xoresnet.space import SearchSpace

EPOCHS = 8


def figures(arch: Arch, epoch: int) -> dict[str, float]:
    """Large networks start slowly: halving stops them too early."""
    accuracy, spikes = true_figures(arch)
    slowness = 1.0 + 3.0 * (arch.width == 16)
    return {"val_accuracy": accuracy * (1 - math.exp(-epoch / slowness)), "spikes_per_sample": spikes}


def search(study: Study, trials: int, *, most: int = 10**6) -> int:
    """Until so many trials are finished or begun; returns how many were begun."""
    proposals = ArchProposals(study, SearchSpace.preset("digits"), Recipe(epochs=EPOCHS), seed=0, common={})
    proposals.guide = Guide(table(), DEFAULT_OBJECTIVES, 0.0)
    bridge = TrialBridge(study, proposals, DEFAULT_OBJECTIVES, trials=trials, max_step=EPOCHS)
    begun = 0
    while begun < most and (config := bridge.next_config("only")) is not None:
        begun += 1
        arch = Arch.from_json(config["arch"])
        for epoch in range(1, EPOCHS + 1):  # of what it finishes it says again what is known
            if bridge.on_report("only", {"epoch": epoch, **figures(arch, epoch)}) is Verdict.STOP:
                break
        bridge.on_end("only")
    return begun


def trained(study: Study) -> int:
    """Epochs; those of a pruned trial once, whoever finishes it."""
    trials = study.get_trials()
    again = sum(len(reports(trials[trial.user_attrs[RESCUES]])) for trial in trials if RESCUES in trial.user_attrs)
    return sum(len(reports(trial)) for trial in trials) - again


@pytest.fixture(scope="module")
def whole() -> Study:
    """Stopped once, and gone on with."""
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=RandomSampler(seed=0), pruner=ParetoPruner(max_steps=EPOCHS)
    )
    search(study, 30, most=17)
    search(study, 30)
    return study


def test_pruned_trials_are_finished_by_the_guide(whole: Study) -> None:
    trials = whole.get_trials()
    finishing = [trial for trial in trials if RESCUES in trial.user_attrs]
    assert finishing
    for trial in finishing:
        stopped = trials[trial.user_attrs[RESCUES]]
        assert stopped.state == TrialState.PRUNED
        assert stopped.user_attrs[ARCH_ID] == trial.user_attrs[ARCH_ID]
        assert trial.state == TrialState.COMPLETE
        assert trial.user_attrs[SOURCE] == GUIDED
        assert trial.values == list(figures(Arch.from_json(trial.user_attrs["arch"]), EPOCHS).values())
    assert len({trial.user_attrs[RESCUES] for trial in finishing}) == len(finishing)


def test_they_count_neither_as_trials_nor_as_the_rescues_that_are_asked_for(whole: Study) -> None:
    trials = whole.get_trials()
    assert sum(TrialRecord(trial).counts_as_finished for trial in trials) == 30
    assert rescued(whole) == 0
    begun = [trial.user_attrs[ARCH_ID] for trial in trials if TrialRecord(trial).counts_as_finished]
    assert len(set(begun)) == 30


def test_the_front_is_as_good_as_without_pruning_for_fewer_epochs(whole: Study) -> None:
    plain = optuna.create_study(directions=["maximize", "minimize"], sampler=RandomSampler(seed=0))
    search(plain, 30)
    epochs = [trained(study) for study in (whole, plain)]
    assert epochs[0] < 0.9 * epochs[1]
    spikes = [figures(arch, EPOCHS)["spikes_per_sample"] for arch in ARCHS]

    def area(study: Study) -> float:
        total, least = 0.0, math.log10(max(spikes))
        for trial in sorted(study.best_trials, key=lambda trial: -trial.values[0]):
            total += trial.values[0] * max(0.0, least - math.log10(trial.values[1]))
            least = min(least, math.log10(trial.values[1]))
        return total

    assert area(whole) > 0.98 * area(plain)
