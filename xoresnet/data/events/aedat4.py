"""Decodes `.aedat4` files in a process of its own, because the decoder aborts the process on some damaged files.

Run as a script with the largest number of events and paths as arguments, this file writes for each path, in order, a
number, int64, and so many bytes: the events as records of the type `DECODED`, or, after a negative number, the message
of the error. A process that dies has written less; the file after the last complete one is the one that it could not
decode.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["DECODED", "decode_files"]

DECODED = np.dtype([("t", "<i8"), ("x", "<i4"), ("y", "<i4"), ("p", "<i4")])
"""One event as the file has it."""


def decode_files(paths: Sequence[Path], most: int) -> Iterator[npt.NDArray[np.void] | str]:
    """For each file its events, or the reason why it cannot be decoded; nothing after the first reason.

    most: events that a file may have.
    """
    command = [sys.executable, "-P", __file__, str(most), *map(str, paths)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        for _ in paths:
            head = process.stdout.read(8)
            size = int.from_bytes(head, "little", signed=True)
            content = process.stdout.read(min(abs(size), most * DECODED.itemsize))
            if len(head) < 8 or len(content) < abs(size):
                yield "the decoder failed"
                return
            if size < 0:
                yield content.decode(errors="replace")
                return
            yield np.frombuffer(content, DECODED)


def _decode(path: str, most: int) -> bytes:
    import aedat  # optional, and only in this process

    decoder = aedat.Decoder(path)
    streams = [number for number, stream in decoder.id_to_stream().items() if stream["type"] == "events"]
    if not streams:
        raise ValueError("it has no stream of events")
    packets, number = [], 0
    for packet in decoder:
        if packet["stream_id"] == min(streams):
            packets.append(packet["events"])
            number += len(packets[-1])
            if number > most:  # compressed, a small file may hold any number
                raise ValueError(f"it has more than {most:,} events")
    events = np.concatenate(packets) if packets else np.empty(0, [("t", "u8"), ("x", "u2"), ("y", "u2"), ("on", "?")])
    decoded = np.empty(len(events), DECODED)
    for ours, theirs in (("t", "t"), ("x", "x"), ("y", "y"), ("p", "on")):
        decoded[ours] = events[theirs]
    return decoded.tobytes()


def _main() -> None:
    most, *paths = sys.argv[1:]
    for path in paths:
        try:
            content, sign = _decode(path, int(most)), 1
        except BaseException as error:  # a panic in Rust is no Exception
            content, sign = (str(error).splitlines() or [type(error).__name__])[0].encode() or b"unknown", -1
        sys.stdout.buffer.write((sign * len(content)).to_bytes(8, "little", signed=True) + content)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
