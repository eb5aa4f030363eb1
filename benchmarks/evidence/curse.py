"""What the choice of the most accurate network costs, on recorded learning curves: a table of `docs/evidence.md`.

    python benchmarks/evidence/curse.py [--searches 10] [--page FILE]

Trains nothing: it replays searches of the preset `digits` on `benchmarks/data/digits.parquet`, whose 300 networks were
trained on two seeds with the same images. A search sees one of them, and the network that looks most accurate there is
looked up on the other. Intervals are Student's over the searches, which share their curves, so they are too narrow for
other networks and data.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from page_tables import put_into, shown_tables
from scipy import stats

from xoresnet.search import simulate

CURVES = Path(__file__).parents[1] / "data" / "digits.parquet"
BUDGET = 40
NEAR_THE_TOP = 0.97
"""Mean accuracy of the networks whose deviation stands beside the loss."""


def main() -> None:
    arguments = read_arguments()
    curves = pd.read_parquet(CURVES)
    last = curves[curves["epoch"] == curves["epoch"].max()]
    accuracy = last.pivot(index="network", columns="seed", values="val_accuracy")
    top = accuracy[accuracy.mean(axis=1) > NEAR_THE_TOP]
    deviation = float(np.sqrt(((top[0] - top[1]) ** 2).mean() / 2))
    rows = [found(curves, accuracy, seed, number) for seed in (0, 1) for number in range(arguments.searches)]
    table = {"digits: the choice of the best, replayed": shown(rows, deviation, len(top))}
    print(shown_tables(table))
    if arguments.page:
        put_into(arguments.page, table)


def found(curves: pd.DataFrame, accuracy: pd.DataFrame, seed: int, number: int) -> tuple[int, float, float]:
    """How many networks a search has trained to the end, and the best one's accuracy on its seed and on the other."""
    seen = curves[curves["seed"] == seed]
    ran = simulate(seen, strategy="freeze-thaw", budget=BUDGET, seed=number, workers=2)
    complete = ran.loc[ran["state"] == "COMPLETE", "network"].unique()
    best = accuracy.loc[complete, seed].idxmax()
    return len(complete), float(accuracy.loc[best, seed]), float(accuracy.loc[best, 1 - seed])


def shown(rows: list[tuple[int, float, float]], deviation: float, networks: int) -> str:
    complete, seen, new = np.array(rows).T
    lost = 100 * (seen - new)
    reach = stats.t.ppf(0.975, len(lost) - 1) * stats.sem(lost)
    cells = [f"{len(rows)}", f"{complete.mean():.0f}", f"{100 * seen.mean():.2f}", f"{100 * new.mean():.2f}"]
    cells += [f"{lost.mean():+.2f} [{lost.mean() - reach:+.2f}, {lost.mean() + reach:+.2f}]"]
    cells += [f"{100 * deviation:.2f} ({networks} networks)"]
    head = "| searches | networks trained to the end | search | another seed | lost | deviation of one training |"
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", f"| {' | '.join(cells)} |", "", "1 interval."])


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=10, help="on each of the two seeds")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the table into this page: docs/evidence.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
