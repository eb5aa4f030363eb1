"""Where the weights of a pick lie: never outside of the run, whatever its tables say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.results.made_runs import confirming, run_of, seed_of, trial
from xoresnet.errors import RunError
from xoresnet.results.analysis.weights import chosen_weights

RUN = run_of(trial(0, 0.9, 100.0))
ROW = seed_of(RUN.trials.iloc[0].to_dict(), 1, test_accuracy=0.8, weights="confirmed/0000-a0000")


def test_those_of_the_confirmation() -> None:
    weights = chosen_weights(confirming(RUN, ROW), "knee")
    assert (weights.place, weights.name) == ("confirmed/0000-a0000", "0000-a0000")
    assert chosen_weights(confirming(RUN, ROW), "knee", searched=True).place == "trials/0000-a0000"


@pytest.mark.parametrize("path", ["/etc", "../other", "confirmed/../../other", ".hidden", "a//b", "a\\b", ""])
def test_tables_of_a_stranger_lead_nowhere(path: str) -> None:
    with pytest.raises(RunError, match=r"^the tables of made name a folder outside of the run: "):
        chosen_weights(confirming(RUN, {**ROW, "weights": path}), "knee")
    if path:
        named = replace(RUN, trials=RUN.trials.assign(arch_id=f"/{path}"))
        with pytest.raises(RunError, match=r"^the tables of made name a folder outside of the run: "):
            chosen_weights(named, "knee", searched=True)
