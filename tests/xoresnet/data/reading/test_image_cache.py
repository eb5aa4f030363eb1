"""The cache of decoded images: killed, shared, outdated, in places that cannot be written."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.xoresnet.data.datasets.pictures import cache_files, write_classes, write_image
from xoresnet.data.images import Split
from xoresnet.data.load import load_data
from xoresnet.data.reading import image_cache
from xoresnet.data.reading.file_list import list_class_folders
from xoresnet.data.reading.image_cache import CHUNK_IMAGES, cached_split
from xoresnet.data.reading.image_files import IMAGES
from xoresnet.data.reading.loader import ReadOptions
from xoresnet.errors import DataError

SHAPE = (3, 4, 4)

# in a process of its own, which says how far it got, and waits or dies where it is told
BUILDER = """
import hashlib, os, signal, sys, time
from pathlib import Path
from xoresnet.data.reading.image_cache import cached_split
from xoresnet.data.reading.file_list import list_class_folders
from xoresnet.data.reading.image_files import IMAGES

root, how = Path(sys.argv[1]), sys.argv[2]

def progress(done, total):
    print("progress", done, total, flush=True)
    if how == "die" and done > 0:
        os.kill(os.getpid(), signal.SIGKILL)
    while how == "wait" and not (root / "go").exists():
        time.sleep(0.01)

print("starting", flush=True)
split, statistics = cached_split(list_class_folders(root, IMAGES), (3, 4, 4), "test", progress)
print("digest", hashlib.sha256(split.images.numpy().tobytes()).hexdigest(), statistics.mean[0])
"""


def builder(root: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", BUILDER, str(root), how], stdout=subprocess.PIPE, text=True)


def build(root: Path) -> tuple[Split, list[tuple[int, int]]]:
    """The split, and the progress that was reported."""
    calls: list[tuple[int, int]] = []
    images = list_class_folders(root, IMAGES)
    split, _ = cached_split(images, SHAPE, "test", lambda done, total: calls.append((done, total)))
    return split, calls


def digest(split: Split) -> str:
    return hashlib.sha256(split.images.numpy().tobytes()).hexdigest()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    write_classes(tmp_path / "root", per_class=2)
    return tmp_path / "root"


@pytest.fixture
def big_root(root: Path) -> Path:
    """Two chunks of images."""
    for index in range(CHUNK_IMAGES + 20):
        os.link(root / "cat" / f"cat0{index % 2}.png", root / "cat" / f"more{index:04}.png")
    return root


def test_decoded_once(root: Path) -> None:
    first, calls = build(root)
    assert calls == [(0, 6), (6, 6)]
    again, calls = build(root)
    assert calls == []
    assert torch.equal(first.images, again.images)
    (about,) = cache_files(root, ".json")
    content = json.loads(about.read_text())
    assert content["classes"] == ["cat", "dog", "owl"]
    assert content["labels"] == [0, 0, 1, 1, 2, 2] == again.labels.tolist()
    assert content["files"][0] == "cat/cat00.png"
    assert not cache_files(root, ".partial")


def test_writing_to_the_images_does_not_reach_the_file(root: Path) -> None:
    first, _ = build(root)
    before = first.images.clone()
    first.images.zero_()
    assert torch.equal(build(root)[0].images, before)


def test_sigkill_leaves_nothing_that_loads_and_the_restart_goes_on(big_root: Path) -> None:
    killed = builder(big_root, "die")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert not cache_files(big_root, ".npy")
    (partial,) = cache_files(big_root, ".partial")
    with partial.open("ab") as file:  # as if killed in the middle of an image
        file.write(b"half")
    split, calls = build(big_root)
    total = 6 + CHUNK_IMAGES + 20
    assert calls == [(CHUNK_IMAGES, total), (total, total)]
    assert not cache_files(big_root, ".partial")
    cache_files(big_root, ".npy")[0].unlink()
    whole, calls = build(big_root)
    assert calls[0] == (0, total)
    assert digest(split) == digest(whole)


def test_two_processes_at_once(root: Path) -> None:
    first = builder(root, "wait")
    assert first.stdout is not None
    assert [first.stdout.readline(), first.stdout.readline()] == ["starting\n", "progress 0 6\n"]
    second = builder(root, "go on")
    assert second.stdout is not None
    assert second.stdout.readline() == "starting\n"
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(0.3)
    (root / "go").touch()
    results = [process.communicate()[0].splitlines() for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0]
    assert results[0][0] == "progress 6 6"
    assert results[0][1:] == results[1]  # the second one decoded nothing
    assert digest(build(root)[0]) in results[1][0]


def test_without_locks_each_process_builds(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert build(root)[1] == [(0, 6), (6, 6)]


def test_a_change_makes_a_new_cache_and_removes_the_old(root: Path) -> None:
    build(root)
    other_shape, _ = cached_split(list_class_folders(root, IMAGES), (1, 2, 2), "test")
    write_image(root / "owl" / "new.png")
    split, calls = build(root)
    assert calls[0] == (0, 7)
    assert len(split) == 7
    assert len(cache_files(root, ".npy")) == len(cache_files(root, ".json")) == 2  # this one, and that of other shape
    assert len(other_shape) == 6
    (root / "cat" / "cat00.png").write_bytes((root / "cat" / "cat01.png").read_bytes())
    assert torch.equal(*build(root)[0].images[:2])


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_damaged_caches_are_built_anew(root: Path, suffix: str) -> None:
    whole = digest(build(root)[0])
    (path,) = cache_files(root, suffix)
    path.write_bytes(path.read_bytes()[:-20])
    split, calls = build(root)
    assert calls[0] == (0, 6)
    assert digest(split) == whole


def test_a_partial_file_of_something_else_is_begun_anew(root: Path) -> None:
    whole = digest(build(root)[0])
    (path,) = cache_files(root, ".npy")
    other = path.read_bytes()
    name = next(iter(cache_files(root, ".npy"))).name
    path.unlink()
    host = re.sub(r"[^A-Za-z0-9]+", "-", platform.node())
    (root / ".xoresnet-cache" / name.replace(".npy", f".{host}.partial")).write_bytes(b"\0" + other)
    split, calls = build(root)
    assert calls[0] == (0, 6)
    assert digest(split) == whole


def test_the_user_cache_where_the_data_cannot_be_written(root: Path, tmp_path: Path) -> None:
    (root / ".xoresnet-cache").write_text("a file stands in the way, also of the superuser")
    split, calls = build(root)
    assert len(list((tmp_path / "xdg" / "xoresnet").glob("*/test-3x4x4-*.npy"))) == 1
    assert len(calls) == 2
    assert build(root)[1] == []
    assert len(split) == 6


def test_no_place_to_write(root: Path, tmp_path: Path) -> None:
    (root / ".xoresnet-cache").touch()
    (tmp_path / "xdg").touch()
    with pytest.raises(
        DataError, match=r"decoded images can be cached neither in .*-cache \(File exists\) nor in .*xdg"
    ):
        build(root)


def test_a_full_disk_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image_cache.os, "fsync", fail)
    with pytest.raises(
        DataError, match=r"decoded images could not be cached in .*\[Errno 28\] No space left on device"
    ):
        build(root)


def test_a_corrupt_image_stops_the_build_and_its_repair_completes_it(root: Path) -> None:
    path = root / "dog" / "dog00.png"
    good = path.read_bytes()
    path.write_bytes(good[:40])
    with pytest.raises(DataError, match=r"dog00.png cannot be decoded"):
        build(root)
    path.write_bytes(good)
    assert len(build(root)[0]) == 6
    assert not cache_files(root, ".partial")


def test_images_of_one_colour_cannot_be_normalised(tmp_path: Path) -> None:
    for name in ("cat/0.png", "dog/0.png", "cat/1.png", "dog/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / name)
    with pytest.raises(
        DataError, match="channel 0 has the same value in all training images, so it cannot be normalised"
    ):
        load_data("folder", tmp_path)


def test_progress_reaches_the_caller(root: Path) -> None:
    write_classes(root, per_class=3)
    calls: list[tuple[int, int]] = []
    options = ReadOptions(progress=lambda done, total: calls.append((done, total)))
    data = load_data("folder", root, options=options)
    assert calls == [(0, 6), (6, 6)]
    data.test.open(by="confirm")
    assert calls[2:] == [(0, 3), (3, 3)]
