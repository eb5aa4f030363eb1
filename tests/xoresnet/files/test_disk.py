"""Full disks, quotas and limits: told from other errors whichever library meets them."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from tests.small_disk import file_limit, small_disk
from xoresnet.files.atomic import write_text
from xoresnet.files.disk import disk_errors, free_bytes, full_disk, is_full


def test_what_libraries_raise_on_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        file = disk.path / "file"
        with pytest.raises(OSError, match="No space left") as plain:
            write_text(file, "x" * 100_000)
        with pytest.raises(SafetensorError) as safetensors:
            save_file({"x": torch.zeros(100_000)}, file)
        file.unlink(missing_ok=True)
        with pytest.raises(OSError, match="No space left") as table:
            pq.write_table(pa.table({"x": range(100_000)}), file)
        file.unlink(missing_ok=True)
        assert all(is_full(caught.value) and is_full(repr(caught.value)) for caught in (plain, safetensors, table))
        with pytest.raises(OSError, match=f"No space left on device: '{file}'") as named, disk_errors(file):
            save_file({"x": torch.zeros(100_000)}, file)
        assert (named.value.errno, named.value.filename) == (errno.ENOSPC, str(file))
        file.unlink(missing_ok=True)
        disk.fill(leave=12_288)
        sentence = full_disk(disk.path, 123_000, plain.value)
        assert sentence == f"no space is left in {disk.path}: 12.3 kB are free on its disk, about 123.0 kB needed"
        assert free_bytes(disk.path / "folder" / "yet" / "to" / "make") == 12_288


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    with file_limit(10_000), pytest.raises(OSError, match="File too large") as caught, disk_errors(tmp_path / "x"):
        save_file({"x": torch.zeros(100_000)}, tmp_path / "x")
    assert is_full(caught.value)
    assert is_full(f"OSError: {caught.value}")
    sentence = full_disk(tmp_path, 123, caught.value)
    assert sentence.startswith(f"a limit on the size of files is reached in {tmp_path}: ")
    assert sentence.endswith(" are free on its disk, about 123 bytes needed")
    wrapped = RuntimeError("the tables")
    wrapped.__cause__ = caught.value
    assert is_full(wrapped)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        ("OSError: [Errno 28] No space left on device: '/run/x'", True),
        ("OSError: [Errno 122] Disk quota exceeded", True),
        ("SafetensorError: Error while serializing: I/O error: No space left on device (os error 28)", True),
        ("(sqlite3.OperationalError) database or disk is full", True),
        ("ValueError: 28", False),
        ("OSError: [Errno 2] No such file or directory: 'x'", False),
        ("OSError: [Errno 281] what is that", False),
        ("", False),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (FileNotFoundError(errno.ENOENT, "no (os error 28)"), False),
        (ValueError("no such merge"), False),
    ],
)
def test_which_errors_are_of_a_full_disk(error: BaseException | str, full: bool) -> None:
    assert is_full(error) is full


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), disk_errors(tmp_path):
        raise ZeroDivisionError
    with pytest.raises(SafetensorError), disk_errors(tmp_path):
        raise SafetensorError("header too small")
    with pytest.raises(FileNotFoundError, match=r"no/file"), disk_errors(tmp_path / "no" / "file"):
        save_file({"x": torch.zeros(1)}, tmp_path / "no" / "file")
