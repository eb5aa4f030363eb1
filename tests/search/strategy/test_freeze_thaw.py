"""Freeze-thaw: what it expects, and what it makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.search.strategy.made_progress import RUNGS, made_progress
from tests.search.strategy.test_promotion import NOTHING, Widths
from xoresnet.search.strategy.base import Limits
from xoresnet.search.strategy.dead import Chance
from xoresnet.search.strategy.freeze_thaw import FreezeThaw, _most_for_its_cost
from xoresnet.search.strategy.outlook import Look, considered, look_ahead
from xoresnet.search.strategy.progress import Progress, key_of
from xoresnet.search.strategy.scales import Scales

CHANCE = Chance(0, 0.1, 1000)


def many(count: int = 24, deepest: int = 8, running: tuple[int, ...] = (), **more: Any) -> Progress:
    """Networks of rising width: accuracy and spikes rise with it; the first ones are complete, others are stopped."""
    rng = np.random.default_rng(0)
    widths = rng.permutation(count)
    accuracies = []
    for place, width in enumerate(widths):
        final = 0.4 + 0.5 * width / count
        curve = [final - 0.2, final - 0.1, final]
        accuracies.append(curve if place < deepest else curve[: 1 + place % 2])
    params = [{"width": int(width)} for width in widths]
    spikes = [100.0 * 1.2 ** float(width) for width in widths]
    return made_progress(accuracies, spikes, params=params, running=running, **more)


def outlook_of(progress: Progress, pool: list[dict[str, Any]], predictions: dict[Any, Any] | None = None) -> Any:
    dead = np.zeros(len(progress), dtype=np.bool_)
    scales = Scales.of(progress)
    return look_ahead(progress, scales, dead, CHANCE, pool, predictions or {}, np.random.default_rng(0)), scales


def test_what_is_expected_is_near_the_truth() -> None:
    progress = many()
    outlook, scales = outlook_of(progress, [{"width": 30}, {"width": 2}])
    expected = scales.measured(outlook.tried.means)
    widths = np.array([params["width"] for params in progress.params])
    assert -expected[:, 0] == pytest.approx(0.4 + 0.5 * widths / 24, abs=0.06)
    assert expected[:, 1] == pytest.approx(2 + np.log10(1.2) * widths, abs=0.1)
    assert (outlook.tried.deviations[progress.complete] == 0).all()
    assert (outlook.tried.deviations[~progress.complete] > 0).all()
    new = scales.measured(outlook.new.means)
    assert -new[0, 0] > -new[1, 0]
    assert new[0, 1] > new[1, 1]
    assert not outlook.misleads


def test_running_networks_stand_on_the_front() -> None:
    alone, _ = outlook_of(many(), [])
    beside, _ = outlook_of(many(running=(10, 11)), [])
    assert len(beside.front) == len(alone.front) + 2


def test_two_workers_do_not_open_the_same_network() -> None:
    progress, strategy = many(), FreezeThaw(0, CHANCE)
    first = strategy.open(progress, Widths(60), Limits())
    assert first is not None
    assert first.open is not None
    begun = many(count=24)
    reported = [list(row[: at + 1, 0]) for row, at in zip(begun.values, begun.at, strict=True)]
    spikes = [*begun.values[:, 0, 1].tolist(), 1.0]
    params = [*begun.params, dict(first.open)]
    together = made_progress([*reported, []], spikes, params=params, running=(24,))
    second = strategy.open(together, Widths(60), Limits())
    assert second is not None
    assert second.open != first.open


def test_predictions_are_the_mean_of_the_models() -> None:
    """A new network that was predicted to be far better is expected to be, where predictions agree with the results."""
    progress = many()
    widths = [params["width"] for params in progress.params]
    predictions = {key_of({"width": width}): np.array([0.3 + 0.5 * width / 24, 100 * 1.2**width]) for width in widths}
    predictions[key_of({"width": 100})] = np.array([0.95, 100.0])
    predictions[key_of({"width": 101})] = np.array([0.35, 100.0])
    outlook, scales = outlook_of(progress, [{"width": 100}, {"width": 101}], predictions)
    expected = -scales.measured(outlook.new.means)[:, 0]
    assert expected[0] > expected[1] + 0.2
    without, _ = outlook_of(progress, [{"width": 100}, {"width": 101}])
    assert scales.measured(without.new.means)[0, 0] == pytest.approx(scales.measured(without.new.means)[1, 0])


def test_the_first_networks_are_those_that_were_predicted_to_lead() -> None:
    predictions = {key_of({"width": width}): np.array([0.5, 1000.0]) for width in range(20)}
    predictions[key_of({"width": 7})] = np.array([0.9, 100.0])
    strategy = FreezeThaw(0, CHANCE)
    strategy.predictions = predictions
    choice = strategy.choose(made_progress([[0.5], [0.6]], params=[{"width": 0}, {"width": 1}]), Widths(20), Limits())
    assert choice is not None
    assert choice.open == {"width": 7}


def test_predictions_that_mislead_are_not_used() -> None:
    rng = np.random.default_rng(1)
    finals = rng.permutation(np.linspace(0.3, 0.9, 200))
    early = rng.permutation(finals)
    progress = made_progress(
        [[a - 0.1, a, b] for a, b in zip(early, finals, strict=True)],
        rng.permutation(np.geomspace(10, 1000, 200)).tolist(),
    )
    outlook, _ = outlook_of(progress, [])
    assert outlook.misleads


def test_a_plateau_ends_the_search_where_it_is_wanted() -> None:
    """Every network is complete but two that are far behind, and there are no others."""
    progress = made_progress(
        [[0.5, 0.6, 0.7 + 0.01 * row] for row in range(20)] + [[0.2], [0.21]],
        [100.0 * 1.3**row for row in range(20)] + [1e5, 1.1e5],
    )
    assert FreezeThaw(0, CHANCE, stops=True).choose(progress, NOTHING, Limits()) is None
    assert FreezeThaw(0, CHANCE).choose(progress, NOTHING, Limits()) is not None
    promising = many()
    assert FreezeThaw(0, CHANCE, stops=True).choose(promising, Widths(60), Limits()) is not None


def test_of_equal_promises_the_cheaper_one_goes_on() -> None:
    """Where a step takes less time the wider the network is, a wider network goes on than by the number of steps."""
    progress = many()
    dear = replace(progress, seconds=np.array([0.5 ** params["width"] for params in progress.params]))
    widths = {}
    for cost, given in (("seconds", dear), ("epochs", dear), ("seconds", progress)):
        choice = FreezeThaw(0, CHANCE, cost=cost).choose(given, Widths(0), Limits())
        assert choice is not None
        assert choice.resume is not None
        widths[cost, given is dear] = progress.params[choice.resume]["width"]
    assert widths["epochs", True] == widths["seconds", False]
    assert widths["seconds", True] > widths["epochs", True]


def test_what_is_cheap_and_brings_nothing_is_no_choice() -> None:
    assert _most_for_its_cost(np.array([0.0012, 0.027]), np.array([1.0, 60.0]), 0.0021) == 1
    assert _most_for_its_cost(np.array([0.012, 0.027]), np.array([1.0, 60.0]), 0.0021) == 0
    assert _most_for_its_cost(np.array([0.0012, 0.002]), np.array([1.0, 60.0]), 0.0021) is None
    with pytest.raises(ValueError, match="cost must be one of seconds, epochs, got 'time'"):
        FreezeThaw(0, CHANCE, cost="time")  # type: ignore[arg-type]


def test_equal_records_lead_to_equal_decisions() -> None:
    for seed in range(3):
        first, second = (FreezeThaw(seed, CHANCE).choose(many(), Widths(60), Limits()) for _ in range(2))
        assert first == second


def test_rungs() -> None:
    assert RUNGS == (1, 3, 9)
    assert FreezeThaw(0, CHANCE).first_rung(made_progress([[0.1]] * 5)) == 1


class Looks:
    """Counts how often the models are fitted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0

        def counted(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            return look_ahead(*arguments, **options)

        monkeypatch.setattr("xoresnet.search.strategy.freeze_thaw.look_ahead", counted)


def crowd(running: int = 80, stopped: int = 60) -> Progress:
    """Many networks that run, and many that are stopped; wide ones are better and spike more."""
    rng = np.random.default_rng(0)
    accuracies = [[0.3 + 0.4 * rng.random()] for _ in range(running + stopped)]
    for row in range(running, running + 12):
        accuracies[row] += [accuracies[row][0] + 0.1, accuracies[row][0] + 0.15]
    return made_progress(accuracies, [10 ** (3 + 2 * own[0]) for own in accuracies], running=tuple(range(running)))


def started(progress: Progress, number: int) -> Progress:
    """The study after a stopped network went on."""
    running, resumable = progress.running.copy(), progress.resumable.copy()
    running[number], resumable[number] = True, False
    return replace(progress, running=running, resumable=resumable)


def arrived(progress: Progress, row: int) -> Progress:
    """The study after a running network has reached its next rung and stopped."""
    at, values, running, resumable = (
        array.copy() for array in (progress.at, progress.values, progress.running, progress.resumable)
    )
    at[row] += 1
    values[row, at[row]] = values[row, at[row] - 1] + [0.05, 0.0]
    running[row], resumable[row] = False, True
    return replace(progress, at=at, values=values, running=running, resumable=resumable)


def test_with_many_workers_one_fit_serves_several_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, strategy, progress = Looks(monkeypatch), FreezeThaw(0), crowd()
    chosen = []
    for row in range(10):
        choice = strategy.choose(progress, NOTHING, Limits())
        assert choice is not None
        assert choice.resume is not None
        chosen.append(choice.resume)
        progress = arrived(started(progress, choice.resume), row)
    assert len(set(chosen)) == 10
    assert looks.count == 2  # after 80 // 16 arrivals


def test_a_fit_that_is_carried_over_knows_what_has_begun_since(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = crowd()
    outlook, scales = outlook_of(progress, [{"width": 1000}, {"width": 1001}])
    look = Look(outlook, progress)
    same = look.carried_over(progress, scales, 0)
    assert same is not None
    assert (same.rows == outlook.rows).all()
    assert (same.front == outlook.front).all()
    assert [*same.pool] == [*outlook.pool]
    later = started(progress, 130)
    later = replace(later, seen=later.seen | {key_of({"width": 1000})})
    carried = look.carried_over(later, scales, 0)
    assert carried is not None
    place = int(np.flatnonzero(outlook.rows == 130)[0])
    expected = scales.measured(np.stack([outlook.tried.means[place], outlook.new.means[0]]))
    assert carried.front[-2:] == pytest.approx(expected)
    assert carried.pool == [{"width": 1001}]
    reached = arrived(progress, 3)
    assert look.carried_over(reached, scales, 0) is None
    carried = look.carried_over(reached, scales, 1)
    assert carried is not None
    assert 3 not in carried.rows
    assert len(carried.rows) == len(outlook.rows) - 1


def test_another_study_is_looked_at_anew() -> None:
    progress = crowd()
    outlook, scales = outlook_of(progress, [])
    assert Look(outlook, progress).carried_over(crowd(), scales, 100) is None


def test_where_hundreds_run_stopped_networks_are_considered_too() -> None:
    progress = crowd(running=1100, stopped=300)
    rows = considered(progress, np.ones(len(progress), dtype=np.bool_))
    assert len(rows) == 1000
    assert progress.running[rows].sum() == 700  # 500, and what 300 stopped ones leave
