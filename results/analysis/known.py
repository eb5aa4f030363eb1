"""The known networks (baselines) against what the search found, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.description.arch import BASELINES
from xoresnet.measures.metrics import Metric, metric_of
from xoresnet.results.analysis.intervals import NONE, Sample, ratio_interval
from xoresnet.results.analysis.leading import Leading
from xoresnet.results.analysis.networks import baseline_of, network_name
from xoresnet.results.analysis.wording import Finding, Number, joined
from xoresnet.results.fronts.objectives import Objectives, eligible, losses
from xoresnet.results.fronts.pareto import nondominated
from xoresnet.results.tables.loading import RunTables

__all__ = ["known_findings"]

_MOST_DETAILS = 3
_MOST_NAMES = 4
_SIZES = ("config.width", "config.timesteps")
"""What the name of a known network does not tell: a space has each in one size."""


class _Field(NamedTuple):
    """The networks that are compared, and by what."""

    rows: pd.DataFrame
    objectives: Objectives
    known: list[bool]
    """Which of them are known networks."""
    is_confirmed: bool


def known_findings(run: RunTables, lead: Leading, place: str) -> list[Finding]:
    """How many known networks are dominated, and by what; or that the run cannot tell.

    They are compared by the leading figures, but by those of the search where these lack known networks.
    """
    command = f"xoresnet confirm {place} --baselines"
    field = _field(lead.candidates, lead.objectives, is_confirmed=lead.is_confirmed)
    if lead.is_confirmed and not any(field.known):
        field = _field(run.trials, run.objectives, is_confirmed=False)
    if not any(field.known):
        return [_untold(run, command)] if len(field.rows) else []
    points = losses(field.rows, field.objectives)
    front = nondominated(points)
    known = np.array(field.known)
    details, by_known = [], 0
    for number in sorted(np.flatnonzero(known & ~front).tolist(), key=lambda number: float(points[number, 0])):
        better = _dominating(points, number, ~known)
        if better is None:
            by_known += 1
        else:
            details.append(_detail(field, number, better))
    names = [str(source) for source in field.rows["source"][known & front]]
    counts = (len(details), by_known, names)
    unfinished = 0 if field.is_confirmed else _unfinished(run)
    missing = unfinished or lead.is_confirmed != field.is_confirmed
    return [_summary(field, counts, unfinished, command if missing else ""), *details[:_MOST_DETAILS]]


def _field(rows: pd.DataFrame, objectives: Objectives, *, is_confirmed: bool) -> _Field:
    rows = rows[eligible(rows, objectives)].reset_index(drop=True)
    return _Field(rows, objectives, [baseline_of(source) is not None for source in rows["source"]], is_confirmed)


def _unfinished(run: RunTables) -> int:
    """How many known networks the search tried and did not train to the end."""
    tried = run.trials[[baseline_of(source) is not None for source in run.trials["source"]]]
    return int((tried["state"] != "COMPLETE").sum())


def _dominating(points: Any, number: int, others: Any) -> int | None:
    """Of the others that dominate a network the best in the second objective; None if there is none."""
    dominate = others & (points <= points[number]).all(axis=1) & (points < points[number]).any(axis=1)
    if not dominate.any():
        return None
    places = np.flatnonzero(dominate)
    return int(places[np.lexsort((points[places, 0], points[places, 1]))[0]])


def _summary(field: _Field, counts: tuple[int, int, Sequence[str]], unfinished: int, command: str) -> Finding:
    beaten, by_known, on_front = counts
    total = beaten + by_known + len(on_front)
    how = "confirmed" if field.is_confirmed else "trained to the end in the search"
    listed = f": {joined(list(on_front))}" if total > 1 and 0 < len(on_front) <= _MOST_NAMES else ""
    parts = [
        _share(beaten, total, "dominated by networks that the search found"),
        _share(by_known, total, "dominated by other known networks only"),
        _share(len(on_front), total, f"on the front{listed}"),
    ]
    if total == 1:
        name = field.rows["source"][field.known.index(True)]
        begin = f"The only known network {how}, {name}, "
    elif total in (beaten, by_known, len(on_front)):
        begin = f"All {total} known networks {how} "
    else:
        begin = f"Of the {total} known networks {how}, "
    rest = f"; {unfinished} more {'was' if unfinished == 1 else 'were'} not trained to the end" if unfinished else ""
    sentence = f"{begin}{joined([part for part in parts if part])}{rest}."
    values = [Number("networks", float(value), count=total, scale="count") for value in counts[:2] if value]
    figure = "confirmed" if field.is_confirmed else "front"
    return Finding("known", "known networks", sentence, tuple(values) if total > 1 else (), figure, command)


def _share(count: int, total: int, what: str) -> str:
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f"{verb} {what}" if count == total else f"{count} {verb} {what}"


def _detail(field: _Field, number: int, better: int) -> Finding:
    """One known network and what dominates it: both values of the first objective, the ratio of the second."""
    old, new = field.rows.iloc[[number]].astype(object).iloc[0], field.rows.iloc[[better]].astype(object).iloc[0]
    first, second = list(field.objectives)[:2]
    quality, cost = (metric_of(name.removesuffix("_mean")) for name in (first, second))
    values = [Number(quality.name, float(row[first]), count=_seeds(field, row)) for row in (new, old)]
    if cost.log and old[second] > 0:
        interval = ratio_interval(_sample(new, second), _sample(old, second)) if field.is_confirmed else NONE
        ratio = Number(cost.name, float(new[second] / old[second]), interval, _seeds(field, new), "ratio")
        with_cost = f"with {ratio.text} times the {cost.label}"
    else:
        ratio = Number(cost.name, float(new[second]), count=_seeds(field, new))
        with_cost = f"with {cost.label} {ratio.text} against {cost.text(float(old[second]))}{_unit(cost)}"
    sentence = (
        f"{_found_name(new, old)} dominates {_known_name(new, old)}: {quality.label} {values[0].text} against "
        f"{values[1].text}{_unit(quality)}, {with_cost}."
    )
    return Finding(
        "known", str(old["source"]), sentence, (*values, ratio), "confirmed" if field.is_confirmed else "front"
    )


def _unit(metric: Metric) -> str:
    """What follows its numbers; percents have their sign already."""
    return f" {metric.unit}" if metric.unit and not metric.share else ""


def _found_name(new: pd.Series[Any], old: pd.Series[Any]) -> str:
    """The network that was found; if it is the known one in another size, in what it differs from it."""
    sizes = _other_sizes(new, old)
    if sizes is None:
        return network_name(new)
    changes = [f"{_size(name, new[name])} instead of {_size(name, old[name])}" for name in sizes]
    except_for = f" except for {joined(changes)}" if changes else ""
    recipes = [name for name in new.index if str(name).startswith("config.recipe.") and name != "config.recipe.seed"]
    recipe = " with another recipe" if _differing(new, old, recipes) else ""
    name = "" if pd.isna(new["trial_id"]) else f"#{new['trial_id']}"
    return f"{name or new['arch_id']} (the same network as {old['source']}{except_for}{recipe})"


def _known_name(new: pd.Series[Any], old: pd.Series[Any]) -> str:
    """The known network with its width and T, which its name does not tell; without those just named beside it."""
    told = [name for name in _SIZES if name in old and not pd.isna(old[name])]
    number = "" if pd.isna(old["trial_id"]) else f"#{old['trial_id']}"
    size = "" if _other_sizes(new, old) is not None else " ".join(_size(name, old[name]) for name in told)
    inside = ", ".join(filter(None, [number, size]))
    return f"{old['source']} ({inside})" if inside else str(old["source"])


def _other_sizes(new: pd.Series[Any], old: pd.Series[Any]) -> list[str] | None:
    """The sizes in which two networks differ; None if they differ in anything else."""
    columns = [str(name) for name in new.index if str(name).startswith("config.")]
    differing = _differing(new, old, [name for name in columns if not name.startswith("config.recipe.")])
    return differing if set(differing) <= set(_SIZES) else None


def _differing(one: pd.Series[Any], other: pd.Series[Any], columns: Sequence[Any]) -> list[str]:
    return [
        name
        for name in columns
        if not (pd.isna(one[name]) and pd.isna(other[name])) and str(one[name]) != str(other[name])
    ]


def _size(column: str, value: object) -> str:
    return f"T={value}" if column == "config.timesteps" else f"width {value}"


def _seeds(field: _Field, row: pd.Series[Any]) -> int | None:
    return int(row["seeds"]) if field.is_confirmed else None


def _sample(row: pd.Series[Any], column: str) -> Sample:
    return Sample(float(row[column]), float(row[f"{column.removesuffix('_mean')}_std"]), int(row["seeds"]))


def _untold(run: RunTables, command: str) -> Finding:
    """That no known network can be compared, and why."""
    what = "trained to the end" if _unfinished(run) else "tried"
    noted = run.environment.get("space")
    count = noted.get("known_networks") if isinstance(noted, Mapping) else None
    if count == 0:
        examples = joined([f"{family}14" for family in list(BASELINES)[:2]], "or")
        why, command = f"The space contains no known network such as {examples}", ""
    elif isinstance(noted, Mapping) and isinstance(count, int) and count > 0:
        sizes = str(noted.get("known_sizes") or "")
        size = f" ({sizes})" if sizes else ""
        alone = f"The only known network of the space{size} was not {what}"
        why = f"None of the {count:,} known networks of the space{size} was {what}" if count > 1 else alone
        why += _other_sized(run) if sizes else ""
    else:
        why = f"No known network was {what}"
    sentence = f"{why}, so this run cannot compare its networks with them."
    return Finding("known", "known networks", sentence, (), "front", command)


def _other_sized(run: RunTables) -> str:
    """A clause on trials that are like a known network but for its size; empty if there are none."""
    kinds = [(kind["merge"], kind["xor"]) for kind in BASELINES.values()]
    like = [pair in kinds for pair in zip(run.trials["config.merge"], run.trials["config.xor"], strict=True)]
    return ", and networks that are like them in another size do not count" if any(like) else ""
