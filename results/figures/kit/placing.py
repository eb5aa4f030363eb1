"""Places for labels beside their marks, so that no label covers another one or a mark."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.results.figures.kit.axes import Axis

__all__ = ["Area", "Label", "bounds", "placed"]

_CHARACTER, _LINE = 0.62, 1.3
"""The mean width of a character and the height of a line, as shares of the size of the font."""
_MARGIN = 0.06
"""Between the outermost marks and the edges, as a share of the range of the values."""


_BEYOND = 9.0
"""How far a label may reach beyond the right and the upper edge, where figures have a margin."""


class Area(NamedTuple):
    """The area of a figure in which marks and labels are drawn; its lengths have one unit, pixels or points."""

    width: float
    height: float
    font: float
    """The size of labels."""

    def holds(self, box: _Box) -> bool:
        """Whether a box is inside, but for the margins on the right and above."""
        right, top = self.width + _BEYOND, self.height + _BEYOND
        return box.left >= 0 and box.bottom >= 0 and box.right <= right and box.top <= top


class Label(NamedTuple):
    """A label and its centre, as an offset from its mark to the right and upwards."""

    text: str
    x: float
    """The value of its mark."""
    y: float
    right: float
    up: float
    is_near: bool
    """Whether it is so close to its mark that no line needs to join them."""


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: _Box) -> bool:
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.top <= other.bottom or other.top <= self.bottom)


def bounds(values: pd.Series[float], axis: Axis) -> tuple[float, float]:
    """The ends of an axis for these values with a margin at both ends; decimal logarithms on a logarithmic axis."""
    places = _places(values, axis)
    if not len(places):
        return 0.0, 1.0
    low, high = float(places.min()), float(places.max())
    span = high - low or (0.2 if axis.log else 0.2 * abs(high) or 1.0)
    return low - _MARGIN * span, high + _MARGIN * span


def placed(
    points: pd.DataFrame, axes: tuple[Axis, Axis], ends: tuple[tuple[float, float], tuple[float, float]], area: Area
) -> list[Label]:
    """Labels beside, above or below their marks, or at some distance; labels without room are left out.

    points: columns `[x, y, size, text]`; size is the diameter of the mark, and text is empty for marks without a label.
    No label covers a mark or another label, and earlier rows choose first. axes, ends: of x and y, `ends` as `bounds`
    returns them.
    """
    shares = [
        (_places(points[way], axis) - low) / (high - low)
        for way, axis, (low, high) in zip("xy", axes, ends, strict=True)
    ]
    centres = list(zip((shares[0] * area.width).tolist(), (shares[1] * area.height).tolist(), strict=True))
    taken = [_around(x, y, size, size) for (x, y), size in zip(centres, points["size"], strict=True)]
    labels = []
    for (x, y), row in zip(centres, points.to_dict("records"), strict=True):
        if not row["text"]:
            continue
        width, height = _CHARACTER * area.font * len(row["text"]), _LINE * area.font
        for right, up, is_near in _offsets(width, height, row["size"]):
            box = _around(x + right, y + up, width, height)
            line = [] if is_near else _line(x, y, right, up, row["size"], box)
            if area.holds(box) and not any(part.meets(other) for part in (box, *line) for other in taken):
                taken += [box, *line]
                labels.append(Label(row["text"], row["x"], row["y"], right, up, is_near))
                break
    return labels


def _places(values: pd.Series[float], axis: Axis) -> NDArray[np.float64]:
    numbers = values.to_numpy(dtype=np.float64)
    places: NDArray[np.float64] = np.asarray(np.log10(numbers) if axis.log else numbers, dtype=np.float64)
    return places


def _offsets(width: float, height: float, mark: float) -> Iterator[tuple[float, float, bool]]:
    """Where the centre of a label may be: at the sides, above and below, then further and further away."""
    beside, over = (mark + width) / 2 + 2, (mark + height) / 2 + 1
    for right, up in ((beside, 0.0), (-beside, 0.0), (0.0, over), (0.0, -over)):
        yield right, up, True
    for steps, way, side in product((1, 2, 3), (1, -1), (0, 1, -1)):
        yield side * 0.7 * beside, way * (mark / 2 + (steps + 0.5) * height), False


def _line(x: float, y: float, right: float, up: float, mark: float, label: _Box) -> list[_Box]:
    """The line from a mark to its label, as points outside of both."""
    own = _around(x, y, mark, mark)
    points = [_around(x + share * right, y + share * up, 1.0, 1.0) for share in np.linspace(0, 1, 25).tolist()]
    return [point for point in points if not point.meets(own) and not point.meets(label)]


def _around(x: float, y: float, width: float, height: float) -> _Box:
    return _Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
