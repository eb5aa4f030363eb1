"""The pruner's decisions compared with their plain definition, on many more rungs."""

from __future__ import annotations

from hypothesis import given, settings

from tests.search.pruning.test_pareto_pruner import Rung, crowds, plainly_goes_on, rungs


@settings(max_examples=5_000)
@given(rungs() | crowds())
def test_decisions_are_those_of_the_plain_definition(rung: Rung) -> None:
    assert rung.goes_on() == plainly_goes_on(rung)
