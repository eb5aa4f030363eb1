"""CIFAR-10 and CIFAR-100: colour images of 32 x 32 pixels in the original pickled batches.

A root contains the folder (`cifar-10-batches-py`, `cifar-100-python`), or is that folder, or contains the original
.tar.gz, which is read without unpacking. Pickles are read by `safe_pickle`, which runs nothing that they name.

Every batch that is read must have the right shapes, types, lengths and label range. A batch with as many images as the
original's (10,000 in CIFAR-10, 50,000 and 10,000 in CIFAR-100) must also have the published MD5, and so must the file
of class names beside it, unless `ReadOptions(verify=False)`. Batches of other sizes are accepted as the user's own. In
an archive the members are verified, not the whole, which may have been recompressed.
"""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from xoresnet.data.images import Augmentation, Split
from xoresnet.data.reading.archive import read_members
from xoresnet.data.reading.download import fetch, published_files, set_aside
from xoresnet.data.reading.loader import DamagedError, Loader, ReadOptions, Source
from xoresnet.data.reading.safe_pickle import read_pickle
from xoresnet.errors import DataError
from xoresnet.files.atomic import replaced
from xoresnet.limits import MOST_FILE_BYTES

__all__ = ["CifarLayout", "cifar_loader", "read"]

_SHAPE = (3, 32, 32)
Content = TypeVar("Content")


@dataclass(frozen=True)
class CifarLayout:
    """File names, keys and checksums of one of the two data sets."""

    folder: str
    archive: str
    num_classes: int
    labels_key: str
    meta: str
    names_key: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    originals: Mapping[str, tuple[int, str]]
    """Number of images and published MD5 by file name."""

    @property
    def needed(self) -> tuple[str, ...]:
        """The files that training needs."""
        return (self.meta, *self.train)

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.needed, *self.test)


def cifar_loader(name: str, layout: CifarLayout) -> Loader:
    """The loader of `cifar10` or `cifar100`; torchvision names its class like the data set, in capitals."""
    return Loader(
        name=name,
        summary=f"60,000 photographs, 32 x 32 colour, {layout.num_classes} classes",
        find=partial(_find, layout),
        read=partial(read, layout),
        how_to_get=f"xoresnet data {name} --download",
        image_shape=_SHAPE,
        num_classes=layout.num_classes,
        augmentation=Augmentation(flip=True, crop_padding=4),
        download=partial(_download, layout, name.upper()),
    )


def _find(layout: CifarLayout, roots: Sequence[Path]) -> Path | None:
    return next((place for root in roots if (place := _find_in(layout, root)) is not None), None)


def _find_in(layout: CifarLayout, root: Path) -> Path | None:
    """Unpacked files that suffice for training, else an archive, else what an interrupted download has left."""
    places = (root / layout.folder, root, root / layout.archive)
    whole = (place for place in places if place.is_file() or all((place / name).is_file() for name in layout.needed))
    parts = (place for place in places if any((place / name).is_file() for name in layout.train))
    return next(whole, None) or next(parts, None)


def read(layout: CifarLayout, place: Path, options: ReadOptions) -> Source:
    """The training images in a folder or an archive; of an archive, where the folder beside it is damaged.

    Raises `DataError`.
    """
    return _undamaged(layout, place, lambda there: _read_train(layout, there, options))


def _undamaged(layout: CifarLayout, place: Path, read_from: Callable[[Path], Content]) -> Content:
    """What is read from a place or, where files there are damaged or missing, from the archive beside them."""
    try:
        return read_from(place)
    except DamagedError:
        archives = (folder / layout.archive for folder in (place.parent, place))
        archive = next((path for path in archives if path.is_file() and path != place), None)
        if archive is None:
            raise
        with suppress(DamagedError):
            return read_from(archive)
        raise


def _read_train(layout: CifarLayout, place: Path, options: ReadOptions) -> Source:
    files = _read_files(place, (layout.meta, *layout.train))
    classes = _class_names(layout, place, files[layout.meta])
    train = _to_split(layout, place, files, layout.train, len(classes), verify=options.verify)
    if options.verify and len(train) == sum(layout.originals[name][0] for name in layout.train):
        _check_original(layout, place, layout.meta, files[layout.meta])
    return Source(classes, train, partial(_read_test, layout, place, len(classes), verify=options.verify))


def _read_test(layout: CifarLayout, place: Path, num_classes: int, *, verify: bool) -> Split:
    def read_from(there: Path) -> Split:
        return _to_split(layout, there, _read_files(there, layout.test), layout.test, num_classes, verify=verify)

    return _undamaged(layout, place, read_from)


def _class_names(layout: CifarLayout, place: Path, content: bytes) -> tuple[str, ...]:
    path = place / layout.meta
    names = _unpickled(content, path).get(layout.names_key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path} has no list of class names under {layout.names_key!r}")
    return tuple(names)


def _unpickled(content: bytes, path: Path) -> dict[str, Any]:
    try:
        return read_pickle(content, path)
    except DataError as error:
        raise DamagedError(str(error)) from error


def _to_split(
    layout: CifarLayout,
    place: Path,
    files: Mapping[str, bytes],
    names: Iterable[str],
    num_classes: int,
    *,
    verify: bool,
) -> Split:
    images, labels = [], []
    for name in names:
        batch = _unpickled(files[name], place / name)
        images.append(_images(place / name, batch.get("data")))
        labels.append(
            _labels(place / name, batch.get(layout.labels_key), layout.labels_key, len(images[-1]), num_classes)
        )
        if verify and len(images[-1]) == layout.originals[name][0]:
            _check_original(layout, place, name, files[name])
    return Split(torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.concatenate(labels)))


def _images(path: Path, data: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    if not isinstance(data, np.ndarray):
        raise DataError(f"{path} has no array under 'data'")
    if data.ndim != 2 or data.shape[1] != 3 * 32 * 32:
        raise DataError(f"{path} has the wrong size: 'data' has shape {list(data.shape)}, not [N, 3072]")
    return data.reshape(-1, *_SHAPE)


def _labels(path: Path, labels: Any, key: str, images: int, num_classes: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise DataError(f"{path} has no list of whole numbers under {key!r}")
    if len(labels) != images:
        raise DataError(f"{path} has {len(labels)} labels for {images} images")
    for index, label in enumerate(labels):
        if not 0 <= label < num_classes:
            raise DataError(f"{path}: label {label} of image {index} is out of range 0 .. {num_classes - 1}")
    return np.array(labels, dtype=np.int64)


def _check_original(layout: CifarLayout, place: Path, name: str, content: bytes) -> None:
    actual, published = hashlib.md5(content, usedforsecurity=False).hexdigest(), layout.originals[name][1]
    if actual != published:
        raise DamagedError(
            f"{place / name} has the wrong checksum: its MD5 is {actual}, that of the original {published}"
        )


def _read_files(place: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The contents of the named files in the folder or the archive; no other file is opened."""
    try:
        if place.is_dir():
            return {name: _read_file(place / name) for name in names}
        contents = read_members(place, set(names))
    except FileNotFoundError as error:
        raise DamagedError(f"{error.filename} is missing") from None
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DamagedError(f"{place} is truncated or damaged: {error}") from error
    missing = [name for name in names if name not in contents]
    if missing:
        raise DamagedError(f"{place} lacks {', '.join(missing)}")
    return contents


def _read_file(path: Path) -> bytes:
    if path.stat().st_size > MOST_FILE_BYTES:
        raise DataError(f"{path} is larger than the {MOST_FILE_BYTES / 2**30:g} GiB that are read")
    return path.read_bytes()


def _download(layout: CifarLayout, class_name: str, root: Path) -> None:
    """Fetch the archive, and repair from it what an interrupted download or unpacking has left beside it."""
    archive, folder = root / layout.archive, root / layout.folder
    fetch(published_files(class_name), root, partial(_is_whole, layout))
    unpacked = {name: (folder / name).read_bytes() for name in layout.files if (folder / name).is_file()}
    if not any(_is_original(layout, name, content) for name, content in unpacked.items()):
        return  # nothing is unpacked, or only files of the user's own
    for name, content in _read_files(archive, layout.files).items():
        there = unpacked.get(name)
        if there != content:
            if there is not None and not content.startswith(there):  # the user's own, and no half of ours
                set_aside(folder / name)
            with replaced(folder / name) as unfinished:
                unfinished.write_bytes(content)


def _is_whole(layout: CifarLayout, archive: Path) -> bool:
    """Whether an archive holds the original files, however it was compressed."""
    try:
        files = _read_files(archive, layout.files)
    except DataError:
        return False
    return all(_is_original(layout, name, content) for name, content in files.items())


def _is_original(layout: CifarLayout, name: str, content: bytes) -> bool:
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == layout.originals[name][1]
