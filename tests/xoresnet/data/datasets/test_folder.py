"""Class folders: with and without parts, sizes, and images that cannot be read."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.xoresnet.data.datasets.contract import DatasetContract
from tests.xoresnet.data.datasets.pictures import poison_pool_test_images, write_classes, write_image
from xoresnet.data.load import load_data
from xoresnet.data.reading.image_files import decode
from xoresnet.data.reading.loader import ReadOptions
from xoresnet.errors import DataError, UsageError


class TestFolder(DatasetContract):
    name = "folder"
    input_shape = (3, 8, 10)
    num_classes = 3

    def write(self, root: Path) -> None:
        write_classes(root)

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        poison_pool_test_images(root)


class TestFolderWithParts(TestFolder):
    def write(self, root: Path) -> None:
        write_classes(root / "train")
        write_classes(root / "test", per_class=2)

    def poison_test(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        for path in (root / "test").rglob("*.png"):
            path.write_bytes(b"garbage")
        shutil.rmtree(root / ".xoresnet-cache")


def sizes(root: Path, options: ReadOptions | None = None) -> tuple[int, int]:
    """Images for training with validation, and for the test."""
    data = load_data("folder", root, options=options)
    return len(data.train.pool), len(data.test.open(by="confirm"))


def test_one_sixth_is_the_test_set(tmp_path: Path) -> None:
    write_classes(tmp_path)
    assert sizes(tmp_path) == (30, 6)


def test_val_joins_the_training_images(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "val", per_class=3)
    assert sizes(tmp_path) == (36, 9)  # 15 of a class: floor(15 / 6 + 1/2) = 3 for the test
    write_classes(tmp_path / "test", per_class=1)
    assert sizes(tmp_path) == (45, 3)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    write_classes(tmp_path, classes=("bus", "train"))
    assert load_data("folder", tmp_path).classes == ("bus", "train")


def test_size_and_channels_of_the_first_image_or_as_asked(tmp_path: Path) -> None:
    write_classes(tmp_path, classes=("cat", "dog"))
    for index in range(4):
        write_image(tmp_path / "ant" / f"{index}.png", width=6, height=7, mode="L")
    assert load_data("folder", tmp_path).input_shape == (1, 7, 6)
    asked = ReadOptions(image_size=(4, 5), channels=3)
    assert load_data("folder", tmp_path, options=asked).input_shape == (3, 4, 5)


def test_deeper_hidden_and_other_files(tmp_path: Path) -> None:
    write_classes(tmp_path, per_class=3)
    write_image(tmp_path / "cat" / "deeper" / "more.PNG")
    write_image(tmp_path / "cat" / ".thumbnails" / "small.png")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    assert sum(sizes(tmp_path)) == 10


def test_images_are_scaled_to_cover_and_cut_in_the_centre(tmp_path: Path) -> None:
    stripes = np.repeat(np.arange(8, dtype=np.uint8) * 30, 2)[None].repeat(8, 0)  # 8 high, 16 wide
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    assert np.array_equal(decode(tmp_path / "stripes.png", (1, 8, 8))[0], stripes[:, 4:12])
    halved = decode(tmp_path / "stripes.png", (1, 4, 4))[0]
    expected = Image.fromarray(stripes).resize((8, 4), Image.Resampling.BILINEAR)
    assert np.array_equal(halved, np.asarray(expected)[:, 2:6])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "transparent palette"])
def test_modes(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGB", (4, 4), (200, 200, 200)).convert("P" if "palette" in mode else mode)
    extra = {"transparency": bytes([0, 255] * 128)} if "palette" in mode else {}
    image.save(tmp_path / "image.png", **extra)
    for channels in (1, 3):
        assert decode(tmp_path / "image.png", (channels, 4, 4)).shape == (channels, 4, 4)


def test_images_of_16_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), dtype=np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(
        DataError, match=r"deep.png has pixels of mode I;16; only images of 8 bits per channel are supported"
    ):
        decode(tmp_path / "deep.png", (1, 4, 4))


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "ppm", "webp"])
@pytest.mark.parametrize(("kept", "message"), [(0, "it is none of BMP, GIF"), (0.6, "")])
def test_corrupt_images_are_named(tmp_path: Path, suffix: str, kept: float, message: str) -> None:
    write_classes(tmp_path, per_class=4, classes=("cat", "dog"))
    for index in range(3):  # at least one of them is for training
        path = tmp_path / "owl" / f"{index}.{suffix}"
        write_image(path, width=40, height=40)
        path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    pattern = rf"^{re.escape(str(tmp_path))}/owl/\d.{suffix} cannot be decoded as an image: {message}"
    with pytest.raises(DataError, match=pattern):
        load_data("folder", tmp_path)


def test_broken_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path} contains no class folders with images"):
        load_data("folder", tmp_path)
    write_classes(tmp_path, classes=("cat",))
    with pytest.raises(DataError, match="cat contains images but no class folders; give the folder above it as the r"):
        load_data("folder", tmp_path / "cat")
    with pytest.raises(DataError, match="contains only one class, 'cat'; at least 2 are required"):
        load_data("folder", tmp_path)
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match=f"class 'dog' has no images: {tmp_path}/dog contains none of .bmp, .gif"):
        load_data("folder", tmp_path)
    write_image(tmp_path / "dog" / "0.png")
    with pytest.raises(
        DataError, match=f"^{tmp_path}: class 'dog' has only one image; at least 2 are required, to set one aside"
    ):
        load_data("folder", tmp_path)


@pytest.mark.parametrize(
    ("classes", "message"),
    [(("cat", "dog"), "'owl' is missing from"), (("cat", "dog", "elk", "owl"), "'elk' is only in")],
)
def test_classes_of_the_test_set_differ(tmp_path: Path, classes: tuple[str, ...], message: str) -> None:
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "test", classes=classes)
    data = load_data("folder", tmp_path)
    with pytest.raises(DataError, match=f"class {message} the test set in {tmp_path}/test"):
        data.test.open(by="confirm")


def test_a_test_set_that_went_away(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "test")
    data = load_data("folder", tmp_path)
    shutil.rmtree(tmp_path / "test")
    with pytest.raises(DataError, match=f"{tmp_path}/test contains no class folders"):
        data.test.open(by="confirm")


def test_the_root_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(tmp_path)
    monkeypatch.setenv("XORESNET_DATA", str(tmp_path))
    with pytest.raises(UsageError, match=r"^the data set folder needs a root; give the folder that contains"):
        load_data("folder")
    with pytest.raises(UsageError, match=f"^there is no folder {tmp_path}/nowhere$"):
        load_data("folder", tmp_path / "nowhere")


def test_pillow_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DataError, match=r"reading images needs the module PIL.Image, whose import failed: "):
        load_data("folder", tmp_path)


def test_a_new_image_is_seen(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", per_class=3)
    write_classes(tmp_path / "test", per_class=1)
    before = load_data("folder", tmp_path).train.pool
    write_image(tmp_path / "train" / "owl" / "owl99.png")
    after = load_data("folder", tmp_path).train.pool
    assert torch.equal(before, after[:-1])
