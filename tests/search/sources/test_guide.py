from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from tests.search.sources.test_expected_gain import area
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.measures.records import MEASURED
from xoresnet.results.tables.columns import PREDICTED, arch_fields, typed
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.sources.guide import Guide, features
from xoresnet.search.study.trials import TrialRecord, network_attributes
from xoresnet.space import SearchSpace

ARCHS = list(SearchSpace.preset("digits").enumerate())
Figures = tuple[float, float]
"""Accuracy and spikes."""


def true_figures(arch: Arch) -> Figures:
    """Smooth in the configuration, in conflict with each other, and different for each network."""
    depth, xor = {8: 0.0, 14: 0.5, 20: 1.0}[arch.depth], 0.03 * (arch.xor != "none")
    size = 0.3 * depth + 0.4 * (arch.width == 16) + 0.1 * arch.timesteps
    merge = {"add": 0.02, "or": 0.0, "oa": 0.03, "current": -0.05, "membrane": 0.04}[str(arch.merge)]
    return 0.8 + 0.1 * size + merge - xor, 10 ** (2.5 + size + 5 * merge) * (1 + xor)


def table(predict: Callable[[Arch], Figures] = true_figures, archs: Sequence[Arch] = ARCHS) -> pd.DataFrame:
    rows = []
    for arch in archs:
        accuracy, spikes = predict(arch)
        nothing = {f"predicted_{name}": 0.0 for name in MEASURED}
        rows.append(
            {
                **nothing,
                "arch_id": arch.arch_id,
                "arch": arch.to_json(indent=None),
                "weights_seeds": 1,
                "predicted_val_accuracy": accuracy,
                "predicted_spikes_per_sample": spikes,
                "params_count": 1,
                "prediction_seconds": 0.1,
                **arch_fields(arch),
            }
        )
    return typed(rows, PREDICTED)


def a_study() -> Study:
    return optuna.create_study(directions=["maximize", "minimize"])


def add(
    study: Study, arch: Arch, state: TrialState = TrialState.COMPLETE, epochs: int = 4, total: int = 4, **attrs: int
) -> None:
    """A trial whose accuracy has come so far of what it would be."""
    accuracy, spikes = true_figures(arch)
    reported = {f"report:{epoch}": [accuracy - 0.05 * (total - epoch), spikes] for epoch in range(1, epochs + 1)}
    values = [accuracy, spikes] if state == TrialState.COMPLETE else None
    network = network_attributes(arch, Recipe())
    study.add_trial(create_trial(state=state, values=values, user_attrs={**network, **reported, **attrs}))


def guide(frame: pd.DataFrame, exploration: float = 0.0) -> Guide:
    return Guide(frame, DEFAULT_OBJECTIVES, exploration)


def losses_of(arch: Arch) -> list[float]:
    accuracy, spikes = true_figures(arch)
    return [-accuracy, math.log10(spikes + 1)]


def test_a_network_no_better_than_guessing_is_worth_nothing() -> None:
    """However few its spikes are; without this it would come first."""
    silent = ARCHS[0]

    def figures(arch: Arch) -> Figures:
        return (0.1, 1.0) if arch == silent else true_figures(arch)

    study, chooser = a_study(), guide(table(figures))
    tried: list[str] = []
    for _ in range(4):
        arch = chooser.choose(study, tried, Random(0))
        assert isinstance(arch, Arch)
        tried.append(arch.arch_id)
        add(study, arch)
    assert silent.arch_id not in tried


def test_the_first_choice_is_what_promises_most_and_the_second_counts_on_it() -> None:
    study, chooser = a_study(), guide(table())
    first = chooser.choose(study, [], Random(0))
    assert first is not None
    points = [losses_of(arch) for arch in ARCHS]
    high, low = np.max(points, axis=0), np.min(points, axis=0)
    corner = (high + 0.1 * (high - low)).tolist()
    assert area([losses_of(first)], corner) == pytest.approx(max(area([point], corner) for point in points))
    add(study, first, TrialState.RUNNING, epochs=0)
    second = chooser.choose(study, [first.arch_id], Random(0))
    assert second is not None
    assert area([losses_of(first), losses_of(second)], corner) == pytest.approx(
        max(area([losses_of(first), point], corner) for point in points)
    )


def test_chosen_one_after_the_other_they_make_the_front_soon() -> None:
    study, chooser = a_study(), guide(table())
    tried: list[str] = []
    for _ in range(12):
        arch = chooser.choose(study, tried, Random(0))
        assert arch is not None
        tried.append(arch.arch_id)
        add(study, arch)
    points = [losses_of(arch) for arch in ARCHS]
    corner = (np.max(points, axis=0) * 1.01).tolist()
    mine = [losses_of(arch) for arch in ARCHS if arch.arch_id in tried]
    assert area(mine, corner) > 0.95 * area(points, corner)


@pytest.mark.parametrize("exploration", [0.0, 0.2, 1.0])
def test_a_share_is_left_to_the_sampler(exploration: float) -> None:
    study, chooser, random = a_study(), guide(table(archs=ARCHS[:20]), exploration), Random(0)
    left = sum(chooser.choose(study, [], random) is None for _ in range(300))
    assert left / 300 == pytest.approx(exploration, abs=0.07)


def test_nothing_is_chosen_twice_and_nothing_that_is_not_there() -> None:
    study, chooser = a_study(), guide(table(archs=ARCHS[:5]))
    tried: set[str] = set()
    for _ in range(5):
        arch = chooser.choose(study, tried, Random(0))
        assert arch in ARCHS[:5]
        assert arch.arch_id not in tried
        tried.add(arch.arch_id)
    assert chooser.choose(study, tried, Random(0)) is None


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_networks_of_which_nothing_was_predicted_are_left_to_the_sampler(broken: float) -> None:
    study, archs = a_study(), ARCHS[::23]
    chooser = guide(table(lambda arch: (broken, 1.0) if arch == archs[0] else true_figures(arch), archs))
    tried: list[str] = []
    while (arch := chooser.choose(study, tried, Random(0))) is not None:
        assert isinstance(arch, Arch)
        tried.append(arch.arch_id)
        add(study, arch)
    assert sorted(tried) == sorted(arch.arch_id for arch in archs[1:])
    assert guide(table(lambda arch: (broken, 1.0), archs)).choose(a_study(), [], Random(0)) is None


def test_predictions_that_mislead_are_not_followed() -> None:
    def opposite(arch: Arch) -> Figures:
        accuracy, spikes = true_figures(arch)
        return 1 - accuracy, spikes

    study, chooser = a_study(), guide(table(opposite))
    tried = ARCHS[::45]
    for arch in tried[:7]:
        add(study, arch)
    ids = [arch.arch_id for arch in tried]
    assert chooser.choose(study, ids, Random(0)) is not None  # too few to tell
    add(study, tried[7])
    assert chooser.choose(study, ids, Random(0)) is None
    right = guide(table())
    assert right.choose(study, ids, Random(0)) is not None


def test_what_was_measured_corrects_what_was_predicted() -> None:
    """`current` is predicted to be far better than it is; after some trials nobody falls for it any more."""

    def flattering(arch: Arch) -> Figures:
        accuracy, spikes = true_figures(arch)
        return accuracy + 0.2 * (arch.merge == "current"), spikes

    study, chooser = a_study(), guide(table(flattering))
    tried: list[str] = []
    first = chooser.choose(study, tried, Random(0))
    assert first is not None
    assert first.merge == "current"
    for arch in ARCHS[::23]:
        tried.append(arch.arch_id)
        add(study, arch)
    assert {arch.merge for arch in ARCHS[::23]} == {"add", "or", "oa", "current", "membrane"}
    chosen = []
    for _ in range(8):
        arch = chooser.choose(study, tried, Random(0))
        assert arch is not None
        tried.append(arch.arch_id)
        chosen.append(arch)
        add(study, arch)
    assert sum(arch.merge == "current" for arch in chosen) < 3
    points = [losses_of(arch) for arch in ARCHS]
    corner = (np.max(points, axis=0) * 1.01).tolist()
    mine = [losses_of(arch) for arch in ARCHS if arch.arch_id in tried]
    assert area(mine, corner) > 0.95 * area(points, corner)


def test_pruned_trials_count_with_what_they_would_have_come_to() -> None:
    """That they were stopped early must not make their kind look bad."""
    whole, stopped = a_study(), a_study()
    sample = ARCHS[::23]
    for number, arch in enumerate(sample):
        add(whole, arch)
        if number % 2:
            add(stopped, arch, TrialState.PRUNED, epochs=2)
        else:
            add(stopped, arch)
    ids = [arch.arch_id for arch in sample]
    chooser = guide(table())
    assert chooser.choose(stopped, ids, Random(0)) == chooser.choose(whole, ids, Random(0))


def a_promising_one_pruned(study: Study) -> tuple[FrozenTrial, list[str]]:
    """Behind it a spread of complete trials; returns it and what was tried."""
    best = max(ARCHS, key=lambda arch: true_figures(arch)[0])
    add(study, best, TrialState.PRUNED, epochs=3)
    sample = [arch for arch in ARCHS[::23] if arch != best]
    for arch in sample:
        add(study, arch)
    return study.get_trials()[0], [best.arch_id, *(arch.arch_id for arch in sample)]


def test_what_was_pruned_is_finished_where_that_promises_most() -> None:
    """Once the other end of the front is there, which promises more."""
    study, chooser = a_study(), guide(table())
    pruned, tried = a_promising_one_pruned(study)
    for _ in range(6):
        choice = chooser.choose(study, tried, Random(0))
        if isinstance(choice, TrialRecord):
            assert choice.number == pruned.number
            return
        assert choice is not None
        tried.append(choice.arch_id)
        add(study, choice)
    pytest.fail("it was never finished")


@pytest.mark.parametrize("state", [TrialState.RUNNING, TrialState.COMPLETE, TrialState.FAIL])
def test_what_somebody_finishes_or_failed_to_is_not_finished_again(state: TrialState) -> None:
    study, chooser = a_study(), guide(table())
    pruned, tried = a_promising_one_pruned(study)
    arch = next(arch for arch in ARCHS if arch.arch_id == pruned.user_attrs["arch_id"])
    add(study, arch, state, rescues=pruned.number)
    for _ in range(6):
        choice = chooser.choose(study, tried, Random(0))
        assert isinstance(choice, Arch)
        tried.append(choice.arch_id)
        add(study, choice)


def test_what_was_pruned_behind_the_front_stays_so() -> None:
    study, chooser = a_study(), guide(table())
    worst = max(ARCHS, key=lambda arch: math.log10(true_figures(arch)[1]) - 10 * true_figures(arch)[0])
    add(study, worst, TrialState.PRUNED, epochs=3)
    for arch in ARCHS[::23]:
        add(study, arch)
    tried = [worst.arch_id, *(arch.arch_id for arch in ARCHS[::23])]
    assert isinstance(chooser.choose(study, tried, Random(0)), Arch)


def test_failed_trials_and_answers_from_the_record_say_nothing() -> None:
    study, chooser = a_study(), guide(table())
    for arch in ARCHS[::45]:
        add(study, arch)
    before = chooser.choose(study, [], Random(0))
    for arch in ARCHS[:30]:
        add(study, arch, TrialState.FAIL, epochs=1)
        add(study, arch, TrialState.COMPLETE, duplicate_of=0)
    assert chooser.choose(study, [], Random(0)) == before


def test_features_are_numbers_and_shares_of_stages() -> None:
    base = ARCHS[0].replace(width=8, merge="add", xor="none", timesteps=1)
    archs = [base, base.replace(width=16, merge=("add", "or", "or")), base.replace(timesteps=3, merge="or")]
    frame = table(lambda arch: (0.5, 10.0), archs)
    matrix = features(frame)
    assert matrix.shape[0] == 3
    columns = [[round(float(value), 3) for value in column] for column in matrix.T]
    assert [1.0, 0.333, 0.0] in columns
    assert [0.0, 0.667, 1.0] in columns
    numbers = [column for column in columns if not set(column) <= {0.0, 0.333, 0.667, 1.0}]
    assert len(numbers) >= 2  # width and time steps
    assert all(sum(column) == pytest.approx(0.0, abs=0.01) for column in numbers)
    assert features(frame[:1]).shape == (1, 0)
