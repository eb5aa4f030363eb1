"""What every data set is made of: the error, splits, and the `Loader` that each file of this folder defines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xoresnet.description.recipe import Recipe
from xoresnet.errors import DataError

__all__ = ["Augmentation", "Loader", "ReadOptions", "Source", "Split", "Statistics", "require"]


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images with their labels: `Split(images, labels)`, or some rows of a pool that several splits share.

    Raises `DataError` where shapes or types are not as said here.
    """

    pool: Tensor
    """uint8 [M, C, H, W]; may be a memory-mapped file, whose pages all processes on a machine share."""
    labels: Tensor
    """int64 [N], counted from 0."""
    rows: Tensor | None = None
    """int64 [N]: which images of the pool; None for all of them, in order."""

    def __post_init__(self) -> None:
        if self.pool.dtype != torch.uint8 or self.pool.dim() != 4:
            raise DataError(f"images are uint8 [N, C, H, W], got {self.pool.dtype} {list(self.pool.shape)}")
        for name, index in (("labels", self.labels), ("rows", self.rows)):
            if index is not None and (index.dtype != torch.int64 or index.dim() != 1):
                raise DataError(f"{name} are int64 [N], got {index.dtype} {list(index.shape)}")
        images = len(self.pool if self.rows is None else self.rows)
        if images != len(self.labels):
            raise DataError(f"every image has one label, got {images} images and {len(self.labels)} labels")

    @cached_property
    def images(self) -> Tensor:
        """uint8 [N, C, H, W]: the pool itself, or a copy of the split's rows, made once."""
        return self.pool if self.rows is None else self.pool[self.rows]

    def take(self, indices: Tensor) -> Tensor:
        """The images at int64 indices, uint8 [len(indices), C, H, W], without making the copy that `images` is."""
        return self.pool[indices if self.rows is None else self.rows[indices]]

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self)} images of {' x '.join(map(str, self.pool.shape[1:]))})"


class Augmentation(NamedTuple):
    """What is done to training images where a recipe says nothing else."""

    flip: bool = False
    """Mirror left and right, for every second image."""
    crop_padding: int = 0
    """Pixels of zero padding on each side, out of which the image's size is cut at a random place."""
    cutout: int = 0
    """Side of a square set to zero at a random place, in pixels; 0 for none."""


_NO_AUGMENTATION = Augmentation()
_DEFAULT_RECIPE = Recipe()


class Statistics(NamedTuple):
    """Mean and standard deviation per channel, images scaled to [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class ReadOptions:
    """How files are read; data sets that have no use for an option refuse it. Raises `DataError` for wrong values."""

    verify: bool = True
    """Whether files as large as the published ones must have the published checksums."""
    image_size: tuple[int, int] | None = None
    """Height and width to which images of different sizes are brought."""
    channels: int | None = None
    """1 for grey, 3 for colour."""
    expected_classes: int | None = None
    """How many classes there must be, in place of the data set's own number."""
    progress: Callable[[int, int], None] | None = None
    """Called with images done and images in all, where images are decoded."""

    def __post_init__(self) -> None:
        size = self.image_size
        if size is not None and (len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size)):
            raise DataError(f"image_size is height and width in pixels, got {size!r}")
        if self.channels not in (None, 1, 3):
            raise DataError(f"channels must be 1 (grey) or 3 (colour), got {self.channels!r}")


@dataclass(frozen=True)
class Source:
    """What a loader has read. Nothing of the test set is in it but the way to read it."""

    classes: tuple[str, ...]
    train: Split
    """All training images, before validation is cut from them."""
    read_test: Callable[[], Split]
    statistics: Statistics | None = None
    """Of `train`, where the loader knows them without going through the images."""


@dataclass(frozen=True)
class Loader:
    """A data set: where it can lie, how it is read, how one gets it."""

    summary: str
    find: Callable[[Sequence[Path]], Path | None]
    """The first place in these roots, or elsewhere, that holds the data set; opens no file."""
    read: Callable[[Path, ReadOptions], Source]
    """Read the training images at that place. Raises `DataError`."""
    how_to_get: str
    """Commands or steps, as the end of a sentence."""
    num_classes: int | None = None
    """None: any number."""
    augmentation: Augmentation = _NO_AUGMENTATION
    recipe: Recipe = _DEFAULT_RECIPE
    """With which small networks train well on it; a comment says where it was found by trying."""
    validation_share: float = 0.1
    """Share of each class's training images that is set aside for validation."""
    download: Callable[[Path], None] | None = None
    """Fetch the original files into a root."""
    extra_roots: tuple[Path, ...] = ()
    """Searched after the user's roots."""
    only_given_root: bool = False
    """Whether the data set is looked for nowhere but in the root given by name."""
    options: frozenset[str] = frozenset()
    """The fields of `ReadOptions` that it heeds, beyond `verify`, `progress` and `expected_classes`."""

    def check_options(self, name: str, options: ReadOptions) -> None:
        """Raises `DataError` for an option that would be ignored."""
        heeded = {"verify", "progress", "expected_classes", *self.options}
        for field in fields(options):
            if field.name not in heeded and getattr(options, field.name) is not None:
                raise DataError(f"{field.name} is no option of {name}: its images are taken as they are")


def require(module: str, why: str) -> Any:
    """Import a package that only some data sets need. Raises `DataError` with the cause of the failure."""
    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(f"{why} needs the module {module}, whose import failed: {error}") from error
