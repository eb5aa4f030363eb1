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
from xoresnet.data.reading.download import fetch, published_files, set_aside
from xoresnet.data.reading.loader import DamagedError, Loader, ReadOptions, Source
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DataError
from xoresnet.limits import MOST_FILE_BYTES

__all__ = ["LOADER"]

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
_CHUNK = 2**20
_TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")

# MD5 of the uncompressed files. torchvision publishes those of the .gz files; Debian's files, from which these were
# computed, have the published MD5s once the name and time that Debian strips from the gzip headers are restored.
_ORIGINALS = {
    "train-images-idx3-ubyte": (60_000, "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
    "train-labels-idx1-ubyte": (60_000, "9018921c3c673c538a1fc5bad174d6f9"),
    "t10k-images-idx3-ubyte": (10_000, "8181f5470baa50b63fa0f6fddb340f0a"),
    "t10k-labels-idx1-ubyte": (10_000, "15d484375f8d13e6eb1aabb0c3f46965"),
}


def _find(roots: Sequence[Path]) -> Path | None:
    return next((place for root in roots if (place := _find_in(root)) is not None), None)


def _find_in(root: Path) -> Path | None:
    """A folder with what training needs, else one that holds what an interrupted download has left."""
    folders = [root / folder for folder in _FOLDERS]
    whole = (folder for folder in folders if all(_files(folder, name) for name in _TRAIN))
    parts = (folder for folder in folders if any(_files(folder, name) for name in _ORIGINALS))
    return next(whole, None) or next(parts, None)


def _read(place: Path, options: ReadOptions) -> Source:
    read_split = partial(_read_split, place, verify=options.verify)
    return Source(_CLASSES, read_split("train"), partial(read_split, "t10k"))


def _read_split(place: Path, part: str, *, verify: bool) -> Split:
    images = _read_idx(place, f"{part}-images-idx3-ubyte", 3, verify=verify)
    labels_name = f"{part}-labels-idx1-ubyte"
    labels = _read_idx(place, labels_name, 1, verify=verify).long()
    path = _files(place, labels_name)[0]
    if len(labels) != len(images):
        raise DataError(f"{path} has {len(labels)} labels, but its images file has {len(images)} images")
    wrong = (labels >= len(_CLASSES)).nonzero().flatten()
    if len(wrong):
        raise DataError(
            f"{path}: label {labels[wrong[0]]} of image {wrong[0]} is out of range 0 .. {len(_CLASSES) - 1}"
        )
    return Split(images.unsqueeze(1), labels)


def _read_idx(place: Path, name: str, dimensions: int, *, verify: bool) -> Tensor:
    """The array of one file, uint8 [N] or [N, 28, 28]; of its .gz form, where the plain one is damaged."""
    there = _files(place, name)
    if not there:
        raise DamagedError(f"{place / name} is missing, and so is its .gz form")
    faults: list[DamagedError] = []
    for path in there:
        try:
            return _read_file(path, name, dimensions, verify=verify)
        except DamagedError as error:
            faults.append(error)
    raise faults[0]


def _read_file(path: Path, name: str, dimensions: int, *, verify: bool) -> Tensor:
    values = bytearray()  # because tensors are writable
    try:
        with _open(path) as file:
            header = file.read(4 + 4 * dimensions)
            shape = _shape(path, header, dimensions)
            size = math.prod(shape)
            # as the bytes come: a damaged header may announce more than there is
            while len(values) <= size and (chunk := file.read(min(_CHUNK, size + 1 - len(values)))):
                values += chunk
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedError(f"{path} is truncated or damaged: {error}") from error
    if len(values) != size:
        actual = "more" if len(values) > size else f"{len(values)}"
        raise DamagedError(f"{path} has the wrong size: its header announces {size} bytes, but it has {actual}")
    if verify:
        _check_original(path, name, shape[0], header, values)
    return torch.from_numpy(np.frombuffer(values, dtype=np.uint8).reshape(shape))


def _shape(path: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    magic = bytes((0, 0, 8, dimensions))  # two zeros, the code of unsigned bytes, the number of dimensions
    if not header:
        raise DamagedError(f"{path} is empty")
    if header[:4] != magic:
        raise DamagedError(f"{path} is not the expected IDX file: it begins with {header[:4].hex()}, not {magic.hex()}")
    if len(header) < 4 + 4 * dimensions:
        raise DamagedError(f"{path} is truncated: it ends within the header")
    shape = tuple(map(int, np.frombuffer(header[4:], dtype=">u4")))
    if math.prod(shape) > MOST_FILE_BYTES:
        raise DamagedError(f"{path} has the wrong size: its header announces {shape[0]} entries")
    if shape[0] == 0:
        raise DamagedError(f"{path} is empty: its header announces 0 entries")
    if shape[1:] not in ((), (_SIDE, _SIDE)):
        raise DamagedError(f"{path} has images of the wrong size: {shape[1]} x {shape[2]}, not {_SIDE} x {_SIDE}")
    return shape


def _check_original(path: Path, name: str, entries: int, header: bytes, values: bytearray) -> None:
    original_entries, checksum = _ORIGINALS[name]
    if entries != original_entries:
        return
    digest = hashlib.md5(header, usedforsecurity=False)
    digest.update(values)
    actual = digest.hexdigest()
    if actual != checksum:
        raise DamagedError(
            f"{path} has the wrong checksum: the MD5 of its uncompressed content is {actual}, "
            f"that of the Fashion-MNIST original is {checksum}"
        )


def _files(folder: Path, name: str) -> list[Path]:
    """The forms in which a file is there: plain, then gzipped."""
    return [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]


def _download(root: Path) -> None:
    """Fetch the gzipped files that are missing into the folder that holds some already.

    Halves of unpacked files are removed. Whole files of another data set (MNIST's have the same names) are set aside.
    """
    folders = [root / folder for folder in _FOLDERS]
    folder = next((each for each in folders if any(_files(each, name) for name in _ORIGINALS)), folders[-1])
    for path in (file for name in _ORIGINALS for file in _files(folder, name)):
        if not _is_whole(path) and _is_whole(path, verify=False):
            set_aside(path)
    missing = [
        file
        for file in published_files("FashionMNIST")
        if not (plain := folder / file.name.removesuffix(".gz")).is_file() or not _is_whole(plain)
    ]
    fetch(missing, folder, _is_whole)
    for path in (folder / name for name in _ORIGINALS):
        if path.is_file() and not _is_whole(path):
            path.unlink()


def _is_whole(path: Path, *, verify: bool = True) -> bool:
    """Whether a file can be read; with verify, one with as many entries as the original must have its content."""
    name = path.name.removesuffix(".gz")
    try:
        _read_file(path, name, 3 if "images" in name else 1, verify=verify)
    except DataError:
        return False
    return True


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


LOADER = Loader(
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
    download=_download,
    extra_roots=(Path("/usr/share/datasets"),),  # Debian's package dataset-fashion-mnist
)
