"""Several hundred mutants of a run's files (`tests/search/fuzzing.py`)."""

from __future__ import annotations

import pytest

from tests.search.test_fuzz import check


@pytest.mark.parametrize("seed", [100, 200, 300, 400])
def test_mutants(seed: int) -> None:
    check(seed, mutants=200)
