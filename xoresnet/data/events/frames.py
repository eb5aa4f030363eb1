"""Events counted into frames: a recording cut into T parts of equal time, or of equally many events.

The rule is that of SpikingJelly's fixed number of frames: each part has floor(n / T) events, or floor((last - first) /
T) units of time (at least one of either), and what remains belongs to the last part, so that every event is in one
frame. tonic's `ToFrame(n_event_bins=T)` and `ToFrame(n_time_bins=T)` leave out what remains.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from xoresnet.data.events.recordings import Events
from xoresnet.data.reading.loader import FrameRule

__all__ = ["count_into_frames"]

_MOST = 255
"""Of the events of one pixel and polarity in a frame; more count as so many, which bytes can hold."""


def count_into_frames(
    recordings: Sequence[Events],
    timesteps: int,
    rule: FrameRule,
    sensor: tuple[int, int],
    size: tuple[int, int],
) -> npt.NDArray[np.uint8]:
    """Frames uint8 [T, N, 2, H, W] of N recordings, whose channels are the polarities 0 (off) and 1 (on).

    recordings: none of them empty, each in the order of time. sensor: height and width in which the events lie. size:
    height and width of the frames; where it is a smaller one, a pixel of a frame counts the events of those pixels of
    the sensor that it covers.
    """
    frames = np.empty((timesteps, len(recordings), 2, *size), np.uint8)
    for place, events in enumerate(recordings):  # one at a time: what is needed on the way stays small
        frames[:, place] = _frames_of(events, timesteps, rule, sensor, size)
    return frames


def _frames_of(
    events: Events, timesteps: int, rule: FrameRule, sensor: tuple[int, int], size: tuple[int, int]
) -> npt.NDArray[np.int64]:
    height, width = size
    if rule == "count":
        places, span = np.arange(len(events)), len(events)
    else:
        places, span = events["time"].astype(np.int64), int(events["time"][-1])  # the first event is at 0
    steps = np.minimum(places // max(span // timesteps, 1), timesteps - 1)
    column, row = events["column"].astype(np.int64), events["row"].astype(np.int64)
    x, y = (column >> 1) * width // sensor[1], row * height // sensor[0]
    cells = ((steps * 2 + (column & 1)) * height + y) * width + x
    counts = np.bincount(cells, minlength=timesteps * 2 * height * width)
    return np.minimum(counts, _MOST).reshape(timesteps, 2, height, width)
