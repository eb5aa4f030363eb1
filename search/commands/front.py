"""`xoresnet front`: the front of a search as a table, CSV or JSON."""

from __future__ import annotations

import click
import pandas as pd

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.measures.metrics import SHORT_NAMES, metric_of
from xoresnet.results.tables.files import csv_text
from xoresnet.results.tables.loading import Run
from xoresnet.search.commands.arguments import trust_code_option
from xoresnet.search.commands.run_tables import read_run, row_fields
from xoresnet.search.views.console import print_json, print_table
from xoresnet.search.views.messages import say
from xoresnet.search.views.saved_front import saved_front_table

__all__ = ["front"]

_SHORT = {**SHORT_NAMES, "trial": "trial_id"}


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--sort", metavar="METRIC", help="Best first: accuracy, spikes, synops, energy, params or any column.")
@click.option("--max-spikes", type=float, metavar="N", help="Only networks with at most N spikes per sample.")
@click.option(
    "--min-accuracy", type=float, metavar="X", help="Only networks with an accuracy of at least X, for example 0.9."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print all columns as CSV.")
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print all columns as JSON.")
def front(
    run: str,
    sort: str | None,
    max_spikes: float | None,
    min_accuracy: float | None,
    as_csv: bool,
    trust_code: bool,
    as_json: bool,
) -> None:
    """Print the front of a search as a table, CSV or JSON.

    RUN is the folder of the search, or a URL such as s3://bucket/runs/digits.
    """
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    if max_spikes is not None and not max_spikes >= 0:
        raise UsageError(f"--max-spikes must be at least 0, got {max_spikes:g}")
    if min_accuracy is not None and not 0 <= min_accuracy <= 1:
        raise UsageError(f"--min-accuracy must lie between 0 and 1, got {min_accuracy:g}")
    tables = read_run(run, trust_code=trust_code)
    rows = _sorted(_within(tables.front, max_spikes, min_accuracy), sort, tables)
    if as_json:
        print_json([row_fields(row) for row in rows.to_dict("records")])
    elif as_csv:
        say(csv_text(rows), newline=False)
    else:
        _show(rows, tables)


def _within(rows: pd.DataFrame, max_spikes: float | None, min_accuracy: float | None) -> pd.DataFrame:
    if max_spikes is not None:
        rows = rows[rows["spikes_per_sample"] <= max_spikes]
    return rows if min_accuracy is None else rows[rows["val_accuracy"] >= min_accuracy]


def _sorted(rows: pd.DataFrame, sort: str | None, run: Run) -> pd.DataFrame:
    """Best first; columns without a direction in ascending order."""
    if sort is None:
        return rows
    column = sort if sort in rows else _SHORT.get(sort, sort)
    if column not in rows:
        guess = (
            nearest(sort, [*_SHORT, *map(str, rows.columns)]) or f"; choose {', '.join(_SHORT)} or any column of --csv"
        )
        raise UsageError(f"--sort: there is no column {sort!r}{guess}")
    way = run.objectives.get(column, metric_of(column).direction or "min")
    return rows.sort_values(column, ascending=way == "min", kind="stable")


def _show(rows: pd.DataFrame, run: Run) -> None:
    if not (run.trials["state"] == "COMPLETE").any():
        say("No trial is complete yet.")
    elif rows.empty:
        say(f"No network on the front is within these limits; the whole front has {len(run.front)}.")
    else:
        print_table(saved_front_table(rows, run))
