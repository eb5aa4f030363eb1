"""What all tests share: the option `--exhaustive`, and settings."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

# the tests' tensors are small: sharing them out between threads costs more than it saves, above all on a busy machine
torch.set_num_threads(1)

settings.register_profile("xoresnet", deadline=None)  # how long an example takes says something about the machine
settings.load_profile("xoresnet")

EXHAUSTIVE = Path(__file__).parent / "exhaustive"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="run tests/exhaustive too, which takes hours")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if collection_path == EXHAUSTIVE and not config.getoption("--exhaustive") else None
