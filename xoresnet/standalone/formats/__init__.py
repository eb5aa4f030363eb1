"""File formats in which a model can leave this project: each module of this folder defines one as `FORMAT`."""

from __future__ import annotations

from pkgutil import iter_modules

__all__ = ["format_names"]


def format_names() -> list[str]:
    """The names of the formats, in alphabetical order; imports none of them."""
    return sorted(module.name for module in iter_modules(__path__))
