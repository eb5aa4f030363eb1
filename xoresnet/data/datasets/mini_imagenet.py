"""`mini-imagenet`: 60,000 photographs of 100 classes at 84 x 84 pixels (Vinyals et al. 2016), as plain classification.

A root contains `mini-imagenet/` (or `miniImageNet/`, `mini_imagenet/`, `miniimagenet/`), or is that folder, in one of
two forms:

- `train.csv`, `val.csv` and `test.csv` with the columns filename and label (Ravi and Larochelle 2017), and `images/`;
- class folders, either directly or in `train/`, `val/` and `test/`.

The original splits share no class, because they serve few-shot learning. Here all images are pooled and split anew
within each class: one sixth is the test set (100 of 600), by the rule of `reading/split.py` at
`pool.TEST_SEED`, with images sorted by class and file name; so both forms give the same split. Images are
brought to RGB and to 84 x 84 by `image_files.decode` and cached (`image_cache.py`), test images only when the test set
is opened.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from xoresnet.data.images import Augmentation
from xoresnet.data.reading.file_list import FileList, has_class_folders, list_class_folders
from xoresnet.data.reading.image_files import IMAGES
from xoresnet.data.reading.image_lists import read_image_lists
from xoresnet.data.reading.loader import Loader, ReadOptions, Source
from xoresnet.data.reading.pool import split_pool
from xoresnet.errors import DataError

__all__ = ["LOADER"]

_FOLDERS = ("mini-imagenet", "miniImageNet", "mini_imagenet", "miniimagenet")
_PARTS = ("train", "val", "test")
_SIZE = (84, 84)


def _find(roots: Sequence[Path]) -> Path | None:
    for root in roots:
        named = [root / folder for folder in _FOLDERS]
        if root.resolve().name in _FOLDERS:
            named.append(root)
        for folder in named:
            if _has_tables(folder) or has_class_folders(folder):
                return folder
        if _has_tables(root):
            return root
    return None


def _has_tables(folder: Path) -> bool:
    return (folder / "train.csv").is_file() and (folder / "images").is_dir()


def _read(place: Path, options: ReadOptions) -> Source:
    if _has_tables(place):
        pool = FileList.from_pairs(place, _read_tables(place))
    else:
        pool = list_class_folders(place, IMAGES, _PARTS if has_class_folders(place / "train") else (".",))
    train, test = split_pool(pool)
    return read_image_lists("mini-imagenet", train, test, (3, *(options.image_size or _SIZE)), options.progress)


def _read_tables(place: Path) -> list[tuple[str, str]]:
    """Class and path of every image in the three tables."""
    pairs: list[tuple[str, str]] = []
    first_use: dict[str, str] = {}
    for part in _PARTS:
        for line, name, label in _read_table(place / f"{part}.csv"):
            where = f"{part}.csv line {line}"
            if name in first_use:
                raise DataError(f"{place}: {where} repeats the image {name!r} of {first_use[name]}")
            first_use[name] = where
            pairs.append((label, f"images/{name}"))
    return pairs


def _read_table(path: Path) -> Iterator[tuple[int, str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            columns = rows.fieldnames or []
            if "filename" not in columns or "label" not in columns:
                raise DataError(f"{path} lacks the columns filename and label: its first line is {','.join(columns)!r}")
            for row in rows:
                yield rows.line_num, *_check_row(path, rows.line_num, row["filename"], row["label"])
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from error


def _check_row(path: Path, line: int, name: str | None, label: str | None) -> tuple[str, str]:
    if not name or not label:
        raise DataError(f"{path} line {line} lacks a file name or a label")
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts:
        raise DataError(f"{path} line {line} names {name!r}, which lies outside images/")
    return name, label


LOADER = Loader(
    name="mini-imagenet",
    summary="60,000 photographs, 84 x 84 colour, 100 classes",
    find=_find,
    read=_read,
    how_to_get=(
        "put train.csv, val.csv, test.csv and images/ of miniImageNet (or its class folders) into "
        "data/mini-imagenet; the photographs are ImageNet's, whose terms forbid passing them on"
    ),
    image_shape=(3, *_SIZE),
    num_classes=100,
    augmentation=Augmentation(flip=True, crop_padding=8),
    options=frozenset({"image_size"}),
)
