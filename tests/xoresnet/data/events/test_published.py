"""Downloads of recordings from a server on this machine, under the names and checksums that tonic has."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tonic.datasets

from tests.xoresnet.data.datasets.test_events_folder import write_gestures, write_recordings
from tests.xoresnet.data.events.recorded import write_aedat4, write_bin
from tests.xoresnet.data.reading.test_download import Server
from xoresnet.data.events.published import unpack
from xoresnet.data.load import load_data
from xoresnet.errors import DataError


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    (tmp_path / "served").mkdir()
    with Server(tmp_path / "served") as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def zipped(folder: Path, *parts: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(path for part in parts for path in (folder / part).rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))
    return stream.getvalue()


def tarred(folder: Path, part: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.add(folder / part, part)
    return stream.getvalue()


def publish(server: Server, patch: pytest.MonkeyPatch, class_name: str, part: str, content: bytes) -> None:
    """Serve an archive where tonic's class says that it is."""
    kind = getattr(tonic.datasets, class_name)
    name = getattr(kind, f"{part}filename")
    (server.folder / name).write_bytes(content)
    patch.setattr(kind, f"{part}url", server.url + name)
    patch.setattr(kind, f"{part}md5" if part else "file_md5", hashlib.md5(content, usedforsecurity=False).hexdigest())


def test_n_mnist(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = tuple(map(str, range(10)))
    for folder, number in (("Train", 3), ("Test", 2)):
        write_recordings(tmp_path / "made" / folder, digits, number, write_bin, ".bin", (34, 34))
        publish(server, monkeypatch, "NMNIST", f"{folder.lower()}_", zipped(tmp_path / "made", folder))
    data = load_data("n-mnist", download=True)
    assert data.place == tmp_path / "data" / "NMNIST"
    assert (len(data.train) + len(data.validation), len(data.test.open(by="data"))) == (30, 20)
    asked = len(server.asked)
    load_data("n-mnist", download=True)
    assert len(server.asked) == asked == 2
    assert sorted(path.name for path in data.place.iterdir()) == [".xoresnet-cache", "Test", "Train"]
    shutil.rmtree(data.place / "Test")  # as an interrupted download would leave it
    assert len(load_data("n-mnist", download=True).test.open(by="data")) == 20
    assert len(server.asked) == 3


def test_gestures(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_gestures(tmp_path / "made", (range(1, 4), range(24, 25)))
    for part, folder in (("train_", "ibmGestureTrain"), ("test_", "ibmGestureTest")):
        publish(server, monkeypatch, "DVSGesture", part, tarred(tmp_path / "made", folder))
    data = load_data("dvs128-gesture", download=True)
    assert len(data.train) + len(data.validation) == 33
    assert len(data.test.open(by="data")) == 11


def test_archives_in_an_archive(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classes = tuple(name.removesuffix(".zip") for name in tonic.datasets.CIFAR10DVS.data_filename)
    write_recordings(tmp_path / "made", classes, 4, write_aedat4, ".aedat4", (128, 128))
    for name in classes:
        (tmp_path / "packed" / f"{name}.zip").parent.mkdir(exist_ok=True)
        (tmp_path / "packed" / f"{name}.zip").write_bytes(zipped(tmp_path / "made", name))
    publish(server, monkeypatch, "CIFAR10DVS", "", zipped(tmp_path / "packed", "."))
    data = load_data("cifar10-dvs", download=True)
    assert data.classes == classes
    shutil.rmtree(data.place / "truck")
    again = load_data("cifar10-dvs", download=True)
    assert again.fingerprint == data.fingerprint
    assert len(data.train) + len(data.validation) + len(data.test.open(by="data")) == 40


def test_another_content_is_refused_and_nothing_stays(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_recordings(tmp_path / "made" / "Train", tuple("0123456789"), 2, write_bin, ".bin", (34, 34))
    publish(server, monkeypatch, "NMNIST", "train_", zipped(tmp_path / "made", "Train"))
    monkeypatch.setattr(tonic.datasets.NMNIST, "train_md5", "0" * 32)
    with pytest.raises(DataError, match=r"train\.zip could not be downloaded into .*: http://127.* not 0{32}"):
        load_data("n-mnist", download=True)
    assert list((tmp_path / "data" / "NMNIST").iterdir()) == []


def test_damaged_archives_and_members_that_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.zip").write_bytes(b"PK garbage")
    with pytest.raises(DataError, match=r"a\.zip cannot be unpacked into"):
        unpack(tmp_path / "in" / "a.zip", tmp_path / "in")
    with tarfile.open(tmp_path / "in" / "b.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("../outside.txt")
        archive.addfile(member, io.BytesIO())
    with pytest.raises(DataError, match=r"b\.tar\.gz cannot be unpacked into .*outside"):
        unpack(tmp_path / "in" / "b.tar.gz", tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "in" / "c.zip", "w") as packed:
        packed.writestr("../outside.txt", "x")
    unpack(tmp_path / "in" / "c.zip", tmp_path / "in")
    assert not (tmp_path / "outside.txt").exists()
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["a.zip", "b.tar.gz", "c.zip", "outside.txt"]
