"""Frames against a loop, SpikingJelly and tonic."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spikingjelly.datasets.utils import cal_fixed_frames_number_segment_index
from tonic.functional import to_frame_numpy

from tests.xoresnet.data.events.recorded import Recording, noise
from xoresnet.data.events.frames import count_into_frames
from xoresnet.data.events.recordings import EVENT, Events

SENSOR = (6, 5)
RULES: tuple[Literal["count", "time"], ...] = ("count", "time")


def packed(recording: Recording) -> Events:
    events = np.zeros(len(recording), EVENT)
    events["time"], events["row"] = recording["t"] - recording["t"][0], recording["y"]
    events["column"] = 2 * recording["x"].astype(int) + recording["p"]
    return events


def frames(recordings: list[Recording], timesteps: int, rule: Literal["count", "time"], size: tuple[int, int] = SENSOR):
    return count_into_frames([packed(recording) for recording in recordings], timesteps, rule, SENSOR, size)


def counted(events: Recording) -> np.ndarray:
    """Event by event, [2, H, W]."""
    frame = np.zeros((2, *SENSOR), int)
    for event in events:
        frame[int(event["p"]), event["y"], event["x"]] += 1
    return frame


@given(
    seeds=st.lists(st.integers(0, 10_000), min_size=1, max_size=3),
    events=st.integers(1, 60),
    lasts=st.sampled_from([1, 3, 40, 9_999]),
    timesteps=st.integers(1, 9),
    rule=st.sampled_from(RULES),
)
def test_as_spikingjelly_cuts_and_as_tonic_counts(
    seeds: list[int], events: int, lasts: int, timesteps: int, rule: Literal["count", "time"]
) -> None:
    recordings = [noise(seed, events + place, SENSOR, lasts) for place, seed in enumerate(seeds)]
    ours = frames(recordings, timesteps, rule)
    for place, recording in enumerate(recordings):
        assert ours[:, place].sum() == len(recording)  # every event is in one frame
        span = len(recording) if rule == "count" else int(recording["t"][-1] - recording["t"][0])
        if span < timesteps:  # the others do not define parts of less than one event or one unit of time
            continue
        bins = {"n_event_bins" if rule == "count" else "n_time_bins": timesteps}
        theirs = to_frame_numpy(recording, sensor_size=(SENSOR[1], SENSOR[0], 2), **bins)
        np.testing.assert_array_equal(ours[:-1, place], theirs[:-1])
        assert np.all(ours[-1, place] >= theirs[-1])  # tonic leaves out what remains
        if theirs.any(axis=(1, 2, 3)).all():  # SpikingJelly fails on parts without events
            split_by = "number" if rule == "count" else "time"
            starts, ends = cal_fixed_frames_number_segment_index(recording["t"], split_by, timesteps)
            cut = [counted(recording[start:end]) for start, end in zip(starts, ends, strict=True)]
            np.testing.assert_array_equal(ours[:, place], cut)


@pytest.mark.parametrize("rule", RULES)
def test_frames_of_another_size_count_the_events_of_their_pixels(rule: Literal["count", "time"]) -> None:
    recording = noise(3, 300)
    small = frames([recording], 4, rule, (3, 2))
    assert small.sum() == 300
    rows, columns = np.arange(6) * 3 // 6, np.arange(5) * 2 // 5
    whole, added = frames([recording], 4, rule), np.zeros((4, 1, 2, 3, 2), int)
    for row in range(6):
        for column in range(5):
            added[..., rows[row], columns[column]] += whole[..., row, column]
    np.testing.assert_array_equal(small, added)


def test_more_events_than_a_byte_holds_count_as_255() -> None:
    recording = noise(0, 1000, (1, 1))
    recording["p"] = True
    assert frames([recording], 1, "count")[0, 0, :, 0, 0].tolist() == [0, 255]
