"""Colours that colour-blind readers can distinguish, after Okabe and Ito 2008.

Each has a contrast of at least 3:1 on white and on the near-black of the dark theme (WCAG 2.2, 1.4.11), down to an
opacity of 0.9. Marks that carry information are never fainter than that.
"""

from __future__ import annotations

__all__ = ["BLUE", "COLOURS", "GREEN", "GREY", "PURPLE", "STATE_COLOURS", "VERMILLION", "faint"]

BLUE, VERMILLION, GREEN, PURPLE, GREY = "#1b7fc4", "#d55e00", "#009e73", "#c06c9b", "#7f8790"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, GREY)
STATE_COLOURS = {"COMPLETE": BLUE, "PAUSED": PURPLE, "PRUNED": GREY, "FAIL": VERMILLION, "RUNNING": GREEN}


def faint(colour: str, opacity: float) -> str:
    """A colour with an opacity from 0 to 1, as plotly expects it.

    >>> faint("#1b7fc4", 0.5)
    'rgba(27,127,196,0.5)'
    """
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
