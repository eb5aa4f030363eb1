"""What merge, XOR placement, time steps, depth and width do with everything else equal, in sentences.

The best evidence is an ablation: one network trained again with one field changed, on several seeds. Where there is
none, trials of the search that happen to differ in one parameter alone are compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.ablation import FEWEST_PAIRS, ablation
from xoresnet.results.analysis.confirmation import confirmed_metric
from xoresnet.results.analysis.effects import leading_effects
from xoresnet.results.analysis.intervals import Interval
from xoresnet.results.analysis.wording import Finding, Number, joined
from xoresnet.results.fronts.objectives import eligible
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.parameters import varying_parameters

__all__ = ["FACTORS", "effect_findings"]

FACTORS = ("merge", "xor", "timesteps", "depth", "width")
"""The parameters that sentences are made about."""
_MOST_TRIALS = 10_000
_MOST_LEVELS = 3
"""Levels of one parameter that get a sentence."""
_NAMES = {"timesteps": "T"}


class _Effect(NamedTuple):
    """One level of a parameter compared with its reference."""

    level: str
    reference: str
    numbers: tuple[Number, ...]
    """One per objective, in their order."""
    figure: str
    whose: str = ""
    """Of an ablation, the networks that were changed: ` of #7`."""

    @property
    def pairs(self) -> int:
        return min(number.count or 0 for number in self.numbers)

    @property
    def is_told(self) -> bool:
        """Whether it has enough pairs for a sentence; Student's interval of an ablation needs two seeds."""
        if self.figure == "ablation":
            return self.pairs >= FEWEST_PAIRS
        return not all(math.isnan(number.interval.low) for number in self.numbers)

    @property
    def clear(self) -> int:
        """How many of its numbers show a clear effect."""
        return sum(number.is_clear for number in self.numbers)


def effect_findings(run: RunTables, place: str) -> list[Finding]:
    """The effects of each parameter that the search varied, or one sentence about those that it cannot tell.

    place: the run as commands name it. Parameters that are the same in all trials are left out.
    """
    complete = run.trials[eligible(run.trials, run.objectives)]
    if complete.empty and not run.is_ablation:
        return []
    searched, ablated = varying_parameters(run.trials), _ablated(run)
    findings: list[Finding] = []
    untold: dict[str, int] = {}
    for factor in dict.fromkeys([*(name for name in FACTORS if name in searched or name in ablated), *ablated]):
        effects = [effect for effect in ablated.get(factor, []) if effect.is_told]
        effects = effects or (_matched(run, complete, factor) if factor in searched else [])
        told = sorted((effect for effect in effects if effect.is_told), key=lambda one: (-one.clear, -one.pairs))
        findings += [_finding(factor, effect) for effect in told[:_MOST_LEVELS]]
        if not told and factor in FACTORS:
            untold[factor] = max((effect.pairs for effect in effects), default=0)
    return [*findings, *([] if run.is_ablation else _untold(untold, place)), *_note(findings)]


def _ablated(run: RunTables) -> dict[str, list[_Effect]]:
    """The effects of an ablation by field: pooled over several networks, or of the one with the most changes.

    Of several budgets, the largest one.
    """
    metrics = [confirmed_metric(metric) for metric in run.objectives]
    rows = leading_effects(run.ablations, metrics)
    effects: dict[str, list[_Effect]] = {}
    for (field, value), group in rows.groupby(["field", "value"], sort=False):
        if len(group) == len(metrics):
            first = group.iloc[0]
            changed = _numbers(group.rename(columns={"seeds": "count"}))
            effect = _Effect(str(value), first["reference"], tuple(changed), "one_change", _whose(first))
            effects.setdefault(str(field), []).append(effect)
    return effects


def _whose(row: pd.Series[Any]) -> str:
    failed = f", without {row['failed']} that failed" if row["failed"] else ""
    if pd.isna(row["base_arch_id"]):
        return f"{failed}, on average over {row['networks']} networks"
    own = row["base_arch_id"] if pd.isna(row["base_source"]) else row["base_source"]
    trial = own if pd.isna(row["base_trial_id"]) else f"#{row['base_trial_id']}"
    return f" of {trial}{failed}"


def _matched(run: RunTables, complete: pd.DataFrame, factor: str) -> list[_Effect]:
    """The levels of a parameter against the reference with the most pairs, over trials that differ in it alone."""
    if len(complete) > _MOST_TRIALS:
        complete = complete.sample(_MOST_TRIALS, random_state=0).sort_index()
    frame = ablation(complete, factor, list(run.objectives))
    matched = frame[(frame["kind"] == "matched") & (frame["count"] > 0)]
    if matched.empty:
        return []
    reference = matched.groupby("reference", sort=False)["count"].sum().idxmax()
    rows = matched[matched["reference"] == reference]
    return [
        _Effect(str(level), str(reference), tuple(_numbers(group)), "ablation")
        for level, group in rows.groupby("level", sort=False)
        if len(group) == len(run.objectives)
    ]


def _numbers(rows: pd.DataFrame) -> Iterator[Number]:
    for row in rows.to_dict("records"):
        interval = Interval(row["low"], row["high"])
        doubt = row.get("p_value_holm", math.nan)
        yield Number(row["metric"], row["effect"], interval, int(row["count"]), row["scale"], doubt)


def _finding(factor: str, effect: _Effect) -> Finding:
    changes = [_change(number) for number in effect.numbers if number.is_clear]
    unclear = [
        f"{metric_of(number.metric).label} ({_amount(number)})" for number in effect.numbers if not number.is_clear
    ]
    parts = [f"changes {joined(changes)}"] if changes else []
    parts += [f"has no clear effect on {joined(unclear)}"] if unclear else []
    begin = f"{_compared(factor, effect)}, everything else equal,"
    over = f"over {effect.pairs} {'pairs of networks' if effect.figure == 'ablation' else 'seeds'}{effect.whose}"
    return Finding("effect", factor, f"{begin} {joined(parts)}, {over}.", effect.numbers, effect.figure)


def _compared(factor: str, effect: _Effect) -> str:
    """`Merge or instead of add`, `T=4 instead of T=2`."""
    if factor in _NAMES:
        return f"{_NAMES[factor]}={effect.level} instead of {_NAMES[factor]}={effect.reference}"
    name = "XOR" if factor == "xor" else factor.capitalize()
    return f"{name} {effect.level} instead of {effect.reference}"


def _change(number: Number) -> str:
    return f"{metric_of(number.metric).label} by {_amount(number)}"


def _amount(number: Number) -> str:
    doubt = f"; p = {number.p_value:.2g} among all comparisons" if number.is_doubtful else ""
    return f"{'a factor of ' * (number.scale == 'ratio')}{number.text}{doubt}"


def _untold(pairs: dict[str, int], place: str) -> list[Finding]:
    """One sentence about all parameters with too few pairs."""
    if not pairs:
        return []
    names, most = list(pairs), max(pairs.values())
    does = f"what {names[0]} does" if len(names) == 1 else "what each of them does"
    if most:
        few = "one pair of complete networks compares" if most == 1 else f"{most} pairs of complete networks compare"
        values = f"the same two values of {joined(names, 'or')}"
        sentence = (
            f"At most {few} {values} with everything else equal, but at least {FEWEST_PAIRS} pairs are needed to "
        )
        sentence += f"tell {does}."
    else:
        sentence = f"No two complete networks differ in {joined(names, 'or')} alone, so this run cannot tell {does}."
    return [
        Finding(
            "effect", joined(names), sentence, (), "ablation", f"xoresnet ablate {place} --fields {','.join(names)}"
        )
    ]


def _note(effects: list[Finding]) -> list[Finding]:
    """How the intervals of effects are to be read."""
    count = sum(len(finding.numbers) for finding in effects)
    if not count:
        return []
    chance = (
        f"Each of these {count} intervals is for its own comparison: of 20 comparisons without any effect, about one "
        "looks like one."
    )
    if any(finding.figure == "ablation" for finding in effects):
        chance += " Pairs are of networks that were trained to the end; pruned ones are in none."
    return [Finding("note", "intervals", chance, (), effects[0].figure)]
