"""Data sets of single image files, decoded and cached."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from xoresnet.data.images import Split
from xoresnet.data.reading.file_list import FileList, list_class_folders
from xoresnet.data.reading.image_cache import cached_split
from xoresnet.data.reading.image_files import IMAGES
from xoresnet.data.reading.loader import Progress, Source
from xoresnet.errors import DataError

__all__ = ["read_image_lists"]


def read_image_lists(
    name: str, train: FileList, test: FileList | Path, shape: tuple[int, int, int], progress: Progress | None
) -> Source:
    """Decode the training images, or map them if that was done before; the test images are not read.

    test: a list, or a folder of class folders that is listed when the test set is opened. shape: (C, H, W).
    """
    split, statistics = cached_split(train, shape, f"{name}-train", progress)
    read_test = partial(_read_test, name, train.classes, test, shape, progress)
    return Source(train.classes, split, read_test, statistics, train.left_out)


def _read_test(
    name: str,
    classes: tuple[str, ...],
    test: FileList | Path,
    shape: tuple[int, int, int],
    progress: Progress | None,
) -> Split:
    images = list_class_folders(test, IMAGES) if isinstance(test, Path) else test
    different = sorted(set(classes) ^ set(images.classes))
    if different:
        place = "is missing from" if different[0] in classes else "is only in"
        raise DataError(f"class {different[0]!r} {place} the test set in {images.root}")
    split = cached_split(images, shape, f"{name}-test", progress)[0]
    return replace(split, left_out=images.left_out) if isinstance(test, Path) else split  # else as in training
