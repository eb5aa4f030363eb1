"""The public names of the search, and what describing one imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from xoresnet import search


@pytest.mark.parametrize("name", search.__all__)
def test_public_names_have_docstrings(name: str) -> None:
    assert getattr(search, name).__doc__


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match=r"xoresnet\.search.* has no attribute 'run_serch'"):
        search.run_serch  # noqa: B018


def test_a_search_is_described_without_heavy_packages() -> None:
    code = (
        "import sys; from xoresnet.search import Objective, SearchConfig; "
        "SearchConfig(space='digits', sampler='nsga2', pruner='hyperband'); "
        "SearchConfig(space='digits', prior='shared'); "
        "print(*sorted({'optuna', 'pandas', 'ray', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
