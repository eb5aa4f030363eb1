"""Colours that colour-blind readers can distinguish (Okabe and Ito 2008), legible on white and near-black."""

from __future__ import annotations

__all__ = ["BLUE", "COLOURS", "GREEN", "GREY", "PURPLE", "STATE_COLOURS", "VERMILLION", "faint"]

BLUE, VERMILLION, GREEN, PURPLE, GREY = "#0072b2", "#d55e00", "#009e73", "#c06c9b", "#7f8790"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, GREY)
STATE_COLOURS = {"COMPLETE": BLUE, "PAUSED": PURPLE, "PRUNED": GREY, "FAIL": VERMILLION, "RUNNING": GREEN}


def faint(colour: str, opacity: float) -> str:
    """A colour with an opacity from 0 to 1, as plotly expects it.

    >>> faint("#0072b2", 0.5)
    'rgba(0,114,178,0.5)'
    """
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
