"""The report: one self-contained HTML file, which opens without a network connection and without this project.

Everything that users wrote (names, sources, reasons, configuration) is treated as text: Jinja escapes it in HTML, the
figures escape it in hover texts, `_embedded` escapes it in scripts. The page's security policy blocks other scripts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from xoresnet.errors import UsageError
from xoresnet.files.atomic import write_text
from xoresnet.files.places import local_path
from xoresnet.files.secrets import hidden_address
from xoresnet.files.yaml_text import write_yaml
from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.confirmation import confirmed_objectives
from xoresnet.results.analysis.findings import found
from xoresnet.results.analysis.leading import Leading, leading
from xoresnet.results.analysis.networks import describe
from xoresnet.results.figures import FIGURES
from xoresnet.results.figures.hypervolume import HypervolumeInfo
from xoresnet.results.figures.kit.axes import reference_text
from xoresnet.results.figures.kit.theme import TEMPLATES
from xoresnet.results.page.headline import failures, headline, moment_text, trainings_of
from xoresnet.results.tables.loading import RunTables, load
from xoresnet.results.tables.spending import progress_text

__all__ = ["report"]

_MOST_ROWS, _MOST_REASONS = 500, 20
_EXTRA = (
    "params_count",
    "synops_per_sample",
    "energy_pj_per_sample",
    "energy_memory_pj_per_sample",
    "energy_loihi_pj_per_sample",
)
"""Further columns of the table of the front, after the objectives."""


def report(run: RunTables | str | Path, path: str | Path | None = None, *, place: str | None = None) -> Path:
    """Write the report of a run, one HTML file that opens offline; returns its path.

    run: a loaded run, or its folder or URL. path: by default `report.html` in the folder of the run. place: the run as
    the commands in the report name it; by default its folder or URL, or the name of a loaded run.
    Raises `RunError` as `load` does, and `UsageError` if path is missing and the run is not a local folder.
    """
    if path is None and (isinstance(run, RunTables) or "://" in str(run)):
        name = run.name if isinstance(run, RunTables) else str(run)
        raise UsageError(f"the report of {name} has no default path; add path='report.html'")
    target = local_path(path, "path") if path is not None else Path(str(run)) / "report.html"
    if path is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    if place is None and not isinstance(run, RunTables):
        place = hidden_address(str(run))
    write_text(target, _page(run if isinstance(run, RunTables) else load(run), place))
    return target


def _page(run: RunTables, place: str | None) -> str:
    lead = leading(run)
    infos = {name: kind.info(run) for name, kind in FIGURES.items()}
    volume: HypervolumeInfo = infos["hypervolume"]
    plots = {name: _plain_figure(FIGURES[name].plot(info)) for name, info in infos.items() if not info.missing}
    failed = failures(trainings_of(run))
    scripts = [get_plotlyjs(), _asset("report.js")]
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        _asset("report.html")
    )
    return template.render(
        run=run,
        moment=moment_text(run),
        progress=progress_text(run),
        findings=_findings(run, place),
        facts=headline(run, lead, None if volume.missing else volume.volume, reference_text(volume.reference)),
        sections=_arranged([_section(name, info) for name, info in infos.items() if not info.missing]),
        absent=[_section(name, info) for name, info in infos.items() if info.missing and not run.is_ablation],
        table=_front_table(run, lead),
        failures=failed[:_MOST_REASONS],
        more_failures=max(0, len(failed) - _MOST_REASONS),
        config=write_yaml(run.config),
        environment=_environment_rows(run.environment),
        policy=_policy(scripts),
        style=Markup(_asset("report.css")),  # trusted: files of this package
        scripts=[Markup(script) for script in scripts],
        data=Markup(_embedded({"figures": plots, "templates": TEMPLATES})),
    )


_HEADINGS = {
    "warning": "Warning",
    "best": "Best networks",
    "budget": "Best networks",
    "trust": "How sure",
    "known": "Known networks",
    "effect": "All else equal",
    "energy": "Energy",
    "note": "All else equal",
}
"""Of the findings, by kind."""


class _Sentence(NamedTuple):
    text: str
    figure: str
    """The section that shows it."""
    title: str
    """Of that section."""
    command: str


def _findings(run: RunTables, place: str | None) -> dict[str, list[_Sentence]]:
    """What was found, by heading."""
    groups: dict[str, list[_Sentence]] = {}
    for finding in found(run, place):
        sentence = _Sentence(finding.sentence, finding.figure, FIGURES[finding.figure].title, finding.command)
        groups.setdefault(_HEADINGS[finding.kind], []).append(sentence)
    return groups


class _Section(NamedTuple):
    """One figure of the page. Those with nothing to show are listed with their sentence `missing` at its end."""

    name: str
    title: str
    reading: str
    notes: tuple[str, ...]
    missing: str
    wide: bool


def _section(name: str, info: Any) -> _Section:
    kind = FIGURES[name]
    return _Section(name, kind.title_of(info), kind.reading, info.notes, info.missing, kind.wide)


def _arranged(sections: list[_Section]) -> list[_Section]:
    """Two narrow figures in each row: the last one of an odd number of them between wide ones becomes wide."""
    arranged: list[_Section] = []
    alone = False
    for section in sections:
        if section.wide and alone:
            arranged[-1] = arranged[-1]._replace(wide=True)
        alone = not section.wide and not alone
        arranged.append(section)
    if alone:
        arranged[-1] = arranged[-1]._replace(wide=True)
    return arranged


class _Cell(NamedTuple):
    text: str
    value: float | str
    """The sort key of the column."""
    kind: str = "text"


class _Table(NamedTuple):
    names: list[tuple[str, str]]
    """Names and kinds of the columns."""
    rows: list[list[_Cell]]
    left_out: int
    note: str


def _front_table(run: RunTables, lead: Leading) -> _Table:
    """The leading figures first, with those of the search beside confirmed ones, and the other way round."""
    shown = lead.front.head(_MOST_ROWS)
    further = [lead.column(metric) for metric in _EXTRA if metric not in run.objectives]
    known = [name for name in further if shown[name].notna().any()]
    columns = {name: lead.metric(name).heading for name in [*lead.objectives, *known]}
    if lead.is_confirmed:
        columns |= {metric: f"{metric_of(metric).heading} in the search" for metric in run.objectives}
    elif lead.covered:
        columns |= {name: lead.metric(name).heading for name in confirmed_objectives(run.objectives)}
    columns |= {"seeds": "seeds"} if lead.covered else {}
    names = [("trial", "number"), ("arch id", "id"), *((heading, "number") for heading in columns.values())]
    rows = [
        [
            _trial_cell(row["trial_id"]),
            _Cell(row["arch_id"], row["arch_id"], "id"),
            *(_number_cell(name, row) for name in columns),
            _Cell(text := network if pd.isna(row["source"]) else f"{network} ({row['source']})", text),
        ]
        for row, network in zip(shown.to_dict("records"), describe(shown), strict=True)
    ]
    note = "Means and standard deviations over the seeds of confirmed trainings." if lead.covered else ""
    return _Table([*names, ("network", "text")], rows, len(lead.front) - len(shown), note)


def _trial_cell(number: Any) -> _Cell:
    """Empty for a known network that the search did not try."""
    return _Cell("", "", "number") if pd.isna(number) else _Cell(f"#{number}", number, "number")


def _number_cell(column: str, row: Mapping[Any, Any]) -> _Cell:
    value = row[column]
    if pd.isna(value):
        return _Cell("", "", "number")
    metric = metric_of(column.removesuffix("_mean"))
    deviation = float(row[f"{metric.name}_std"]) if column.endswith("_mean") else math.nan
    return _Cell(metric.spread_text(float(value), deviation), float(value), "number")


def _environment_rows(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in environment.items():
        if isinstance(value, Mapping):
            rows += _environment_rows(value)
        else:
            rows.append((name, str(value)))
    return rows


def _plain_figure(figure: Any) -> dict[str, Any]:
    """A figure as JSON without its template: the page embeds the templates once."""
    content: dict[str, Any] = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    return content


def _embedded(value: Any) -> str:
    """JSON that cannot end a script element, whatever texts it contains."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _policy(scripts: list[str]) -> str:
    """A content security policy: nothing is fetched, and only these scripts run."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    rest = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; style-src 'unsafe-inline'"
    return f"{rest}; script-src {allowed}"


def _asset(name: str) -> str:
    return (files("xoresnet.results.page") / "assets" / name).read_text(encoding="utf-8")
