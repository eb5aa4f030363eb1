"""`events-folder`: any recordings of event cameras in class folders, `ROOT/wave/1.aedat4`, `ROOT/clap/2.npy`.

If the root contains `train/` with class folders, the recordings of `train/` and `val/` are pooled for training
(validation is cut from them by seed), and `test/` is the test set. Without `test/`, or without such parts, one sixth of
each class is set aside as the test set by the rule of `reading/split.py` at a fixed seed (`reading/pool.py`).

`events/recordings.py` describes the formats. The sensor is the smallest in which all training events lie, so its size
should be checked once (`xoresnet data events-folder --data-root DIR`); frames of another size are made with
`ReadOptions(image_size=(height, width))`. Events are cached (`events/cache.py`), those of test recordings only when the
test set is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xoresnet.data.events.lists import read_event_lists
from xoresnet.data.events.recordings import RECORDINGS
from xoresnet.data.reading.loader import Loader, ReadOptions, Source
from xoresnet.data.reading.pool import list_parts

__all__ = ["LOADER"]


def _find(roots: Sequence[Path]) -> Path | None:
    return next((root for root in roots if root.is_dir()), None)


def _read(place: Path, options: ReadOptions) -> Source:
    train, test = list_parts(place, RECORDINGS)
    return read_event_lists("events-folder", train, test, options)


LOADER = Loader(
    name="events-folder",
    summary="any recordings of event cameras in class folders; give their folder as the root",
    find=_find,
    read=_read,
    how_to_get="make one folder per class with its recordings in it (.aedat4, .npy or .bin), and give the folder of "
    "these folders as the root (data.root=DIR, or --data-root DIR of xoresnet data and train)",
    only_given_root=True,
    options=frozenset({"frames", "image_size"}),
)
