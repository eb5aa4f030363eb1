"""Every mark can be seen and every text be read in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.results.ablations import ablations, trainings
from tests.results.made_runs import varied_run
from xoresnet.results.figures import FIGURES
from xoresnet.results.figures.kit.theme import TEMPLATES

Colour = tuple[float, float, float, float]


def parsed(text: str) -> Colour:
    if text.startswith("#"):
        return *(int(text[place : place + 2], 16) for place in (1, 3, 5)), 1.0  # type: ignore[return-value]
    parts = [float(part) for part in re.findall(r"[\d.]+", text)]
    return parts[0], parts[1], parts[2], parts[3] if len(parts) > 3 else 1.0


def luminance(colour: tuple[float, ...]) -> float:
    shares = [value / 255 for value in colour[:3]]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(text: str, behind: str) -> float:
    *above, opacity = parsed(text)
    below = parsed(behind)[:3]
    mixed = tuple(opacity * one + (1 - opacity) * other for one, other in zip(above, below, strict=True))
    low, high = sorted((luminance(mixed), luminance(below)))
    return (high + 0.05) / (low + 0.05)


def colours(value: Any, key: str = "") -> Iterator[str]:
    """The colours of marks: of lines, markers and their rims, without fills below a line."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("fillcolor", "colorscale", "template", "font"):
                yield from colours(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from colours(inner, key)
    elif isinstance(value, str) and key in ("color", "arrowcolor"):
        yield value


@pytest.mark.parametrize("theme", TEMPLATES)
@pytest.mark.parametrize("name", FIGURES)
def test_marks(name: str, theme: str) -> None:
    run = replace(varied_run(), ablations=ablations(trainings([0.5, 0.6]), trainings([0.7, 0.9], "merge", "add", "or")))
    figure = json.loads(FIGURES[name].plot(FIGURES[name].info(run)).to_json())
    behind = TEMPLATES[theme]["layout"]["paper_bgcolor"]
    found = {colour for part in ("data", "layout") for colour in colours(figure[part]) if not colour.endswith(",0)")}
    assert found or name == "rates"
    assert {colour: contrast(colour, behind) for colour in found if contrast(colour, behind) < 3} == {}


@pytest.mark.parametrize("theme", TEMPLATES)
def test_texts(theme: str) -> None:
    layout = TEMPLATES[theme]["layout"]
    axis, label = layout["xaxis"], layout["hoverlabel"]
    assert contrast(layout["font"]["color"], layout["paper_bgcolor"]) >= 4.5
    assert contrast(axis["tickfont"]["color"], layout["paper_bgcolor"]) >= 4.5
    assert contrast(label["font"]["color"], label["bgcolor"]) >= 4.5
