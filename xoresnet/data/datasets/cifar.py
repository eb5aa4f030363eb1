"""`cifar10` and `cifar100`: 60,000 colour images of 32 x 32 pixels in the original pickled batches.

A root contains the folder (`cifar-10-batches-py`, `cifar-100-python`), or is that folder, or contains the original
.tar.gz, which is read without unpacking. Pickles are read by `safe_pickle`, which runs nothing that they name.

Every batch that is read must have the right shapes, types, lengths and label range. A batch with as many images as the
original's (10,000 in CIFAR-10, 50,000 and 10,000 in CIFAR-100) must also have the published MD5, and so must the file
of class names beside it, unless `ReadOptions(verify=False)`. Batches of other sizes are accepted as the user's own. In
an archive the members are verified, not the whole, which may have been recompressed.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch

from xoresnet.data.images import Augmentation, Split
from xoresnet.data.reading.download import download_with_torchvision
from xoresnet.data.reading.loader import Loader, ReadOptions, Source
from xoresnet.data.reading.safe_pickle import read_pickle
from xoresnet.errors import DataError

__all__ = ["CIFAR10", "CIFAR100", "LOADERS", "CifarLayout", "read"]

_SHAPE = (3, 32, 32)


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


def _find(layout: CifarLayout, roots: Sequence[Path]) -> Path | None:
    for root in roots:
        for folder in (root / layout.folder, root):
            if (folder / layout.meta).is_file() and (folder / layout.train[0]).is_file():
                return folder
        if (root / layout.archive).is_file():
            return root / layout.archive
    return None


def read(layout: CifarLayout, place: Path, options: ReadOptions) -> Source:
    """The training images in a folder or an archive. Raises `DataError`."""
    files = _read_files(place, (layout.meta, *layout.train))
    classes = _class_names(layout, place, files[layout.meta])
    train = _to_split(layout, place, files, layout.train, len(classes), verify=options.verify)
    if options.verify and len(train) == sum(layout.originals[name][0] for name in layout.train):
        _check_original(layout, place, layout.meta, files[layout.meta])
    return Source(classes, train, partial(_read_test, layout, place, len(classes), verify=options.verify))


def _read_test(layout: CifarLayout, place: Path, num_classes: int, *, verify: bool) -> Split:
    return _to_split(layout, place, _read_files(place, layout.test), layout.test, num_classes, verify=verify)


def _class_names(layout: CifarLayout, place: Path, content: bytes) -> tuple[str, ...]:
    path = place / layout.meta
    names = read_pickle(content, path).get(layout.names_key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path} has no list of class names under {layout.names_key!r}")
    return tuple(names)


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
        batch = read_pickle(files[name], place / name)
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
        raise DataError(f"{place / name} has the wrong checksum: its MD5 is {actual}, that of the original {published}")


def _read_files(place: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The contents of the named files in the folder or the archive; no other file is opened."""
    try:
        if place.is_dir():
            return {name: (place / name).read_bytes() for name in names}
        contents = _read_members(place, set(names))
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} is missing") from None
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{place} is truncated or damaged: {error}") from error
    missing = [name for name in names if name not in contents]
    if missing:
        raise DataError(f"{place} lacks {', '.join(missing)}")
    return contents


def _read_members(archive: Path, names: set[str]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            file = tar.extractfile(member) if name in names and member.isfile() else None
            if file is not None:
                contents[name] = file.read()
            if len(contents) == len(names):
                break
    return contents


CIFAR10 = CifarLayout(
    folder="cifar-10-batches-py",
    archive="cifar-10-python.tar.gz",
    num_classes=10,
    labels_key="labels",
    meta="batches.meta",
    names_key="label_names",
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test=("test_batch",),
    originals={
        "batches.meta": (0, "5ff9c542aee3614f3951f8cda6e48888"),
        "data_batch_1": (10_000, "c99cafc152244af753f735de768cd75f"),
        "data_batch_2": (10_000, "d4bba439e000b95fd0a9bffe97cbabec"),
        "data_batch_3": (10_000, "54ebc095f3ab1f0389bbae665268c751"),
        "data_batch_4": (10_000, "634d18415352ddfa80567beed471001a"),
        "data_batch_5": (10_000, "482c414d41f54cd18b22e5b47cb7c3cb"),
        "test_batch": (10_000, "40351d587109b95175f43aff81a1287e"),
    },
)

CIFAR100 = CifarLayout(
    folder="cifar-100-python",
    archive="cifar-100-python.tar.gz",
    num_classes=100,
    labels_key="fine_labels",
    meta="meta",
    names_key="fine_label_names",
    train=("train",),
    test=("test",),
    originals={
        "meta": (0, "7973b15100ade9c7d40fb424638fde48"),
        "train": (50_000, "16019d7e3df5f24257cddd939b257f8d"),
        "test": (10_000, "f0ef6b0ae62326f3e7ffdfab6717acfc"),
    },
)


LOADERS = tuple(
    Loader(
        name=name,
        summary=f"60,000 photographs, 32 x 32 colour, {layout.num_classes} classes",
        find=partial(_find, layout),
        read=partial(read, layout),
        how_to_get=f"xoresnet data {name} --download",
        image_shape=_SHAPE,
        num_classes=layout.num_classes,
        augmentation=Augmentation(flip=True, crop_padding=4),
        download=partial(download_with_torchvision, name.upper()),
    )
    for name, layout in (("cifar10", CIFAR10), ("cifar100", CIFAR100))
)
