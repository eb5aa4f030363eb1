"""A model answers for images as people have them: a network trained on a folder of pictures, and new photos."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from xoresnet import Arch, DataError, ModelConfig, Predictions, Recipe, Training, UsageError, export, load_model
from xoresnet.data.load import DataSet
from xoresnet.data.spec import DataSpec
from xoresnet.standalone.module import Standalone

COLOURS = {"blue `sky`": 2, "green <leaf>": 1, "red apple": 0}
"""The classes, and the channel that is bright in their pictures."""


def picture(channel: int, seed: int, size: tuple[int, int] = (14, 18)) -> NDArray[np.uint8]:
    """uint8 [H, W, 3]: noise, in one colour."""
    pixels = np.random.default_rng(seed).integers(0, 60, (*size, 3))
    pixels[:, :, channel] += 190
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    for name, channel in COLOURS.items():
        (root / name).mkdir()
        for seed in range(24):
            Image.fromarray(picture(channel, seed)).save(root / name / f"{seed:02}.{'png' if seed % 2 else 'jpg'}")
    return root


@pytest.fixture(scope="module")
def data(photos: Path) -> DataSet:
    return DataSpec(name="folder", root=str(photos), image_size=(12, 12)).load()


@pytest.fixture(scope="module")
def folder(data: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a network that was trained for two epochs."""
    arch = Arch(input_shape=(3, 12, 12), num_classes=3, depth=8, width=8, timesteps=2, merge="oa")
    recipe = Recipe(
        epochs=2, batch_size=4, learning_rate=0.03, precision="fp32", schedule="constant", flip=False, crop_padding=0
    )
    training = Training(arch, data, recipe)
    list(training)
    place = tmp_path_factory.mktemp("exported") / "model"
    export(training.net, ModelConfig.of(training), place, ["pt2", "onnx"])
    return place


@pytest.fixture
def model(folder: Path) -> Standalone:
    return load_model(folder, spikes=True)


@pytest.mark.parametrize(("name", "channel"), COLOURS.items())
def test_a_new_photo_in_every_form(name: str, channel: int, model: Standalone, tmp_path: Path) -> None:
    photo = picture(channel, 99)
    Image.fromarray(photo).save(tmp_path / "new.png")
    forms: list[Any] = [
        str(tmp_path / "new.png"), tmp_path / "new.png", tmp_path, Image.fromarray(photo), photo,
        torch.from_numpy(photo), photo.transpose(2, 0, 1), photo[None], torch.from_numpy(photo).permute(2, 0, 1)[None],
        np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)]),
    ]  # fmt: skip
    together = model.predict(forms)
    assert together.labels == (name,) * len(forms)
    for form in forms:
        alone = model.predict(form)
        assert (alone.labels, len(alone)) == ((name,), 1)
        np.testing.assert_allclose(alone.probabilities, together.probabilities[:1], rtol=1e-5)


def test_the_figures_are_the_networks(model: Standalone, folder: Path, data: DataSet) -> None:
    images = data.validation.pool[data.validation.rows][:5]
    logits, spikes = model(images)
    found = model.predict(images, batch_size=2)
    np.testing.assert_allclose(found.probabilities, logits.softmax(1), rtol=1e-6)
    assert found.spikes is not None
    assert found.spikes.tolist() == spikes.tolist()
    assert found.indices.tolist() == logits.argmax(1).tolist()
    assert found.labels == tuple(data.classes[index] for index in found.indices)
    assert found.names == ("0", "1", "2", "3", "4")
    assert load_model(folder).predict(images).spikes is None


def test_files_are_read_as_the_data_set_reads_them(model: Standalone, data: DataSet, photos: Path) -> None:
    """All pictures of the folder, in its order, are those that the data set has decoded."""
    files = [path for name in COLOURS for path in sorted((photos / name).iterdir())]
    found = model.predict(photos)
    assert found.names == tuple(map(str, files))
    decoded = torch.stack([source_tensor(model, file) for file in files])
    for image in data.train.pool[data.train.rows]:
        assert any(torch.equal((each * 255).round().byte(), image) for each in decoded)


def source_tensor(model: Standalone, file: Path) -> torch.Tensor:
    from xoresnet.standalone.intake import intake

    (image,) = intake(file, model.net.arch.input_shape)
    return image.tensor()


def test_floats_are_the_same_image(model: Standalone) -> None:
    photo = picture(1, 5, (12, 12))
    of_bytes, of_floats = model.predict(photo), model.predict(photo.astype(np.float32) / 255)
    np.testing.assert_allclose(of_floats.probabilities, of_bytes.probabilities, rtol=1e-6)
    larger = picture(1, 5, (24, 30))
    of_bytes, of_floats = model.predict(larger), model.predict(larger / 255)
    assert of_floats.labels == of_bytes.labels
    np.testing.assert_allclose(of_floats.probabilities, of_bytes.probabilities, atol=0.1)  # bytes are rounded


def test_grey_for_a_network_of_colours_and_colours_for_a_grey_one(model: Standalone) -> None:
    grey = picture(0, 3, (12, 12))[:, :, 0]
    three = np.dstack([grey] * 3)
    for one in (grey, grey[None], grey[:, :, None], Image.fromarray(grey), grey / 255):
        np.testing.assert_allclose(model.predict(one).probabilities, model.predict(three).probabilities, rtol=1e-5)
    narrow = Standalone(grey_net(), [0.5], [0.25])
    colours = picture(1, 3, (12, 12))
    as_grey = np.asarray(Image.fromarray(colours).convert("L"))
    expected = narrow.predict(as_grey).probabilities
    np.testing.assert_allclose(narrow.predict(colours).probabilities, expected, rtol=1e-5)
    np.testing.assert_allclose(narrow.predict(colours / 255).probabilities, expected, atol=0.05)
    assert narrow.predict(colours).labels in (("0",), ("1",), ("2",))  # nobody has told the names of its classes


def grey_net() -> Any:
    from tests.xoresnet.trained import made

    return made(Arch(input_shape=(1, 12, 12), num_classes=3, depth=8, width=4, timesteps=2))


def test_it_is_readable(model: Standalone) -> None:
    found = model.predict([picture(channel, seed) for seed in range(5) for channel in COLOURS.values()])
    lines = repr(found).splitlines()
    assert lines[0].split() == ["image", "label", "probability", "spikes"]
    assert len(lines) == 12
    assert lines[-1] == "and 5 more"
    assert "blue `sky`" in lines[1]
    page = found._repr_html_()
    assert "green &lt;leaf&gt;" in page
    assert "<leaf>" not in page
    frame = found.frame()
    assert list(frame) == ["image", "label", "probability", "spikes"]
    assert len(frame) == len(found) == 15
    assert [[name for name, _ in row] for row in found.top(1)] == [[label] for label in found.labels]
    assert [sum(chance for _, chance in row) for row in found.top(9)] == pytest.approx([1.0] * 15)


def test_ties_and_unknown_classes() -> None:
    found = Predictions(("a",), ("x", "y"), np.array([[0.5, 0.5]], dtype=np.float32))
    assert found.labels == ("x",)
    assert repr(found) == "image  label  probability\na      x      50.0 %"


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.full((12, 12, 3), 1.5), r"^image 0: .* must lie in \[0, 1\], but these range from 1.5 to 1.5; divide them"),
        (np.full((12, 12, 3), -0.5), r"^image 0: .* must lie in \[0, 1\], but these range from -0.5 to -0.5$"),
        (np.full((12, 12), np.nan), r"^image 0: .* must lie in \[0, 1\], but there is NaN among these$"),
        ([np.zeros((12, 12)), np.zeros((12, 12), np.int64)], r"^image 1: pixels must be uint8 .*, got int64$"),
        (np.zeros((12, 12, 5), np.uint8), r"^image 0: an image is .*, got \[12, 12, 5\]$"),
        (np.zeros((0, 3, 12, 12), np.uint8), "^no images were given$"),
        ({"a": 1}, "^images must be paths, .*, got dict$"),
        ("https://example.org/a.png", "^https://example.org/a.png is a URL, but images are read from files of this"),
    ],
)
def test_what_is_refused(images: Any, sentence: str, model: Standalone) -> None:
    with pytest.raises(UsageError, match=sentence):
        model.predict(images)


def test_a_file_that_is_no_image(model: Standalone, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not one")
    with pytest.raises(DataError, match=r"a\.png cannot be decoded as an image"):
        model.predict(tmp_path)
    Image.fromarray(np.zeros((9, 9), np.int32)).save(tmp_path / "b.tif")
    with pytest.raises(DataError, match=r"b\.tif cannot be decoded"):
        model.predict(tmp_path / "b.tif")


def test_the_card_shows_how(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is run as it is: with this project, and then without it."""
    card = (folder / "README.md").read_text()
    assert "Classes, in the order of the logits: `blue sky`, `green <leaf>`, `red apple`." in card
    with_us, preparing, pt2, onnx = (block.partition("```")[0] for block in card.split("```python\n")[1:])
    Image.fromarray(picture(1, 99)).save(folder / "photo.png")
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(with_us, names)
    assert names["found"].labels == ("green <leaf>",)
    monkeypatch.setitem(sys.modules, "xoresnet", None)
    without: dict[str, Any] = {}
    exec(preparing, without)
    images = without["images"]
    exec(pt2.replace("torch.rand(1, 3, 12, 12)", "torch.from_numpy(images)"), without)
    expected = names["found"].probabilities
    np.testing.assert_allclose(without["logits"].softmax(1), expected, rtol=1e-4)
    exec(onnx, without)
    (logits,) = without["session"].run(None, {"images": images})
    np.testing.assert_allclose(torch.from_numpy(logits).softmax(1), expected, rtol=1e-4)
    (folder / "photo.png").unlink()
