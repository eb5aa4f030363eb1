"""The cache of recordings: killed, shared, outdated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.xoresnet.data.datasets.pictures import cache_files
from tests.xoresnet.data.events.recorded import noise, write_npy
from xoresnet.data.events.cache import CHUNK_RECORDINGS, cached_events
from xoresnet.data.events.recordings import RECORDINGS, read_recording
from xoresnet.data.events.split import EventPool
from xoresnet.data.reading.file_list import list_class_folders
from xoresnet.errors import DataError

# in a process of its own, which dies where it is told
BUILDER = """
import os, signal, sys
from pathlib import Path
from xoresnet.data.events.cache import cached_events
from xoresnet.data.events.recordings import RECORDINGS
from xoresnet.data.reading.file_list import list_class_folders

def progress(done, total):
    if done > 0:
        os.kill(os.getpid(), signal.SIGKILL)

cached_events(list_class_folders(Path(sys.argv[1]), RECORDINGS), "test", progress)
"""


def build(root: Path) -> tuple[EventPool, list[tuple[int, int]]]:
    """The events, and the progress that was reported."""
    calls: list[tuple[int, int]] = []
    files = list_class_folders(root, RECORDINGS)
    return cached_events(files, "test", lambda done, total: calls.append((done, total))), calls


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    for place, name in enumerate(("clap", "wave")):
        for number in range(3):
            write_npy(tmp_path / "root" / name / f"{number}.npy", noise(10 * place + number, 20 + number))
    return tmp_path / "root"


def test_read_once_and_equal_to_the_files(root: Path) -> None:
    first, calls = build(root)
    assert calls == [(0, 6), (6, 6)]
    again, calls = build(root)
    assert calls == []
    assert not cache_files(root, ".partial")
    for pool in (first, again):
        assert pool.sensor == (6, 5)
        for row, path in enumerate(sorted(root.glob("*/*.npy"))):
            (events,) = pool.take(np.array([row]))
            assert np.array_equal(events, read_recording(path))
    wave, clap = first.take(np.array([4, 0]))
    assert (len(wave), len(clap)) == (21, 20)
    assert np.array_equal(wave, read_recording(root / "wave" / "1.npy"))
    assert first.content == again.content != ""


def test_sigkill_leaves_nothing_that_loads_and_the_restart_goes_on(root: Path) -> None:
    for number in range(CHUNK_RECORDINGS):
        os.link(root / "clap" / f"{number % 3}.npy", root / "clap" / f"more{number:03}.npy")
    total = CHUNK_RECORDINGS + 6
    killed = subprocess.run([sys.executable, "-c", BUILDER, str(root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not cache_files(root, ".json")
    events, offsets = cache_files(root, ".events.partial") + cache_files(root, ".offsets.partial")
    with events.open("ab") as file:  # as if killed in the middle of a chunk
        file.write(b"half of an event, and then some")
    with offsets.open("ab") as file:
        file.write(b"half")
    pool, calls = build(root)
    assert calls == [(CHUNK_RECORDINGS, total), (total, total)]
    for file in cache_files(root, ""):
        file.unlink()
    whole, calls = build(root)
    assert calls[0] == (0, total)
    assert np.array_equal(pool.events, whole.events)
    assert np.array_equal(pool.offsets, whole.offsets)


@pytest.mark.parametrize("suffix", [".events", ".offsets", ".json"])
def test_a_damaged_cache_is_built_anew(root: Path, suffix: str) -> None:
    before = build(root)[0].events.copy()
    (file,) = cache_files(root, suffix)
    file.write_bytes(file.read_bytes()[:-8])
    after, calls = build(root)
    assert calls == [(0, 6), (6, 6)]
    assert np.array_equal(before, after.events)


def test_changed_recordings_replace_the_cache(root: Path) -> None:
    before, _ = build(root)
    write_npy(root / "wave" / "0.npy", noise(99, 7))
    pool, calls = build(root)
    assert pool.content != before.content
    assert calls == [(0, 6), (6, 6)]
    assert [len(events) for events in pool.take(np.array([3]))] == [7]
    assert len(cache_files(root, ".events")) == 1


def test_the_broken_file_is_named_and_the_rest_is_kept(root: Path) -> None:
    (root / "wave" / "1.npy").write_bytes(b"garbage")
    with pytest.raises(DataError, match=r"wave/1\.npy cannot be read as a recording"):
        build(root)
    assert not cache_files(root, ".json")
    write_npy(root / "wave" / "1.npy", noise(0))
    assert len(build(root)[0].offsets) == 7
