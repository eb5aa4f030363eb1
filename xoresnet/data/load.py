"""Data sets as tensors: training and validation images, and a test set that stays sealed.

>>> data = load_data("digits")
>>> data.input_shape, data.num_classes, len(data.train), len(data.validation)
((1, 8, 8), 10, 1151, 287)
>>> data.test
SealedTest(digits)

`DATASETS` lists the data sets, those with the smallest images first. Each is defined by one module in `datasets/`,
whose docstring describes its file formats and what is verified.

Roots are searched in this order: the argument, the folders in the environment variable XORESNET_DATA (separated as in
PATH), `data` in the working directory, and the folder in which a system's packages install the data set.

Validation images are cut from the training images class by class, by the rule in `reading/split.py`: floor(s n + 1/2)
of the n images of a class for a share s. By default:

    data set        training   validation   test
    digits             1,151          287    359
    fashion-mnist     54,000        6,000    10,000
    cifar10           45,000        5,000    10,000
    cifar100          45,000        5,000    10,000
    mini-imagenet     45,000        5,000    10,000
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, cast

from xoresnet.data import datasets
from xoresnet.data.batches import Normalise
from xoresnet.data.images import Augmentation, EventAugmentation, Split
from xoresnet.data.reading.loader import DamagedError, FrameRule, Loader, ReadOptions, Source
from xoresnet.data.reading.split import channel_statistics, fewer_rows, split_groups, split_rows
from xoresnet.data.samples import Samples
from xoresnet.description.recipe import Recipe
from xoresnet.description.schema import nearest
from xoresnet.errors import DataError, UsageError
from xoresnet.files.places import local_path
from xoresnet.plain_text import shown

__all__ = [
    "DATASETS",
    "DataSet",
    "DataStatus",
    "SealedTest",
    "collect_loaders",
    "data_status",
    "find_loader",
    "find_roots",
    "load_data",
]


def collect_loaders() -> dict[str, Loader]:
    """The loaders that the modules of `datasets/` define, by name, in the order of `Loader.place_in_list`."""
    modules = (name.replace("-", "_") for name in datasets.data_names())
    loaders: list[Loader] = [import_module(f"{datasets.__name__}.{module}").LOADER for module in modules]
    return {loader.name: loader for loader in sorted(loaders, key=lambda loader: loader.place_in_list)}


DATASETS: Mapping[str, Loader] = MappingProxyType(collect_loaders())

_NO_EVENT_AUGMENTATION = EventAugmentation()
_TEST_READERS = ("confirm", "ablate", "train --test", "data")


@dataclass(frozen=True, eq=False, repr=False)
class SealedTest:
    """The test set, unread. Only `open` reads it, and only for the callers that may use it."""

    name: str
    _read: Callable[[], Samples] = field(repr=False)

    def open(self, *, by: str) -> Samples:
        """Read the test images, anew at each call. by: "confirm", "ablate", "train --test", or "data" to check it.

        Raises `DataError` for any other caller, and for files that are missing or damaged.
        """
        if by not in _TEST_READERS:
            *others, last = map(repr, _TEST_READERS)
            allowed = f"{', '.join(others)} and {last}"
            raise DataError(f"the test set of {self.name} may be opened only by {allowed}, not by {shown(by)}")
        return self._read()

    def __repr__(self) -> str:
        return f"SealedTest({self.name})"


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set that is ready to train on."""

    name: str
    place: Path
    """The folder or archive that it was read from."""
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    """Per channel, images scaled to [0, 1], over training and validation images: the same for every seed. 0 for frames
    of recordings, which networks read as they were counted."""
    std: tuple[float, ...]
    """Population standard deviation, likewise; 1 for frames."""
    augmentation: Augmentation
    default_recipe: Recipe
    """The recipe with which small networks train well on it."""
    train: Samples
    validation: Samples
    test: SealedTest
    left_out: tuple[tuple[str, int], ...] = ()
    """How many files in and beside class folders were not read, by the endings of their names."""
    frames: FrameRule | None = None
    """How recordings of event cameras are cut into frames, `count` or `time`; None for images."""
    sensor: tuple[int, int] | None = None
    """Height and width of the sensor of recordings, whose events frames of another size count."""
    event_augmentation: EventAugmentation = _NO_EVENT_AUGMENTATION
    """How training recordings are varied, besides `augmentation`."""

    @cached_property
    def fingerprint(self) -> str:
        """Ten hexadecimal digits that identify what training sees: split, labels, statistics, classes, augmentation."""
        digest = hashlib.sha256(repr((self.classes, self.mean, self.std, self.augmentation)).encode())
        if self.frames is not None:
            digest.update(
                repr((self.frames, self.sensor, self.input_shape, self.event_augmentation, self.train.content)).encode()
            )
        for split in (self.train, self.validation):
            for numbers in (split.labels, split.rows):
                digest.update(b"-" if numbers is None else numbers.numpy().tobytes())
        return digest.hexdigest()[:10]

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        return self.train.shape

    @property
    def normalise(self) -> Normalise:
        """What makes the numbers that networks read of the bytes that splits hold."""
        return Normalise(self.mean, self.std, most=255 if self.frames is None else 1)

    @property
    def noun(self) -> str:
        """What its samples are called: images or recordings."""
        return "images" if self.frames is None else "recordings"

    @property
    def num_classes(self) -> int:
        return len(self.classes)


class DataStatus(NamedTuple):
    """Whether a data set is on this machine."""

    name: str
    summary: str
    place: Path | None
    """Where it is, or None."""
    looked_in: tuple[Path, ...]
    how_to_get: str
    """Commands or steps."""


def load_data(
    name: str,
    root: str | Path | None = None,
    *,
    download: bool = False,
    validation_seed: int = 0,
    validation_share: float | None = None,
    train_share: float | None = None,
    options: ReadOptions | None = None,
) -> DataSet:
    """Read the training images of a data set and cut the validation images from them; the test set is not read.

    root: the folder that is searched first. download: fetch what is missing or damaged into the first root, of data
    sets whose files are published (Fashion-MNIST, CIFAR). validation_share: share of each class, between 0 and 1; None
    for the data set's own, 0.1, or 0.2 for digits. train_share: share of each class's remaining images that are the
    training images; None for all of them. Its images are among those of any larger share with the same seed, and
    neither the validation images nor the statistics depend on it.

    Raises `UsageError` for an unknown name, a root that is no folder, values out of range and options that the data set
    does not support, and `DataError` for a data set that was not found and for damaged files.
    """
    loader, options = find_loader(name), options or ReadOptions()
    share = loader.validation_share if validation_share is None else validation_share
    _check_split(share, train_share, validation_seed)
    loader.check_options(options)
    place, source = _read(loader, root, options, download=download)
    _check_classes(source, place, loader.num_classes if options.expected_classes is None else options.expected_classes)
    labels = source.train.labels
    if source.persons is None:
        train_rows, validation_rows = split_rows(labels, source.classes, share, validation_seed, where=place)
    else:
        persons = source.persons
        train_rows, validation_rows = split_groups(labels, persons, source.classes, share, validation_seed, where=place)
    if train_share is not None:
        train_rows = fewer_rows(labels, train_rows, train_share, validation_seed)
    statistics = source.statistics or channel_statistics(cast("Split", source.train).images)
    return DataSet(
        name=name,
        place=place,
        classes=source.classes,
        mean=statistics.mean,
        std=statistics.std,
        augmentation=loader.augmentation,
        default_recipe=loader.recipe,
        train=source.train.part(train_rows),
        validation=source.train.part(validation_rows),
        test=SealedTest(name, source.read_test),
        left_out=source.left_out,
        frames=source.frames,
        sensor=source.sensor,
        event_augmentation=loader.event_augmentation,
    )


def find_loader(name: str) -> Loader:
    """The loader of the data set of this name. Raises `UsageError` for an unknown name."""
    if name not in DATASETS:
        known = ", ".join(DATASETS)
        raise UsageError(f"there is no data set {shown(name)}; the data sets are {known}{nearest(name, DATASETS)}")
    return DATASETS[name]


def find_roots(root: str | Path | None = None) -> tuple[Path, ...]:
    """The folders that are searched for data sets, in order, whether they exist or not.

    Raises `UsageError` for a root that is a URL.
    """
    if root is not None:
        local_path(root, "root")
    given = [str(root)] if root is not None else []
    from_environment = os.environ.get("XORESNET_DATA", "").split(os.pathsep)
    texts = (text for text in (*given, *from_environment, "data") if text)
    # absolute, because the test set may be read after the working directory has changed
    return tuple(dict.fromkeys(Path(text).expanduser().absolute() for text in texts))


def user_root(name: str, root: str | Path | None = None) -> str | None:
    """The absolute path of the root in which a data set lies, of those that the user has named or that are relative.

    None if it is elsewhere, among others where a package of the system has put it. Raises `UsageError` for an unknown
    name.
    """
    loader = find_loader(name)
    if loader.only_given_root:
        return None if root is None else str(find_roots(root)[0])
    places = ((folder, loader.find((folder,))) for folder in find_roots(root))
    return next((str(folder) for folder, place in places if place is not None and place.is_relative_to(folder)), None)


def data_status(root: str | Path | None = None) -> tuple[DataStatus, ...]:
    """For each data set, whether it is here, which folders were searched, and how to get it; opens no file."""
    return tuple(
        DataStatus(name, loader.summary, loader.find(looked_in), looked_in, loader.how_to_get)
        for name, loader in DATASETS.items()
        for looked_in in [_roots_of(loader, root)]
    )


def _check_split(validation_share: float, train_share: float | None, seed: int) -> None:
    for name, share in (("validation_share", validation_share), ("train_share", train_share)):
        if share is not None and (not isinstance(share, int | float) or not 0 < share < 1):
            raise UsageError(f"{name} must lie between 0 and 1, got {shown(share)}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"validation_seed must be a whole number of at least 0, got {shown(seed)}")
    if seed > 2**64:
        raise UsageError(f"validation_seed must be at most 2^64, got {shown(seed)}")


def _roots_of(loader: Loader, root: str | Path | None) -> tuple[Path, ...]:
    if loader.only_given_root:
        return () if root is None else find_roots(root)[:1]
    return tuple(dict.fromkeys((*find_roots(root), *loader.extra_roots)))


def _read(loader: Loader, root: str | Path | None, options: ReadOptions, *, download: bool) -> tuple[Path, Source]:
    """Where the data set is and what was read; with download, after what is damaged there was fetched again."""
    place = _find_place(loader, root, download=download)
    try:
        source = loader.read(place, options)
        if download:
            source.read_test()  # only to see whether its files are whole
    except DamagedError as error:
        if loader.download is None:
            raise
        if not download:
            raise DamagedError(f"{error}; to fetch what is missing or damaged: {_command(loader)}") from error
        loader.download(_roots_of(loader, root)[0])
        place = _find_place(loader, root, download=False)
        return place, loader.read(place, options)
    return place, source


def _command(loader: Loader) -> str:
    return f"xoresnet data {loader.name} --download"


def _find_place(loader: Loader, root: str | Path | None, *, download: bool) -> Path:
    roots = _roots_of(loader, root)
    place = loader.find(roots)
    if place is None and download and loader.download is not None:
        loader.download(roots[0])
        place = loader.find(roots)
    if place is None and loader.only_given_root:
        noun = "recordings" if "frames" in loader.options else "images"
        rule = f"give the folder that contains one folder of {noun} for each class"
        how = f"{rule}: data.root=DIR, or --data-root DIR of `xoresnet data` and `xoresnet train`"
        raise UsageError(
            f"there is no folder {root}" if root is not None else f"the data set {loader.name} needs a root; {how}"
        )
    if place is None:
        where = f"not found in {', '.join(map(str, roots))}"
        unable = " and cannot be downloaded" if download and loader.download is None else ""
        raise DataError(f"the data set {loader.name} is {where}{unable}; to get it: {loader.how_to_get}")
    return place


def _check_classes(source: Source, place: Path, expected: int | None) -> None:
    if expected is not None and len(source.classes) != expected:
        raise DataError(f"{place} contains {len(source.classes)} classes, not {expected}")
    if len(source.classes) < 2:
        raise DataError(f"{place} contains only one class, {source.classes[0]!r}; at least 2 are required")
