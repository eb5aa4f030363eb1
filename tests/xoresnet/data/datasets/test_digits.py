"""The embedded data set."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
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
        bunch.data[test] = 16 - bunch.data[test]
        data = put_in_place_of_sklearn(root, patch) / "datasets" / "data"
        data.mkdir(parents=True)
        np.savetxt(data / "digits.csv.gz", np.column_stack([bunch.data, bunch.target]), fmt="%d", delimiter=",")


def put_in_place_of_sklearn(root: Path, patch: pytest.MonkeyPatch) -> Path:
    """An empty package, which Python finds instead; `sklearn.datasets`, which is imported, stays."""
    package = root / "sklearn"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    patch.syspath_prepend(root)
    patch.delitem(sys.modules, "sklearn")
    return package


def test_a_scikit_learn_that_keeps_its_file_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_data("digits")
    put_in_place_of_sklearn(tmp_path, monkeypatch)
    same = load_data("digits")
    assert same.fingerprint == data.fingerprint
    assert torch.equal(same.train.pool, data.train.pool)
    assert torch.equal(same.test.open(by="confirm").labels, data.test.open(by="confirm").labels)


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


def test_a_failing_import_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_place_of_sklearn(tmp_path, monkeypatch)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r"digits needs the module sklearn.datasets, whose import failed: import of"):
        load_data("digits")
