"""Which weights a pick of a run means: those of the confirmation or those of the search."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from xoresnet.errors import RunError
from xoresnet.plain_text import shown
from xoresnet.results.analysis.confirmation import confirmed_networks
from xoresnet.results.analysis.leading import leading
from xoresnet.results.analysis.pick import pick
from xoresnet.results.tables.loading import RunTables

__all__ = ["Weights", "chosen_weights"]


class Weights(NamedTuple):
    """The weights of one network of a run."""

    place: str
    """Their folder in the run."""
    what: str
    """What has trained them, for a message."""
    origin: str
    """Where they come from, for people."""
    name: str
    """The default name of an exported folder."""
    confirmed: Mapping[str, float] = {}
    """Means and deviations over the seeds of its confirmation, `test_accuracy_mean` and the like; none without one."""
    note: str = ""
    """What the user should know of the choice; empty if nothing."""


def chosen_weights(run: RunTables, wanted: str, *, searched: bool = False) -> Weights:
    """The weights of the network that a pick means: of its best confirmed seed, if it was confirmed.

    wanted: the forms of `pick`, or the source of a trial, such as the name of a baseline. searched: take the weights of
    the search in any case. Raises `UsageError` and `RunError` as `pick`.
    """
    if searched:
        return _inside(run, _searched(run, wanted, by_search=True))
    row = _confirmed(run, wanted)
    if row is None:
        return _inside(run, _searched(run, wanted, by_search=False))
    how = f"confirmed with seed {row['seed']}, {row['config.recipe.epochs']} epochs"
    alone = pd.isna(row["trial_id"])
    origin = f"{run.name}: {row['source']}" if alone else f"{run.name}:{row['trial_id']}"
    name = str(row["arch_id"]) if alone else f"{row['trial_id']:04d}-{row['arch_id']}"
    what = "the confirmation"
    return _inside(run, Weights(str(row["weights"]), what, f"{origin}, {how}", name, _means_of(run, row)))


def _inside(run: RunTables, weights: Weights) -> Weights:
    """The same weights, where their folder and their name stay in the run: tables may have been written by strangers.

    Raises `RunError`.
    """
    for path in (weights.place, weights.name):
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", path):
            raise RunError(f"the tables of {run.name} name a folder outside of the run: {shown(path)}")
    return weights


def _confirmed(run: RunTables, wanted: str) -> pd.Series[Any] | None:
    """The confirmed training whose weights are exported: of its network, the kept seed with the most epochs.

    None if there is none, or if the search trained the network for more epochs. Raises `UsageError`.
    """
    kept = run.confirmed[run.confirmed["weights"].notna()].sort_values("config.recipe.epochs", kind="stable")
    unsearched = kept["trial_id"].isna()  # baselines
    rows = kept[(unsearched & (kept["arch_id"] == wanted)) | (kept["source"] == wanted)]
    if rows.empty and not (run.trials["source"] == wanted).any():
        row = pick(run, wanted, any_state=True)
        alone = pd.isna(row["trial_id"])
        rows = (
            kept[unsearched & (kept["arch_id"] == row["arch_id"])]
            if alone
            else kept[kept["trial_id"] == row["trial_id"]]
        )
    if rows.empty:
        return None
    row = rows.iloc[-1]
    own = run.trials[(run.trials["trial_id"] == row["trial_id"]).fillna(False) & (run.trials["state"] == "COMPLETE")]
    return None if (own["config.recipe.epochs"] > row["config.recipe.epochs"]).any() else row


def _means_of(run: RunTables, row: pd.Series[Any]) -> dict[str, float]:
    """What the confirmation of a training's network has measured over its seeds."""
    networks = confirmed_networks(run)
    same = (networks["arch_id"] == row["arch_id"]) & (networks["config.recipe.epochs"] == row["config.recipe.epochs"])
    of_trial = networks["trial_id"].isna() if pd.isna(row["trial_id"]) else networks["trial_id"] == row["trial_id"]
    networks = networks[same & of_trial.fillna(False)]
    names = [name for name in networks.columns if name.endswith(("_mean", "_std"))]
    found = networks[["seeds", *names]].astype("float64").to_dict("records")
    return {str(name): value for name, value in found[0].items() if math.isfinite(value)} if found else {}


def _searched(run: RunTables, wanted: str, *, by_search: bool) -> Weights:
    """The complete trial that is meant, by the name of a baseline too. Raises `UsageError`."""
    named = run.trials[(run.trials["source"] == wanted) & (run.trials["state"] == "COMPLETE")]
    trial = pick(run, wanted, by_search=by_search) if named.empty else named.iloc[-1]
    if pd.isna(trial["trial_id"]):
        raise RunError(f"{trial['source']} of {run.name} was confirmed, but none of its weights are kept")
    number, name = int(trial["trial_id"]), f"{trial['trial_id']:04d}-{trial['arch_id']}"
    note = ""
    if "=" in wanted and not by_search and not trial.get("seeds", 1) and leading(run).is_confirmed:
        note = f"no confirmed network meets {wanted}; trial {number} meets it in the search, by a single training"
    return Weights(f"trials/{name}", f"trial {number}", f"{run.name}:{number}", name, note=note)
