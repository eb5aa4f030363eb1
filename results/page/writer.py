"""The report: one self-contained HTML file, which opens without a network connection and without this project.

Everything that users wrote (names, sources, reasons, configuration) is treated as text: Jinja escapes it in HTML, the
figures escape it in hover texts, `_embedded` escapes it in scripts. The page's security policy blocks other scripts.
"""

from __future__ import annotations

import base64
import hashlib
import json
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
from xoresnet.files.yaml_text import write_yaml
from xoresnet.measures.metrics import metric_of
from xoresnet.results.figures import FIGURES
from xoresnet.results.figures.hypervolume import HypervolumeInfo
from xoresnet.results.figures.kit.axes import reference_text, value_text
from xoresnet.results.figures.kit.networks import describe
from xoresnet.results.figures.kit.theme import TEMPLATES
from xoresnet.results.page.headline import failures, headline, moment_text
from xoresnet.results.tables.loading import Run, load
from xoresnet.results.tables.spending import spent_trainings, without_continued

__all__ = ["report"]

_MOST_ROWS, _MOST_REASONS = 500, 20
_EXTRA = ("params_count", "synops_per_sample", "energy_pj_per_sample")
"""Further columns of the table of the front, after the objectives."""


def report(run: Run | str | Path, path: str | Path | None = None) -> Path:
    """Write the report of a run, one HTML file that opens offline; returns its path.

    run: a loaded run, or its folder or URL. path: by default `report.html` in the folder of the run.
    Raises `RunError` as `load` does, and `UsageError` if path is missing and the run is not a local folder.
    """
    if path is None and (isinstance(run, Run) or "://" in str(run)):
        name = run.name if isinstance(run, Run) else str(run)
        raise UsageError(f"the report of {name} has no default path; add path='report.html'")
    target = local_path(path, "path") if path is not None else Path(str(run)) / "report.html"
    if path is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, _page(run if isinstance(run, Run) else load(run)))
    return target


def _page(run: Run) -> str:
    infos = {name: kind.info(run) for name, kind in FIGURES.items()}
    volume: HypervolumeInfo = infos["hypervolume"]
    plots = {name: _plain_figure(FIGURES[name].plot(info)) for name, info in infos.items() if not info.missing}
    scripts = [get_plotlyjs(), _asset("report.js")]
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        _asset("report.html")
    )
    return template.render(
        run=run,
        moment=moment_text(run),
        progress=_progress(run),
        facts=headline(run, None if volume.missing else volume.volume, reference_text(volume.reference)),
        sections=[_section(name, info) for name, info in infos.items()],
        table=_front_table(run),
        failures=failures(run.trials)[:_MOST_REASONS],
        more_failures=max(0, len(failures(run.trials)) - _MOST_REASONS),
        config=write_yaml(run.config),
        environment=_environment_rows(run.environment),
        policy=_policy(scripts),
        style=Markup(_asset("report.css")),  # trusted: files of this package
        scripts=[Markup(script) for script in scripts],
        data=Markup(_embedded({"figures": plots, "templates": TEMPLATES})),
    )


def _progress(run: Run) -> str:
    """How many networks have come how far, and what was spent of the budget."""
    states = without_continued(run.trials)["state"].value_counts()
    words = (("COMPLETE", "complete"), ("PAUSED", "paused"), ("PRUNED", "pruned"), ("FAIL", "failed"))
    counts = ", ".join(f"{states[name]:,} {word}" for name, word in words if states.get(name))
    budget = run.config.get("budget")
    if not isinstance(budget, int | float) or not counts:
        return counts or "no trial has stopped yet"
    return f"{counts}; {spent_trainings(run.trials):,.1f} of {budget:g} full trainings spent"


class _Section(NamedTuple):
    """One figure of the page; `missing` is the sentence shown instead if there is nothing to show."""

    name: str
    title: str
    reading: str
    notes: tuple[str, ...]
    missing: str
    wide: bool


def _section(name: str, info: Any) -> _Section:
    kind = FIGURES[name]
    return _Section(name, kind.title, kind.reading, info.notes, info.missing, kind.wide)


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


def _front_table(run: Run) -> _Table:
    front = run.front
    shown = front.head(_MOST_ROWS)
    metrics = [*run.objectives, *(name for name in _EXTRA if name not in run.objectives)]
    names = [("trial", "number"), ("arch id", "id"), *((metric_of(metric).heading, "number") for metric in metrics)]
    names.append(("network", "text"))
    rows = [
        [
            _Cell(f"#{row['trial_id']}", row["trial_id"], "number"),
            _Cell(row["arch_id"], row["arch_id"], "id"),
            *(_number_cell(metric, row[metric]) for metric in metrics),
            _Cell(text := network if pd.isna(row["source"]) else f"{network} ({row['source']})", text),
        ]
        for row, network in zip(shown.to_dict("records"), describe(shown), strict=True)
    ]
    return _Table(names, rows, len(front) - len(shown))


def _number_cell(metric: str, value: Any) -> _Cell:
    return _Cell(value_text(metric, value), "" if pd.isna(value) else float(value), "number")


def _environment_rows(environment: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in environment.items():
        if isinstance(value, Mapping):
            rows += _environment_rows(value)
        else:
            rows.append((f"{prefix}{name}", str(value)))
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
