"""What a user should know of how images were read: those that changed between grey and colour, and files left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from xoresnet.data.images import Split
from xoresnet.data.load import DataSet, find_loader
from xoresnet.data.samples import Samples
from xoresnet.data.spec import DataSpec
from xoresnet.search.views.words import counted

__all__ = ["data_notes", "files_left_out"]

_SHOWN = 3
"""Endings of names."""


def data_notes(
    data: DataSet, spec: DataSpec, *, key: str = "data.channels", test: Samples | None = None
) -> Iterator[str]:
    """Sentences about images and files that were not taken as they are.

    key: the setting that changes it. test: the test images, where they were read, too.
    """
    splits = [split for split in (data.train, test) if isinstance(split, Split)]  # recordings stay as they are
    converted, images = sum(split.converted for split in splits), sum(len(split.pool) for split in splits)
    if converted:
        own, other, channels = ("in colour", "in grey", 3) if data.input_shape[0] == 1 else ("grey", "in colour", 1)
        are = "is" if converted == 1 else "are"
        read = f"{converted:,} of {counted(images, 'image')} {are} {own} and {are} read {other}"
        all_read = "in colour" if channels == 3 else "in grey"
        by_itself = spec.channels is None and "channels" in find_loader(data.name).options
        yield f"{read}, as the first one is; {key}={channels} reads all {all_read}" if by_itself else read
    left_out = files_left_out(data, test).most_common()
    if left_out:
        total = sum(number for _, number in left_out)
        listed = ", ".join(f"{number:,} {ending}" for ending, number in left_out[:_SHOWN])
        more = ", ..." if len(left_out) > _SHOWN else ""
        yield f"{counted(total, 'other file')} {'is' if total == 1 else 'are'} left out ({listed}{more})"


def files_left_out(data: DataSet, test: Samples | None) -> Counter[str]:
    """How many files were not read, by the endings of their names. test: the test images, where they were read, too."""
    return Counter(dict(data.left_out)) + Counter(dict(test.left_out if test is not None else ()))
