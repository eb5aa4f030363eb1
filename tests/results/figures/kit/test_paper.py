"""Figures for a paper: no text covers another one, and none is cut off, as measured in the drawing."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

from tests.results.made_runs import run_of, trial, varied_run
from xoresnet.results import Run, load
from xoresnet.results.figures import FIGURES
from xoresnet.results.figures.kit.paper import paper_style

RECORDED = Path(__file__).parents[4] / "examples" / "recorded" / "digits-0"
_TOUCH = 1.0
"""Pixels by which boxes may meet: they include the space between lines."""


def crowded() -> Run:
    """Many trials, among them every known network at three depths."""
    random = np.random.default_rng(0)
    families = ("spiking-resnet", "sew-resnet", "ms-resnet", "or-resnet", "xoresnet")
    rows = []
    for number in range(200):
        spikes = 300 * float(np.exp(random.normal(0, 0.8)))
        accuracy = float(np.clip(0.6 + 0.08 * np.log(spikes / 300) + random.normal(0, 0.04), 0.1, 0.99))
        source = f"{families[number % 5]}{(8, 14, 20)[number // 5]}" if number < 15 else None
        merge, steps = ("or", "oa", "or/oa/add")[number % 3], 1 + number % 4
        rows.append(trial(number, accuracy, spikes, source=source, config_merge=merge, config_timesteps=steps))
    return run_of(*rows)


RUNS = {"varied": varied_run, "recorded": lambda: load(RECORDED), "one": lambda: run_of(trial(0)), "crowded": crowded}


def texts(figure: Any) -> list[tuple[str, Any]]:
    """The visible texts of a drawing with their boxes in pixels."""
    with paper_style():
        figure.draw_without_rendering()
    renderer = figure._get_renderer()
    hidden = {id(label) for axes in figure.axes for label in undrawn(axes)}
    return [
        (text.get_text(), Text.get_window_extent(text, renderer))  # without the line of a label
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def undrawn(axes: Any) -> list[Text]:
    """Labels of ticks outside of the limits of their axis."""
    labels: list[Text] = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        drawn = {id(tick) for tick in axis._update_ticks()}
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        outside = [tick for tick in ticks if id(tick) not in drawn or not low <= tick.get_loc() <= high]
        labels += [label for tick in outside for label in (tick.label1, tick.label2)]
    return labels


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", FIGURES)
def test_no_text_covers_another(name: str, run: str) -> None:
    info = FIGURES[name].info(RUNS[run]())
    if info.missing:
        pytest.skip(info.missing)
    figure = FIGURES[name].drawing(info)
    boxes = texts(figure)
    assert boxes
    covered = [
        (first, second)
        for (first, one), (second, other) in combinations(boxes, 2)
        if min(one.x1, other.x1) - max(one.x0, other.x0) > _TOUCH
        and min(one.y1, other.y1) - max(one.y0, other.y0) > _TOUCH
    ]
    assert covered == []
    width, height = figure.get_size_inches() * figure.dpi
    cut = [text for text, box in boxes if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1]
    assert cut == []
