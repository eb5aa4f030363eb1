from __future__ import annotations

import pandas as pd

from xoresnet.results.figures.kit.axes import Axis
from xoresnet.results.figures.kit.placing import Area, Label, bounds, placed

LINEAR = Axis("a", "a", log=False, share=False, decades=0.0)
LOG = Axis("b", "b", log=True, share=False, decades=2.0)
AREA = Area(400, 300, 10)


def labels(*points: tuple[float, float, str]) -> list[Label]:
    frame = pd.DataFrame([{"x": x, "y": y, "size": 10.0, "text": text} for x, y, text in points])
    ends = bounds(frame["x"], LINEAR), bounds(frame["y"], LINEAR)
    return placed(frame, (LINEAR, LINEAR), ends, AREA)


def test_a_label_is_beside_its_mark() -> None:
    first, second = labels((0, 0, "left"), (1, 1, "right"))
    assert (first.right > 0, first.up, first.is_near) == (True, 0.0, True)
    assert second.right < 0  # there is no room on the right


def test_labels_of_close_marks_go_to_different_sides() -> None:
    found = labels((0.5, 0.5, "one"), (0.5, 0.5001, "two"), (0.5001, 0.5, "three"), (0, 0, ""), (1, 1, ""))
    assert len({(label.right, label.up) for label in found}) == 3


def test_labels_without_room_are_left_out_and_the_first_stay() -> None:
    crowd = [(0.5 + column / 50, 0.5 + row / 50, f"network {column}-{row}") for column in range(9) for row in range(9)]
    found = labels(*crowd, (0, 0, ""), (1, 1, ""))
    assert 0 < len(found) < len(crowd)


def test_ends_have_a_margin() -> None:
    low, high = bounds(pd.Series([10.0, 1000.0]), LOG)
    assert low < 1 < 3 < high
    same, other = bounds(pd.Series([5.0, 5.0]), LINEAR)
    assert same < 5 < other
