"""The tables of `docs/evidence.md` on merges, XOR placements, backward forms and widths, from the recorded trainings.

    python benchmarks/evidence/ablation_tables.py [--data digits fashion-mnist] [--output DIR] [--page FILE]

Trains nothing; reads the recorded trainings, or those that ablations.py has put into a folder. Differences are paired
by seed. The intervals of a table hold all at once, with 95 % probability: each is Student's at 1 - 0.05 / k for the k
intervals of the table (Bonferroni). A star stands at an effect whose interval excludes none.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from ablations import DATA, REFERENCES, recorded
from page_tables import put_into, shown_tables
from scipy import stats

from xoresnet.errors import XOResNetError
from xoresnet.results import comparisons, load_ablation, paired_effects

METRICS = {
    "test_accuracy": "accuracy, points",
    "test_spikes_per_sample": "spikes",
    "test_stream_spikes_per_sample": "stream spikes",
    "test_synops_per_sample": "synops",
    "test_energy_pj_per_sample": "energy",
}
BOUNDS = ["effect", "low", "high", "scale"]
LEVEL = 0.05
Tables = Iterator[tuple[str, str]]
"""Names and texts."""


def main() -> None:
    arguments = read_arguments()
    places = {name: arguments.output or recorded(name) for name in arguments.data}
    try:
        tables = {
            f"{name}: {title}": text
            for name, place in places.items()
            for title, text in all_tables(load_ablation(place).drop_duplicates("training_id"))
        }
    except XOResNetError as error:
        sys.exit(f"error: {error}")
    print(shown_tables(tables))
    if arguments.page:
        for name in put_into(arguments.page, tables):
            print(f"{arguments.page} has no place for {name}", file=sys.stderr)


def all_tables(trainings: pd.DataFrame) -> Tables:
    usual = trainings[select(trainings, width=16, logic_gradient="arithmetic")]
    yield from factorial(usual)
    yield from gradients(trainings[select(trainings, width=16, depth=14, timesteps=2)])
    yield from equal_spikes(trainings[select(trainings, depth=8, timesteps=2, logic_gradient="arithmetic")])
    yield "all networks", figures(usual)


def select(trainings: pd.DataFrame, **fields: object) -> pd.Series[bool]:
    chosen = pd.Series(data=True, index=trainings.index)
    for field, value in fields.items():
        chosen &= trainings[f"config.{field}"] == value
    return chosen


def factorial(trainings: pd.DataFrame) -> Tables:
    """Effects of merge and XOR: over all networks, then of merges by depth and T, and of XOR by depth and merge."""
    others = trainings[trainings["config.merge"] != "current"]  # whose networks XOR repairs, unlike others
    beside_or = pooled(comparisons(trainings[trainings["config.merge"].isin(["or", "oa"])], {"merge": "or"}))
    effects = [
        pooled(comparisons(trainings, {"merge": "add"})),
        beside_or.assign(value="oa beside or"),
        pooled(comparisons(others, {"xor": "none"})),
    ]
    yield "over all networks", table(pd.concat(effects, ignore_index=True), ["field", "value"])
    without = trainings[trainings["config.xor"] == "none"]
    merges = by(without, ["config.depth", "config.timesteps"], {"merge": "add"})
    yield "merges beside add, without xor", table(merges, ["depth", "T", "value"])
    placements = by(trainings, ["config.depth", "config.merge"], {"xor": "none"})
    yield "xor beside none", table(placements, ["depth", "merge", "value"])


def figures(trainings: pd.DataFrame) -> str:
    """The means of every network, with the standard deviation of its accuracy over the seeds."""
    fields = {"depth": "depth", "timesteps": "T", "merge": "merge", "xor": "xor"}
    lines = [*header([*fields.values(), *METRICS.values(), "parameters"])]
    for key, rows in trainings.groupby([f"config.{field}" for field in fields]):
        accuracy, *amounts = METRICS
        cells = [f"{100 * rows[accuracy].mean():.2f} ± {100 * rows[accuracy].std():.2f}"]
        cells += [f"{rows[name].mean():,.0f}" if counts(rows, name) else "-" for name in amounts]
        lines.append(row([*map(str, key), *cells, f"{rows['params_count'].iloc[0]:,}"]))
    return "\n".join(lines)


def counts(rows: pd.DataFrame, metric: str) -> bool:
    """Whether a metric says something of these networks: a real stream carries no spikes."""
    return not ("stream" in metric and rows["config.merge"].iloc[0] == "membrane")


def by(trainings: pd.DataFrame, columns: list[str], references: dict[str, object]) -> pd.DataFrame:
    """Effects within each group of networks, with columns that name it."""
    names = [column.removeprefix("config.").replace("timesteps", "T") for column in columns]
    parts = []
    for values, cell in trainings.groupby(columns):
        parts.append(pooled(comparisons(cell, references)).assign(**dict(zip(names, values, strict=True))))
    return pd.concat(parts, ignore_index=True)


def gradients(trainings: pd.DataFrame) -> Tables:
    references = {"logic_gradient": REFERENCES["logic_gradient"]}
    pairs = comparisons(trainings, references)
    if len(pairs):
        names = pairs.drop_duplicates("base_arch_id").set_index("base_arch_id")
        effects = paired(pairs)
        effects = effects[effects["base_arch_id"].notna()]
        network = names["config.merge"] + ", xor " + names["config.xor"]
        named = effects.assign(network=effects["base_arch_id"].map(network))
        yield "backward forms beside arithmetic", table(named, ["network", "value"])


def equal_spikes(trainings: pd.DataFrame) -> Tables:
    """Accuracy of each merge and XOR placement at the spikes of ADD without XOR, by widths of each seed."""
    families = {
        key: family
        for key, family in trainings.groupby(["config.merge", "config.xor"])
        if family["config.width"].nunique() >= 3
    }
    usual = families.get(("add", "none"))
    if usual is None:
        return
    spikes = usual.groupby("config.width")["test_spikes_per_sample"].mean()
    rows = []
    for width in spikes.index[1:-1]:
        of_add = at_spikes(usual, spikes[width])
        for (merge, xor), curves in families.items():
            if (merge, xor) != ("add", "none"):
                differences = (at_spikes(curves, spikes[width]) - of_add).dropna()
                rows.append((f"{spikes[width]:,.0f}", f"{merge}, xor {xor}", differences.to_numpy()))
    lines = ["| spikes | network | difference | seeds |", "| --- | --- | --- | --- |"]
    known = sum(len(values) > 1 for *_, values in rows)
    lines += [f"| {at} | {name} | {student(values, known)} | {len(values)} |" for at, name, values in rows]
    yield "accuracy at equal spikes", "\n".join([*lines, "", f"{known} intervals."])


def at_spikes(curves: pd.DataFrame, spikes: float) -> pd.Series[float]:
    """By seed, the accuracy between the two nearest widths, linear in the logarithm of spikes; NaN outside of them."""
    found = {}
    for seed, mine in curves.sort_values("test_spikes_per_sample").groupby("config.recipe.seed"):
        places = np.log(mine["test_spikes_per_sample"])
        found[seed] = np.interp(np.log(spikes), places, mine["test_accuracy"], left=np.nan, right=np.nan)
    return pd.Series(found)


def student(differences: np.ndarray, intervals: int) -> str:
    """Mean difference in points with its interval, of which there are several."""
    if len(differences) < 2:
        return "beyond the widths"
    mean, error = differences.mean(), stats.sem(differences)
    reach = stats.t.ppf(1 - LEVEL / intervals / 2, len(differences) - 1) * error
    return shown(mean, mean - reach, mean + reach, "difference")


def pooled(pairs: pd.DataFrame) -> pd.DataFrame:
    """Effects over all networks that are compared; of a field with one pair of networks, that pair's."""
    effects = paired(pairs)
    over_all = effects[effects["base_arch_id"].isna()]
    alone = effects[~effects["field"].isin(over_all["field"])]
    return pd.concat([over_all, alone], ignore_index=True)


def paired(pairs: pd.DataFrame) -> pd.DataFrame:
    return paired_effects(pairs, [*METRICS])


def table(effects: pd.DataFrame, keys: Sequence[str]) -> str:
    """One row per comparison and one column per metric, with intervals that hold all at once; then their number."""
    real = effects["metric"].str.contains("stream") & effects[[*keys]].eq("membrane").any(axis=1)
    effects = simultaneous(effects[~real])
    lines = [*header([*keys, *METRICS.values(), "networks", "seeds"])]
    for key, rows in effects.groupby([*keys], sort=False, dropna=False):
        of = rows.set_index("metric")
        cells = [shown(*of.loc[name, BOUNDS]) if name in of.index else "-" for name in METRICS]
        lines.append(row([*map(str, key), *cells, str(of["networks"].iloc[0]), str(of["seeds"].iloc[0])]))
    return "\n".join([*lines, "", f"{len(effects)} intervals."])


def simultaneous(effects: pd.DataFrame) -> pd.DataFrame:
    """The same with intervals widened for their number: from Student's at 95 % to Student's at 1 - 0.05 / k."""
    ratio = effects["scale"] == "ratio"
    bounds = effects[["effect", "low", "high"]].astype(float)
    bounds[ratio] = np.log(bounds[ratio])
    freedom = effects["seeds"] - 1
    wider = stats.t.ppf(1 - LEVEL / len(effects) / 2, freedom) / stats.t.ppf(1 - LEVEL / 2, freedom)
    reach = (bounds["high"] - bounds["effect"]) * wider
    bounds["low"], bounds["high"] = bounds["effect"] - reach, bounds["effect"] + reach
    bounds[ratio] = np.exp(bounds[ratio])
    return effects.assign(low=bounds["low"], high=bounds["high"])


def shown(effect: float, low: float, high: float, scale: str) -> str:
    none = 1.0 if scale == "ratio" else 0.0
    star = "" if low <= none <= high else " *"
    if scale == "ratio":
        return f"x{effect:.3f} [{low:.3f}, {high:.3f}]{star}"
    return f"{100 * effect:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]{star}"


def header(names: Iterable[str]) -> tuple[str, str]:
    names = list(names)
    return row(names), row(["---"] * len(names))


def row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=[*DATA], choices=list(DATA))
    parser.add_argument("--output", type=Path, metavar="DIR", help="the folder of ablations.py, of one data set")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the tables into this page: docs/evidence.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
