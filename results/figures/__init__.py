"""The figures of a run: the content of each, an interactive plot, and a static drawing for a paper.

    from xoresnet.results import FIGURES, load

    info = FIGURES["front"].info(load("runs/digits"))
    FIGURES["front"].plot(info).show()
    FIGURES["front"].drawing(info).savefig("front.pdf")

A figure is a file of this folder that defines `FIGURE`. Plotly and matplotlib are imported when a figure is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules

from xoresnet.results.figures.kit.kind import FigureKind

__all__ = ["FIGURES", "FigureKind"]


class _Figures(Mapping[str, FigureKind]):
    """The figures by the names of their files, in the order of the report."""

    @cached_property
    def _kinds(self) -> dict[str, FigureKind]:
        """Collected at first use: the files import their kit from this package."""
        names = [module.name for module in iter_modules(__path__) if not module.ispkg]
        kinds = {name: getattr(import_module(f"{__name__}.{name}"), "FIGURE", None) for name in names}
        figures = {name: kind for name, kind in kinds.items() if isinstance(kind, FigureKind)}
        return dict(sorted(figures.items(), key=lambda figure: figure[1].place))

    def __getitem__(self, name: str) -> FigureKind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


FIGURES: Mapping[str, FigureKind] = _Figures()
