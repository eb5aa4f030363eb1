"""Static figures of a run, for papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xoresnet.files.atomic import replaced
from xoresnet.results.figures import FIGURES
from xoresnet.results.tables.loading import Run, load

__all__ = ["write_figures"]


def write_figures(run: Run | str | Path, folder: str | Path, formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Write each figure of a run into a folder, `front.png`, `front.svg`, ...; returns where.

    formats: as matplotlib knows them, `pdf` too. A figure that has nothing to show yet is left out.
    Raises `RunError` for what holds no run, ValueError for an unknown format.
    """
    from xoresnet.results.figures.kit.paper import paper_style

    found = run if isinstance(run, Run) else load(run)
    wanted = [formats] if isinstance(formats, str) else list(formats)
    _check(wanted)
    paths = []
    for name, kind in FIGURES.items():
        info = kind.info(found)
        if info.missing:
            continue
        made = kind.drawing(info)
        for form in wanted:
            path = Path(folder) / f"{name}.{form}"
            with replaced(path) as partial, paper_style():
                made.savefig(partial, format=form, metadata={"Date": None} if form == "svg" else None)
            paths.append(path)
    return paths


def _check(formats: Sequence[str]) -> None:
    from matplotlib.backend_bases import FigureCanvasBase

    from xoresnet.description.schema import nearest

    known = FigureCanvasBase.get_supported_filetypes()
    for form in formats:
        if form not in known:
            raise ValueError(f"{form!r} is no format of figures{nearest(form, known)}")
