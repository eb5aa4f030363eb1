"""Files of recordings in the original formats, whole and broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tonic.io import read_aedat4, read_mnist_file

from tests.xoresnet.data.events.recorded import FIELDS, Recording, noise, write_aedat4, write_bin, write_npy
from xoresnet.data.events.recordings import Events, read_recording, read_recordings
from xoresnet.errors import DataError

WRITERS: dict[str, Callable[[Path, Recording], None]] = {
    ".npy": write_npy,
    ".bin": write_bin,
    ".aedat4": write_aedat4,
}


def same(events: Events, recording: Recording) -> bool:
    fields = {
        "time": recording["t"] - recording["t"][0],
        "column": 2 * recording["x"].astype(int) + recording["p"],
        "row": recording["y"],
    }
    return all(np.array_equal(events[name], values) for name, values in fields.items())


@pytest.mark.parametrize("suffix", WRITERS)
def test_formats(tmp_path: Path, suffix: str) -> None:
    recording, path = noise(1), tmp_path / f"a{suffix}"
    WRITERS[suffix](path, recording)
    assert same(read_recording(path), recording)


def test_the_written_files_are_what_tonic_reads(tmp_path: Path) -> None:
    recording = noise(2)
    write_bin(tmp_path / "a.bin", recording)
    write_aedat4(tmp_path / "a.aedat4", recording)
    of_bin, of_aedat = read_mnist_file(tmp_path / "a.bin", FIELDS), read_aedat4(str(tmp_path / "a.aedat4"))
    for name, theirs in (("x", "x"), ("y", "y"), ("t", "t"), ("p", "on")):
        assert np.array_equal(of_bin[name], recording[name])
        assert np.array_equal(of_aedat[theirs], recording[name])


@pytest.mark.parametrize("names", [("x", "y", "t", "p"), ("timestamp", "x", "y", "on"), ("ts", "polarity", "x", "y")])
def test_structured_arrays(tmp_path: Path, names: tuple[str, ...]) -> None:
    recording = noise(3)
    ours = {"timestamp": "t", "ts": "t", "on": "p", "polarity": "p"}
    array = np.zeros(len(recording), [(name, np.int64) for name in names])
    for name in names:
        array[name] = recording[ours.get(name, name)]
    np.save(tmp_path / "a.npy", array)
    assert same(read_recording(tmp_path / "a.npy"), recording)


def test_events_out_of_order_are_sorted_and_those_of_one_time_keep_their_order(tmp_path: Path) -> None:
    table = np.array([[0, 0, 1, 20], [1, 0, 0, 10], [2, 0, 0, 20], [3, 0, 1, 10]])
    np.save(tmp_path / "a.npy", table)
    events = read_recording(tmp_path / "a.npy")
    assert (events["column"] >> 1).tolist() == [1, 3, 0, 2]
    assert events["time"].tolist() == [0, 0, 10, 10]


def test_minus_one_is_off(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[3, 0, -1, 0], [3, 0, 1, 1]]))
    assert (read_recording(tmp_path / "a.npy")["column"] & 1).tolist() == [0, 1]


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("BOOM",)


TABLES = {
    "objects": (np.array([Bomb()], dtype=object), "cannot be read as a recording: .*Python objects"),
    "another shape": (np.zeros((4, 3)), r"must have the columns x, y, p and t, got an array \[4, 3\]"),
    "no p": (np.zeros(2, [("x", int), ("y", int), ("t", int)]), "with the fields x, y, t and p, got"),
    "empty": (np.zeros((0, 4)), "has no events"),
    "a fraction": (np.array([[0, 0.5, 1, 0]]), "y has values that are not whole numbers"),
    "nan": (np.array([[0, 0, 1, np.nan]]), "t has values that are not whole numbers"),
    "texts": (np.array([["a", "b", "c", "d"]]), "x has values of type <U1, not numbers"),
    "a place below 0": (np.array([[-1, 0, 1, 0]]), "x must lie between 0 and 4,095, got -1"),
    "a place beyond": (np.array([[0, 5000, 1, 0]]), "y must lie between 0 and 4,095, got 5,000"),
    "a polarity": (np.array([[0, 0, 2, 0]]), "polarity must lie between 0 and 1, got 2"),
    "for ever": (np.array([[0, 0, 1, 0], [0, 0, 1, 2**40]]), "lasts for 1,099,511,627,776 units of time"),
    "unsigned": (np.array([[0, 0, 1, 2**64 - 1]], dtype=np.uint64), "t has values above 2\\^63"),
}


@pytest.mark.parametrize("name", TABLES)
def test_arrays_that_are_no_recording(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    table, message = TABLES[name]
    path = tmp_path / "a.npy"
    np.save(path, table, allow_pickle=True)
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}.*{message}") as caught:
        read_recording(path)
    assert "\n" not in str(caught.value)
    assert "BOOM" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", WRITERS)
def test_files_that_are_cut_or_of_another_kind(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"a{suffix}"
    WRITERS[suffix](whole, noise(4))
    content = whole.read_bytes()
    broken = [content[:end] for end in (0, 3, 13, 41, len(content) - 1)]
    if suffix != ".bin":  # of whose bytes each five are an event
        broken += [content[: len(content) // 2], b"garbage that is no recording at all"]
        broken.append(content[: len(content) // 3] + b"\xff" * 300)
    for part in broken:
        path.write_bytes(part)
        with pytest.raises(DataError, match=f"^{re.escape(str(path))}") as caught:
            read_recording(path)
        assert "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.npy cannot be read: No such file"):
        read_recording(tmp_path / "a.npy")
    (tmp_path / "a.wav").touch()
    with pytest.raises(DataError, match=r"a\.wav is no recording: it ends with none of \.aedat4, \.bin, \.npy"):
        read_recording(tmp_path / "a.wav")


def test_a_file_on_which_the_decoder_aborts(tmp_path: Path) -> None:
    """Bytes at random places of a good file; some of them end the process that decodes them."""
    write_aedat4(tmp_path / "good.aedat4", noise(0))
    content, rng = (tmp_path / "good.aedat4").read_bytes(), np.random.default_rng(1)
    messages = set()
    for number in range(60):
        damaged, path = bytearray(content), tmp_path / f"{number}.aedat4"
        for place in rng.integers(14, len(content), 20):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_recording(path)
        except DataError as error:
            messages.add(str(error).removeprefix(f"{path} "))
    assert "cannot be read as a recording: the decoder failed" in messages


def test_the_bad_file_of_many_is_named(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.aedat4" for number in range(4)]
    for number, path in enumerate(paths):
        write_aedat4(path, noise(number))
    assert [len(events) for events in read_recordings(paths)] == [200] * 4
    paths[2].write_bytes(paths[2].read_bytes()[:-9])
    with pytest.raises(DataError, match=f"^{re.escape(str(paths[2]))} cannot be read as a recording: "):
        read_recordings(paths)
