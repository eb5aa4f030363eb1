"""As `tests/xoresnet/standalone/test_export.py`, for 40 networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.xoresnet.lively import lively_archs
from tests.xoresnet.standalone.foreign import BATCHES, assert_the_same, write_and_run

ARCHS = lively_archs(40, seed=30)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exports")
    write_and_run(place, ARCHS)
    return place


def test_networks_differ() -> None:
    assert len({arch.arch_id for arch in ARCHS}) >= 40


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("number", range(len(ARCHS)))
def test_foreign_code_gets_the_same(number: int, batch: int, written: Path) -> None:
    assert_the_same(written / f"{number:02d}", batch)
