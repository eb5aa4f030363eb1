"""Archives of a few kilobytes that hold gigabytes."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from xoresnet.data.reading import archive
from xoresnet.data.reading.archive import read_members


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def write(path: Path, *parts: bytes) -> Path:
    with gzip.open(path, "wb") as file:
        for part in parts:
            file.write(part)
    return path


def test_files_by_name_in_any_folder(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name, content in (("folder/meta", b"1"), ("folder/other", b"2"), ("train", b"3")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    assert read_members(tmp_path / "a.tar.gz", {"meta", "train", "missing"}) == {"meta": b"1", "train": b"3"}


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_descriptions_of_gigabytes(tmp_path: Path, kind: bytes) -> None:
    """`tarfile` reads the name of a file as a whole, whatever its length."""
    zeros = bytes(2**20)
    path = write(tmp_path / "a.tar.gz", header("x", 64 * 2**20, kind), *[zeros] * 64, header("meta", 0))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(tarfile.ReadError, match="a member of 67,108,864 bytes is larger than any that is read"):
        read_members(path, {"meta"})
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**22


def test_files_of_gigabytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar.gz", header("meta", 2**40), bytes(2**20))
    with pytest.raises(tarfile.ReadError, match="a member of 1,099,511,627,776 bytes is larger than any that is read"):
        read_members(path, {"meta"})


def test_sparse_files_of_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse file of 512 bytes that stands for a terabyte of zeros."""
    block = bytearray(header("meta", 512, tarfile.GNUTYPE_SPARSE))
    block[386:410] = b"00000000000\x0000000001000\x00"
    block[483:495] = b"\x80" + bytes(5) + (2**40).to_bytes(6, "big")
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    path = write(tmp_path / "a.tar.gz", bytes(block), bytes(512), bytes(1024))
    with pytest.raises(tarfile.ReadError, match="is larger than any that is read"):
        read_members(path, {"meta"})


def test_what_cannot_be_read_as_an_archive(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"no archive")
    with pytest.raises(tarfile.TarError):
        read_members(tmp_path / "a.tar.gz", {"meta"})
    assert archive.__all__ == ["read_members"]
