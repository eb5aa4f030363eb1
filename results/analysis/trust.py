"""How far the figures of a run can be trusted, in sentences: optimistic single trainings, or means over seeds.

Also whether any network is better than guessing, and the intervals of single figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import metric_of, percent
from xoresnet.results.analysis.confirmation import confirmed_metric
from xoresnet.results.analysis.intervals import (
    guessing_band,
    images_of,
    mean_interval,
    mean_of,
    share_error,
    share_interval,
)
from xoresnet.results.analysis.leading import Leading, with_confirmed
from xoresnet.results.analysis.wording import Finding, Number, joined
from xoresnet.results.fronts.objectives import eligible, numbers
from xoresnet.results.fronts.pareto import pareto_front
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.spending import PAUSING

__all__ = ["guessing_findings", "images_behind", "leading_value", "trust_findings"]


def images_behind(run: RunTables, metric: str) -> int | None:
    """The number of images on which an accuracy was measured; None for other metrics, and where nothing tells.

    The run notes it for the validation images. Of other accuracies, and in runs of earlier versions, enough different
    values tell it.
    """
    if not metric.endswith("accuracy"):
        return None
    noted = _noted(run, "validation_images") if metric == "val_accuracy" else None
    if noted:
        return noted
    table = run.history if metric in run.history else run.confirmed
    return images_of(numbers(table, metric)) if metric in table else None


def _noted(run: RunTables, name: str) -> int | None:
    """What the search has noted of its images; None if it has not."""
    data = run.environment.get("data")
    return _positive(data.get(name) if isinstance(data, Mapping) else None)


def _positive(value: object) -> int | None:
    """Files may have been written by strangers, or by earlier versions."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _classes(run: RunTables) -> int | None:
    """The number of classes; None where neither the images nor the space tell."""
    space = run.config.get("space")
    arch = space.get("arch") if isinstance(space, Mapping) else None
    in_space = _positive(arch.get("num_classes")) if isinstance(arch, Mapping) else None
    return _noted(run, "classes") or in_space


def guessing_findings(run: RunTables, lead: Leading) -> list[Finding]:
    """A warning if no network is clearly better than guessing, whose accuracy is 1 / classes; otherwise nothing.

    The best accuracy is not clearly better if luck alone may explain it (`guessing_band`), or, if the number of images
    is not known, if it is no higher. By this rule, a search ranks networks last that learn nothing.
    """
    classes, column = _classes(run), lead.column("accuracy")
    if not classes or column not in lead.candidates:
        return []
    metric, rows = lead.metric(column), lead.candidates[eligible(lead.candidates, {column: "max"})]
    if rows.empty:
        return []
    values, level = numbers(rows, column), 1 / classes
    # the size of a test set is not noted; where the accuracies do not tell it, that of the validation set stands for it
    images = images_behind(run, metric.name) or images_behind(run, "val_accuracy")
    if values.max() > level + (guessing_band(level, images) if images else 1e-9):
        return []
    best = leading_value(run, lead, column, rows.iloc[int(values.argmax())])
    sentence = (
        f"No network is clearly better than guessing ({metric.text(level)} with {classes:,} "
        f"class{'es' if classes > 1 else ''}; the best has {best.text} {metric.label}): {_remedy(run, level, images)}."
    )
    return [Finding("warning", "guessing", sentence, (best,), "confirmed" if lead.is_confirmed else "front")]


def _remedy(run: RunTables, level: float, images: int | None) -> str:
    """What to do: let networks go on that were better before they were stopped, or search anew."""
    stopped = run.trials[run.trials["state"].isin(("PAUSED", "PRUNED")) & run.trials["val_accuracy"].notna()]
    if not stopped.empty and run.config.get("strategy") in PAUSING:
        row = stopped.iloc[int(stopped["val_accuracy"].to_numpy().argmax())]
        if row["val_accuracy"] > level + (guessing_band(level, images) if images else 1e-9):
            seen = f"#{row['trial_id']} had {percent(row['val_accuracy'])} when it was stopped after epoch"
            return f"{seen} {row['epochs_trained']}, so let it go on with a larger budget"
    return (
        "search in a new folder with more epochs, smaller batches (recipe.batch_size) or another learning rate, and "
        "check that the labels fit the images"
    )


def leading_value(run: RunTables, lead: Leading, column: str, row: pd.Series[Any]) -> Number:
    """A figure of a network with its interval: over seeds if it is confirmed, else over images."""
    metric, value = lead.metric(column), float(row[column])
    if not lead.is_confirmed:
        images = images_behind(run, metric.name)
        return Number(metric.name, value, share_interval(value, images), images)
    interval = mean_interval(value, float(row[f"{metric.name}_std"]), int(row["seeds"]))
    least = 0.0 if metric.share or metric.log else -math.inf
    most = 1.0 if metric.share else math.inf
    return Number(metric.name, value, interval.within(least, most), int(row["seeds"]))


def trust_findings(run: RunTables, lead: Leading, place: str) -> list[Finding]:
    """That single trainings are optimistic, and by how much as far as the run can tell."""
    if not lead.covered:
        return [_single(run, lead, place)] if lead.total else []
    if lead.covered < lead.total:
        which = f"{lead.covered} of the {lead.total} networks"
    else:
        which = f"All {lead.total} networks" if lead.total > 1 else "The only network"
    rows, spread = _covered(run), _spread(run)
    verb = "is" if lead.covered == 1 else "are"
    sentence = f"{which} of the search's front {verb} confirmed on the test set ({_seeds(rows)})"
    if spread is not None:
        sentence += f"; the standard deviation of {metric_of(spread.metric).label} over seeds is {spread.text}"
    command = f"xoresnet confirm {place}" if lead.covered < lead.total else ""
    numbers_of = () if spread is None else (spread,)
    return [Finding("trust", "confirmation", f"{sentence}.", numbers_of, "confirmed", command), *_drops(run, rows)]


def _single(run: RunTables, lead: Leading, place: str) -> Finding:
    metric, direction = next(iter(run.objectives.items()))
    known = metric_of(metric)
    sentence = "These figures come from one training of each network and served to select the networks, so they are "
    why, can_confirm = _why_unconfirmed(run, lead)
    sentence += f"optimistic; {why}."
    values: tuple[Number, ...] = ()
    images = images_behind(run, metric)
    if images:
        column = numbers(lead.front, metric)
        best = float(column.max() if direction == "max" else column.min())
        error = Number(metric, share_error(best, images), count=images, scale="deviation")
        sentence += f" The choice of {images:,} images alone gives the {known.label} of {known.text(best)} a standard "
        sentence += f"error of {error.text}."
        values = (error,)
    command = f"xoresnet confirm {place}" if can_confirm else ""
    return Finding("trust", "single trainings", sentence, values, "confirmed", command)


def _why_unconfirmed(run: RunTables, lead: Leading) -> tuple[str, bool]:
    """Why no network of the front is confirmed, as a clause, and whether `confirm` can change that."""
    trainings = run.confirmed[run.confirmed["trial_id"].isin(lead.front["trial_id"])]
    complete = trainings[trainings["state"] == "COMPLETE"]
    if complete.empty:
        failed = trainings["state"].eq("FAIL").any()
        why = "the trainings that were to confirm the front have failed" if failed else ""
        return why or "no network of the front is confirmed on other seeds", True
    columns = {metric: confirmed_metric(metric) for metric in run.objectives}
    lacking = [name for name, column in columns.items() if column not in complete or complete[column].isna().all()]
    if lacking:
        again = complete["trial_id"].nunique()
        networks = f"{again} network{'s' if again > 1 else ''} of the front {'were' if again > 1 else 'was'}"
        labels = joined([metric_of(name).label for name in lacking], "or")
        return f"{networks} trained again on other seeds, but those trainings do not measure {labels}", False
    return "no network of the front is confirmed on other seeds with as many epochs", True


def _covered(run: RunTables) -> pd.DataFrame:
    """The confirmed networks of the search's front, with its figures and theirs."""
    front = pareto_front(with_confirmed(run), run.objectives)
    return front[front["seeds"] > 0]


def _seeds(rows: pd.DataFrame) -> str:
    least, most = int(rows["seeds"].min()), int(rows["seeds"].max())
    seeds = f"{least}" if least == most else f"{least} to {most}"
    return f"{seeds} seed{'s' if most > 1 else ''}{' each' if len(rows) > 1 else ''}"


def _spread(run: RunTables) -> Number | None:
    """The standard deviation over the seeds of a network, pooled over networks; None without a second seed."""
    rows = _covered(run)
    metric = confirmed_metric(next(iter(run.objectives)))
    deviations, degrees = numbers(rows, f"{metric}_std"), numbers(rows, "seeds") - 1
    known = ~np.isnan(deviations) & (degrees > 0)
    if not known.any():
        return None
    pooled = math.sqrt(float((deviations[known] ** 2 * degrees[known]).sum() / degrees[known].sum()))
    return Number(metric, pooled, count=int(known.sum()), scale="deviation")


def _drops(run: RunTables, rows: pd.DataFrame) -> list[Finding]:
    """How the first objective changed from the search to new seeds on the same images, and to the test images."""
    metric = next(iter(run.objectives))
    searched, test = numbers(rows, metric), confirmed_metric(metric)
    new_seeds = _again(run, metric).reindex(rows["trial_id"]).to_numpy()
    changes = [(metric, new_seeds - searched, "on the validation images" if metric.startswith("val_") else "")]
    if test != metric:
        changes.append((test, numbers(rows, f"{test}_mean") - searched, "on the test images"))
    values = [(Number(name, *mean_of(change), "difference"), where) for name, change, where in changes]
    values = [(number, where) for number, where in values if number.count]
    if not values:
        return []
    parts = [f"by {number.text} {where}".rstrip() + _doubt(number) for number, where in values]
    whose = "this network" if len(rows) == 1 else f"these {len(rows)} networks on average"
    label = metric_of(metric).label.removeprefix("validation ")
    sentence = f"With other seeds than in the search, the {label} of {whose} changes {joined(parts)}."
    return [Finding("trust", "optimism", sentence, tuple(number for number, _ in values), "confirmed")]


def _doubt(number: Number) -> str:
    return "" if number.is_clear or math.isnan(number.interval.low) else " (no clear change)"


def _again(run: RunTables, metric: str) -> pd.Series[float]:
    """The mean of a metric of the search over the confirmed trainings of each trial, with the largest budget."""
    rows = run.confirmed[(run.confirmed["state"] == "COMPLETE") & run.confirmed["trial_id"].notna()]
    budgets = rows.groupby("trial_id")["config.recipe.epochs"].transform("max")
    rows = rows[rows["config.recipe.epochs"] == budgets]
    return rows[metric].astype("float64").groupby(rows["trial_id"].astype("int64")).mean()
