"""`n-mnist`: 70,000 recordings of MNIST digits that move before an event camera (Orchard et al. 2015), 34 x 34 pixels.

A root contains `Train/` and `Test/` with the class folders 0 to 9 and the original `.bin` files in them, directly or in
`NMNIST/` (where tonic puts them), `N-MNIST/` or `n-mnist/`. Each recording has three saccades of about 100 ms. Single
files have no published checksums; those of the archives are verified when they are downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xoresnet.data.events.lists import read_event_lists
from xoresnet.data.events.published import download_with_tonic
from xoresnet.data.events.recordings import RECORDINGS
from xoresnet.data.reading.file_list import has_class_folders, list_class_folders
from xoresnet.data.reading.loader import DamagedError, Loader, ReadOptions, Source

__all__ = ["LOADER"]

_FOLDERS = ("NMNIST", "N-MNIST", "n-mnist", ".")
_SENSOR = (34, 34)
_CLASSES = 10


def _find(roots: Sequence[Path]) -> Path | None:
    places = (root / folder for root in roots for folder in _FOLDERS)
    return next((place for place in places if has_class_folders(place / "Train")), None)


def _read(place: Path, options: ReadOptions) -> Source:
    train = list_class_folders(place, RECORDINGS, ("Train",))
    if len(train.classes) < _CLASSES:
        raise DamagedError(f"{place / 'Train'} contains {len(train.classes)} of the {_CLASSES} class folders")
    return read_event_lists("n-mnist", train, place / "Test", options, sensor=_SENSOR)


def _download(root: Path) -> None:
    download_with_tonic("NMNIST", {"train_": ["Train"], "test_": ["Test"]}, root / "NMNIST")


LOADER = Loader(
    name="n-mnist",
    summary="70,000 recordings of moving handwritten digits, 34 x 34, 10 classes",
    find=_find,
    read=_read,
    how_to_get="xoresnet data n-mnist --download, or unpack Train.zip and Test.zip (Mendeley Data 468j46mzdv) into "
    "data/NMNIST",
    image_shape=(2, *_SENSOR),
    num_classes=_CLASSES,
    download=_download,
    options=frozenset({"frames", "image_size"}),
)
