"""miniImageNet in both its forms: they give the same split."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from tests.xoresnet.data.datasets.contract import DatasetContract
from tests.xoresnet.data.datasets.pictures import poison_pool_test_images, write_image
from xoresnet.data.load import DataSet, load_data
from xoresnet.data.reading.loader import ReadOptions
from xoresnet.errors import DataError, UsageError

PARTS = {"train": ("n01", "n02"), "val": ("n03",), "test": ("n04",)}
FOUR = ReadOptions(expected_classes=4)


def write_tables(folder: Path, per_class: int = 12) -> None:
    for part, classes in PARTS.items():
        names = {f"{label}{index:04}.png": label for label in classes for index in range(per_class)}
        for name in names:
            write_image(folder / "images" / name, width=20, height=16)
        lines = ["filename,label", *(f"{name},{label}" for name, label in names.items())]
        (folder / f"{part}.csv").write_text("\n".join(lines) + "\n")


def write_folders(folder: Path, per_class: int = 12, parts: bool = True) -> None:
    for part, classes in PARTS.items():
        for label in classes:
            for index in range(per_class):
                place = folder / part / label if parts else folder / label
                write_image(place / f"{label}{index:04}.png", width=20, height=16)


class TestTables(DatasetContract):
    name = "mini-imagenet"
    input_shape = (3, 84, 84)
    num_classes = 4
    options = FOUR

    def write(self, root: Path) -> None:
        write_tables(root)

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        poison_pool_test_images(root)


class TestClassFolders(TestTables):
    def write(self, root: Path) -> None:
        write_folders(root / "mini-imagenet")

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        poison_pool_test_images(root / "mini-imagenet")


def load(root: Path) -> DataSet:
    return load_data("mini-imagenet", root, options=FOUR)


def test_both_forms_give_the_same_split(tmp_path: Path) -> None:
    write_tables(tmp_path / "tables" / "miniImageNet")
    write_folders(tmp_path / "parts" / "mini-imagenet")
    write_folders(tmp_path / "flat" / "miniimagenet", parts=False)
    tables, *others = (load(tmp_path / form) for form in ("tables", "parts", "flat"))
    for other in others:
        assert other.classes == tables.classes == ("n01", "n02", "n03", "n04")
        assert torch.equal(other.train.images, tables.train.images)
        assert torch.equal(other.validation.labels, tables.validation.labels)
        assert torch.equal(other.test.open(by="confirm").images, tables.test.open(by="confirm").images)


def test_the_folder_itself_is_a_root(tmp_path: Path) -> None:
    write_folders(tmp_path / "mini-imagenet")
    assert load(tmp_path / "mini-imagenet").place == tmp_path / "mini-imagenet"


def test_one_sixth_of_each_class_is_the_test_set(tmp_path: Path) -> None:
    write_tables(tmp_path)
    assert load(tmp_path).test.open(by="confirm").labels.bincount().tolist() == [2, 2, 2, 2]


def test_other_numbers_of_classes_are_refused(tmp_path: Path) -> None:
    write_tables(tmp_path)
    with pytest.raises(DataError, match=f"{tmp_path} contains 4 classes, not 100"):
        load_data("mini-imagenet", tmp_path)


def test_another_size(tmp_path: Path) -> None:
    write_tables(tmp_path)
    options = ReadOptions(expected_classes=4, image_size=(32, 32))
    assert load_data("mini-imagenet", tmp_path, options=options).input_shape == (3, 32, 32)
    with pytest.raises(UsageError, match="mini-imagenet has no option channels: its images are used as they are"):
        load_data("mini-imagenet", tmp_path, options=ReadOptions(channels=1))


BROKEN = {
    "columns": (
        "file,class\na.png,n01\n",
        "val.csv lacks the columns filename and label: its first line is 'file,class'",
    ),
    "nothing": ("", "val.csv lacks the columns filename and label: its first line is ''"),
    "half a row": ("filename,label\nn030000.png\n", "val.csv line 2 lacks a file name or a label"),
    "twice": (
        "filename,label\nn030000.png,n03\nn030000.png,n04\n",
        "val.csv line 3 repeats the image 'n030000.png' of val.csv line 2",
    ),
    "elsewhere": ("filename,label\n../secret.png,n03\n", r"val.csv line 2 names '../secret.png', which lies outside"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_tables_are_named(tmp_path: Path, case: str) -> None:
    text, message = BROKEN[case]
    write_tables(tmp_path, per_class=2)
    (tmp_path / "val.csv").write_text(text)
    with pytest.raises(DataError, match=rf"^{re.escape(str(tmp_path))}.*{message}"):
        load(tmp_path)


def test_tables_that_are_no_text(tmp_path: Path) -> None:
    write_tables(tmp_path, per_class=2)
    (tmp_path / "val.csv").write_bytes(b"filename,label\n\xff\xfe,n03\n")
    with pytest.raises(DataError, match=r"val.csv cannot be read as a table: 'utf-8' codec"):
        load(tmp_path)
    (tmp_path / "val.csv").unlink()
    with pytest.raises(DataError, match=r"val.csv is missing"):
        load(tmp_path)


def test_missing_image(tmp_path: Path) -> None:
    write_tables(tmp_path)
    for index in range(3):  # at least one of them is for training
        (tmp_path / "images" / f"n03000{index}.png").unlink()
    with pytest.raises(DataError, match=r"images/n03000\d.png cannot be read: No such file or directory"):
        load(tmp_path)
