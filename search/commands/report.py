"""`xoresnet report`: a search as one HTML file, and its figures for a paper."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from xoresnet.errors import UsageError, XOResNetError
from xoresnet.files.places import local_path
from xoresnet.results.figures.write import write_figures
from xoresnet.results.page.writer import report as write_report
from xoresnet.search.commands.arguments import trust_code_option
from xoresnet.search.commands.run_tables import read_run
from xoresnet.search.views.console import print_json
from xoresnet.search.views.messages import say

__all__ = ["report"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--output", metavar="FILE", help="The file to write.  [default: RUN/report.html]")
@click.option("--figures", "folder", metavar="DIR", help="Also write each figure as PNG and SVG into this folder.")
@click.option("--open", "open_it", is_flag=True, help="Open the report in the browser.")
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print the paths of the written files as JSON.")
def report(run: str, output: str | None, folder: str | None, open_it: bool, trust_code: bool, as_json: bool) -> None:
    """Write the report of a search: one HTML file that opens offline.

    RUN is the folder of the search, or a URL. The search may still be running; write the report as often as you like.
    """
    target = _target(run, output)
    if folder is not None and local_path(folder, "--figures").exists() and not Path(folder).is_dir():
        raise UsageError(f"--figures: {folder} is not a folder")
    tables = read_run(run, trust_code=trust_code)
    path = write_report(tables, target)
    drawn = write_figures(tables, folder) if folder is not None else []
    if as_json:
        print_json({"report": str(path), "figures": [str(figure) for figure in drawn]})
    else:
        say(f"report: {path}")
        if folder is not None:
            say(f"figures: {len(drawn)} files in {folder}")
    if open_it and not webbrowser.open(path.absolute().as_uri()):
        raise XOResNetError(f"no browser was found to open {path}")


def _target(run: str, output: str | None) -> Path:
    if output is None:
        if "://" in run:
            raise UsageError("a report of a remote run needs a local file: add --output FILE")
        return Path(run) / "report.html"
    target = local_path(output, "--output")
    if target.is_dir():
        raise UsageError(f"--output: {output} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise UsageError(f"--output: there is no folder {target.parent}")
    return target
