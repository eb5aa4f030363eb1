"""`folder`: any images in class folders, `ROOT/cat/1.jpg`, `ROOT/dog/2.png`.

If the root contains `train/` with class folders, the images of `train/` and `val/` are pooled for training (validation
images are cut from them by seed), and `test/` is the test set. Without `test/`, or without such parts, one sixth of
each class is set aside as the test set by the rule of `reading/split.py` at a fixed seed (`reading/pool.py`).

Images have the size `ReadOptions(image_size=(height, width))` and 1 or 3 `channels`; by default those of the first
training image. `image_files.decode` tells how an image is brought to that size. Decoded images are cached
(`image_cache.py`), test images only when the test set is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xoresnet.data.reading.image_files import IMAGES, image_shape
from xoresnet.data.reading.image_lists import read_image_lists
from xoresnet.data.reading.loader import Loader, ReadOptions, Source
from xoresnet.data.reading.pool import list_parts

__all__ = ["LOADER"]


def _find(roots: Sequence[Path]) -> Path | None:
    return next((root for root in roots if root.is_dir()), None)


def _read(place: Path, options: ReadOptions) -> Source:
    train, test = list_parts(place, IMAGES)
    channels, *size = image_shape(train.path(0))
    height, width = options.image_size or size
    return read_image_lists("folder", train, test, (options.channels or channels, height, width), options.progress)


LOADER = Loader(
    name="folder",
    summary="any images in class folders; give their folder as the root",
    find=_find,
    read=_read,
    how_to_get="make one folder per class with its images in it, and give the folder of these folders as the root "
    "(data.root=DIR, or --data-root DIR of xoresnet data and train)",
    only_given_root=True,
    options=frozenset({"image_size", "channels"}),
)
