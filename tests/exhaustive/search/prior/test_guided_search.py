"""A guided search, killed in each of its phases, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.search.prior.test_guided_search import SPACE, Guided, check_goes_on, guided, here, stop_in

__all__ = ["guided", "here"]  # fixtures
pytestmark = pytest.mark.filterwarnings("ignore")


def test_stopped_in_each_phase_it_goes_on(guided: Guided, here: Path) -> None:
    (here / "small.yaml").write_text(SPACE)
    for phase in ("trains", "predicts", "tries"):
        stop_in(phase, here)
    check_goes_on(guided, here)
