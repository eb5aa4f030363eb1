from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, get_args

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from xoresnet.search.pruning.pareto_pruner import ParetoPruner
from xoresnet.search.pruning.ranking import Scale, Ties
from xoresnet.search.pruning.reports import report, reports, should_prune

optuna.logging.set_verbosity(optuna.logging.WARNING)

INF, NAN = math.inf, math.nan
TIES: tuple[Ties, ...] = get_args(Ties)
SCALES: tuple[Scale, ...] = get_args(Scale)
MAXIMIZE, MINIMIZE = "maximize", "minimize"


# --- the rule, in the plainest way -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rung:
    """What has been seen at a rung, the trial to be judged last, and how to judge it."""

    values: tuple[tuple[float, ...], ...]
    violations: tuple[float | None, ...]
    directions: tuple[str, ...]
    reduction_factor: int = 2
    min_trials: int = 1
    ties: Ties = "epsilon-net"
    scale: tuple[Scale, ...] = ("rank",)

    def pruner(self) -> ParetoPruner:
        scale = self.scale if len(self.scale) > 1 else self.scale[0]
        return ParetoPruner(
            reduction_factor=self.reduction_factor, min_trials=self.min_trials, ties=self.ties, scale=scale
        )

    def goes_on(self) -> bool:
        study = optuna.create_study(directions=self.directions)
        study.add_trials([at(values, b) for values, b in zip(self.values, self.violations, strict=True)])
        return not self.pruner().prune(study, study.get_trials(deepcopy=False)[-1])

    def losses(self) -> list[tuple[float, ...]]:
        signs = [-1.0 if direction == MAXIMIZE else 1.0 for direction in self.directions]
        return [tuple(s * v for s, v in zip(signs, row, strict=True)) for row in self.values]


def at(reported: Sequence[float], violation: float | None = None, step: int = 1, **fields: Any) -> FrozenTrial:
    """A trial that reported once."""
    return create_trial(
        **{
            "state": TrialState.RUNNING,
            "user_attrs": {f"report:{step}": list(reported)},
            "constraints": None if violation is None else {"size": violation},
            **fields,
        }
    )


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    pairs = list(zip(a, b, strict=True))
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


def feasible_numbers(rung: Rung) -> list[int]:
    return [
        i
        for i, row in enumerate(rung.losses())
        if not any(math.isnan(x) for x in row) and (rung.violations[i] or 0.0) <= 0
    ]


def plainly_goes_on(rung: Rung) -> bool:
    losses, last = rung.losses(), len(rung.values) - 1
    violations = [max(0.0, violation or 0.0) for violation in rung.violations]
    places = max(1, len(losses) // rung.reduction_factor)
    if len(losses) < rung.min_trials:
        return True
    numbers = [i for i, row in enumerate(losses) if not any(math.isnan(x) for x in row)]
    if last not in numbers:
        return len(numbers) < places
    if violations[last] > 0:
        return sum(violations[i] < violations[last] for i in numbers) < places
    feasible = feasible_numbers(rung)
    left, ahead = set(feasible), 0
    while True:
        front = {i for i in left if not any(dominates(losses[j], losses[i]) for j in left)}
        if last in front:
            break
        ahead += len(front)
        left -= front
    if ahead == 0:
        return True
    if ahead >= places:
        return False
    if ahead + len(front) <= places or rung.ties == "pass":
        return True
    columns = [
        scaled([losses[i][m] for i in feasible], rung.scale[m % len(rung.scale)]) for m in range(len(rung.directions))
    ]
    points = {i: tuple(column[k] for column in columns) for k, i in enumerate(feasible)}
    in_order = sorted(front, key=lambda i: (losses[i], i != last, i))  # equal ones: the new trial first
    choose = by_contribution if rung.ties == "hypervolume" else spread_out
    return last in choose(in_order, points, places - ahead)


def scaled(column: list[float], scale: Scale) -> list[float]:
    """On 0 to 1, infinities a little outside."""
    if scale == "rank":
        order = sorted(set(column))
        return [order.index(x) / max(1, len(order) - 1) for x in column]
    one_sign = all(x >= 0 for x in column) or all(x <= 0 for x in column)
    if scale == "log-range" and one_sign:
        sign = -1 if any(x < 0 for x in column) else 1
        column = [sign * (math.log(abs(x)) if x else -INF) for x in column]
    finite = [x for x in column if math.isfinite(x)] or [0.0]
    low, high = min(finite), max(finite)
    outside = {INF: 1.05, -INF: -0.05}
    return [outside[x] if math.isinf(x) else (x - low) / ((high - low) or 1.0) for x in column]


def spread_out(front: list[int], points: dict[int, tuple[float, ...]], wanted: int) -> list[int]:
    chosen = [min(front, key=lambda i: (points[i], front.index(i)))]
    while len(chosen) < wanted:
        rest = [i for i in front if i not in chosen]
        chosen.append(max(rest, key=lambda i: min(round(math.dist(points[i], points[j]) ** 2, 9) for j in chosen)))
    return chosen


def by_contribution(front: list[int], points: dict[int, tuple[float, ...]], wanted: int) -> list[int]:
    def area(members: list[int]) -> float:
        xs, ys = ([*sorted({points[i][m] for i in members}), 1.1] for m in (0, 1))
        return sum(
            (right - left) * (top - bottom)
            for left, right in itertools.pairwise(xs)
            for bottom, top in itertools.pairwise(ys)
            if any(points[i][0] <= left and points[i][1] <= bottom for i in members)
        )

    whole = area(front)
    contribution = {i: round(whole - area([j for j in front if j != i]), 9) for i in front}
    return sorted(front, key=lambda i: -contribution[i])[:wanted]  # stable


# --- rungs of all kinds ----------------------------------------------------------------------------------------------

FEW = st.sampled_from([0.0, 1.0, 1.0, 2.0, 3.0, 5.0, 8.0])
WILD = FEW | st.sampled_from([-1.0, -4.0, INF, -INF, NAN])


@st.composite
def rungs(draw: st.DrawFn, objectives: Sequence[int] = (1, 2, 3), values: Any = WILD, **fixed: Any) -> Rung:
    width = draw(st.sampled_from(objectives))
    size = draw(st.integers(1, 14))
    if width > 1 and draw(st.booleans()):  # fronts are large, so that ties must be broken
        rows = draw(st.lists(layered(width), min_size=size, max_size=size))
    else:
        rows = draw(st.lists(st.tuples(*[values] * width), min_size=size, max_size=size))
    directions = draw(st.tuples(*[st.sampled_from([MAXIMIZE, MINIMIZE])] * width))
    losses_to_values = [-1.0 if direction == MAXIMIZE and draw(st.booleans()) else 1.0 for direction in directions]
    violation = st.sampled_from([None, None, None, -1.0, 0.0, 1.0, 2.0, INF])
    return Rung(
        **{
            "values": tuple(tuple(s * v for s, v in zip(losses_to_values, row, strict=True)) for row in rows),
            "violations": tuple(draw(violation) for _ in rows) if draw(st.booleans()) else (None,) * size,
            "directions": directions,
            "reduction_factor": draw(st.integers(2, 4)),
            "min_trials": draw(st.sampled_from([1, 1, 2, 4, 8])),
            "ties": draw(st.sampled_from([ties for ties in TIES if width == 2 or ties != "hypervolume"])),
            "scale": draw(st.tuples(st.sampled_from(SCALES)) | st.tuples(*[st.sampled_from(SCALES)] * width)),
            **fixed,
        }
    )


@st.composite
def layered(draw: st.DrawFn, width: int) -> tuple[float, ...]:
    """A point of one of few fronts: all sums are one of three."""
    parts = [draw(st.integers(0, 5)) for _ in range(width - 1)]
    return (*map(float, parts), float(draw(st.sampled_from([11, 12, 13])) - sum(parts)))


@st.composite
def crowds(draw: st.DrawFn) -> Rung:
    """Many trials, of which the new one is likely to be one of a front that must be divided."""
    random = Random(draw(st.integers(0, 2**32)))
    width, size = random.choice([1, 2, 2, 3, 3, 4]), random.randint(8, 32)
    levels = random.choice(
        [
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            [0.0, 0.0, 1e-3, 0.5, 1.0, 7.0, 20.0, 300.0],
            [-INF, 0.0, 1.0, 3.0, 7.0, 8.0, INF],
            [-3.0, -1.0, 0.0, 1.0, 2.0, 6.0],
            [-300.0, -20.0, -7.0, -1.0, -0.5, -0.0],
        ]
    )
    places = [[random.randrange(len(levels)) for _ in range(width)] for _ in range(size)]
    layer = random.choice([0, len(levels) * width // 2])
    for row in places:
        if layer:  # the last one follows from the others, so that fronts are large
            row[-1] = min(max(layer + random.randint(-1, 1) - sum(row[:-1]), 0), len(levels) - 1)
    places[-1] = sorted(places, key=sum)[random.randrange(size // 2)]
    directions = tuple(random.choice([MAXIMIZE, MINIMIZE]) for _ in range(width))
    signs = [-1.0 if direction == MAXIMIZE else 1.0 for direction in directions]
    return Rung(
        values=tuple(tuple(s * levels[k] for s, k in zip(signs, row, strict=True)) for row in places),
        violations=(None,) * size,
        directions=directions,
        reduction_factor=random.randint(2, 4),
        ties=random.choice([ties for ties in TIES[:2] if width == 2 or ties != "hypervolume"]),
        scale=tuple(random.choice(SCALES) for _ in range(width)),
    )


@settings(max_examples=150)
@given(rungs())
def test_decisions_are_those_of_the_plain_definition(rung: Rung) -> None:
    """tests/exhaustive has the same with more examples."""
    assert rung.goes_on() == plainly_goes_on(rung)


@settings(max_examples=300)
@given(crowds())
def test_decisions_among_many_are_those_of_the_plain_definition(rung: Rung) -> None:
    assert rung.goes_on() == plainly_goes_on(rung)


@settings(max_examples=100)
@given(rungs(ties="epsilon-net", min_trials=1) | rungs(objectives=[2], ties="hypervolume", min_trials=1))
def test_who_is_on_the_front_goes_on(rung: Rung) -> None:
    losses, feasible = rung.losses(), feasible_numbers(rung)
    last = len(losses) - 1
    if last in feasible and not any(dominates(losses[i], losses[last]) for i in feasible):
        assert rung.goes_on()


@settings(max_examples=100)
@given(rungs())
def test_letting_ties_pass_stops_nobody_else(rung: Rung) -> None:
    assert replace(rung, ties="pass").goes_on() >= rung.goes_on()


def change(rung: Rung, objective: int, function: Callable[[float], float]) -> Rung:
    values = tuple(tuple(function(v) if m == objective else v for m, v in enumerate(row)) for row in rung.values)
    return replace(rung, values=values)


@settings(max_examples=100)
@given(rungs(scale=("rank",)), st.integers(0, 2), st.lists(st.integers(1, 1000), min_size=20, max_size=20))
def test_ranks_heed_order_alone(rung: Rung, objective: int, gaps: list[int]) -> None:
    known = (
        sorted({row[objective] for row in rung.values if math.isfinite(row[objective])})
        if objective < len(rung.directions)
        else []
    )
    new = dict(zip(known, (float(x) for x in itertools.accumulate(gaps, initial=-3000)), strict=False))
    assert change(rung, objective, lambda x: new.get(x, x)).goes_on() == rung.goes_on()


@settings(max_examples=100)
@given(rungs(scale=("range",)), st.integers(0, 2), st.sampled_from([0.3, 3.0, 1000.0]), st.sampled_from([0.1, -7.0]))
def test_ranges_heed_neither_unit_nor_origin(rung: Rung, objective: int, unit: float, origin: float) -> None:
    assert change(rung, objective, lambda x: unit * x + origin).goes_on() == rung.goes_on()


@settings(max_examples=100)
@given(
    rungs(scale=("log-range",), values=st.sampled_from([0.0, 0.5, 1.0, 2.0, 30.0, 400.0])),
    st.integers(0, 2),
    st.sampled_from([0.5, 2.0, 3.0]),
    st.sampled_from([1.0, 1e-6, 70.0]),
)
def test_logarithmic_ranges_heed_neither_unit_nor_power(rung: Rung, objective: int, power: float, unit: float) -> None:
    assert change(rung, objective, lambda x: math.copysign(unit * abs(x) ** power, x)).goes_on() == rung.goes_on()


@settings(max_examples=100)
@given(rungs(), st.integers(0, 2))
def test_maximising_is_minimising_the_negative(rung: Rung, objective: int) -> None:
    other = {MAXIMIZE: MINIMIZE, MINIMIZE: MAXIMIZE}
    directions = tuple(other[d] if m == objective else d for m, d in enumerate(rung.directions))
    assert replace(change(rung, objective, lambda x: -x), directions=directions).goes_on() == rung.goes_on()


@settings(max_examples=100)
@given(rungs(), st.randoms())
def test_order_of_arrival_of_the_others_does_not_matter(rung: Rung, random: Any) -> None:
    others = list(zip(rung.values[:-1], rung.violations[:-1], strict=True))
    random.shuffle(others)
    values, violations = zip(*others, (rung.values[-1], rung.violations[-1]), strict=True)
    assert replace(rung, values=values, violations=violations).goes_on() == rung.goes_on()


# --- cases worth a name ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "mine", "goes_on"),
    [
        ([(1, 1), (2, 2), (3, 3)], (4, 4), False),  # two places, and two are better
        ([(1, 1), (3, 3), (4, 4)], (2, 2), True),  # second of four
        ([(2, 2), (3, 3), (4, 4)], (1, 9), True),  # on the front by one objective
        ([(1, 1), (1, 1), (1, 1)], (1, 1), True),  # as good as the best is on the front
        ([(1, 1), (2, 2), (2, 2)], (2, 2), True),  # as good as others: the new one is preferred
        ([(INF, INF), (INF, INF), (0, INF)], (1, INF), True),
        ([(0, INF), (0, INF), (0, INF)], (1, INF), False),
        ([(0, -INF), (0, -INF), (0, -INF)], (0, -INF), True),
        ([(0, 0), (NAN, 0), (0, NAN)], (NAN, NAN), True),  # one number before it, and two places
        ([(0, 0), (9, 9), (0, NAN)], (NAN, -INF), False),
        ([(NAN, 0), (NAN, 0), (NAN, 0)], (5, 5), True),
    ],
)
def test_table(others: list[tuple[float, float]], mine: tuple[float, float], goes_on: bool) -> None:
    rung = Rung((*others, mine), (None,) * 4, (MINIMIZE, MINIMIZE))
    assert rung.goes_on() is plainly_goes_on(rung) is goes_on


FRONT_OF_FIVE = [(0.0, 0.0), (1.0, 90.0), (2.0, 80.0), (3.0, 70.0), (50.0, 1.0), (98.0, 98.0), (99.0, 99.0)]
"""One that is better than all, and four to choose from for the three places that eight leave beside it."""


@pytest.mark.parametrize(
    ("mine", "ties", "scale", "goes_on"),
    [
        ((2.5, 75.0), "epsilon-net", "range", False),  # in a crowd
        ((2.5, 75.0), "epsilon-net", "rank", True),  # by rank all are equally far from one another
        ((20.0, 20.0), "epsilon-net", "range", True),  # in the open
        ((2.5, 75.0), "hypervolume", "range", False),
        ((20.0, 20.0), "hypervolume", "range", True),
        ((2.5, 75.0), "pass", "range", True),
    ],
)
def test_where_a_front_is_divided(mine: tuple[float, float], ties: Ties, scale: Scale, goes_on: bool) -> None:
    rung = Rung((*FRONT_OF_FIVE, mine), (None,) * 8, (MINIMIZE, MINIMIZE), ties=ties, scale=(scale,))
    assert rung.goes_on() is plainly_goes_on(rung) is goes_on


@pytest.mark.parametrize(
    ("ties", "values"),
    [
        ("epsilon-net", [(0, 4), (2, 6), (0, 6), (0, 0), (2, 3), (6, 0), (6, 5), (3, 1)]),
        ("hypervolume", [(1, 3), (4, 0), (0, 0), (5, 5), (2, 4), (2, 2), (0, 3), (3, 1)]),
    ],
)
def test_rounding_does_not_break_ties(ties: Ties, values: list[tuple[float, float]]) -> None:
    """Distances or areas that are equal, and differ in the last binary place: the lower first objective goes before."""
    rung = Rung(tuple(values), (None,) * 8, (MINIMIZE, MINIMIZE), ties=ties)
    assert rung.goes_on() is plainly_goes_on(rung) is False


@pytest.mark.parametrize(
    ("mine", "stopped"),
    [
        ({}, False),
        ({"size": 0.0, "time": -5.0}, False),  # kept, though not worth much
        ({"size": 1.0, "time": 1.0}, True),
        ({"size": 0.5, "time": 1.0}, False),  # second of four; what is kept does not make up for what is broken
        ({"size": 1.5, "time": -9.0}, False),
    ],
)
def test_constraints_come_first(mine: dict[str, float], stopped: bool) -> None:
    study = optuna.create_study(directions=[MINIMIZE, MINIMIZE], pruner=ParetoPruner())
    others: list[dict[str, float]] = [{"time": 1.2}, {"size": 0.9, "time": 0.9}, {"size": 7.0}]
    study.add_trials([at((1.0, 1.0), constraints=broken) for broken in others])
    study.add_trial(at((9.0, 9.0), constraints=mine))
    assert study.pruner.prune(study, study.trials[-1]) is stopped


# --- which reports count ---------------------------------------------------------------------------------------------


def running(study: Study, *steps: int, values: Sequence[float] = (9.0, 9.0)) -> Trial:
    trial = study.ask()
    for step in steps:
        report(trial, values, step)
    return trial


def full_study(pruner: ParetoPruner, steps: Sequence[int] = range(1, 28), trials: int = 6) -> Study:
    """Trials that are better than any that comes."""
    study = optuna.create_study(directions=[MINIMIZE, MINIMIZE], pruner=pruner)
    for _ in range(trials):
        trial = running(study, *steps, values=(1.0, 1.0))
        study.tell(trial, (1.0, 1.0))
    return study


@pytest.mark.parametrize(
    ("options", "rungs_met"),
    [
        ({}, [1, 2, 4, 8, 16]),
        ({"reduction_factor": 3}, [1, 3, 9, 27]),
        ({"reduction_factor": 3, "max_steps": 27}, [1, 3, 9]),
        ({"min_steps": 3}, [3, 6, 12, 24]),
        ({"min_steps": 3, "max_steps": 12}, [3, 6]),
        ({"min_steps": 28}, []),
        ({"max_steps": 1}, []),
        ({"min_trials": 7}, [1, 2, 4, 8, 16]),
        ({"min_trials": 8}, []),
    ],
)
def test_decides_on_reaching_a_rung_alone(options: dict[str, int], rungs_met: list[int]) -> None:
    study = full_study(ParetoPruner(**options))
    trial = study.ask()
    assert not should_prune(trial)  # nothing reported
    asked = []
    for step in range(1, 28):
        report(trial, (9.0, 9.0), step)
        if should_prune(trial):
            asked.append(step)
        assert should_prune(trial) == (step in asked)
    assert asked == rungs_met


def test_steps_that_are_skipped() -> None:
    study = full_study(ParetoPruner())
    trial = study.ask()
    decisions = []
    for step in (3, 6, 7, 9, 40):  # rungs 2, 4, none, 8, 32: nobody else was there
        report(trial, (9.0, 9.0), step)
        decisions.append(should_prune(trial))
    assert decisions == [True, True, False, True, False]


@pytest.mark.parametrize(
    ("reported", "counts"),
    [([4], True), ([5], True), ([7], True), ([5, 4], True), ([3], False), ([8], False), ([3, 8], False), ([], False)],
)
def test_first_report_from_a_rung_on_before_the_next(reported: list[int], counts: bool) -> None:
    """Three are better, if the third of them was at rung 4."""
    study = optuna.create_study(directions=[MINIMIZE, MINIMIZE], pruner=ParetoPruner(min_trials=4))
    for _ in range(2):
        running(study, 4, values=(1.0, 1.0))
    running(study, *reported, values=(1.0, 1.0))
    assert should_prune(running(study, 4)) is counts


def test_of_several_reports_in_a_rung_the_first_counts() -> None:
    study = optuna.create_study(directions=[MINIMIZE, MINIMIZE], pruner=ParetoPruner())
    for _ in range(3):
        trial = running(study, 5, values=(1.0, 1.0))
        for step in (7, 6):
            report(trial, (50.0, 50.0), step)
    assert should_prune(running(study, 6))
    assert not should_prune(running(study, 6, values=(0.5, 50.0)))


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        (TrialState.RUNNING, True),
        (TrialState.COMPLETE, True),
        (TrialState.PRUNED, True),
        (TrialState.FAIL, False),
        (TrialState.WAITING, False),
    ],
)
def test_whose_reports_count(state: TrialState, counts: bool) -> None:
    values = [1.0, 1.0] if state == TrialState.COMPLETE else None
    study = optuna.create_study(directions=[MINIMIZE, MINIMIZE], pruner=ParetoPruner())
    study.add_trials([at((1.0, 1.0), state=state, values=values) for _ in range(5)])
    assert should_prune(study.ask()) is False
    study.add_trial(at((9.0, 9.0)))
    assert study.pruner.prune(study, study.trials[-1]) is counts


def test_brackets_begin_one_rung_later_each_and_keep_apart() -> None:
    study = full_study(ParetoPruner(brackets=2), trials=8)
    asked: dict[int, list[int]] = {}
    for number in (8, 9):
        trial = study.ask()
        assert trial.number == number
        for step in range(1, 28):
            report(trial, (9.0, 9.0), step)
            if should_prune(trial):
                asked.setdefault(number, []).append(step)
    assert asked == {8: [1, 2, 4, 8, 16], 9: [2, 4, 8, 16]}
    few = full_study(ParetoPruner(brackets=3), trials=6)  # two others in each
    assert not should_prune(running(few, 1))


@pytest.mark.parametrize("stored", [TrialState.RUNNING, TrialState.PRUNED])
def test_a_study_opened_again_decides_the_same(tmp_path: Path, stored: TrialState) -> None:
    path = str(tmp_path / "study.log")

    def storage() -> JournalStorage:
        return JournalStorage(JournalFileBackend(path))

    directions = [MAXIMIZE, MINIMIZE]
    study = optuna.create_study(storage=storage(), study_name="s", directions=directions, pruner=ParetoPruner())
    decisions = []
    for number in range(24):
        trial = study.ask()
        trial.set_constraint("size", (number % 5) - 3.0)
        values = (NAN if number == 7 else (number * 7) % 11, (number * 5) % 13)
        for step in (1, 2):
            report(trial, values, step)
        decisions.append(should_prune(trial))
        again = optuna.load_study(study_name="s", storage=storage(), pruner=ParetoPruner())
        assert again.pruner.prune(again, again.trials[-1]) is decisions[-1]
        if stored == TrialState.PRUNED:
            study.tell(trial, state=TrialState.PRUNED)
    assert {True, False} == set(decisions)


# --- in plain Optuna -------------------------------------------------------------------------------------------------

EPOCHS = 8
SAMPLERS: list[Callable[[], BaseSampler]] = [
    lambda: TPESampler(seed=0),
    lambda: NSGAIISampler(seed=0, population_size=8),
    lambda: RandomSampler(seed=0),
]


def curves(trial: Trial) -> list[tuple[float, float]]:
    """Accuracy and spikes after each epoch."""
    width, rate = trial.suggest_int("width", 1, 16), trial.suggest_float("rate", 0.1, 1.0)
    ceiling = 1.0 - 0.5 / width - 0.2 * (rate - 0.4) ** 2
    return [(ceiling * (1 - math.exp(-rate * epoch)), 100 * width * (0.5 + rate)) for epoch in range(1, EPOCHS + 1)]


def check(study: Study) -> None:
    states = [trial.state for trial in study.trials]
    assert set(states) == {TrialState.COMPLETE, TrialState.PRUNED}
    assert all(trial.state == TrialState.COMPLETE for trial in study.best_trials)
    assert study.best_trials
    for trial in study.trials:
        assert len(reports(trial)) == EPOCHS or trial.state == TrialState.PRUNED
        assert not trial.intermediate_values


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_ask_and_tell(sampler: Callable[[], BaseSampler]) -> None:
    study = optuna.create_study(
        directions=[MAXIMIZE, MINIMIZE], sampler=sampler(), pruner=ParetoPruner(max_steps=EPOCHS)
    )
    for _ in range(60):
        trial = study.ask()
        for epoch, values in enumerate(curves(trial), start=1):
            report(trial, values, epoch)
            if should_prune(trial):
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, values)
    check(study)
    assert len(study.trials) == 60


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_optimize(sampler: Callable[[], BaseSampler]) -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        for epoch, values in enumerate(curves(trial), start=1):
            report(trial, values, epoch)
            if should_prune(trial):
                raise optuna.TrialPruned
        return values

    study = optuna.create_study(
        directions=[MAXIMIZE, MINIMIZE], sampler=sampler(), pruner=ParetoPruner(max_steps=EPOCHS)
    )
    study.optimize(objective, n_trials=60)
    check(study)


def test_one_objective() -> None:
    study = optuna.create_study(direction=MAXIMIZE, sampler=TPESampler(seed=0), pruner=ParetoPruner(max_steps=EPOCHS))
    for _ in range(60):
        trial = study.ask()
        for epoch, (accuracy, _) in enumerate(curves(trial), start=1):
            report(trial, [accuracy], epoch)
            if should_prune(trial):
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, accuracy)
    check(study)


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_steps": 0}, "min_steps must be a whole number of at least 1, got 0"),
        ({"min_steps": 1.5}, "min_steps must be a whole number of at least 1, got 1.5"),
        ({"min_steps": True}, "min_steps must be a whole number of at least 1, got True"),
        ({"max_steps": 0}, "max_steps must be a whole number of at least 1, got 0"),
        ({"reduction_factor": 1}, "reduction_factor must be a whole number of at least 2, got 1"),
        ({"min_trials": None}, "min_trials must be a whole number of at least 1, got None"),
        ({"brackets": 0}, "brackets must be a whole number of at least 1, got 0"),
        ({"ties": "random"}, "ties: 'random' is not one of epsilon-net, hypervolume, pass"),
        ({"scale": "log"}, "scale: 'log' is not one of rank, range, log-range"),
        ({"scale": ["rank", None]}, "scale: None is not one of rank, range, log-range"),
        ({"scale": []}, "scale must have at least one value"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        ParetoPruner(**options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": ["rank", "range"]}, "scale: 2 values for 3 objectives"),
        ({"ties": "hypervolume"}, "ties='hypervolume' requires two objectives, the study has 3"),
    ],
)
def test_options_that_do_not_fit_the_study(options: dict[str, Any], message: str) -> None:
    study = optuna.create_study(directions=[MINIMIZE] * 3, pruner=ParetoPruner(**options))
    with pytest.raises(ValueError) as error:  # noqa: PT011
        should_prune(study.ask())
    assert str(error.value) == message
