"""`xoresnet front`: the networks that no other beats, as a table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError, XOResNetError
from xoresnet.measures.metrics import SHORT_NAMES, metric_of
from xoresnet.search.commands.run_tables import refresh
from xoresnet.search.views.console import print_json

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from xoresnet.results.tables.loading import Run

__all__ = ["front", "read_run", "row_fields"]

_SHORT = {**SHORT_NAMES, "trial": "trial_id"}


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--sort", metavar="METRIC", help="Best first: accuracy, spikes, synops, energy, params or any column.")
@click.option("--max-spikes", type=float, metavar="N", help="Only networks with at most so many spikes per sample.")
@click.option("--min-accuracy", type=float, metavar="X", help="Only networks at least so accurate, like 0.9.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all columns as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print all columns as JSON.")
def front(
    run: str, sort: str | None, max_spikes: float | None, min_accuracy: float | None, as_csv: bool, as_json: bool
) -> None:
    """Show the front of a search; RUN is its folder, or a URL such as s3://bucket/runs/digits."""
    if as_csv and as_json:
        raise UsageError("one at a time: --csv, --json")
    if min_accuracy is not None and not 0 <= min_accuracy <= 1:
        raise UsageError(f"--min-accuracy is a share, from 0 to 1, got {min_accuracy:g}")
    found = read_run(run)
    rows = _sorted(_within(found.front, max_spikes, min_accuracy), sort, found)
    if as_json:
        print_json([row_fields(row) for row in rows.to_dict("records")])
    elif as_csv:
        click.echo(rows.to_csv(index=False), nl=False)
    else:
        _show(rows, found)


def read_run(run: str) -> Run:
    """The tables of a run, as new as they can be. Raises `UsageError`, `XOResNetError`."""
    from xoresnet.errors import RunError
    from xoresnet.results.tables.loading import load

    refresh(run)
    try:
        return load(run)
    except RunError as error:
        raise XOResNetError(str(error)) from None


def _within(rows: pd.DataFrame, max_spikes: float | None, min_accuracy: float | None) -> pd.DataFrame:
    if max_spikes is not None:
        rows = rows[rows["spikes_per_sample"] <= max_spikes]
    return rows if min_accuracy is None else rows[rows["val_accuracy"] >= min_accuracy]


def _sorted(rows: pd.DataFrame, sort: str | None, run: Run) -> pd.DataFrame:
    """Best first, as far as a column has a best."""
    if sort is None:
        return rows
    column = sort if sort in rows else _SHORT.get(sort, sort)
    if column not in rows:
        raise UsageError(f"--sort: no column {sort!r}{nearest(sort, [*_SHORT, *map(str, rows.columns)])}")
    way = run.objectives.get(column, metric_of(column).direction or "min")
    return rows.sort_values(column, ascending=way == "min", kind="stable")


def _show(rows: pd.DataFrame, run: Run) -> None:
    from rich.console import Console

    complete = int((run.trials["state"] == "COMPLETE").sum())
    if not complete:
        click.echo("no trial is complete yet")
    elif rows.empty:
        click.echo(f"no network of the front is within these limits; without them it has {len(run.front)}")
    else:
        Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(_table(rows, run))


def _table(rows: pd.DataFrame, run: Run) -> Table:
    from rich.table import Table
    from rich.text import Text

    from xoresnet.results.figures.kit.networks import describe

    metrics = [*run.objectives, *(name for name in ("params_count",) if name not in run.objectives)]
    whole = len(run.front)
    title = f"front: {len(rows)}{'' if len(rows) == whole else f' of {whole}'} network{'' if whole == 1 else 's'}"
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", title=title)
    for name in ("trial", "arch_id", *metrics, "network"):
        table.add_column(name, justify="right" if name in metrics else "left", no_wrap=True)
    for row, network in zip(rows.to_dict("records"), describe(rows), strict=True):
        figures = [metric_of(name).compact_text(float(row[name])) for name in metrics]
        source = row["source"] if isinstance(row["source"], str) else ""
        what = network + (f" ({source})" if source else "")
        table.add_row(str(row["trial_id"]), str(row["arch_id"]), *figures, Text(what))
    return table


def row_fields(row: dict[Any, Any]) -> dict[str, Any]:
    """A row as JSON takes it; `config.*` as a mapping of what this network has."""
    plain = {str(name): _plain(value) for name, value in row.items()}
    config = {name.removeprefix("config."): value for name, value in plain.items() if name.startswith("config.")}
    others = {name: value for name, value in plain.items() if not name.startswith("config.")}
    return {**others, "config": {name: value for name, value in config.items() if value is not None}}


def _plain(value: Any) -> Any:
    import pandas as pd

    if pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
