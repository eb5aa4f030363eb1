"""Writing the static figures of a run, for papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.files.atomic import replaced
from xoresnet.files.places import local_path
from xoresnet.results.figures import FIGURES
from xoresnet.results.tables.loading import RunTables, load

__all__ = ["FORMATS", "write_figures"]

FORMATS = ("png", "svg", "pdf")
"""PNG for slides, SVG for the web, PDF for LaTeX."""
_UNDATED: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""Equal figures give equal files."""


def write_figures(run: RunTables | str | Path, folder: str | Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write each figure of a run into a folder as `front.png`, `front.svg`, ...; returns the paths.

    run: a loaded run, or its folder or URL. formats: any that matplotlib writes. A figure that has
    nothing to show yet is left out.
    Raises `RunError` as `load` does, and `UsageError` for an unknown format.
    """
    target = local_path(folder, "folder")
    loaded = run if isinstance(run, RunTables) else load(run)
    names = [formats] if isinstance(formats, str) else list(formats)
    _check(names)
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, kind in FIGURES.items():
        info = kind.info(loaded)
        if info.missing:
            continue
        figure = kind.drawing(info)
        for form in names:
            path = target / f"{name}.{form}"
            with replaced(path) as partial:
                figure.savefig(partial, format=form, metadata=_UNDATED.get(form))
            paths.append(path)
    return paths


def _check(formats: Sequence[str]) -> None:
    from matplotlib.backend_bases import FigureCanvasBase  # here, because infos are made without matplotlib

    known = FigureCanvasBase.get_supported_filetypes()
    for form in formats:
        if form not in known:
            raise UsageError(f"{form!r} is not a figure format{nearest(form, known)}")
