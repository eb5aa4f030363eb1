"""Which files of a folder are for training and which for testing, where nobody has published that."""

from __future__ import annotations

from pathlib import Path

from xoresnet.data.reading.file_list import FileKind, FileList, has_class_folders, list_class_folders
from xoresnet.data.reading.split import split_rows

__all__ = ["TEST_SEED", "TEST_SHARE", "list_parts", "split_pool"]

TEST_SEED = 84
TEST_SHARE = 1 / 6


def list_parts(place: Path, kind: FileKind) -> tuple[FileList, FileList | Path]:
    """Training files, and test files or the folder `test/` with them, of a folder that a user has made.

    `train/` and `val/` are for training if `train/` has class folders; without `test/`, a part of all files is for
    testing.
    """
    if not has_class_folders(place / "train"):
        return split_pool(list_class_folders(place, kind))
    train, test = list_class_folders(place, kind, ("train", "val")), place / "test"
    return (train, test) if test.is_dir() else split_pool(train)


def split_pool(pool: FileList, share: float = TEST_SHARE) -> tuple[FileList, FileList]:
    """Training and test files of one pool, by the rule of `split.py` at `TEST_SEED`. share: of the test files."""
    train, test = split_rows(pool.label_tensor, pool.classes, share, TEST_SEED, where=pool.root)
    return pool.select(train), pool.select(test)
