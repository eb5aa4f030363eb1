"""`Loader`: what `load_data` needs to know of a data set. Each module of `datasets/` defines its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from xoresnet.data.images import Augmentation, EventAugmentation, Statistics
from xoresnet.data.samples import Samples
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DataError, UsageError
from xoresnet.limits import MOST_SIDE
from xoresnet.plain_text import shown

__all__ = ["DamagedError", "FrameRule", "Loader", "Progress", "ReadOptions", "Source", "require"]

FrameRule = Literal["count", "time"]
"""Whether the parts of a recording, its frames, have equally many events or last equally long."""
Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of all images."""


class DamagedError(DataError):
    """A published file that is missing, cut, or not as published: fetching it again helps."""


_NO_AUGMENTATION = Augmentation()
_NO_EVENT_AUGMENTATION = EventAugmentation()
_DEFAULT_RECIPE = Recipe()


@dataclass(frozen=True)
class ReadOptions:
    """How files are read. Data sets refuse the options that they do not support.

    Raises `UsageError` for values out of range.
    """

    verify: bool = True
    """Whether files as large as the published ones must have the published checksums."""
    image_size: tuple[int, int] | None = None
    """Height and width to which images of different sizes are scaled, or the frames of recordings."""
    channels: int | None = None
    """1 for grey, 3 for colour."""
    frames: FrameRule | None = None
    """How recordings are cut into frames: `count` or `time`; None for `count`."""
    expected_classes: int | None = None
    """The number of classes that is required, in place of the data set's own number."""
    progress: Progress | None = None
    """Called while images are decoded."""

    def __post_init__(self) -> None:
        size = self.image_size
        if size is not None and (len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size)):
            raise UsageError(f"image_size must be height and width in pixels, got {shown(size)}")
        if size is not None and max(size) > MOST_SIDE:
            raise UsageError(f"image_size must be at most {MOST_SIDE:,} x {MOST_SIDE:,}, got {shown(size)}")
        if self.channels not in (None, 1, 3):
            raise UsageError(f"channels must be 1 (grey) or 3 (colour), got {shown(self.channels)}")
        if self.frames not in (None, "count", "time"):
            raise UsageError(f"frames must be count or time, got {shown(self.frames)}")


@dataclass(frozen=True)
class Source:
    """What a loader has read. Of the test set it holds only the way to read it."""

    classes: tuple[str, ...]
    train: Samples
    """All training samples, before those for validation are cut from them."""
    read_test: Callable[[], Samples]
    statistics: Statistics | None = None
    """Of `train`, if the loader knows them without going through the images."""
    left_out: tuple[tuple[str, int], ...] = ()
    """How many files beside the training images were not read, by the endings of their names."""
    persons: Tensor | None = None
    """int64 [N]: who is in each sample of `train`, where validation must not have the persons of training."""
    frames: FrameRule | None = None
    """How recordings become frames; None for images."""
    sensor: tuple[int, int] | None = None
    """Height and width of the sensor of recordings."""


@dataclass(frozen=True)
class Loader:
    """A data set: where it may lie, how it is read, and how to get it."""

    name: str
    summary: str
    find: Callable[[Sequence[Path]], Path | None]
    """The first place in these roots, or elsewhere, that contains the data set; opens no file."""
    read: Callable[[Path, ReadOptions], Source]
    """Reads the training images at that place. Raises `DataError`."""
    how_to_get: str
    """Commands or steps, as the end of a sentence."""
    image_shape: tuple[int, int, int] | None = None
    """Channels, height and width of its images, before any option; None for any."""
    num_classes: int | None = None
    """None for any number."""
    augmentation: Augmentation = _NO_AUGMENTATION
    event_augmentation: EventAugmentation = _NO_EVENT_AUGMENTATION
    recipe: Recipe = _DEFAULT_RECIPE
    """The recipe with which small networks train well on it; a comment names the experiments behind it."""
    validation_share: float = 0.1
    """Share of each class's training images that is set aside for validation."""
    download: Callable[[Path], None] | None = None
    """Fetches the original files into a root, as far as they are not there and whole. Raises `DataError`."""
    extra_roots: tuple[Path, ...] = ()
    """Searched after the user's roots."""
    only_given_root: bool = False
    """Whether the data set is looked for only in the root that the caller gives."""
    options: frozenset[str] = frozenset()
    """The fields of `ReadOptions` that it supports, besides `verify`, `progress` and `expected_classes`."""

    @property
    def place_in_list(self) -> tuple[float, int, str]:
        """By which data sets are listed: from small images to large ones, those of any size last."""
        pixels = math.inf if self.image_shape is None else math.prod(self.image_shape)
        return pixels, self.num_classes or 0, self.name

    def check_options(self, options: ReadOptions) -> None:
        """Raises `UsageError` for an option that would have no effect."""
        supported = {"verify", "progress", "expected_classes", *self.options}
        for field in fields(options):
            if field.name not in supported and getattr(options, field.name) is not None:
                raise UsageError(f"{self.name} has no option {field.name}: {self._why_not(field.name)}")

    def _why_not(self, option: str) -> str:
        if option == "frames":
            return "it has images, not recordings of event cameras"
        if "frames" in self.options:
            return "recordings have the two polarities of events"
        return "its images are used as they are"


def require(module: str, purpose: str) -> Any:
    """Import a package that only some data sets need. Raises `DataError` with the cause if the import fails."""
    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(f"{purpose} needs the module {module}, whose import failed: {error}") from error
