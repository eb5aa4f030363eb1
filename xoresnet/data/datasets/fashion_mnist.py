"""`fashion-mnist`: 70,000 grey images of 28 x 28 pixels in the original IDX files, gzipped or plain.

A root contains them directly, in `fashion-mnist/`, or in torchvision's `FashionMNIST/raw/`; the files of Debian's
package dataset-fashion-mnist are found too. A plain file takes precedence over its gzipped twin.

Every file that is read must have the right magic number, dimensions, length and label range. A file with as many
entries as the original (60,000 or 10,000) must also have the original's content, by the MD5 of its uncompressed bytes,
unless `ReadOptions(verify=False)`: so recompressed files pass, as Debian's are, and ordinary MNIST does not. Files with
other numbers of entries are accepted as the user's own.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, cast

import numpy as np
import torch
from torch import Tensor

from xoresnet.data.images import Augmentation, Split
from xoresnet.data.reading.download import download_with_torchvision
from xoresnet.data.reading.loader import Loader, ReadOptions, Source
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DataError

__all__ = ["LOADERS"]

_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_FOLDERS = (".", "fashion-mnist", "FashionMNIST/raw")
_SIDE = 28
_MOST_ENTRIES = 10**7  # a damaged header may claim more than fits in memory

# MD5 of the uncompressed files. torchvision publishes those of the .gz files; Debian's files, from which these were
# computed, have the published MD5s once the name and time that Debian strips from the gzip headers are restored.
_ORIGINALS = {
    "train-images-idx3-ubyte": (60_000, "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
    "train-labels-idx1-ubyte": (60_000, "9018921c3c673c538a1fc5bad174d6f9"),
    "t10k-images-idx3-ubyte": (10_000, "8181f5470baa50b63fa0f6fddb340f0a"),
    "t10k-labels-idx1-ubyte": (10_000, "15d484375f8d13e6eb1aabb0c3f46965"),
}


def _find(roots: Sequence[Path]) -> Path | None:
    folders = [root / folder for root in roots for folder in _FOLDERS]
    return next((folder for folder in folders if _file(folder, "train-images-idx3-ubyte").is_file()), None)


def _read(place: Path, options: ReadOptions) -> Source:
    read_split = partial(_read_split, place, verify=options.verify)
    return Source(_CLASSES, read_split("train"), partial(read_split, "t10k"))


def _read_split(place: Path, part: str, *, verify: bool) -> Split:
    images = _read_idx(place, f"{part}-images-idx3-ubyte", 3, verify=verify)
    labels_name = f"{part}-labels-idx1-ubyte"
    labels = _read_idx(place, labels_name, 1, verify=verify).long()
    path = _file(place, labels_name)
    if len(labels) != len(images):
        raise DataError(f"{path} has {len(labels)} labels, but its images file has {len(images)} images")
    wrong = (labels >= len(_CLASSES)).nonzero().flatten()
    if len(wrong):
        raise DataError(
            f"{path}: label {labels[wrong[0]]} of image {wrong[0]} is out of range 0 .. {len(_CLASSES) - 1}"
        )
    return Split(images.unsqueeze(1), labels)


def _read_idx(place: Path, name: str, dimensions: int, *, verify: bool) -> Tensor:
    """The array of one file: uint8 [N] or [N, 28, 28]."""
    path = _file(place, name)
    try:
        with _open(path) as file:
            header = file.read(4 + 4 * dimensions)
            shape = _shape(path, header, dimensions)
            values = file.read(math.prod(shape) + 1)
    except FileNotFoundError:
        raise DataError(f"{path} is missing, and so is its .gz form") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is truncated or damaged: {error}") from error
    if len(values) != math.prod(shape):
        size = "more" if len(values) > math.prod(shape) else f"{len(values)}"
        raise DataError(f"{path} has the wrong size: its header announces {math.prod(shape)} bytes, but it has {size}")
    if verify:
        _check_original(path, name, shape[0], header + values)
    # a bytearray, because tensors are writable
    return torch.from_numpy(np.frombuffer(bytearray(values), dtype=np.uint8).reshape(shape))


def _shape(path: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    magic = bytes((0, 0, 8, dimensions))  # two zeros, the code of unsigned bytes, the number of dimensions
    if not header:
        raise DataError(f"{path} is empty")
    if header[:4] != magic:
        raise DataError(f"{path} is not the expected IDX file: it begins with {header[:4].hex()}, not {magic.hex()}")
    if len(header) < 4 + 4 * dimensions:
        raise DataError(f"{path} is truncated: it ends within the header")
    shape = tuple(map(int, np.frombuffer(header[4:], dtype=">u4")))
    if shape[0] > _MOST_ENTRIES:
        raise DataError(f"{path} has the wrong size: its header announces {shape[0]} entries")
    if shape[0] == 0:
        raise DataError(f"{path} is empty: its header announces 0 entries")
    if shape[1:] not in ((), (_SIDE, _SIDE)):
        raise DataError(f"{path} has images of the wrong size: {shape[1]} x {shape[2]}, not {_SIDE} x {_SIDE}")
    return shape


def _check_original(path: Path, name: str, entries: int, content: bytes) -> None:
    original_entries, checksum = _ORIGINALS[name]
    if entries != original_entries:
        return
    actual = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if actual != checksum:
        raise DataError(
            f"{path} has the wrong checksum: the MD5 of its uncompressed content is {actual}, "
            f"that of the Fashion-MNIST original is {checksum}"
        )


def _file(folder: Path, name: str) -> Path:
    plain, zipped = folder / name, folder / f"{name}.gz"
    return zipped if zipped.is_file() and not plain.is_file() else plain


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


LOADERS = (
    Loader(
        name="fashion-mnist",
        summary="70,000 images of clothes, 28 x 28 grey, 10 classes",
        find=_find,
        read=_read,
        how_to_get="apt-get install dataset-fashion-mnist (Debian, Ubuntu), or: xoresnet data fashion-mnist --download",
        image_shape=(1, _SIDE, _SIDE),
        num_classes=10,
        augmentation=Augmentation(flip=True),
        # from the experiments in docs/benchmarks.md; cropping cost about one percentage point in five epochs
        recipe=Recipe(epochs=10, learning_rate=0.02),
        download=partial(download_with_torchvision, "FashionMNIST"),
        extra_roots=(Path("/usr/share/datasets"),),  # Debian's package dataset-fashion-mnist
    ),
)
