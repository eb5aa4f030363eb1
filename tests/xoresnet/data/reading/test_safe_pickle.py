"""Small pickles that would become large, or never end; what pickles may hold is tested with CIFAR."""

from __future__ import annotations

import pickle
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest

from xoresnet.data.reading.safe_pickle import read_pickle
from xoresnet.errors import DataError


def nested_key() -> bytes:
    """A dictionary whose key is a tuple of two tuples of two tuples ..., whose hash takes 2^60 steps."""
    doubled = b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(60))
    return b"\x80\x02})" + doubled + b"K\x01s."


def nested_type() -> bytes:
    """The same as the type of an array, which an error would show."""
    doubled = b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(60))
    return b"\x80\x02}U\x04datacnumpy\ndtype\n)" + doubled + b"\x85Rs."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04}\x8c\x01a\x8e" + struct.pack("<Q", 2**33) + b"abc.", "pickle data was truncated"),
        (b"\x80\x05}\x8c\x01a\x96" + struct.pack("<Q", 2**33) + b"abc.", "pickle data was truncated"),
        (b"\x80\x05\x95" + struct.pack("<Q", 2**40) + b"abc.", "pickle data was truncated"),
        (b"\x80\x02]r" + struct.pack("<I", 2**31 - 1) + b".", "is a pickle of list"),
        (nested_key(), "a dictionary whose keys are not texts"),
        (nested_type(), "an array of .* but only uint8 is expected"),
        (pickle.dumps({"a": {1, 2}}), "the opcode 143, which plain values do not need"),
        (b"\x80\x02]2.", "the opcode 50, which plain values do not need"),
        (b"\x80\x02c_codecs\nencode\n}U\x01aK\x01sb.", "a state of function"),
    ],
)
def test_bombs(content: bytes, message: str) -> None:
    assert len(content) < 500
    tracemalloc.start()
    with pytest.raises(DataError, match=f"^batch .*{message}"):
        read_pickle(content, "batch")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**20


def test_an_index_as_large_as_it_gets_takes_no_memory() -> None:
    """The reader in C makes a table of that length: 34 GB."""
    tracemalloc.start()
    assert read_pickle(b"\x80\x02}r\xff\xff\xff\xff.", "batch") == {}
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**20


def test_an_array_that_is_referred_to_many_times_is_made_once() -> None:
    array = np.zeros((1, 2**20), np.uint8)
    content: dict[str, Any] = {str(number): array for number in range(3000)}
    for protocol in (2, 4, 5):
        tracemalloc.start()
        read_back = read_pickle(pickle.dumps(content, protocol), "batch")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(read_back) == 3000
        assert most < 16 * 2**20
