"""What all tests share: the option `--exhaustive`, settings, and one Ray for all tests of a process."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

# the tests' arrays are small: sharing them out between threads costs more than it saves, above all on a busy machine
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # before NumPy and torch are imported, and for all processes

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

settings.register_profile("xoresnet", deadline=None)  # how long an example takes says something about the machine
settings.load_profile("xoresnet")

EXHAUSTIVE = Path(__file__).parent / "exhaustive"
LONG = (
    "test_contributing", "test_run", "test_guided_search", "test_readme", "test_confirm", "test_cluster",
    "test_cluster_examples", "test_cluster_docs", "test_callback", "test_elastic", "test_ray_plugin", "test_export",
    "test_docs", "test_landed", "test_examples", "test_writer", "test_importance", "test_database", "test_checkup",
    "test_remote_runs",
)  # fmt: skip
"""Files that take longest, to be begun first: then two processes end at about the same time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="run tests/exhaustive too, which takes hours")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if collection_path == EXHAUSTIVE and not config.getoption("--exhaustive") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))  # stable: the order within a file stays


@pytest.fixture(scope="session")
def ray() -> Iterator[None]:
    """Searches that the tests run in this process find it started, and leave it running."""
    token = {"RAY_AUTH_TOKEN": secrets.token_hex(32)}  # which Ray then asks for, as every Ray of ours does
    quiet = {"RAY_AIR_NEW_OUTPUT": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", **token}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    import ray as started

    started.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    yield
    started.shutdown()
