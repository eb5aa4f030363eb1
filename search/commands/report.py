"""`xoresnet report`: a run as one HTML file, and its figures for a paper."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from xoresnet.errors import UsageError, XOResNetError
from xoresnet.search.commands.front import read_run
from xoresnet.search.views.console import print_json

__all__ = ["report"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--output", metavar="FILE", help="Where to.  [default: RUN/report.html]")
@click.option("--figures", "folder", metavar="DIR", help="Write each figure as PNG and SVG into this folder too.")
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def report(run: str, output: str | None, folder: str | None, open_it: bool, as_json: bool) -> None:
    """Write the report of a search: one HTML file that opens offline. RUN is its folder, or a URL.

    It can be written while the search goes on, and as often as you like.
    """
    target = _target(run, output)
    if folder is not None and Path(folder).exists() and not Path(folder).is_dir():
        raise UsageError(f"--figures: {folder} is no folder")
    found = read_run(run)
    from xoresnet.results.figures.write import write_figures
    from xoresnet.results.page.writer import report as write_report

    path = write_report(found, target)
    drawn = write_figures(found, folder) if folder is not None else []
    if as_json:
        print_json({"report": str(path), "figures": [str(one) for one in drawn]})
    else:
        click.echo(f"report: {path}")
        if folder is not None:
            click.echo(f"figures: {len(drawn)} files in {folder}")
    if open_it and not webbrowser.open(path.absolute().as_uri()):
        raise XOResNetError(f"there is no browser here to open {path} with")


def _target(run: str, output: str | None) -> Path:
    if output is None:
        if "://" in run:
            raise UsageError("where to? a report is written to this machine: --output FILE")
        return Path(run) / "report.html"
    target = Path(output)
    if target.is_dir():
        raise UsageError(f"--output: {output} is a folder: name a file in it")
    return target
