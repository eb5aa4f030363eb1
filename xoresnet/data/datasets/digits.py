"""`digits`: 1,797 handwritten digits of 8 x 8 pixels (UCI ML hand-written digits, its test part).

They come with scikit-learn, so nothing needs to be downloaded. Grey values g of 0 .. 16 become
floor((255 g + 8) / 16), which is 255 g / 16 rounded half up. The test set is fixed: 20 % of each class, 359 images, cut
by the rule of `reading/split.py` at `TEST_SEED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xoresnet.data.images import Split
from xoresnet.data.reading.loader import Loader, ReadOptions, Source, require
from xoresnet.data.reading.split import split_rows

__all__ = ["LOADER", "TEST_SEED"]

TEST_SEED = 1797
_FILE = Path("datasets", "data", "digits.csv.gz")
"""Within scikit-learn."""
_CLASSES = tuple(map(str, range(10)))


def _find(roots: Sequence[Path]) -> Path | None:
    spec = find_spec("sklearn")
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _read(place: Path, options: ReadOptions) -> Source:
    train, _ = _rows()
    return Source(_CLASSES, _split(train), _read_test)


def _read_test() -> Split:
    _, test = _rows()
    return _split(test)


def _rows() -> tuple[Tensor, Tensor]:
    return split_rows(_load()[1], _CLASSES, 0.2, TEST_SEED, where="digits")


def _split(rows: Tensor) -> Split:
    images, labels = _load()
    return Split(images[rows], labels[rows])


def _load() -> tuple[Tensor, Tensor]:
    table = torch.from_numpy(_table())
    grey = table[:, :-1].reshape(-1, 1, 8, 8)
    images = torch.div(255 * grey + 8, 16, rounding_mode="floor").to(torch.uint8)
    return images, table[:, -1].clone()


def _table() -> NDArray[np.int64]:
    """64 grey values and the label of each image."""
    package = _find(())
    file = package / _FILE if package else None
    if file is not None and file.is_file():  # without importing scikit-learn, which takes a second in every process
        return np.loadtxt(file, delimiter=",", dtype=np.int64)
    bunch = require("sklearn.datasets", "digits").load_digits()
    return np.column_stack([bunch.data, bunch.target]).astype(np.int64)


LOADER = Loader(
    name="digits",
    summary="1,797 handwritten digits, 8 x 8 grey, from scikit-learn",
    find=_find,
    read=_read,
    how_to_get="pip install scikit-learn",
    image_shape=(1, 8, 8),
    num_classes=10,
    validation_share=0.2,
)
