"""Events counted into frames: a recording cut into T parts of equal time, or of equally many events.

The rule is that of SpikingJelly's fixed number of frames: each part has floor(n / T) events, or floor((last - first) /
T) units of time (at least one of either), and what remains belongs to the last part, so that every event is in one
frame. tonic's `ToFrame(n_event_bins=T)` and `ToFrame(n_time_bins=T)` leave out what remains.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xoresnet.data.events.recordings import Events
from xoresnet.data.reading.loader import FrameRule

__all__ = ["count_into_frames"]

_MOST = 255
"""Of the events of one pixel and polarity in a frame; more count as so many, which bytes can hold."""


def count_into_frames(
    events: Events,
    lengths: npt.NDArray[np.int64],
    timesteps: int,
    rule: FrameRule,
    sensor: tuple[int, int],
    size: tuple[int, int],
) -> npt.NDArray[np.uint8]:
    """Frames uint8 [T, N, 2, H, W] of N recordings, whose channels are the polarities 0 (off) and 1 (on).

    events: of all recordings, one after another, each in the order of time. lengths: int64 [N], none of them 0.
    sensor: height and width in which the events lie. size: height and width of the frames; where it is another one,
    a pixel of a frame counts the events of those pixels of the sensor that it covers.
    """
    number, (height, width) = len(lengths), size
    starts = np.cumsum(lengths) - lengths
    of = np.repeat(np.arange(number), lengths)
    if rule == "count":
        places, spans = np.arange(len(events)) - starts[of], lengths
    else:
        times = events["time"].astype(np.int64)
        places, spans = times, times[starts + lengths - 1]  # the first event of a recording is at 0
    steps = np.minimum(places // np.maximum(spans // timesteps, 1)[of], timesteps - 1)
    column, row = events["column"].astype(np.int64), events["row"].astype(np.int64)
    x, y = (column >> 1) * width // sensor[1], row * height // sensor[0]
    cells = (((steps * number + of) * 2 + (column & 1)) * height + y) * width + x
    counts = np.bincount(cells, minlength=timesteps * number * 2 * height * width)
    return np.minimum(counts, _MOST).astype(np.uint8).reshape(timesteps, number, 2, height, width)
