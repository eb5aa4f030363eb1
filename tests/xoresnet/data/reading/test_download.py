"""Downloads from a server on this machine: cut, wrong, stalled, killed, or after one that was interrupted."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets

from tests.search.command_line import xoresnet
from tests.xoresnet.data.datasets.test_cifar import FOLDER10, pack, write_cifar10
from tests.xoresnet.data.datasets.test_fashion_mnist import idx, write_fashion
from xoresnet.data.datasets import fashion_mnist
from xoresnet.data.datasets.cifar10 import CIFAR10
from xoresnet.data.load import data_status, load_data
from xoresnet.data.reading.download import RemoteFile, fetch
from xoresnet.errors import DataError

ARCHIVE = "cifar-10-python.tar.gz"


class Server(ThreadingHTTPServer):
    """Serves a folder; remembers what was asked for; sends only so many bytes of each file, then closes or stalls."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, list[str]()
        self.most: int | None = None
        self.stalls = threading.Event()
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path.lstrip("/"))
        super().do_GET()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        outputfile.write(source.read() if self.server.most is None else source.read(self.server.most))
        while self.server.stalls.is_set():
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "served").mkdir()
    with Server(tmp_path / "served") as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.stalls.clear()
        server.shutdown()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XORESNET_DATA", raising=False)


@pytest.fixture
def cifar(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Small files are published in the place of the originals."""
    write_cifar10(server.folder)
    for path in (server.folder / FOLDER10).iterdir():
        count = 0 if path.name == "batches.meta" else 20
        monkeypatch.setitem(CIFAR10.originals, path.name, (count, md5(path)))  # type: ignore[arg-type]
    pack(server.folder, FOLDER10, ARCHIVE)
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", server.url + ARCHIVE)
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "tgz_md5", md5(server.folder / ARCHIVE))
    return server


@pytest.fixture
def fashion(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    write_fashion(server.folder)
    paths = sorted(server.folder.iterdir())
    for path in paths:
        content = gzip.decompress(path.read_bytes())
        entries = 50 if path.name.startswith("train") else 20
        original = (entries, hashlib.md5(content).hexdigest())
        monkeypatch.setitem(fashion_mnist._ORIGINALS, path.name.removesuffix(".gz"), original)
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [server.url + "nothing/", server.url])
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", [(path.name, md5(path)) for path in paths])
    return server


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def unpack(server: Server, root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    shutil.unpack_archive(server.folder / ARCHIVE, root, filter="data")
    return root / FOLDER10


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_what_is_not_here_is_fetched_once(cifar: Server, tmp_path: Path) -> None:
    data = load_data("cifar10", "new/place", download=True)
    assert data.place == tmp_path / "new" / "place" / ARCHIVE
    assert len(data.test.open(by="confirm")) == 20
    load_data("cifar10", "new/place", download=True)
    assert cifar.asked == [ARCHIVE]
    assert [path.name for path in (tmp_path / "new" / "place").iterdir()] == [ARCHIVE]


def test_a_cut_archive_is_told_from_a_missing_one_and_fetched_again(cifar: Server, tmp_path: Path) -> None:
    archive = tmp_path / "data" / ARCHIVE
    archive.parent.mkdir()
    shutil.copy(cifar.folder / ARCHIVE, archive)
    half(archive)
    result = xoresnet("data", "cifar10")
    assert result.code == 1
    assert result.err.startswith(f"error: {archive} is truncated or damaged: ")
    assert result.err.endswith("; to fetch what is missing or damaged: xoresnet data cifar10 --download\n")
    assert cifar.asked == []
    assert xoresnet("data", "cifar10", "--download").code == 0
    assert (cifar.asked, md5(archive)) == ([ARCHIVE], md5(cifar.folder / ARCHIVE))


def test_a_half_unpacked_folder_beside_a_whole_archive_needs_no_network(cifar: Server, tmp_path: Path) -> None:
    folder = unpack(cifar, tmp_path / "data")
    shutil.copy(cifar.folder / ARCHIVE, tmp_path / "data")
    whole = load_data("cifar10").train.images
    for name in ("data_batch_4", "test_batch"):  # damaged, then missing
        half(folder / name)
        assert (load_data("cifar10").train.images == whole).all()
        (folder / name).unlink()
        data = load_data("cifar10")
        assert (data.train.images == whole).all()
        assert len(data.test.open(by="confirm")) == 20
    assert cifar.asked == []


@pytest.mark.parametrize("name", ["data_batch_1", "data_batch_5", "batches.meta", "test_batch"])
@pytest.mark.parametrize("missing", [True, False], ids=["missing", "damaged"])
def test_a_half_unpacked_folder_is_repaired(cifar: Server, tmp_path: Path, name: str, missing: bool) -> None:
    folder = unpack(cifar, tmp_path / "data")
    half(folder / name)
    if missing:
        (folder / name).unlink()
    with pytest.raises(DataError) as caught:  # what it lacks, and how to go on
        load_data("cifar10").test.open(by="confirm")
    assert str(caught.value).startswith(f"{folder / name} {'is missing' if missing else ''}")
    data = load_data("cifar10", download=True)
    assert len(data.train) + len(data.validation) + len(data.test.open(by="confirm")) == 120
    assert cifar.asked == [ARCHIVE]
    assert {path.name: md5(path) for path in folder.iterdir()} == {
        file: original[1] for file, original in CIFAR10.originals.items()
    }


def test_files_of_ones_own_stay_as_they_are(cifar: Server, tmp_path: Path) -> None:
    write_cifar10(tmp_path / "data", count=30)
    folder = tmp_path / "data" / FOLDER10
    (folder / "batches.meta").write_bytes((folder / "batches.meta").read_bytes() + b" ")
    (folder / "test_batch").unlink()
    before = {path.name: md5(path) for path in folder.iterdir()}
    assert len(load_data("cifar10", download=True).train) == 130
    assert {path.name: md5(path) for path in folder.iterdir()} == before


def test_a_connection_that_breaks_leaves_what_was_there(cifar: Server, tmp_path: Path) -> None:
    cifar.most = 1000
    with pytest.raises(DataError) as caught:
        load_data("cifar10", download=True)
    size = (cifar.folder / ARCHIVE).stat().st_size
    assert f"{ARCHIVE} could not be downloaded into {tmp_path}/data: {cifar.url}{ARCHIVE}: " in str(caught.value)
    assert str(size) in str(caught.value) or "1,000 bytes arrived" in str(caught.value)
    assert list((tmp_path / "data").iterdir()) == []
    archive = tmp_path / "data" / ARCHIVE
    archive.write_bytes(b"cut")
    with pytest.raises(DataError, match="could not be downloaded"):
        load_data("cifar10", download=True)
    assert archive.read_bytes() == b"cut"


def test_content_that_is_not_the_published_one(cifar: Server, tmp_path: Path) -> None:
    (cifar.folder / ARCHIVE).write_bytes(b"<html>moved</html>")
    with pytest.raises(DataError, match=r"18 bytes arrived, whose MD5 is \w{32}, not \w{32}"):
        load_data("cifar10", download=True)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    file = RemoteFile("a", (f"{(tmp_path / 'nothing').as_uri()}", "http://127.0.0.1:9/a"), "0" * 32)
    with pytest.raises(DataError, match=r"a could not be downloaded into .*nothing.*refused"):
        fetch([file], tmp_path, lambda path: False)


def test_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=f"nothing can be downloaded into {tmp_path}/file/data: Not a directory"):
        fetch([], tmp_path / "file" / "data", lambda path: False)


def test_sigkill_leaves_nothing_that_loads_and_the_next_download_tidies_up(server: Server, tmp_path: Path) -> None:
    (server.folder / "file").write_bytes(bytes(3 * 2**20))
    published = RemoteFile("file", (server.url + "file",), md5(server.folder / "file"))
    server.most = 2 * 2**20
    server.stalls.set()
    program = (
        "from pathlib import Path; from xoresnet.data.reading.download import RemoteFile, fetch; "
        f"fetch([{published!r}], Path('into'), lambda path: False)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    into = tmp_path / "into"
    deadline = time.monotonic() + 60
    while not (into.is_dir() and any(path.stat().st_size for path in into.iterdir())):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.name for path in into.iterdir()] == [f".file.{process.pid}"]
    server.most = None
    server.stalls.clear()
    fetch([published], into, lambda path: False)
    assert [path.name for path in into.iterdir()] == ["file"]
    assert md5(into / "file") == published.md5


def test_two_at_once_fetch_a_file_once(server: Server, tmp_path: Path) -> None:
    (server.folder / "file").write_bytes(bytes(2**20))
    published = RemoteFile("file", (server.url + "file",), md5(server.folder / "file"))
    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(lambda _: fetch([published], tmp_path / "into", lambda path: False), range(4)):
            pass
    assert server.asked == ["file"]


def test_a_half_unpacked_file_beside_its_whole_gz(fashion: Server, tmp_path: Path) -> None:
    root = tmp_path / "data" / "FashionMNIST" / "raw"
    shutil.copytree(fashion.folder, root)
    whole = load_data("fashion-mnist").train.images
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
        (root / name).write_bytes(gzip.decompress((root / f"{name}.gz").read_bytes())[:1000])
    data = load_data("fashion-mnist")
    assert (data.train.images == whole).all()
    assert len(data.test.open(by="confirm")) == 20
    assert fashion.asked == []
    load_data("fashion-mnist", download=True)
    assert fashion.asked == []


def test_only_what_is_missing_or_damaged_is_fetched(fashion: Server, tmp_path: Path) -> None:
    root = tmp_path / "data" / "fashion-mnist"
    shutil.copytree(fashion.folder, root)
    labels, images = "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"
    (root / f"{labels}.gz").unlink()
    half(root / f"{images}.gz")
    (root / images).write_bytes(b"")
    with pytest.raises(DataError, match=f"{labels} is missing, and so is its .gz form; to fetch what is missing"):
        load_data("fashion-mnist")
    data = load_data("fashion-mnist", download=True)
    assert data.place == root
    assert len(data.test.open(by="confirm")) == 20
    wanted = {f"{labels}.gz", f"{images}.gz"}
    assert set(fashion.asked) == wanted | {f"nothing/{name}" for name in wanted}  # each from the second mirror
    assert sorted(path.name for path in root.iterdir()) == sorted(path.name for path in fashion.folder.iterdir())


def test_labels_of_ones_own_are_not_removed(fashion: Server, tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    (root / "train-images-idx3-ubyte").write_bytes(idx(np.arange(40 * 784).reshape(40, 28, 28) % 251))
    (root / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(40) % 10))
    before = {path.name: md5(path) for path in root.iterdir()}
    assert len(load_data("fashion-mnist", download=True).train.pool) == 40
    assert {path.name: md5(path) for path in root.iterdir()}.items() >= before.items()


def test_what_an_interrupted_download_has_left_is_found(cifar: Server, tmp_path: Path) -> None:
    folder = unpack(cifar, tmp_path / "data")
    (folder / "data_batch_1").unlink()
    (status,) = (status for status in data_status() if status.name == "cifar10")
    assert status.place == folder
    result = xoresnet("data", "cifar10")
    assert result.err == (
        f"error: {folder}/data_batch_1 is missing; "
        "to fetch what is missing or damaged: xoresnet data cifar10 --download\n"
    )


def test_whole_files_of_another_data_set_are_set_aside(fashion: Server, tmp_path: Path) -> None:
    """MNIST's have the same names and as many entries."""
    root = tmp_path / "data" / "fashion-mnist"
    root.mkdir(parents=True)
    other = idx(np.arange(50 * 784).reshape(50, 28, 28) % 241)
    (root / "train-images-idx3-ubyte").write_bytes(other)
    (root / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(20))))
    data = load_data("fashion-mnist", download=True)
    assert len(data.train) + len(data.validation) == 50
    assert len(data.test.open(by="confirm").labels.unique()) > 1
    assert (root / "train-images-idx3-ubyte.other").read_bytes() == other
    assert (root / "t10k-labels-idx1-ubyte.gz.other").exists()
    assert not list(root.glob("*.other2"))


def test_a_batch_of_ones_own_beside_the_originals_is_set_aside(cifar: Server, tmp_path: Path) -> None:
    folder = unpack(cifar, tmp_path / "data")
    own = (folder / "data_batch_3").read_bytes()
    (folder / "data_batch_2").write_bytes(own)
    (folder / "data_batch_2.other").write_bytes(b"an earlier one")
    data = load_data("cifar10", download=True)
    assert len(data.train) + len(data.validation) == 100
    assert [(folder / f"data_batch_2.{name}").read_bytes() for name in ("other", "other2")] == [b"an earlier one", own]
