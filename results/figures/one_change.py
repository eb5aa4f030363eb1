"""One change at a time: what `ablate` has measured on several seeds, with its intervals."""

from __future__ import annotations

import pandas as pd

from xoresnet.results.analysis.confirmation import confirmed_metric
from xoresnet.results.analysis.effects import leading_effects
from xoresnet.results.analysis.networks import describe
from xoresnet.results.figures.ablation import AblationInfo, ablation_drawing, ablation_plot
from xoresnet.results.figures.kit.axes import axis_of
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.tables.loading import RunTables

__all__ = ["FIGURE", "one_change_info"]


def one_change_info(run: RunTables) -> AblationInfo:
    """The effects on the network with the most changes, or pooled over all networks if several were changed.

    Of several budgets, the largest one.
    """
    complete = run.ablations[run.ablations["state"] == "COMPLETE"]
    shown = leading_effects(run.ablations, [confirmed_metric(metric) for metric in run.objectives])
    if shown.empty:
        missing = "No network was trained with one field changed yet (xoresnet ablate)."
        return AblationInfo(pd.DataFrame(), {}, (), {}, missing=missing)
    axes = tuple(axis_of(metric, complete) for metric in dict.fromkeys(shown["metric"]))
    frame = shown.rename(columns={"field": "factor", "value": "level", "seeds": "count"})
    frame = frame[["factor", "metric", "level", "effect", "low", "high", "count"]].reset_index(drop=True)
    references = dict(zip(shown["field"], shown["reference"], strict=True))
    scales = dict(zip(shown["metric"], shown["scale"], strict=True))
    return AblationInfo(frame, references, axes, scales, (_note(shown, complete),), counted="seeds")


def _note(shown: pd.DataFrame, complete: pd.DataFrame) -> str:
    """Whose effects are shown."""
    first = shown.iloc[0]
    if pd.isna(first["base_arch_id"]):
        most = shown["networks"].max()
        return f"Means over up to {most} networks, each changed in the same way, of their differences."
    row = complete[(complete["base_arch_id"] == first["base_arch_id"]) & complete["field"].isna()].head(1)
    network = describe(row)[0] if len(row) else ""
    trial = first["base_source"] if pd.isna(first["base_trial_id"]) else f"#{first['base_trial_id']}"
    name = str(first["base_arch_id"]) if pd.isna(trial) else f"{trial} ({first['base_arch_id']})"
    return f"The unchanged network is {name}: {network}."


FIGURE = FigureKind(
    place=48,
    title="One change at a time",
    reading=(
        "Each dot is a network that was trained again on several new seeds with one field changed, and measured on the "
        "test set: it shows how much the named value changes a result relative to the value after “vs”, on the same "
        "seeds. Lines are 95 % intervals over the seeds, each for its own comparison; if a line crosses the vertical "
        "line, the difference may be due to chance."
    ),
    info=one_change_info,
    plot=ablation_plot,
    drawing=ablation_drawing,
)
