"""The tables of `docs/evidence.md` on searches and known networks, and on what the choice of the best costs.

    python benchmarks/evidence/handmade_tables.py [--data digits fashion-mnist] [--page FILE]

Trains nothing: it reads what `benchmarks/evidence/handmade.py` has recorded. Intervals are Student's over the
repetitions, of differences between the sides of one repetition; those of a table hold all at once, with 95 %
probability (Bonferroni).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from page_tables import put_into, shown_tables
from scipy import stats

from xoresnet.results import hypervolume

BUDGETS = {"digits": (300, 600, 1200), "fashion-mnist": (1000, 3000, 9000), "fashion-mnist-whole": (1000, 3000, 9000)}
"""Spikes per sample."""
CHANCE = 0.1
CHOOSING = 3
"""Of the new seeds, by which the most accurate network is chosen in the last row on losses."""
COSTS = ("networks on the front", "epochs", "seconds of training")
LEVEL = 0.05
OBJECTIVES = {"test_accuracy_mean": "max", "test_spikes_per_sample_mean": "min"}


def main() -> None:
    arguments = read_arguments()
    tables: dict[str, str] = {}
    for name in filter(lambda name: recorded(name).exists(), arguments.data):
        table = pd.read_parquet(recorded(name))
        tables[f"{name}: search and known networks"] = sides(table, BUDGETS[name])
        tables[f"{name}: lost by the choice"] = losses(table)
    print(shown_tables(tables))
    if arguments.page:
        for name in put_into(arguments.page, tables):
            print(f"{arguments.page} has no place for {name}", file=sys.stderr)


def recorded(name: str) -> Path:
    return Path(__file__).parents[1] / "data" / f"handmade-{name}.parquet"


def sides(table: pd.DataFrame, budgets: tuple[int, ...]) -> str:
    """What both sides have reached, from the means of the new seeds on the test set."""
    spikes = table["test_spikes_per_sample_mean"]
    reference = {"test_accuracy_mean": CHANCE, "test_spikes_per_sample_mean": spikes.max()}
    rows = []
    for (repetition, side), front in table.groupby(["repetition", "side"]):
        row = {"repetition": repetition, "side": side}
        row["hypervolume"] = hypervolume(front, OBJECTIVES, reference, ["test_spikes_per_sample_mean"])
        row |= {f"accuracy at {budget:,} spikes, %": 100 * accuracy_at(front, budget) for budget in budgets}
        row |= {"networks on the front": len(front), "epochs": front["epochs_spent"].iloc[0]}
        rows.append({**row, "seconds of training": front["seconds_spent"].iloc[0]})
    figures = pd.DataFrame(rows).set_index(["repetition", "side"]).unstack("side")
    lines = ["| | search | known networks | difference |", "| --- | --- | --- | --- |"]
    for name in figures.columns.get_level_values(0).unique():
        searched, known = figures[name]["searched"], figures[name]["known"]
        compared = "" if name in COSTS else interval(searched - known, 1 + len(budgets))
        lines.append(f"| {name} | {searched.mean():,.2f} | {known.mean():,.2f} | {compared} |")
    return "\n".join([*lines, "", f"{1 + len(budgets)} intervals."])


def accuracy_at(front: pd.DataFrame, budget: float) -> float:
    """Of the network that the search would choose, by its own figures, within a budget of spikes; NaN without one."""
    within = front[front["searched_spikes"] <= budget]
    if within.empty:
        return np.nan
    return float(within.loc[within["searched_val_accuracy"].idxmax(), "test_accuracy_mean"])


def losses(table: pd.DataFrame) -> str:
    """How much better the search's figures are than those of the same networks on new seeds, and on the test set."""
    lines = [
        "| networks | search | new seeds | test images | lost by new seeds | lost by new images | deviation |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    confirmed = confirmed_losses(table)
    number = 4 + len(confirmed)
    best = table.loc[table.groupby(["repetition", "side"])["searched_val_accuracy"].idxmax()]
    for name, rows in (("on the front", table), ("the most accurate of each front", best)):
        by = rows.assign(
            seeds_lost=rows["searched_val_accuracy"] - rows["val_accuracy_mean"],
            images_lost=rows["val_accuracy_mean"] - rows["test_accuracy_mean"],
        ).groupby(["repetition", "side"])
        of = by[["seeds_lost", "images_lost"]].mean()
        means = rows[["searched_val_accuracy", "val_accuracy_mean", "test_accuracy_mean"]].mean()
        cells = [f"{100 * value:.2f}" for value in means]
        cells += [interval(100 * of[lost], number) for lost in ("seeds_lost", "images_lost")]
        lines.append(f"| {name} | {' | '.join(cells)} | {100 * rows['val_accuracy_std'].mean():.2f} |")
    return "\n".join([*lines, *confirmed, "", f"{number} intervals."])


def confirmed_losses(table: pd.DataFrame) -> list[str]:
    """The same where the most accurate network is chosen by its mean on some new seeds and measured on the others."""
    if "val_accuracy_by_seed" not in table:
        return []
    known = table[table["val_accuracy_by_seed"].notna()]
    rows = []
    for group, front in known.groupby(["repetition", "side"]):
        figures = np.array(front["val_accuracy_by_seed"].tolist())
        chosen = figures[figures[:, :CHOOSING].mean(axis=1).argmax()]
        rows.append((group, chosen[:CHOOSING].mean(), chosen[CHOOSING:].mean(), chosen.std(ddof=1)))
    if not rows:
        return []
    seen, new, deviation = (pd.Series([row[place] for row in rows]) for place in (1, 2, 3))
    cells = [f"{100 * seen.mean():.2f}", f"{100 * new.mean():.2f}", "", interval(100 * (seen - new), 5), ""]
    name = f"the most accurate by {CHOOSING} new seeds"
    return [f"| {name} | {' | '.join(cells)} | {100 * deviation.mean():.2f} |"]


def interval(differences: pd.Series[float], intervals: int) -> str:
    known = differences.dropna()
    if len(known) < 2:
        return "one repetition"
    mean, reach = known.mean(), stats.t.ppf(1 - LEVEL / intervals / 2, len(known) - 1) * stats.sem(known)
    return f"{mean:+.2f} [{mean - reach:+.2f}, {mean + reach:+.2f}]"


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=[*BUDGETS], choices=list(BUDGETS))
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the tables into this page: docs/evidence.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
