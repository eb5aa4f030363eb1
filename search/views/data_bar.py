"""A data set, read for a command: what is wrong is told in a sentence, what takes long has a bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xoresnet.data.spec import DataSpec
from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError, XOResNetError
from xoresnet.search.views.console import live_console

if TYPE_CHECKING:
    from xoresnet.data.load import DataSet

__all__ = ["known_data_set", "load_with_bar"]


def known_data_set(name: str) -> str:
    """The name, if there is a data set of that name; raises `UsageError`, `XOResNetError`."""
    from xoresnet.data.load import DATASETS

    if name not in DATASETS:
        raise UsageError(f"there is no data set {name!r}: there are {', '.join(DATASETS)}{nearest(name, DATASETS)}")
    return name


def load_with_bar(spec: DataSpec, *, download: bool = False) -> DataSet:
    """Read it; on a terminal, with a bar while images are decoded. Raises `UsageError`, `XOResNetError`."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from xoresnet.errors import DataError

    known_data_set(spec.name)
    console = live_console()
    bar = Progress(
        TextColumn("decoding images"), BarColumn(), TimeRemainingColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    task = bar.add_task("", total=None, visible=False)
    try:
        with bar:
            return spec.load(
                download=download,
                progress=lambda done, total: bar.update(task, completed=done, total=total, visible=True),
            )
    except DataError as error:
        raise XOResNetError(str(error)) from None
