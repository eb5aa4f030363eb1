"""Puts tables into a page: each below a comment that names it, in place of what stands there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["put_into", "shown_tables"]


def shown_tables(tables: Mapping[str, str]) -> str:
    """All tables below their names."""
    return "\n\n".join(f"{name}\n\n{text}" for name, text in tables.items())


def put_into(page: Path, tables: Mapping[str, str]) -> list[str]:
    """Replace the table that follows `<!-- NAME -->` in a page; returns the names for which the page has no place."""
    text, missing = page.read_text(encoding="utf-8"), []
    for name, table in tables.items():
        place = f"<!-- {name} -->\n"
        pattern = rf"{re.escape(place)}\n*(?:\|.*\n)*(?:\n\d+ intervals?\.\n)*\n*"
        text, count = re.subn(pattern, lambda _, place=place, table=table: f"{place}\n{table}\n\n", text)
        missing += [name] if not count else []
    page.write_text(text, encoding="utf-8")
    return missing
