"""Fashion-MNIST: small files written here, broken ones, and the real ones where Debian's package is installed."""

from __future__ import annotations

import gzip
import hashlib
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.xoresnet.data.datasets.contract import DatasetContract
from xoresnet.data.load import load_data
from xoresnet.data.reading.loader import ReadOptions
from xoresnet.errors import DataError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in the IDX format."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_fashion(folder: Path, per_class: int = 5, zipped: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    numbers = np.random.default_rng(0)
    for part, count in (("train", 10 * per_class), ("t10k", 20)):
        arrays = {"images-idx3": numbers.integers(0, 256, (count, 28, 28)), "labels-idx1": np.arange(count) % 10}
        for kind, array in arrays.items():
            content = idx(array)
            path = folder / f"{part}-{kind}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content) if zipped else content)


class TestFashionZipped(DatasetContract):
    name = "fashion-mnist"
    input_shape = (1, 28, 28)
    num_classes = 10

    def write(self, root: Path) -> None:
        write_fashion(root)

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        for path in root.rglob("t10k*"):
            path.write_bytes(b"garbage")


class TestFashionPlain(TestFashionZipped):
    def write(self, root: Path) -> None:
        write_fashion(root / "FashionMNIST" / "raw", zipped=False)


@pytest.mark.parametrize("folder", [".", "fashion-mnist", "FashionMNIST/raw"])
def test_found_where_others_put_it(tmp_path: Path, folder: str) -> None:
    write_fashion(tmp_path / folder)
    assert load_data("fashion-mnist", tmp_path).place == tmp_path / folder


def test_values_come_as_written(tmp_path: Path) -> None:
    write_fashion(tmp_path)
    pool = load_data("fashion-mnist", tmp_path).train.pool
    assert np.array_equal(pool[:, 0].numpy(), np.random.default_rng(0).integers(0, 256, (50, 28, 28)))


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _no_entries(content: bytes) -> bytes:
    return content[:4] + bytes(4) + content[8:]


BROKEN: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "magic": (IMAGES, lambda content: b"\x89PNG" + content[4:], "begins with 89504e47, not 00000803"),
    "labels for images": (IMAGES, lambda content: idx(np.zeros(50)), "begins with 00000801, not 00000803"),
    "empty file": (IMAGES, lambda content: b"", "is empty; to fetch .*xoresnet data fashion-mnist --download$"),
    "within the header": (IMAGES, lambda content: content[:10], "is truncated: it ends within the header"),
    "cut": (IMAGES, _cut, r"has the wrong size: its header announces 39200 bytes, but it has \d+; to fetch"),
    "too long": (LABELS, lambda content: content + b"\0", "has the wrong size: .* but it has more"),
    "small images": (IMAGES, lambda content: idx(np.zeros((50, 8, 8))), "wrong size: 8 x 8, not 28 x 28"),
    "no entries": (LABELS, _no_entries, "is empty: its header announces 0 entries"),
    "fewer labels": (LABELS, lambda content: idx(np.arange(40) % 10), "40 labels, but .* 50 images"),
    "label range": (LABELS, lambda content: idx(np.arange(50) % 11), r"label 10 of image 10 is out of range 0 .. 9"),
}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named(tmp_path: Path, case: str, zipped: bool) -> None:
    name, damage, message = BROKEN[case]
    write_fashion(tmp_path, zipped=zipped)
    path = tmp_path / (f"{name}.gz" if zipped else name)
    content = gzip.decompress(path.read_bytes()) if zipped else path.read_bytes()
    path.write_bytes(gzip.compress(damage(content)) if zipped else damage(content))
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}.*{message}"):
        load_data("fashion-mnist", tmp_path)


@pytest.mark.parametrize("damage", [_cut, lambda content: content[:-8] + bytes(8), lambda content: b"no gzip"])
def test_damaged_gzip(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    write_fashion(tmp_path)
    path = tmp_path / f"{IMAGES}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=f"^{re.escape(str(path))} is truncated or damaged: "):
        load_data("fashion-mnist", tmp_path)


def test_missing_labels(tmp_path: Path) -> None:
    write_fashion(tmp_path)
    (tmp_path / f"{LABELS}.gz").unlink()
    with pytest.raises(DataError, match=f"{LABELS} is missing, and so is its .gz form"):
        load_data("fashion-mnist", tmp_path)


def test_missing_class(tmp_path: Path) -> None:
    write_fashion(tmp_path)
    (tmp_path / f"{LABELS}.gz").write_bytes(gzip.compress(idx(np.arange(50) % 9)))
    with pytest.raises(DataError, match=f"^{tmp_path}: class 'Ankle boot' has no image"):
        load_data("fashion-mnist", tmp_path)


def test_files_of_the_original_number_must_be_the_originals(tmp_path: Path) -> None:
    write_fashion(tmp_path, per_class=6_000, zipped=False)
    with pytest.raises(
        DataError, match=f"{IMAGES} has the wrong checksum: .* original is f4a8712d7a061bf5bd6d2ca38dc4d50a"
    ):
        load_data("fashion-mnist", tmp_path)
    assert len(load_data("fashion-mnist", tmp_path, options=ReadOptions(verify=False)).train) == 54_000


needs_debian = pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")


@needs_debian
def test_the_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XORESNET_DATA", raising=False)
    data = load_data("fashion-mnist")
    assert data.place == DEBIAN
    assert (len(data.train), len(data.validation), len(data.test.open(by="confirm"))) == (54_000, 6_000, 10_000)
    assert data.validation.labels.bincount().tolist() == [600] * 10
    assert data.mean == pytest.approx([0.2860], abs=5e-5)  # as published
    assert data.std == pytest.approx([0.3530], abs=5e-5)


@needs_debian
def test_the_checksums_are_those_of_the_published_files() -> None:
    """Debian strips name and time from the gzip headers. With them put back, the published MD5s come out."""
    resources = dict(pytest.importorskip("torchvision.datasets").FashionMNIST.resources)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        stripped = (DEBIAN / f"{name}-ubyte.gz").read_bytes()
        made_at = 1504176627 - 21 * name.startswith("train")
        header = b"\x1f\x8b\x08\x08" + struct.pack("<I", made_at) + b"\0\x03" + f"{name}-ubyte".encode() + b"\0"
        assert hashlib.md5(header + stripped[10:]).hexdigest() == resources[f"{name}-ubyte.gz"]
