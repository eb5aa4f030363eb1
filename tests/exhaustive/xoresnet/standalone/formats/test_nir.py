"""As `tests/xoresnet/standalone/formats/test_nir.py`, for 40 networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.xoresnet.lively import facts, lively, lively_archs
from tests.xoresnet.standalone.formats.test_nir import (
    EXPRESSIBLE,
    HARD,
    assert_nirtorch_agrees,
    assert_spikingjelly_agrees,
)
from xoresnet import Arch, UnsupportedError, export

ARCHS = lively_archs(40, seed=5, merges=EXPRESSIBLE, **HARD)


def stem_pools_reals(arch: Arch) -> bool:
    return arch.stem == "conv7-pool" and arch.merge[0] == "membrane"


@pytest.mark.filterwarnings("ignore")  # nirtorch's own
@pytest.mark.parametrize("number", range(len(ARCHS)))
def test_simulators_get_the_same(number: int, tmp_path: Path) -> None:
    arch = ARCHS[number]
    if not stem_pools_reals(arch):
        assert_nirtorch_agrees(arch, tmp_path / "model")
        assert_spikingjelly_agrees(arch, tmp_path / "model")
        return
    with pytest.raises(UnsupportedError, match=r"model\.nir cannot be written: NIR has no maximum, .* like membrane$"):
        export(lively(arch), facts(arch), tmp_path / "model", ["nir"])
    assert list(tmp_path.iterdir()) == []


def test_some_are_refused() -> None:
    assert 0 < sum(map(stem_pools_reals, ARCHS)) < 10
