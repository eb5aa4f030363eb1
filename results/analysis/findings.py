"""What a run has found, in sentences: the best networks, how sure that is, the known networks, and what has an effect.

from xoresnet.results import findings, load

run = load("runs/digits")
findings(run)[["sentence", "metric", "estimate", "low", "high", "count"]]
"""

from __future__ import annotations

import math
import shlex
from typing import Any

import pandas as pd

from xoresnet.results.analysis.known import known_findings
from xoresnet.results.analysis.leading import Leading, leading
from xoresnet.results.analysis.matched import effect_findings
from xoresnet.results.analysis.networks import network_name
from xoresnet.results.analysis.trust import guessing_findings, leading_value, trust_findings
from xoresnet.results.analysis.twins import twin_findings
from xoresnet.results.analysis.wording import Finding, Number, joined
from xoresnet.results.fronts.objectives import losses, numbers
from xoresnet.results.fronts.selection import knee
from xoresnet.results.tables.loading import RunTables

__all__ = ["findings", "first_findings", "found"]

_MOST_BUDGETS = 3
_TYPES = {"estimate": "float64", "low": "float64", "high": "float64", "count": "Int64"}


def findings(run: RunTables, place: str | None = None) -> pd.DataFrame:
    """What a run has found: the sentences at the top of its report, with their numbers.

    place: the run as commands name it, `runs/digits`; by default the place that it was loaded from.
    Returns one row per number of a sentence, and one for a sentence without numbers, in the order of the report, with
    columns `[subject, sentence, metric, scale, estimate, low, high, count, figure, command]`:

    - `scale`: `value` of the metric, `difference` or `ratio` between networks, `deviation` (standard deviation or
      error), or `count` of networks. Shares are from 0 to 1, also where the sentence has percent or points.
    - `low`, `high`: the 95 % interval, NaN where there is none. For confirmed means it is Student's over seeds, for
      accuracies of single trainings Wilson's for the number of images, for effects Student's over seeds where `ablate`
      has measured them, else the bootstrap interval of `ablation`, for changes Student's over networks. Each is for
      its own comparison, without correction for others.
    - `count`: how many seeds, pairs, networks or images a number comes from; missing for single measurements.
    - `figure`: the figure of the report that shows it. `command`: what would tell more; missing if there is nothing.
    """
    rows = [
        (
            finding.subject,
            finding.sentence,
            *(_cells(number) if number else (None, None, math.nan, math.nan, math.nan, None)),
            finding.figure,
            finding.command or None,
        )
        for finding in found(run, place)
        for number in (finding.numbers or (None,))
    ]
    columns = ["subject", "sentence", "metric", "scale", *_TYPES, "figure", "command"]
    texts = dict.fromkeys(("subject", "sentence", "metric", "scale", "figure", "command"), "str")
    return pd.DataFrame(rows, columns=columns).astype({**texts, **_TYPES})


def found(run: RunTables, place: str | None = None) -> list[Finding]:
    """The sentences at the top of the report; empty before a trial is complete. place: as in `findings`."""
    named = shlex.quote(place or run.place or run.name)
    if run.is_ablation:
        return effect_findings(run, named)
    lead = leading(run)
    if not lead.total:
        return []
    parts = (
        guessing_findings(run, lead),
        _best(run, lead),
        trust_findings(run, lead, named),
        known_findings(run, lead, named),
        effect_findings(run, named),
        twin_findings(lead),
    )
    return [finding for part in parts for finding in part]


def first_findings(listed: list[Finding], most: int = 5) -> list[Finding]:
    """The first of each kind: a warning, the best network, a budget, how sure it is, known networks, an effect."""
    firsts = {str(finding.kind): finding for finding in reversed(listed) if finding.kind != "note"}
    return [finding for finding in listed if firsts.get(finding.kind) is finding][:most]


def _cells(number: Number) -> tuple[Any, ...]:
    return number.metric, number.scale, number.estimate, *number.interval, number.count


def _best(run: RunTables, lead: Leading) -> list[Finding]:
    """The best network of the first objective, the knee, and the best within round budgets of the second."""
    first, second = list(lead.objectives)[:2]
    quality = lead.metric(first)
    front = lead.front.iloc[losses(lead.front, lead.objectives)[:, 0].argsort(kind="stable")]
    best, middle = _row(front, 0), knee(lead.front, lead.objectives)
    extreme = f"network with the {'highest' if lead.objectives[first] == 'max' else 'lowest'} {quality.label}"
    begin = "most accurate network" if quality.name.endswith("accuracy") else extreme
    listed = [_sentence(run, lead, "best", quality.short, f"The {begin} is", best)]
    if len(front) > 2 and middle.name != best.name:
        listed.append(_sentence(run, lead, "best", "knee", "The best compromise (knee) is", middle))
    told = {finding.numbers[0].estimate for finding in listed}
    for budget in _budgets(lead, second):
        within = front[numbers(front, second) <= budget]
        row = _row(within, 0)
        if row[first] in told:
            continue
        told.add(row[first])
        limit = _phrase(lead, second, f"at most {lead.metric(second).text(budget)}")
        listed.append(_sentence(run, lead, "budget", limit, f"With {limit}, the best network is", row))
    return listed


def _budgets(lead: Leading, column: str) -> list[float]:
    """Round numbers between the least and the most that the front takes of the second objective, at most three."""
    values = numbers(lead.front, column)
    values = values[(values > 0) & (values < math.inf)]
    if lead.objectives[column] == "max" or len(values) < 3:
        return []
    low, high = float(values.min()), float(values.max())
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        round_numbers = [step * 10.0**power for power in powers for step in steps]
        inside = [number for number in round_numbers if low <= number < high]
        if len(inside) >= 2:
            break
    places = (
        {round(place * (len(inside) - 1) / (_MOST_BUDGETS - 1)) for place in range(_MOST_BUDGETS)} if inside else ()
    )
    return [inside[place] for place in sorted(places)]


def _sentence(run: RunTables, lead: Leading, kind: Any, subject: str, begin: str, row: pd.Series[Any]) -> Finding:
    values = [leading_value(run, lead, column, row) for column in lead.objectives]
    seeds = f" ({row['seeds']} seed{'s' if row['seeds'] > 1 else ''})" if lead.is_confirmed else ""
    quality, *costs = (
        _phrase(lead, column, value.text, keep_set=not place)
        for place, (value, column) in enumerate(zip(values, lead.objectives, strict=True))
    )
    sentence = f"{begin} {network_name(row)}: {quality} at {joined(costs)}{seeds}."
    return Finding(kind, subject, sentence, tuple(values), "confirmed" if lead.is_confirmed else "front")


def _phrase(lead: Leading, column: str, number: str, *, keep_set: bool = False) -> str:
    """A number with its noun: `1,234 spikes per sample`, `12.5 pJ energy per sample`, `a value of 3 for my cost`.

    keep_set: whether to say that it is of the test set, which goes without saying after an accuracy that says so.
    """
    metric = lead.metric(column)
    label = metric.label if keep_set else metric.label.removesuffix(" on the test set")
    if metric.share or metric.unit or metric.log:
        return " ".join(filter(None, [number, "" if metric.share else metric.unit, label]))
    measured, of_set, _ = label.partition(" on the test set")
    is_noun = measured.endswith("loss")  # the name of a user's metric may be any words
    return f"a {measured} of {number}{of_set}" if is_noun else f"a value of {number} for {label}"


def _row(rows: pd.DataFrame, place: int) -> pd.Series[Any]:
    row: pd.Series[Any] = rows.iloc[[place]].astype(object).iloc[0]  # integers stay integers
    return row
