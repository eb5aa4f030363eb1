"""What every data set promises. Its test inherits `DatasetContract` and writes a small copy in the original format."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from xoresnet.data.load import DATASETS, DataSet, data_status, load_data
from xoresnet.data.reading.loader import ReadOptions
from xoresnet.data.samples import Samples
from xoresnet.errors import DataError

TIMESTEPS = 2


def whole(split: Samples) -> Tensor:
    """All images [N, C, H, W], or all frames [T, N, 2, H, W]."""
    return split.at(TIMESTEPS).take(torch.arange(len(split)))


def split_content(data: DataSet) -> list[Tensor]:
    return [whole(data.train), data.train.labels, whole(data.validation), data.validation.labels]


class DatasetContract:
    name: str
    input_shape: tuple[int, int, int]
    num_classes: int
    options = ReadOptions()
    broken_when_poisoned = True
    """Whether opening a poisoned test set raises an error."""

    def write(self, root: Path) -> None:
        """Write a small copy of the data set, in the original format."""

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        """Overwrite all that the test set is read from with garbage, and remove what was cached."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the copy alone be found, and nothing be cached elsewhere."""
        monkeypatch.delenv("XORESNET_DATA", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        monkeypatch.chdir(tmp_path)

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "root"
        root.mkdir()
        self.write(root)
        return root

    def load(self, root: Path, seed: int = 0, share: float | None = None) -> DataSet:
        return load_data(self.name, root, validation_seed=seed, validation_share=share, options=self.options)

    def test_shapes_and_types(self, root: Path) -> None:
        data = self.load(root)
        assert data.input_shape == self.input_shape
        assert len(data.classes) == data.num_classes == self.num_classes
        assert len(data.mean) == len(data.std) == self.input_shape[0]
        for split in (data.train, data.validation, data.test.open(by="confirm")):
            samples = whole(split)
            assert (samples.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
            assert samples.shape[-4:] == (len(split), *self.input_shape)
            assert set(split.labels.tolist()) == set(range(self.num_classes))
            some = torch.tensor([1, 0, len(split) - 1])
            assert torch.equal(split.at(TIMESTEPS).take(some), samples[..., some, :, :, :])
            assert torch.equal(whole(split.part(some)), samples[..., some, :, :, :])
            assert torch.equal(split.part(some).part(torch.tensor([2, 0])).labels, split.labels[some[[2, 0]]])

    def test_validation_is_cut_class_by_class(self, root: Path) -> None:
        data = self.load(root, share=0.3)
        for label in range(self.num_classes):
            kept, aside = (int((split.labels == label).sum()) for split in (data.train, data.validation))
            assert aside == max(1, math.floor(0.3 * (kept + aside) + 0.5))

    def test_every_image_is_in_one_split(self, root: Path) -> None:
        data = self.load(root)
        assert data.train.rows is not None
        assert data.validation.rows is not None
        rows = torch.cat([data.train.rows, data.validation.rows])
        assert torch.equal(rows.sort().values, torch.arange(len(data.train) + len(data.validation)))

    def test_one_seed_one_split(self, root: Path) -> None:
        first, again, other = self.load(root), self.load(root), self.load(root, seed=1)
        assert all(map(torch.equal, split_content(first), split_content(again)))
        assert first.validation.rows is not None
        assert other.validation.rows is not None
        assert not torch.equal(first.validation.rows, other.validation.rows)
        assert (first.mean, first.std) == (other.mean, other.std)

    def test_mean_and_deviation(self, root: Path) -> None:
        data = self.load(root)
        values = data.train.pool.numpy().astype(np.float64) / 255
        np.testing.assert_allclose(data.mean, values.mean(axis=(0, 2, 3)), rtol=1e-12)
        np.testing.assert_allclose(data.std, values.std(axis=(0, 2, 3)), rtol=1e-12)

    def test_no_test_image_is_read(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = self.load(root)
        self.poison_test(root, monkeypatch)
        after = self.load(root)
        assert all(map(torch.equal, split_content(before), split_content(after)))
        assert (before.mean, before.std, before.classes) == (after.mean, after.std, after.classes)
        assert repr(after.test) == f"SealedTest({self.name})"
        assert f"SealedTest({self.name})" in repr(after)
        if self.broken_when_poisoned:
            with pytest.raises(DataError, match=str(root)):
                after.test.open(by="confirm")

    def test_only_two_may_open_the_test_set(self, root: Path) -> None:
        data = self.load(root)
        assert len(data.test.open(by="confirm")) == len(data.test.open(by="train --test")) > 0
        with pytest.raises(
            DataError, match="may be opened only by 'confirm', 'ablate', 'train --test' and 'data', not by 'search'"
        ):
            data.test.open(by="search")

    def test_status_finds_it(self, root: Path) -> None:
        (status,) = (status for status in data_status(root) if status.name == self.name)
        assert status.place == self.load(root).place
        assert status.how_to_get
        assert status.summary == DATASETS[self.name].summary

    def test_the_loader_announces_what_is_read(self, root: Path) -> None:
        loader = DATASETS[self.name]
        assert loader.image_shape in (None, self.load(root).input_shape)
        assert loader.validation_share < 0.5
        assert loader.recipe.epochs > 0

    def test_wrong_number_of_classes(self, root: Path) -> None:
        expected = self.num_classes + 1
        with pytest.raises(DataError, match=f"contains {self.num_classes} classes, not {expected}"):
            load_data(self.name, root, options=ReadOptions(expected_classes=expected))
