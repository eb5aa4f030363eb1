"""Recordings of event cameras for tests, written in the original formats."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

FIELDS = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", bool)])
"""As tonic has them."""
Recording = npt.NDArray[np.void]


def noise(seed: int, events: int = 200, sensor: tuple[int, int] = (6, 5), lasts: int = 10_000) -> Recording:
    """Random events in the order of time. sensor: height and width."""
    rng = np.random.default_rng(seed)
    recording = np.zeros(events, FIELDS)
    recording["x"], recording["y"] = rng.integers(0, sensor[1], events), rng.integers(0, sensor[0], events)
    recording["t"], recording["p"] = np.sort(rng.integers(0, lasts, events)), rng.integers(0, 2, events)
    return recording


def moving_bar(seed: int, *, forward: bool, side: int = 8, lasts: int = 8_000) -> Recording:
    """A bar that crosses the sensor once, from a random column on, forward or backward, and comes round.

    Both directions have the same number of events in every pixel: only their order tells them apart.
    """
    rng = np.random.default_rng(seed)
    first, steps = int(rng.integers(side)), np.arange(side)
    columns = (first + (steps if forward else -steps)) % side
    x, y = np.repeat(columns, side), np.tile(np.arange(side), side)
    times = np.repeat(steps, side) * (lasts // side) + rng.integers(0, lasts // side // 2, side * side)
    recording = np.zeros(side * side, FIELDS)
    order = np.argsort(times, kind="stable")
    recording["x"], recording["y"], recording["t"], recording["p"] = x[order], y[order], times[order], 1
    return recording


def write_npy(path: Path, recording: Recording) -> None:
    """As DVS128 Gesture is published: [E, 4] of float64, with milliseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.stack([recording[name].astype(np.float64) for name in ("x", "y", "p", "t")], 1))


def write_bin(path: Path, recording: Recording) -> None:
    """As N-MNIST is published: five bytes an event; a place (240, 240) says that 2^13 us more have passed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = bytearray()
    for event in recording:
        written += bytes([int(event["x"]), int(event["y"])])
        written += (int(event["p"]) << 23 | int(event["t"])).to_bytes(3, "big")
    path.write_bytes(bytes(written))


def write_aedat4(path: Path, recording: Recording, *, packets: int = 2) -> None:
    """As cameras of iniVation write it, without compression."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = np.array_split(recording, packets)
    body = b"".join(struct.pack("<ii", 0, len(packet)) + packet for packet in map(_packet, parts))
    path.write_bytes(b"#!AER-DAT4.0\r\n" + _header(recording) + body)


def _header(recording: Recording) -> bytes:
    node = "/mainloop/Recorder/outInfo/0/"
    attributes = {"compression": "NONE", "originalOutputName": "events", "typeIdentifier": "EVTS"}
    told = "".join(f'<attr key="{key}" type="string">{value}</attr>' for key, value in attributes.items())
    sizes = {"sizeX": int(recording["x"].max()) + 1, "sizeY": int(recording["y"].max()) + 1}
    measured = "".join(f'<attr key="{key}" type="int">{value}</attr>' for key, value in sizes.items())
    info = f'<node name="info" path="{node}info/">{measured}</node>'
    stream = f'<node name="0" path="{node}">{told}{info}</node>'
    text = f'<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/">{stream}</node></dv>'
    builder: Any = flatbuffers.Builder(1024)
    told_offset = builder.CreateString(text)
    builder.StartObject(3)
    builder.PrependInt32Slot(0, 0, 1)  # no compression
    builder.PrependInt64Slot(1, -1, 0)  # no table of packets
    builder.PrependUOffsetTRelativeSlot(2, told_offset, 0)
    builder.FinishSizePrefixed(builder.EndObject(), b"IOHE")
    return bytes(builder.Output())


def _packet(events: Recording) -> bytes:
    builder: Any = flatbuffers.Builder(16 * len(events) + 1024)
    builder.StartVector(16, len(events), 8)
    for event in reversed(events):
        builder.Prep(8, 16)
        builder.Pad(3)
        builder.PrependBool(bool(event["p"]))
        builder.PrependInt16(int(event["y"]))
        builder.PrependInt16(int(event["x"]))
        builder.PrependInt64(int(event["t"]))
    elements = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, elements, 0)
    builder.FinishSizePrefixed(builder.EndObject(), b"EVTS")
    return bytes(builder.Output())
