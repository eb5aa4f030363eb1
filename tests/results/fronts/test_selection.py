from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.results.trials import METRICS, NUMBERS, frames, front, objectives_of, points, says, unchanged
from xoresnet.errors import UsageError
from xoresnet.results.fronts.objectives import OBJECTIVES
from xoresnet.results.fronts.selection import best, knee

INF, NAN = math.inf, math.nan


def trials(accuracy: Any, spikes: Any, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"val_accuracy": accuracy, "spikes_per_sample": spikes, **columns})


# --- knee ------------------------------------------------------------------------------------------------------------


def distance_beyond_the_chord(point: tuple[float, ...], start: tuple[float, ...], end: tuple[float, ...]) -> float:
    (x, y), (x1, y1), (x2, y2) = point, start, end
    return ((x2 - x) * (y1 - y) - (x1 - x) * (y2 - y)) / math.hypot(x2 - x1, y2 - y1)


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=10), st.booleans())
def test_of_two_objectives_it_is_farthest_from_the_chord(pairs: list[tuple[int, int]], log: bool) -> None:
    frame = trials(*zip(*pairs, strict=True)).astype(float).assign(trial_id=range(len(pairs)))
    frame["spikes_per_sample"] = 10 ** (frame["spikes_per_sample"] / 4)
    scaled = frame.assign(spikes_per_sample=frame["spikes_per_sample"].map(math.log10)) if log else frame
    places = front(frame, OBJECTIVES)
    row = unchanged(frame, lambda f: knee(f, log=None if log else ()))
    assert row["trial_id"] in places
    low = [min(scaled[metric].iloc[places]) for metric in METRICS[:2]]
    spans = [max(scaled[metric].iloc[places]) - least or 1.0 for metric, least in zip(METRICS, low, strict=False)]

    def normalised(place: int) -> tuple[float, ...]:
        accuracy, spikes = ((scaled[m].iloc[place] - low[i]) / spans[i] for i, m in enumerate(METRICS[:2]))
        return (1 - accuracy, spikes)

    ends = sorted(normalised(place) for place in places)
    if ends[0] == ends[-1]:
        assert row["trial_id"] == min(places)
        return
    distances = [round(distance_beyond_the_chord(normalised(place), ends[0], ends[-1]), 9) for place in places]
    farthest = [p for p, d in zip(places, distances, strict=True) if d == max(distances)]
    assert row["trial_id"] == min(farthest, key=lambda place: (normalised(place), place))


@given(frames(NUMBERS), objectives_of())
def test_of_any_number_it_is_the_smallest_sum(frame: pd.DataFrame, objectives: Any) -> None:
    places = front(frame, objectives)
    if not places:
        with says("no knee: the front is empty"):
            knee(frame, objectives)
        return
    log = {"spikes_per_sample"}
    losses = points(frame.assign(spikes_per_sample=frame["spikes_per_sample"].map(math.log10)), objectives)
    columns = list(zip(*[losses[place] or () for place in places], strict=True))
    sums = [
        sum((value - min(c)) / (max(c) - min(c) or 1) for value, c in zip(losses[p] or (), columns, strict=True))
        for p in places
    ]
    least = [place for place, total in zip(places, sums, strict=True) if round(total - min(sums), 8) == 0]
    _, expected = min(((losses[place] or ())[0], frame["trial_id"].iloc[place]) for place in least)
    assert unchanged(frame, lambda f: knee(f, objectives))["trial_id"] == expected
    assert knee(frame, objectives, log=log & set(objectives))["trial_id"] == expected


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (trials([0.9, 0.85, 0.1], [1000, 100, 10]), 1),
        (trials([0.9, 0.15, 0.1], [1000, 100, 10]), 0),  # nothing lies beyond the chord: the most accurate
        (trials([0.9, 0.5, 0.1], [1000, 505, 10]), 0),  # in the middle without a logarithm
        (trials([0.9, 0.1], [1000, 10], trial_id=[5, 7]), 0),  # two ends
        (trials([0.9, 0.1], [1000, 10], trial_id=[7, 5]), 0),
        (trials([0.9, 0.1], [1000, 10]), 0),
        (trials([0.9, 0.9, 0.1], [100, 100, 50], trial_id=[4, 3, 5]), 1),
        (trials([0.9, 0.8, 0.5, 0.0], [1000, 100, 90, 0]), 1),  # no logarithm of zero: no knee
        (trials([0.0], [0.0]), 0),
        (trials([0.9, 0.8, INF], [1000, 100, INF]), 0),
        (trials([0.9, 0.8, 0.95], [1000, 100, 1], state=["COMPLETE", "COMPLETE", "PRUNED"]), 0),
    ],
)
def test_knees(frame: pd.DataFrame, expected: int) -> None:
    assert knee(frame).name == expected


# --- best ------------------------------------------------------------------------------------------------------------

LIMITS = [f"{side}_{metric}" for side in ("max", "min") for metric in METRICS]


@given(
    frames(),
    st.sampled_from(METRICS),
    st.sampled_from(["max", "min"]),
    st.dictionaries(st.sampled_from(LIMITS), st.sampled_from([*NUMBERS, 4.0]), max_size=3),
)
def test_best_within_limits(frame: pd.DataFrame, metric: str, direction: Any, limits: dict[str, float]) -> None:
    fitting = []
    for row in frame.to_dict("records"):
        within = all(
            row[name[4:]] <= limit if name.startswith("max") else row[name[4:]] >= limit
            for name, limit in limits.items()
        )
        if within and row.get("state", "COMPLETE") == "COMPLETE" and not math.isnan(row[metric]):
            ties = (row["spikes_per_sample"], -row["val_accuracy"])
            value = row[metric] if direction == "min" else -row[metric]
            fitting.append((value, *(math.nextafter(INF, 0) if t != t else t for t in ties), row["trial_id"]))
    assume(not any(math.isinf(value) for key in fitting for value in key[1:3]))  # comes before NaN, as it should
    if not fitting:
        with pytest.raises(UsageError, match=r"^no complete trial has "):
            best(frame, metric, direction, **limits)
        return
    assert unchanged(frame, lambda f: best(f, metric, direction, **limits))["trial_id"] == min(fitting)[-1]


FRAME = trials(
    [0.95, 0.9, 0.9, 0.8, 0.99],
    [3000.0, 2000, 1500, 1000, NAN],
    energy_pj_per_sample=[1.0, 2, 9, 3, 4],
    params_count=[10, 20, 30, 40, 50],
    firing_rate=[0.1, 0.2, 0.3, 0.4, 0.5],
    trial_id=[4, 3, 2, 1, 0],
)


@pytest.mark.parametrize(
    ("metric", "direction", "limits", "trial"),
    [
        (None, None, {}, 0),
        (None, None, {"max_spikes": 2000}, 2),  # equally accurate: fewer spikes
        (None, None, {"max_spikes": 1999.0}, 2),
        (None, None, {"max_spikes_per_sample": 1499.0}, 1),
        (None, None, {"min_accuracy": 0.9}, 2),  # fewest spikes
        (None, None, {"min_val_accuracy": 0.95}, 4),
        ("accuracy", None, {"min_accuracy": 0.9}, 0),
        (None, None, {"min_accuracy": 0.8, "max_spikes": 2500}, 2),
        (None, None, {"min_accuracy": 0.8, "max_energy": 2}, 4),
        ("energy", None, {"max_accuracy": 0.9}, 3),
        ("params", None, {"min_params": 11}, 3),
        ("params_count", "max", {}, 0),
        ("firing_rate", "min", {"min_firing_rate": 0.11}, 3),
        ("spikes", None, {}, 1),
    ],
)
def test_rules(metric: Any, direction: Any, limits: dict[str, float], trial: int) -> None:
    assert best(FRAME, metric, direction, **limits)["trial_id"] == trial


@pytest.mark.parametrize(
    ("limits", "wanted", "closest"),
    [
        ({"max_spikes": 900, "min_accuracy": 0.85}, "spikes_per_sample <= 900 and val_accuracy >= 0.85",
         "trial 1 comes closest, with spikes_per_sample 1000 and val_accuracy 0.8"),
        ({"max_spikes": 1400, "min_accuracy": 0.9}, "spikes_per_sample <= 1400 and val_accuracy >= 0.9",
         "trial 2 comes closest, with spikes_per_sample 1500 and val_accuracy 0.9"),
        ({"min_accuracy": 1.0}, "val_accuracy >= 1", "trial 4 comes closest, with val_accuracy 0.95"),
        ({"max_spikes": 0}, "spikes_per_sample <= 0", "trial 1 comes closest, with spikes_per_sample 1000"),
    ],
)  # fmt: skip
def test_what_came_closest_is_said(limits: dict[str, float], wanted: str, closest: str) -> None:
    with says(f"no complete trial has {wanted}; {closest}"):
        best(FRAME, **limits)
    with says(f"no complete trial has {wanted}; {closest.replace('comes', 'of a comes')}"):
        best(FRAME.assign(run="a"), **limits)
    with says(f"no complete trial has {wanted}; row {4 - int(closest[6])}{closest[7:]}"):
        best(FRAME.drop(columns="trial_id"), **limits)


BOTH = "no complete trial has a number for spikes_per_sample and val_accuracy"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: best(FRAME[:0], max_spikes=900), BOTH),
        (lambda: best(FRAME[4:], max_spikes=900), BOTH),
        (lambda: best(FRAME.assign(state="FAIL"), max_spikes=900), BOTH),
        (lambda: best(FRAME[:0]), "no complete trial has a number for val_accuracy"),
        (
            lambda: best(FRAME, "firing_rate"),
            "the direction of firing_rate is not known; add direction='max' or direction='min'",
        ),
        (lambda: best(FRAME, "firing_rate", "up"), "the direction of firing_rate must be 'max' or 'min', got 'up'"),
        (lambda: best(FRAME, spikes=3), "limits must be named max_<metric> or min_<metric>, got 'spikes'"),
        (lambda: best(FRAME, max_=3), "limits must be named max_<metric> or min_<metric>, got 'max_'"),
        (lambda: best(FRAME, max_spikse=3), "the frame has no column 'spikse'; did you mean 'spikes'?"),
        (lambda: best(FRAME, max_energi=3), "the frame has no column 'energi'; did you mean 'energy'?"),
        (lambda: best(FRAME, max_spikes=NAN), "max_spikes must be a number, got nan"),
    ],
)
def test_what_is_wrong_is_said(call: Any, message: str) -> None:
    with says(message):
        call()


def test_a_column_of_the_short_name_comes_first() -> None:
    frame = FRAME.assign(spikes=[5, 4, 3, 2, 1])
    assert best(frame, max_spikes=1)["trial_id"] == 0


def test_whole_numbers_stay_whole() -> None:
    for row in (knee(FRAME), best(FRAME)):
        assert [type(row[name]) for name in ("trial_id", "val_accuracy")] == [int, float]
