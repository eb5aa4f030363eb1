from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.small_disk import file_limit
from xoresnet.files.atomic import replaced, sweep, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_readers_see_the_old_contents_until_the_block_ends(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file.txt"
    file.parent.mkdir()
    write_text(file, "vörher\n")
    with replaced(file) as partial:
        partial.write_text("nachher\n")
        assert partial.parent == file.parent  # across file systems a file is copied, not renamed
        assert file.read_text(encoding="utf-8") == "vörher\n"
    assert file.read_text() == "nachher\n"
    assert names(file.parent) == ["file.txt"]
    with pytest.raises(FileNotFoundError):  # a folder that was moved is not made again
        write_text(tmp_path / "moved" / "file.txt", "text")


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_contents(tmp_path: Path, kind: type[BaseException]) -> None:
    def write_half(file: Path) -> None:
        with replaced(file) as partial:
            partial.write_text("half")
            raise kind

    with pytest.raises(kind):
        write_half(tmp_path / "file.txt")
    assert names(tmp_path) == []
    write_text(tmp_path / "file.txt", "whole")
    with pytest.raises(kind):
        write_half(tmp_path / "file.txt")
    assert names(tmp_path) == ["file.txt"]
    assert (tmp_path / "file.txt").read_text() == "whole"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_permissions_are_those_of_an_ordinary_new_file(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        with replaced(tmp_path / "file.txt") as partial:
            partial.touch(mode=0o600)  # as safetensors does
        assert (tmp_path / "file.txt").stat().st_mode & 0o777 == mode
        assert os.umask(umask) == umask  # reading the mask sets it for a moment
    finally:
        os.umask(before)


def test_an_error_of_the_system_names_the_file(tmp_path: Path) -> None:
    """Where a write fails, the system itself does not say to which file."""
    with file_limit(1000), pytest.raises(OSError, match="File too large") as caught:
        write_text(tmp_path / "a.txt", "x" * 2000)
    assert caught.value.filename == str(tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_devices_and_pipes_are_not_replaced(tmp_path: Path) -> None:
    """By root, /dev/null would become a file for everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a file that can be replaced"):
        write_text(pipe, "text")
    assert pipe.is_fifo()


def test_sweeping_removes_partial_files_only(tmp_path: Path) -> None:
    kept = [".lock", "trials.parquet", ".hidden.txt", "weights.123"]
    for name in [*kept, ".trials.parquet.4711"]:
        (tmp_path / name).write_text("x")
    sweep(tmp_path)
    sweep(tmp_path / "nowhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
