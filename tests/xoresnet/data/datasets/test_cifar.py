"""CIFAR: small batches pickled here as the originals are, broken ones, and hostile ones that must run nothing."""

from __future__ import annotations

import copyreg
import hashlib
import io
import os
import pickle
import re
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.xoresnet.data.datasets.contract import DatasetContract
from xoresnet.data.datasets.cifar10 import CIFAR10
from xoresnet.data.load import load_data
from xoresnet.data.reading.cifar_batches import read
from xoresnet.data.reading.loader import ReadOptions
from xoresnet.data.reading.safe_pickle import read_pickle
from xoresnet.errors import DataError

FOLDER10, FOLDER100 = "cifar-10-batches-py", "cifar-100-python"
Batch = dict[str, Any]


def batch(num_classes: int, count: int, seed: int, key: str) -> Batch:
    images = np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)
    return {"data": images, key: [index % num_classes for index in range(count)]}


def write(path: Path, content: object, protocol: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol))


def write_cifar10(root: Path, count: int = 20) -> None:
    write(root / FOLDER10 / "batches.meta", {"label_names": [f"class{label}" for label in range(10)]})
    for number in range(1, 6):
        write(root / FOLDER10 / f"data_batch_{number}", batch(10, count, number, "labels"))
    write(root / FOLDER10 / "test_batch", batch(10, 20, 6, "labels"))


def write_cifar100(root: Path) -> None:
    write(root / FOLDER100 / "meta", {"fine_label_names": [f"class{label}" for label in range(100)]})
    write(root / FOLDER100 / "train", batch(100, 400, 0, "fine_labels"))
    write(root / FOLDER100 / "test", batch(100, 100, 1, "fine_labels"))


def pack(root: Path, folder: str, archive: str) -> None:
    with tarfile.open(root / archive, "w:gz") as tar:
        tar.add(root / folder, folder)
    for path in (root / folder).iterdir():
        path.unlink()
    (root / folder).rmdir()


class TestCifar10(DatasetContract):
    name = "cifar10"
    input_shape = (3, 32, 32)
    num_classes = 10

    def write(self, root: Path) -> None:
        write_cifar10(root)

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        (root / FOLDER10 / "test_batch").write_bytes(b"garbage")


class TestCifar10Archive(TestCifar10):
    def write(self, root: Path) -> None:
        write_cifar10(root)
        pack(root, FOLDER10, "cifar-10-python.tar.gz")

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        write_cifar10(root)
        (root / FOLDER10 / "test_batch").write_bytes(b"garbage")
        pack(root, FOLDER10, "cifar-10-python.tar.gz")


class TestCifar100(DatasetContract):
    name = "cifar100"
    input_shape = (3, 32, 32)
    num_classes = 100

    def write(self, root: Path) -> None:
        write_cifar100(root)

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        (root / FOLDER100 / "test").write_bytes(b"garbage")


def test_the_folder_itself_is_a_root(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    assert load_data("cifar10", tmp_path / FOLDER10).place == tmp_path / FOLDER10


def test_values_come_as_written(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    data = load_data("cifar10", tmp_path)
    second = np.random.default_rng(2).integers(0, 256, (20, 3072), dtype=np.uint8)
    assert np.array_equal(data.train.pool[20:40].flatten(1).numpy(), second)
    assert data.classes[3] == "class3"


BROKEN: dict[str, tuple[Callable[[Batch], object], str]] = {
    "label range": (lambda b: {**b, "labels": [10] * 20}, r"label 10 of image 0 is out of range 0 .. 9"),
    "negative label": (lambda b: {**b, "labels": [0] * 19 + [-1]}, "label -1 of image 19 is out of range"),
    "labels of text": (lambda b: {**b, "labels": ["0"] * 20}, "no list of whole numbers under 'labels'"),
    "no labels": (lambda b: {"data": b["data"]}, "no list of whole numbers under 'labels'"),
    "too few labels": (lambda b: {**b, "labels": [0]}, "1 labels for 20 images"),
    "no images": (lambda b: {"labels": []}, "no array under 'data'"),
    "small images": (lambda b: {**b, "data": b["data"][:, :10]}, r"wrong size: 'data' has shape \[20, 10\]"),
    "floats": (lambda b: {**b, "data": b["data"] / 2}, "cannot be read as a pickle: ValueError: an array of 'f8'"),
    "a list": (lambda b: [b], "is a pickle of list, not of a dictionary"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_batches_are_named(tmp_path: Path, case: str) -> None:
    damage, message = BROKEN[case]
    write_cifar10(tmp_path)
    path = tmp_path / FOLDER10 / "data_batch_2"
    write(path, damage(batch(10, 20, 2, "labels")))
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}.*{message}"):
        load_data("cifar10", tmp_path)


def test_truncated_batch(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    path = tmp_path / FOLDER10 / "data_batch_2"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(
        DataError, match="data_batch_2 cannot be read as a pickle: UnpicklingError: pickle data was trunc"
    ):
        load_data("cifar10", tmp_path)


def test_missing_batch(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    (tmp_path / FOLDER10 / "data_batch_5").unlink()
    with pytest.raises(DataError, match="data_batch_5 is missing"):
        load_data("cifar10", tmp_path)


def test_missing_class(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    for number in range(1, 6):
        write(tmp_path / FOLDER10 / f"data_batch_{number}", batch(9, 20, number, "labels"))
    with pytest.raises(DataError, match=f"^{tmp_path}/{FOLDER10}: class 'class9' has no image"):
        load_data("cifar10", tmp_path)


def test_class_names_that_are_none(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    write(tmp_path / FOLDER10 / "batches.meta", {"num_cases_per_batch": 10_000})
    with pytest.raises(DataError, match=r"batches.meta has no list of class names under 'label_names'"):
        load_data("cifar10", tmp_path)


def test_broken_archives(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    (tmp_path / FOLDER10 / "data_batch_5").unlink()
    pack(tmp_path, FOLDER10, "cifar-10-python.tar.gz")
    path = tmp_path / "cifar-10-python.tar.gz"
    with pytest.raises(DataError, match=f"^{re.escape(str(path))} lacks data_batch_5"):
        load_data("cifar10", tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=f"^{re.escape(str(path))} is truncated or damaged: "):
        load_data("cifar10", tmp_path)


def test_batches_of_the_original_number_must_be_the_originals(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    write(tmp_path / FOLDER10 / "data_batch_1", batch(10, 10_000, 1, "labels"))
    with pytest.raises(DataError, match=r"data_batch_1 has the wrong checksum: .* c99cafc152244af753f735de768cd75f"):
        load_data("cifar10", tmp_path)
    data = load_data("cifar10", tmp_path, options=ReadOptions(verify=False))
    assert len(data.train) + len(data.validation) == 10_080


def test_class_names_beside_originals_must_be_the_originals(tmp_path: Path) -> None:
    """With small files in the place of the originals."""
    write_cifar10(tmp_path)
    folder = tmp_path / FOLDER10
    originals = {path.name: (20, hashlib.md5(path.read_bytes()).hexdigest()) for path in folder.iterdir()}
    layout = replace(CIFAR10, originals=originals)
    assert len(read(layout, folder, ReadOptions()).train) == 100
    write(folder / "batches.meta", {"label_names": [f"class{9 - label}" for label in range(10)]})
    with pytest.raises(
        DataError, match=r"batches.meta has the wrong checksum: its MD5 is \w{32}, that of the original \w{32}"
    ):
        read(layout, folder, ReadOptions())
    assert len(read(layout, folder, ReadOptions(verify=False)).train) == 100


class Hostile:
    """Runs a command when an ordinary unpickler reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.path}",)


def test_a_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    content = pickle.dumps({"data": Hostile(trace)}, protocol=2)
    pickle.loads(content)
    assert trace.exists()  # the payload works
    trace.unlink()
    write_cifar10(tmp_path)
    (tmp_path / FOLDER10 / "data_batch_1").write_bytes(content)
    with pytest.raises(DataError, match=r"data_batch_1 names posix.system, which no image file needs; it was refused"):
        load_data("cifar10", tmp_path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "name",
    ["builtins eval", "numpy load", "numpy.core.multiarray fromfile", "numpy.testing._private.utils runstring"],
)
def test_other_globals_are_refused(name: str) -> None:
    module, attribute = name.split()
    content = f"c{module}\n{attribute}\n.".encode()
    with pytest.raises(DataError, match=f"^batch names {module}.{attribute}"):
        read_pickle(content, "batch")


def test_dotted_names_and_extension_codes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    dotted = b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93."
    with pytest.raises(DataError, match=r"names numpy.ndarray.tofile"):
        read_pickle(dotted, "batch")
    copyreg.add_extension("os", "system", 240)
    try:
        with pytest.raises(DataError, match=r"names os.system"):
            read_pickle(b"\x80\x02\x82\xf0.", "batch")
    finally:
        copyreg.remove_extension("os", "system", 240)


def test_arrays_whose_parts_disagree() -> None:
    class Array:
        def __reduce__(self) -> tuple[object, ...]:
            state = (1, (1000,), np.dtype(np.uint8), False, b"short")
            return np.zeros(0).__reduce__()[0], (np.ndarray, (0,), b"b"), state

    with pytest.raises(DataError, match=r"ValueError: an array of shape \(1000,\) in 5 bytes"):
        read_pickle(pickle.dumps({"data": Array()}), "batch")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_protocol(protocol: int, order: str) -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4).copy(order="F" if order == "F" else "C")
    content = read_pickle(pickle.dumps({"data": array, "labels": [1, 2]}, protocol), "batch")
    assert content["labels"] == [1, 2]
    assert np.array_equal(content["data"], array)


def test_arrays_as_python_2_wrote_them() -> None:
    """The opcodes of the original files: text where Python 3 has bytes."""
    out = io.BytesIO()
    out.write(b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R")
    out.write(
        b"(K\x01K\x01K\x03\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
    )
    out.write(b"K\x00tb\x89U\x03\x00\x80\xfftbs.")
    assert read_pickle(out.getvalue(), "batch")["data"].tolist() == [[0, 128, 255]]
