"""`xoresnet report`: a search as one HTML file, and its figures for a paper."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any

import click

from xoresnet.errors import NoRunError, UsageError, XOResNetError
from xoresnet.files.places import is_url, local_path
from xoresnet.results.analysis.findings import first_findings, found
from xoresnet.results.analysis.wording import Finding
from xoresnet.results.figures.write import write_figures
from xoresnet.results.page.writer import report as write_report
from xoresnet.results.tables.loading import RunTables
from xoresnet.search.commands.arguments.completing import complete_run
from xoresnet.search.commands.arguments.options import trust_code_option
from xoresnet.search.commands.run_tables import read_ablation, read_run
from xoresnet.search.folders.mirror import named_run
from xoresnet.search.views.console import print_json, print_lines
from xoresnet.search.views.messages import say

__all__ = ["report"]


@click.command()
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.option("--output", metavar="FILE", help="The file to write.  [default: RUN/report.html]")
@click.option("--figures", "folder", metavar="DIR", help="Also write each figure as PNG, SVG and PDF into this folder.")
@click.option("--open", "open_it", is_flag=True, help="Open the report in the browser.")
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print the paths of the written files and all findings as JSON.")
def report(run: str, output: str | None, folder: str | None, open_it: bool, trust_code: bool, as_json: bool) -> None:
    """Write the report of a search: one HTML file that opens offline.

    Its first findings are printed too.

    RUN is the folder of the search, or a URL; also that of an ablation of a network of your own. The search may still
    be running; write the report as often as you like.
    """
    target = _target(run, output)
    if folder is not None and local_path(folder, "--figures").exists() and not Path(folder).is_dir():
        raise UsageError(f"--figures: {folder} is not a folder")
    if folder is not None and not local_path(folder, "--figures").parent.is_dir():
        raise UsageError(f"--figures: there is no folder {Path(folder).parent}")
    tables = _tables(run, trust_code=trust_code)
    named = named_run(run)
    path = write_report(tables, target, place=named)
    listed = found(tables, named)
    drawn = write_figures(tables, folder) if folder is not None else []
    if as_json:
        figures, fields = [str(figure) for figure in drawn], [_fields(finding) for finding in listed]
        print_json({"report": str(path), "figures": figures, "findings": fields})
    else:
        print_lines(_line(finding) for finding in first_findings(listed))
        say(f"report: {path}")
        if folder is not None:
            say(f"figures: {len(drawn)} files in {folder}")
    if open_it and not webbrowser.open(path.absolute().as_uri()):
        raise XOResNetError(f"no browser was found to open {path}")


def _tables(run: str, *, trust_code: bool) -> RunTables:
    try:
        return read_run(run, trust_code=trust_code)
    except NoRunError:
        ablation = read_ablation(run)
        if ablation is None:
            raise
        return ablation


def _line(finding: Finding) -> str:
    return f"{finding.sentence}{f' To find out: {finding.command}' if finding.command else ''}"


def _fields(finding: Finding) -> dict[str, Any]:
    numbers = [
        {
            "metric": number.metric,
            "scale": number.scale,
            "estimate": number.estimate,
            "low": number.interval.low,
            "high": number.interval.high,
            "count": number.count,
        }
        for number in finding.numbers
    ]
    return {**finding._asdict(), "numbers": numbers, "command": finding.command or None}


def _target(run: str, output: str | None) -> Path:
    if output is None:
        if is_url(run):
            raise UsageError("a report of a remote run needs a local file: add --output FILE")
        return local_path(run, "RUN") / "report.html"
    target = local_path(output, "--output")
    if target.is_dir():
        raise UsageError(f"--output: {output} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise UsageError(f"--output: there is no folder {target.parent}")
    return target
