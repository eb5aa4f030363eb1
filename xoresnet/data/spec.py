"""`DataSpec`: the description of a data set, and of how it is read and split. Imports no torch until it loads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from xoresnet.data.datasets import data_names
from xoresnet.description.schema import Side, Spec

if TYPE_CHECKING:
    from xoresnet.data.load import DataSet

__all__ = ["DataSpec", "check_data_name"]

Share = Annotated[float, Field(gt=0, lt=1, strict=True)]


def check_data_name(name: str) -> str:
    """The name, if there is such a data set. Raises `UsageError` with the nearest name."""
    if name not in data_names():
        from xoresnet.data.load import find_loader  # torch, which right names do not need

        find_loader(name)
    return name


class DataSpec(Spec):
    """The arguments of `load_data`, as a description that can be stored and sent to other processes."""

    name: Annotated[str, Field(strict=True), AfterValidator(check_data_name)] = "digits"
    root: Annotated[str, Field(strict=True)] | None = None
    """A folder that is searched before all others; the data set `folder` is read only from there."""
    validation_seed: Annotated[int, Field(ge=0, le=2**64, strict=True)] = 0
    validation_share: Share | None = None
    """Share of each class; None for the data set's own."""
    train_share: Share | None = None
    """Share of the remaining images of each class that is trained on; None for all of them."""
    image_size: tuple[Side, Side] | None = None
    """Height and width to which the images of class folders are scaled, or the frames of recordings."""
    channels: Literal[1, 3] | None = None
    """Channels of the images of class folders: 1 for grey, 3 for colour."""
    frames: Literal["count", "time"] | None = None
    """How recordings of event cameras are cut into T frames: `count`, with equally many events (the default), or
    `time`, equally long."""
    verify: Annotated[bool, Field(strict=True)] = True
    """Whether files as large as the published ones must have the published checksums."""

    def located(self) -> DataSpec:
        """The same for processes that work in other folders: relative roots refer to this process's working directory.

        Without a root it is the first of the folders that are searched in which the data set lies, if it is one of the
        user's.
        """
        from xoresnet.data.load import user_root

        return self.replace(root=user_root(self.name, self.root))

    def load(self, *, download: bool = False, progress: Callable[[int, int], None] | None = None) -> DataSet:
        """Read the data set through `load_data`.

        progress: called with the number of images done and of all images, while images are decoded.
        """
        from xoresnet.data.load import load_data
        from xoresnet.data.reading.loader import ReadOptions

        options = ReadOptions(self.verify, self.image_size, self.channels, self.frames, progress=progress)
        return load_data(
            self.name,
            self.root,
            download=download,
            validation_seed=self.validation_seed,
            validation_share=self.validation_share,
            train_share=self.train_share,
            options=options,
        )
