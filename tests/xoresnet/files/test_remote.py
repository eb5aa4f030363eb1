"""Folders at URLs, on a real S3-compatible server and on a file system that only fsspec knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3_server import make_bucket, s3_server, variables
from xoresnet.files import remote
from xoresnet.files.remote import RemoteError, RemoteFolder


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(params=["s3", "local"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteFolder:
    if request.param == "local":
        return RemoteFolder(f"local://{tmp_path}/far/run")
    address = request.getfixturevalue("server")
    for name, value in variables(address).items():
        monkeypatch.setenv(name, value)
    return RemoteFolder(f"{make_bucket(address)}/far/run/")


def test_what_is_put_is_listed_read_and_fetched(folder: RemoteFolder, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"abcdefgh" * 1000)
    assert folder.files() == {}
    folder.put(source, "trials/7/weights")
    folder.put(source, "half", size=4000)
    folder.put_text("ü", "a.txt")
    assert {name: file.size for name, file in folder.files().items()} == {
        "trials/7/weights": 8000, "half": 4000, "a.txt": 2
    }  # fmt: skip
    assert folder.read("half") == source.read_bytes()[:4000]
    assert folder.fetch("trials/7/weights", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    found = folder.file("a.txt")
    assert found is not None
    assert found.modified is not None
    assert folder.name == "run"


def test_what_is_not_there(folder: RemoteFolder, tmp_path: Path) -> None:
    assert folder.read("none") is None
    assert folder.file("none") is None
    assert not folder.fetch("none/at/all", tmp_path / "target")
    assert not (tmp_path / "target").exists()
    folder.remove("none")
    folder.put_text("", "a")
    folder.remove("a")
    assert folder.files() == {}


def test_a_file_is_moved_over_another_one(folder: RemoteFolder) -> None:
    folder.put_text("old", "b/c")
    folder.put_text("new", "a")
    folder.move("a", "b/c")
    assert {name: folder.read(name) for name in folder.files()} == {"b/c": b"new"}


def test_large_files_are_copied_in_blocks(
    folder: RemoteFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_BLOCK", 1000)
    (tmp_path / "source").write_bytes(bytes(range(256)) * 20)
    folder.put(tmp_path / "source", "whole")
    folder.put(tmp_path / "source", "part", size=2500)
    assert folder.read("whole") == bytes(range(256)) * 20
    assert folder.read("part") == (bytes(range(256)) * 20)[:2500]


def test_a_bucket_that_is_not_there(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables(server).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RemoteError, match=r"^s3://nobodys/run/a cannot be written: .*NO_SUCH_BUCKET"):
        RemoteFolder("s3://nobodys/run").put_text("", "a")


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RemoteError, match=r"^local://.*/file/run/a cannot be written: "):
        RemoteFolder(f"local://{tmp_path}/file/run").put_text("", "a")


@pytest.mark.parametrize(
    "url", ["s3://key:tops3cret@lab/run", "abfs://lab/run?sig=tops3cret", "sftp://ann:tops3cret@h/run"]
)
def test_a_key_in_a_url_is_refused(url: str) -> None:
    with pytest.raises(RemoteError, match="a URL must not contain a key or a password") as caught:
        RemoteFolder(url)
    assert "tops3cret" not in str(caught.value)
