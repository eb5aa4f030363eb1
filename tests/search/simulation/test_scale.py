"""`benchmarks/scale.py`, on a small scale: many workers in virtual time, with the real record."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from xoresnet.search.study.journal import open_journal

FILE = Path(__file__).parents[3] / "benchmarks" / "scale.py"


@pytest.fixture(scope="module")
def scale() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("scale_benchmark", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def cluster_of(scale: ModuleType, strategy: str, folder: Path, seconds: float) -> Any:
    """A cluster whose driver takes so many seconds for each question, whatever this machine does meanwhile."""
    cluster = scale.Cluster(scale.make_bridge(strategy, open_journal(folder / "study.journal")), 30.0)
    ticks = count()
    cluster.clock = lambda: next(ticks) * seconds
    return cluster


@pytest.mark.parametrize("strategy", ["classic", "promotion", "freeze-thaw"])
def test_a_quick_driver_keeps_all_workers_busy(scale: ModuleType, strategy: str, tmp_path: Path) -> None:
    cluster = cluster_of(scale, strategy, tmp_path, 0.01)
    last = [*scale.windows(cluster, 4, 12, 6)][-1]
    assert cluster.bridge.errors == []
    assert last.utilisation > 0.98
    assert max(last.decisions) < 0.1
    trials = cluster.bridge.study.get_trials(deepcopy=False)
    assert len(trials) == last.networks == 12


def test_a_slow_driver_lets_them_wait(scale: ModuleType, tmp_path: Path) -> None:
    cluster = cluster_of(scale, "promotion", tmp_path, 20.0)
    last = [*scale.windows(cluster, 4, 12, 12)][-1]
    assert last.driver > 0.9
    assert last.utilisation < 0.6
    assert max(last.waits) > 20.0
