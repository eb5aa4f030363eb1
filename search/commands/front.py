"""`xoresnet front`: the front of a search as a table, CSV or JSON."""

from __future__ import annotations

import shlex

import click
import pandas as pd

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.measures.metrics import SHORT_NAMES
from xoresnet.results.analysis.leading import Leading, leading, search_figures
from xoresnet.results.analysis.trust import guessing_findings, trust_findings
from xoresnet.results.tables.files import csv_text
from xoresnet.results.tables.loading import RunTables
from xoresnet.search.commands.arguments.completing import complete_run
from xoresnet.search.commands.arguments.options import Number, trust_code_option
from xoresnet.search.commands.run_tables import read_run, row_fields
from xoresnet.search.folders.mirror import named_run
from xoresnet.search.views.console import print_json, print_table
from xoresnet.search.views.messages import print_note, say
from xoresnet.search.views.saved_front import saved_front_table

__all__ = ["front"]

_SHORT = {**SHORT_NAMES, "trial": "trial_id"}


@click.command()
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.option("--sort", metavar="METRIC", help="Best first: accuracy, spikes, synops, energy, params or any column.")
@click.option("--max-spikes", type=Number(), metavar="N", help="Only networks with at most N spikes per sample.")
@click.option(
    "--min-accuracy", type=Number(), metavar="X", help="Only networks with an accuracy of at least X, for example 0.9."
)
@click.option("--searched", is_flag=True, help="Show the figures of the search, even if `confirm` has measured others.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all columns as CSV.")
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print all columns as JSON.")
def front(
    run: str,
    sort: str | None,
    max_spikes: float | None,
    min_accuracy: float | None,
    searched: bool,
    as_csv: bool,
    trust_code: bool,
    as_json: bool,
) -> None:
    """Print the front of a search as a table, CSV or JSON.

    RUN is the folder of the search, or a URL such as s3://bucket/runs/digits. Once `xoresnet confirm` has trained the
    whole front again, the front is that of the confirmed means on the test set.
    """
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    if max_spikes is not None and not max_spikes >= 0:
        raise UsageError(f"--max-spikes must be at least 0, got {max_spikes:g}")
    if min_accuracy is not None and not 0 <= min_accuracy <= 1:
        raise UsageError(f"--min-accuracy must lie between 0 and 1, got {min_accuracy:g}")
    tables = read_run(run, trust_code=trust_code)
    lead = search_figures(tables) if searched else leading(tables)
    rows = _within(lead, max_spikes, min_accuracy)
    column = None if sort is None else _column(rows, sort, lead)
    rows = rows if column is None else _sorted(rows, column, lead)
    if rows.empty and (as_json or as_csv):
        print_note(_why_empty(lead))
    for finding in guessing_findings(tables, lead):
        print_note(finding.sentence)
    if as_json:
        print_json([row_fields(row) for row in rows.to_dict("records")])
    elif as_csv:
        say(csv_text(rows), newline=False)
    else:
        _show(rows, lead, tables, run, column)


def _within(lead: Leading, max_spikes: float | None, min_accuracy: float | None) -> pd.DataFrame:
    rows = lead.front
    if max_spikes is not None:
        rows = rows[rows[lead.column("spikes")] <= max_spikes]
    return rows if min_accuracy is None else rows[rows[lead.column("accuracy")] >= min_accuracy]


def _column(rows: pd.DataFrame, sort: str, lead: Leading) -> str:
    """The column that is meant. Raises `UsageError`."""
    column = sort if sort in rows else lead.column(_SHORT.get(sort, sort))
    if column not in rows:
        guess = (
            nearest(sort, [*_SHORT, *map(str, rows.columns)]) or f"; choose {', '.join(_SHORT)} or any column of --csv"
        )
        raise UsageError(f"--sort: there is no column {sort!r}{guess}")
    return column


def _sorted(rows: pd.DataFrame, column: str, lead: Leading) -> pd.DataFrame:
    """Best first; columns without a direction in ascending order."""
    way = lead.objectives.get(column, lead.metric(column).direction or "min")
    return rows.sort_values(column, ascending=way == "min", kind="stable")


def _show(rows: pd.DataFrame, lead: Leading, tables: RunTables, run: str, sorted_by: str | None) -> None:
    """The table, and below figures of the search what they are worth."""
    if rows.empty:
        say(_why_empty(lead))
        return
    print_table(saved_front_table(rows, lead, sorted_by))
    if lead.is_confirmed:
        return
    trust = trust_findings(tables, lead, shlex.quote(named_run(run)))[0]
    say(trust.sentence)
    if trust.command:
        say(f"to confirm {'the rest' if lead.covered else 'them'}: {trust.command}")


def _why_empty(lead: Leading) -> str:
    if not lead.total:
        return "No trial is complete yet."
    return f"No network on the front is within these limits; the whole front has {len(lead.front)}."
