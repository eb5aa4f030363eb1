"""Files that are replaced atomically: a reader sees the complete old contents or the complete new ones."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replaced", "sweep", "write_text"]


@contextmanager
def replaced(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends without an exception, its file replaces `path`.

    The new contents survive a power cut. The folder must exist: a run that was moved must not appear again where it
    was. An exception removes the partial file and leaves `path` as it was. private: only the owner may read the file,
    from its first byte on. Raises `OSError`, which names the file.
    """
    if path.exists() and not path.is_file() and not path.is_dir():  # /dev/null would become a file
        raise OSError(errno.EINVAL, "not a file that can be replaced", str(path))
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    mode = 0o600 if private else 0o666 & ~_umask()
    try:
        if private:
            partial.unlink(missing_ok=True)  # of a killed process with the same number, which others might read
            partial.touch(mode, exist_ok=False)
        yield partial
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        partial.chmod(mode)  # some libraries write files that only their owner can read
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.filename is None:  # where a write fails, the system does not say to which file
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Replace a file's contents by a text in UTF-8; private: as for `replaced`. Raises `OSError`."""
    with replaced(path, private=private) as partial:
        partial.write_text(text, encoding="utf-8")


def sweep(folder: Path) -> None:
    """Remove the partial files of killed processes. No other process may be writing to the folder.

    A folder that does not exist counts as empty.
    """
    for partial in folder.glob(".*.*"):
        if partial.suffix[1:].isdecimal():
            partial.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, on systems that can sync folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
