"""`cifar10-dvs`: 10,000 recordings of moving CIFAR-10 images by an event camera of 128 x 128 pixels (Li et al. 2017).

A root contains the ten class folders with the `.aedat4` files that tonic publishes, in `CIFAR10DVS/` (where tonic puts
them) or `cifar10-dvs/`. Nobody has published a test set: one tenth of each class is set aside, as is usual, by the rule
of `reading/split.py` at a fixed seed (`reading/pool.py`). The authors' own `.aedat` files are another format, which is
not read; hosts of both have vanished before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xoresnet.data.events.lists import read_event_lists
from xoresnet.data.events.published import download_with_tonic
from xoresnet.data.events.recordings import RECORDINGS
from xoresnet.data.images import Augmentation
from xoresnet.data.reading.file_list import has_class_folders, list_class_folders
from xoresnet.data.reading.loader import DamagedError, Loader, ReadOptions, Source
from xoresnet.data.reading.pool import split_pool
from xoresnet.description.recipe import Recipe

__all__ = ["LOADER"]

_FOLDERS = ("CIFAR10DVS", "cifar10-dvs")
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SENSOR = (128, 128)
_TEST_SHARE = 0.1


def _find(roots: Sequence[Path]) -> Path | None:
    places = (root / folder for root in roots for folder in _FOLDERS)
    return next((place for place in places if has_class_folders(place)), None)


def _read(place: Path, options: ReadOptions) -> Source:
    files = list_class_folders(place, RECORDINGS)
    if len(files.classes) < len(_CLASSES):
        raise DamagedError(f"{place} contains {len(files.classes)} of the {len(_CLASSES)} class folders")
    train, test = split_pool(files, _TEST_SHARE)
    return read_event_lists("cifar10-dvs", train, test, options, sensor=_SENSOR)


def _download(root: Path) -> None:
    download_with_tonic("CIFAR10DVS", {"": _CLASSES}, root / "CIFAR10DVS")


LOADER = Loader(
    name="cifar10-dvs",
    summary="10,000 recordings of moving photographs, 128 x 128, 10 classes",
    find=_find,
    read=_read,
    how_to_get="xoresnet data cifar10-dvs --download, or unpack CIFAR10DVS.zip (figshare 38023437), and the archives "
    "in it, into data/CIFAR10DVS",
    image_shape=(2, *_SENSOR),
    num_classes=len(_CLASSES),
    augmentation=Augmentation(flip=True, crop_padding=8),
    recipe=Recipe(batch_size=16),
    download=_download,
    options=frozenset({"frames", "image_size"}),
)
