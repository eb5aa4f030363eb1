"""The embedded data set."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import sklearn.datasets
import torch

from tests.xoresnet.data.datasets.contract import DatasetContract
from xoresnet.data.datasets.digits import TEST_SEED
from xoresnet.data.load import load_data
from xoresnet.data.reading.split import split_rows
from xoresnet.errors import DataError


class TestDigits(DatasetContract):
    name = "digits"
    input_shape = (1, 8, 8)
    num_classes = 10
    broken_when_poisoned = False

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        bunch = sklearn.datasets.load_digits()
        labels = torch.from_numpy(bunch.target).long()
        _, test = split_rows(labels, [str(label) for label in range(10)], 0.2, TEST_SEED, where="digits")
        bunch.images[test] = 16 - bunch.images[test]
        patch.setattr(sklearn.datasets, "load_digits", lambda: bunch)


def test_published_sizes() -> None:
    data = load_data("digits")
    assert (len(data.train), len(data.validation), len(data.test.open(by="confirm"))) == (1151, 287, 359)


def test_training_and_test_images_together_are_all_images() -> None:
    data = load_data("digits")
    pool = torch.cat([data.train.pool, data.test.open(by="confirm").images]).flatten(1)
    grey = torch.from_numpy(sklearn.datasets.load_digits().images).flatten(1)
    levels = [0, 16, 32, 48, 64, 80, 96, 112, 128, 143, 159, 175, 191, 207, 223, 239, 255]
    scaled = torch.tensor(levels)[grey.long()]
    assert sorted(pool.tolist()) == sorted(scaled.tolist())


def test_a_failing_import_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r"digits needs the module sklearn.datasets, whose import failed: import of"):
        load_data("digits")
