"""`folder`: any images in class folders, `ROOT/cat/1.jpg`, `ROOT/dog/2.png`.

If the root has `train/` with class folders in it, images of `train/` and `val/` are pooled for training (validation is
cut from them by seed), and `test/` is the test set. Where there is no `test/`, or no such parts at all, one sixth of
each class is set aside as the test set by the rule of `split.py` at `TEST_SEED`.

Images have the size `ReadOptions(image_size=(height, width))` and 1 or 3 `channels`; where these are not given, those
of the first training image. How an image is brought to size: `image_files.decode`. Decoded images are cached
(`image_cache.py`), test images only when the test set is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from xoresnet.data.datasets.base import Loader, ReadOptions, Source, Split
from xoresnet.data.datasets.image_cache import Progress, cached_split
from xoresnet.data.datasets.image_files import ImageList, has_class_folders, image_shape, list_class_folders
from xoresnet.data.datasets.split import split_rows
from xoresnet.errors import DataError

__all__ = ["LOADER", "TEST_SEED", "TEST_SHARE", "read_image_lists", "split_pool"]

TEST_SEED = 84
TEST_SHARE = 1 / 6


def split_pool(pool: ImageList) -> tuple[ImageList, ImageList]:
    """Training and test images out of one pool, by the fixed rule."""
    train, test = split_rows(pool.label_tensor, pool.classes, TEST_SHARE, TEST_SEED, where=pool.root)
    return pool.select(train), pool.select(test)


def read_image_lists(
    name: str, train: ImageList, test: ImageList | Path, shape: tuple[int, int, int], progress: Progress | None
) -> Source:
    """Decode the training images, or map them if that was done before; leave the test images alone.

    test: a list, or a folder of class folders that is listed when the test set is opened.
    """
    split, statistics = cached_split(train, shape, f"{name}-train", progress)
    return Source(train.classes, split, partial(_read_test, name, train.classes, test, shape, progress), statistics)


def _read_test(
    name: str,
    classes: tuple[str, ...],
    test: ImageList | Path,
    shape: tuple[int, int, int],
    progress: Progress | None,
) -> Split:
    images = list_class_folders(test) if isinstance(test, Path) else test
    different = sorted(set(classes) ^ set(images.classes))
    if different:
        place = "missing from" if different[0] in classes else "only in"
        raise DataError(f"class {different[0]!r} is {place} the test set in {images.root}")
    return cached_split(images, shape, f"{name}-test", progress)[0]


def _find(roots: Sequence[Path]) -> Path | None:
    return next((root for root in roots if root.is_dir()), None)


def _read(place: Path, options: ReadOptions) -> Source:
    test: ImageList | Path
    if not has_class_folders(place / "train"):
        train, test = split_pool(list_class_folders(place))
    else:
        train, test = list_class_folders(place, ("train", "val")), place / "test"
        if not test.is_dir():
            train, test = split_pool(train)
    channels, *size = image_shape(train.path(0))
    height, width = options.image_size or size
    return read_image_lists("folder", train, test, (options.channels or channels, height, width), options.progress)


LOADER = Loader(
    summary="any images in class folders; give their folder as the root",
    find=_find,
    read=_read,
    how_to_get="make one folder per class with its images in it, and give the folder of these folders as the root "
    "(--data-root DIR)",
    only_given_root=True,
    options=frozenset({"image_size", "channels"}),
)
