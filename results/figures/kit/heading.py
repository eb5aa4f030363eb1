"""The heading of a figure that stands alone."""

from __future__ import annotations

from xoresnet.plain_text import cut, visible
from xoresnet.results.tables.loading import RunTables

__all__ = ["heading"]

_LONGEST = 60


def heading(title: str, run: RunTables) -> str:
    """The title of a figure with the run and its data set: `Front · digits-0, on digits`."""
    name, data = (cut(visible(text).replace("\n", " "), _LONGEST) for text in (run.name, run.data_name))
    return f"{title} · {name}{f', on {data}' if data and data != name else ''}"
