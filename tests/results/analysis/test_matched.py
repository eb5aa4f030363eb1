"""Sentences about parameters of which the trials say too little; those about effects are in `test_findings.py`."""

from __future__ import annotations

import pytest

from tests.results.made_runs import pairs, run_of, trial
from xoresnet.results.analysis.matched import effect_findings

NEEDED = "with everything else equal, but at least 6 pairs are needed to tell"


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (0, "No two complete networks differ in merge alone, so this run cannot tell what merge does."),
        (1, f"At most one pair of complete networks compares the same two values of merge {NEEDED} what merge does."),
        (2, f"At most 2 pairs of complete networks compare the same two values of merge {NEEDED} what merge does."),
        (5, f"At most 5 pairs of complete networks compare the same two values of merge {NEEDED} what merge does."),
    ],
)
def test_too_few_pairs(count: int, sentence: str) -> None:
    """However large the effect is."""
    run = pairs("merge", ("or", "add"), [(0.3, 9.0)] * count)
    extra = trial(98, 0.1, 9999.0, config_merge="add", **{"config_recipe.learning_rate": 98.0})
    (effect,) = effect_findings(run_of(*run.trials.to_dict("records"), extra), "r")
    assert (effect.sentence, effect.numbers) == (sentence, ())
    assert effect.command == "xoresnet ablate r --fields merge"


@pytest.mark.parametrize(
    ("repeats", "begin"),
    [
        (0, "No two complete networks differ in merge, xor or depth alone, so this run cannot tell"),
        (1, f"At most one pair of complete networks compares the same two values of merge, xor or depth {NEEDED}"),
        (2, f"At most 2 pairs of complete networks compare the same two values of merge, xor or depth {NEEDED}"),
    ],
)
def test_several_parameters_in_one_sentence(repeats: int, begin: str) -> None:
    """repeats: how many pairs differ in their merge alone; three networks with three merges are three such pairs."""
    rows = [
        trial(10 + 10 * place + rate, config_merge=merge, **{"config_recipe.learning_rate": 1.0 + rate})
        for rate in range(repeats)
        for place, merge in enumerate(("oa", "and", "or"))
    ]
    run = run_of(trial(0), trial(1, config_merge="add", config_xor="middle", config_depth=14), *rows)
    (effect,) = effect_findings(run, "r")
    assert effect.sentence == f"{begin} what each of them does."
    assert effect.command == "xoresnet ablate r --fields merge,xor,depth"
