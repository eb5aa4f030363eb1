"""Class folders of recordings, and the published data sets of recordings in their original layouts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.xoresnet.data.datasets.contract import DatasetContract, whole
from tests.xoresnet.data.events.recorded import Recording, noise, write_aedat4, write_bin, write_npy
from xoresnet.data.load import DataSet, load_data
from xoresnet.data.reading.loader import ReadOptions
from xoresnet.errors import DataError, UsageError

SENSOR = (6, 5)
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def write_recordings(
    folder: Path,
    classes: tuple[str, ...],
    per_class: int,
    write: Callable[[Path, Recording], None],
    suffix: str,
    sensor: tuple[int, int] = SENSOR,
) -> None:
    for place, name in enumerate(classes):
        for number in range(per_class):
            write(folder / name / f"{number:03}{suffix}", noise(1000 * place + number, 40 + number, sensor))


def garbage(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(b"garbage!")


class EventContract(DatasetContract):
    def test_mean_and_deviation(self, root: Path) -> None:
        data = self.load(root)
        assert (data.mean, data.std) == ((0.0, 0.0), (1.0, 1.0))
        frames = whole(data.train)
        assert torch.equal(data.normalise(frames), frames.float())  # as they were counted

    def test_every_number_of_frames_has_all_events(self, root: Path) -> None:
        data, rows = self.load(root), torch.arange(4)
        totals = [data.train.at(timesteps).take(rows).sum((0, 2, 3, 4)) for timesteps in (1, 3, 8)]
        assert torch.equal(totals[0], totals[1])
        assert torch.equal(totals[0], totals[2])


class TestEventsFolder(EventContract):
    name = "events-folder"
    input_shape = (2, *SENSOR)
    num_classes = 2

    def write(self, root: Path) -> None:
        write_recordings(root / "train", ("clap", "wave"), 10, write_npy, ".npy")
        write_recordings(root / "test", ("clap", "wave"), 3, write_aedat4, ".aedat4")

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        garbage(root / "test")
        shutil.rmtree(root / ".xoresnet-cache")


class TestNMnist(EventContract):
    name = "n-mnist"
    input_shape = (2, 34, 34)
    num_classes = 10

    def write(self, root: Path) -> None:
        digits = tuple(map(str, range(10)))
        write_recordings(root / "NMNIST" / "Train", digits, 6, write_bin, ".bin", (34, 34))
        write_recordings(root / "NMNIST" / "Test", digits, 2, write_bin, ".bin", (34, 34))

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        garbage(root / "NMNIST" / "Test")
        shutil.rmtree(root / "NMNIST" / ".xoresnet-cache")


class TestCifar10Dvs(EventContract):
    name = "cifar10-dvs"
    input_shape = (2, 128, 128)
    num_classes = 10

    def write(self, root: Path) -> None:
        write_recordings(root / "CIFAR10DVS", CIFAR, 6, write_aedat4, ".aedat4", (128, 128))

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        data = self.load(root)
        training = set(_cached_names(root / "CIFAR10DVS"))
        assert len(training) == len(data.train) + len(data.validation)
        for path in (root / "CIFAR10DVS").glob("[a-z]*/*"):
            if path.relative_to(root / "CIFAR10DVS").as_posix() not in training:
                path.write_bytes(b"garbage!")
        shutil.rmtree(root / "CIFAR10DVS" / ".xoresnet-cache")


def _cached_names(place: Path) -> list[str]:
    (about,) = (place / ".xoresnet-cache").glob("*-train-*.json")
    return list(json.loads(about.read_text())["files"])


def write_gestures(root: Path, persons: tuple[range, range] = (range(1, 9), range(24, 26))) -> None:
    for part, numbers in zip(("ibmGestureTrain", "ibmGestureTest"), persons, strict=True):
        for person in numbers:
            for label in range(11):
                seed = 100 * person + label
                write_npy(root / part / f"user{person:02}_led" / f"{label}.npy", noise(seed, 30, (128, 128)))


class TestDvs128Gesture(EventContract):
    name = "dvs128-gesture"
    input_shape = (2, 128, 128)
    num_classes = 11

    def write(self, root: Path) -> None:
        write_gestures(root / "DVSGesture")

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        garbage(root / "DVSGesture" / "ibmGestureTest")
        shutil.rmtree(root / "DVSGesture" / "ibmGestureTrain" / ".xoresnet-cache")

    def test_validation_is_cut_class_by_class(self, root: Path) -> None:
        """By person instead: 2 of 8, with all that they did."""
        data = self.load(root, share=0.3)
        assert len(data.validation) == 2 * 11
        assert data.train.rows is not None
        assert data.validation.rows is not None
        kept, aside = (persons_of(data, rows) for rows in (data.train.rows, data.validation.rows))
        assert not kept & aside
        assert (len(kept), len(aside)) == (6, 2)

    def test_labels_are_those_of_the_file_names(self, root: Path) -> None:
        data = self.load(root)
        assert data.classes[0] == "hand clapping"
        assert data.train.labels.bincount().tolist() == [7] * 11


def persons_of(data: DataSet, rows: torch.Tensor) -> set[int]:
    """By the order in which the recordings are listed: by label, then by person."""
    persons = (len(data.train) + len(data.validation)) // 11
    return set((rows % persons).tolist())


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XORESNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)


def test_time_and_count(tmp_path: Path) -> None:
    write_recordings(tmp_path, ("clap", "wave"), 9, write_npy, ".npy")
    by_count, by_time = (
        load_data("events-folder", tmp_path, options=ReadOptions(frames=rule)) for rule in (None, "time")
    )
    assert by_count.frames == "count"
    frames = [data.train.at(4).take(torch.arange(3)).sum((2, 3, 4)) for data in (by_count, by_time)]
    lengths = frames[0].sum(0)
    assert torch.equal(frames[0][:3], (lengths // 4).expand(3, -1))
    assert not torch.equal(*frames)
    assert by_count.fingerprint != by_time.fingerprint


def test_smaller_frames_come_from_the_same_cache(tmp_path: Path) -> None:
    write_recordings(tmp_path, ("clap", "wave"), 9, write_npy, ".npy")
    large = load_data("events-folder", tmp_path)
    (cached,) = (tmp_path / ".xoresnet-cache").glob("*.events")
    written = cached.stat().st_mtime_ns
    small = load_data("events-folder", tmp_path, options=ReadOptions(image_size=(3, 2)))
    assert small.input_shape == (2, 3, 2)
    assert cached.stat().st_mtime_ns == written
    assert large.fingerprint != small.fingerprint


def test_frames_larger_than_the_sensor(tmp_path: Path) -> None:
    write_recordings(tmp_path, ("clap", "wave"), 9, write_npy, ".npy")
    with pytest.raises(UsageError, match="image_size must be at most 6 x 5, the size of the sensor, got 6 x 7"):
        load_data("events-folder", tmp_path, options=ReadOptions(image_size=(6, 7)))


def test_other_events_are_other_data(tmp_path: Path) -> None:
    write_recordings(tmp_path, ("clap", "wave"), 9, write_npy, ".npy")
    before = load_data("events-folder", tmp_path).fingerprint
    assert load_data("events-folder", tmp_path).fingerprint == before
    write_npy(tmp_path / "clap" / "000.npy", noise(12345, 40, SENSOR))
    assert load_data("events-folder", tmp_path).fingerprint != before


def test_options_that_have_no_effect(tmp_path: Path) -> None:
    write_recordings(tmp_path, ("clap", "wave"), 9, write_npy, ".npy")
    with pytest.raises(UsageError, match="events-folder has no option channels: recordings have the two polarities"):
        load_data("events-folder", tmp_path, options=ReadOptions(channels=1))
    with pytest.raises(UsageError, match="digits has no option frames: it has images, not recordings"):
        load_data("digits", options=ReadOptions(frames="time"))
    with pytest.raises(UsageError, match="frames must be count or time, got 'events'"):
        ReadOptions(frames="events")  # type: ignore[arg-type]


def test_frames_need_a_number(tmp_path: Path) -> None:
    write_recordings(tmp_path, ("clap", "wave"), 9, write_npy, ".npy")
    data = load_data("events-folder", tmp_path)
    with pytest.raises(UsageError, match=r"have no frames before their number is set: split\.at\(timesteps\)"):
        data.train.take(torch.arange(2))
    assert repr(data.train) == "EventSplit(12 recordings in frames of 2 x 6 x 5)"
    assert repr(data.train.at(3)) == "EventSplit(12 recordings in 3 frames of 2 x 6 x 5)"


def test_events_beyond_the_sensor(tmp_path: Path) -> None:
    write_recordings(tmp_path / "train", ("clap", "wave"), 3, write_npy, ".npy")
    write_recordings(tmp_path / "test", ("clap", "wave"), 3, write_npy, ".npy", (9, 9))
    data = load_data("events-folder", tmp_path)
    with pytest.raises(DataError, match="have events outside of the sensor of the training recordings: height and"):
        data.test.open(by="data")
    write_recordings(tmp_path / "n" / "NMNIST" / "Train", tuple("0123456789"), 3, write_bin, ".bin", (40, 40))
    with pytest.raises(DataError, match="has events outside of n-mnist's sensor: height and width of at least 40 x 40"):
        load_data("n-mnist", tmp_path / "n")


def test_gestures_of_one_person_and_of_unknown_labels(tmp_path: Path) -> None:
    write_gestures(tmp_path, (range(1, 2), range(24, 25)))
    with pytest.raises(DataError, match="all recordings are of one person; at least 2 are required"):
        load_data("dvs128-gesture", tmp_path)
    write_npy(tmp_path / "ibmGestureTrain" / "user02_led" / "11.npy", noise(0))
    with pytest.raises(DataError, match=r"user02_led/11\.npy has the label 11, but labels lie between 0 and 10"):
        load_data("dvs128-gesture", tmp_path)
    shutil.rmtree(tmp_path / "ibmGestureTrain")
    (tmp_path / "ibmGestureTrain").mkdir()
    with pytest.raises(DataError, match=r"contains no recordings user01_fluorescent/0\.npy"):
        load_data("dvs128-gesture", tmp_path)


def test_a_class_that_only_the_persons_of_one_part_have(tmp_path: Path) -> None:
    write_gestures(tmp_path, (range(1, 3), range(24, 25)))
    (tmp_path / "ibmGestureTrain" / "user01_led" / "4.npy").unlink()
    with pytest.raises(DataError, match=r"no (training|validation) recording has class 'right arm counter-clockwise'"):
        load_data("dvs128-gesture", tmp_path)


def test_recordings_are_shared_not_copied(tmp_path: Path) -> None:
    write_recordings(tmp_path, ("clap", "wave"), 9, write_npy, ".npy")
    data = load_data("events-folder", tmp_path)
    assert isinstance(data.train.pool.events, np.memmap)  # type: ignore[attr-defined]
