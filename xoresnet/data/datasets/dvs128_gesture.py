"""`dvs128-gesture`: 1,342 recordings of 11 hand gestures by 29 persons (Amir et al. 2017), 128 x 128 pixels.

A root contains `ibmGestureTrain/` and `ibmGestureTest/`, directly or in `DVSGesture/` (where tonic puts them) or
`dvs128-gesture/`, with one folder for each person and light, `user01_fluorescent/`, and one `LABEL.npy` for each
gesture in it: the recordings that tonic publishes, cut at the published times. Persons 1 to 23 are for training and 24
to 29 for testing, as published. Validation sets whole persons aside, because recordings of one person are alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from xoresnet.data.events.lists import read_event_lists
from xoresnet.data.events.published import download_with_tonic
from xoresnet.data.images import Augmentation
from xoresnet.data.reading.file_list import FileList
from xoresnet.data.reading.loader import Loader, ReadOptions, Source
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DataError

__all__ = ["LOADER"]

_FOLDERS = ("DVSGesture", "dvs128-gesture", ".")
_TRAIN, _TEST = "ibmGestureTrain", "ibmGestureTest"
_SENSOR = (128, 128)
_CLASSES = (
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter-clockwise",
    "left arm clockwise",
    "left arm counter-clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
)
"""In the order of the published labels."""
_PERSON = re.compile(r"user(\d+)_")


def _find(roots: Sequence[Path]) -> Path | None:
    places = (root / folder for root in roots for folder in _FOLDERS)
    return next((place for place in places if (place / _TRAIN).is_dir()), None)


def _read(place: Path, options: ReadOptions) -> Source:
    train = _listed(place / _TRAIN)
    test = _listed(place / _TEST) if (place / _TEST).is_dir() else place / _TEST
    return read_event_lists("dvs128-gesture", train, test, options, sensor=_SENSOR, persons=_persons(train))


def _listed(folder: Path) -> FileList:
    """The recordings of a folder by label, then by path."""
    paths = sorted(path for path in folder.glob("user*_*/*.npy") if path.stem.isdecimal())
    if not paths:
        raise DataError(f"{folder} contains no recordings user01_fluorescent/0.npy, user01_fluorescent/1.npy, ...")
    wrong = next((path for path in paths if int(path.stem) >= len(_CLASSES)), None)
    if wrong is not None:
        raise DataError(f"{wrong} has the label {wrong.stem}, but labels lie between 0 and {len(_CLASSES) - 1}")
    ordered = sorted(paths, key=lambda path: (int(path.stem), path))
    names = tuple(path.relative_to(folder).as_posix() for path in ordered)
    return FileList(folder, _CLASSES, names, tuple(int(path.stem) for path in ordered))


def _persons(files: FileList) -> Tensor:
    found = [_PERSON.match(name) for name in files.names]
    unknown = next((name for name, match in zip(files.names, found, strict=True) if match is None), None)
    if unknown is not None:
        raise DataError(f"{files.root / unknown} does not lie in the folder of a person, such as user01_fluorescent")
    return torch.tensor([int(match[1]) for match in found if match is not None], dtype=torch.int64)


def _download(root: Path) -> None:
    download_with_tonic("DVSGesture", {"train_": [_TRAIN], "test_": [_TEST]}, root / "DVSGesture")


LOADER = Loader(
    name="dvs128-gesture",
    summary="1,342 recordings of hand gestures of 29 persons, 128 x 128, 11 classes",
    find=_find,
    read=_read,
    how_to_get="xoresnet data dvs128-gesture --download, or unpack ibmGestureTrain.tar.gz and ibmGestureTest.tar.gz "
    "(figshare 38022171 and 38020584) into data/DVSGesture",
    image_shape=(2, *_SENSOR),
    num_classes=len(_CLASSES),
    augmentation=Augmentation(crop_padding=8),
    recipe=Recipe(batch_size=16),
    download=_download,
    options=frozenset({"frames", "image_size"}),
)
