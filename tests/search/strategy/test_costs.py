"""What a step of each network is expected to cost."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from xoresnet.search.strategy.costs import step_costs
from xoresnet.search.strategy.encoding import Encoding

NETWORKS = [
    {"depth": depth, "width": width, "merge": merge} for depth, width, merge in product((8, 14, 20), (8, 16), "ab")
]
SECONDS = np.array([params["depth"] * params["width"] ** 1.5 / 100 for params in NETWORKS])


def test_the_effects_of_parameters_multiply() -> None:
    rows = Encoding(NETWORKS).rows(NETWORKS)
    seen = np.arange(len(NETWORKS)) % 3 != 0
    tried, new = step_costs(rows[seen], SECONDS[seen], rows[~seen])
    assert np.corrcoef(np.log(new), np.log(SECONDS[~seen]))[0, 1] > 0.98
    assert np.corrcoef(np.log(tried), np.log(SECONDS[seen]))[0, 1] > 0.99


def test_a_network_that_was_not_measured_is_judged_by_its_kind() -> None:
    rows = Encoding(NETWORKS).rows(NETWORKS)
    times = SECONDS.copy()
    times[-1] = np.nan
    tried, _ = step_costs(rows, times, rows[:0])
    assert np.argmax(tried) in (len(tried) - 1, len(tried) - 2)  # the largest network; the two merges cost the same


def test_one_epoch_on_a_busy_machine_says_little_about_others() -> None:
    rows = Encoding(NETWORKS).rows(NETWORKS)
    times = SECONDS.copy()
    times[0] *= 50
    _, calm = step_costs(rows, SECONDS, rows)
    _, busy = step_costs(rows, times, rows)
    assert busy[2:] / busy[2:].mean() == pytest.approx(calm[2:] / calm[2:].mean(), rel=0.5)


def test_a_rare_option_that_costs_more_is_no_outlier() -> None:
    networks = [{"T": 8 if place < 3 else 1 + place % 2, "merge": "ab"[place % 2]} for place in range(16)]
    rows = Encoding(networks).rows(networks)
    _, new = step_costs(rows, np.where(np.arange(16) < 3, 10.0, 1.0), rows)
    assert new[0] / new[-1] > 5


@pytest.mark.parametrize("times", [np.full(12, np.nan), np.r_[1.0, 2.0, 3.0, np.full(9, np.nan)], np.zeros(12)])
def test_without_enough_measurements_all_steps_cost_the_same(times: np.ndarray) -> None:
    rows = Encoding(NETWORKS).rows(NETWORKS)
    tried, new = step_costs(rows, times, rows[:5])
    assert (tried == 1).all()
    assert (new == 1).all()
