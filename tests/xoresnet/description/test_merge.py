from __future__ import annotations

import pytest

from xoresnet.description.merge import MERGES, Join, Merge, Operation, UserOperation, find_merge
from xoresnet.errors import SpecError


def test_merges_that_cannot_be_built() -> None:
    with pytest.raises(SpecError, match="operation: required where spikes meet, but missing"):
        Merge(Join.SPIKES, Join.CURRENTS)
    with pytest.raises(SpecError, match="projection: spikes cannot meet in some blocks"):
        Merge(Join.SPIKES, Join.POTENTIALS, Operation.OR)


def test_only_add_counts_and_only_or_has_gradient_forms() -> None:
    assert [operation for operation in Operation if operation.counts] == [Operation.ADD]
    assert [operation for operation in Operation if operation.has_gradient_forms] == [Operation.OR]


def test_a_row_of_the_table_may_hold_its_function() -> None:
    """A merge with a new operation needs no other file, since tensor operators need no import of torch."""

    def majority(shortcut: float, branch: float) -> float:
        return shortcut * branch

    merge = Merge(Join.SPIKES, Join.SPIKES, UserOperation(majority))
    assert merge.join(projection=True) is Join.SPIKES
    assert str(merge.operation).endswith("majority")
    assert hash(merge) == hash(Merge(Join.SPIKES, Join.SPIKES, UserOperation(majority)))


def test_merges_are_found_by_name() -> None:
    assert all(find_merge(name) is merge for name, merge in MERGES.items())
