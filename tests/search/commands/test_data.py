from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from tests.xoresnet.data.datasets.pictures import write_classes
from tests.xoresnet.data.datasets.test_fashion_mnist import write_fashion
from xoresnet.data.load import DATASETS, load_data


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XORESNET_DATA", raising=False)


def test_each_data_set_with_where_it_is_or_how_to_get_it(tmp_path: Path) -> None:
    write_fashion(tmp_path / "data")
    result = xoresnet("data")
    assert (result.code, result.err) == (0, "")
    parts: dict[str, list[str]] = {}
    for line in result.out.split("\n\n")[0].splitlines():
        if not line.startswith(" "):
            name, _, summary = line.partition(": ")
            assert summary == DATASETS[name].summary
            parts[name] = []
        else:
            parts[name].append(line.strip())
    assert list(parts) == list(DATASETS)
    assert parts["fashion-mnist"] == [f"found in {tmp_path}/data"]
    assert parts["cifar10"] == [
        "not found; to get it: xoresnet data cifar10 --download",
        f"searched: {tmp_path}/data",
    ]
    assert parts["folder"] == [f"not found; to get it: {DATASETS['folder'].how_to_get}"]
    assert "--data-root DIR, the environment variable XORESNET_DATA, or ./data" in result.out


def test_folders_of_ones_own_are_looked_in_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XORESNET_DATA", os.pathsep.join(["empty", "one"]))
    write_fashion(tmp_path / "one")

    def fashion(*words: str) -> dict[str, object]:
        (status,) = [status for status in xoresnet("data", "--json", *words).json if status["name"] == "fashion-mnist"]
        return {name: status[name] for name in ("place", "looked_in")}

    folders = [str(tmp_path / name) for name in ("empty", "one", "data")]
    assert fashion() == {"place": f"{tmp_path}/one", "looked_in": [*folders, "/usr/share/datasets"]}
    write_fashion(tmp_path / "two" / "fashion-mnist")
    status = fashion("--data-root", "two")
    assert status["place"] == f"{tmp_path}/two/fashion-mnist"
    assert xoresnet("data", "fashion-mnist", "--json").json["place"] == f"{tmp_path}/one"
    assert xoresnet("data", "fashion-mnist", "--data-root", "two", "--json").json["place"] == status["place"]


def test_what_is_in_one() -> None:
    data = load_data("digits")
    facts = xoresnet("data", "digits", "--json").json
    assert facts == {
        "name": "digits",
        "place": str(data.place),
        "input_shape": [1, 8, 8],
        "classes": list("0123456789"),
        "train_images": 1151,
        "validation_images": 287,
        "test_images": 359,
        "mean": list(data.mean),
        "std": list(data.std),
        "augmentation": {"flip": False, "crop_padding": 0, "cutout": 0},
        "fingerprint": data.fingerprint,
        "converted_images": 0,
        "files_left_out": {},
    }
    rows = dict(line.split(maxsplit=1) for line in xoresnet("data", "digits").out.splitlines())
    assert list(rows) == list(facts)[:-2]  # which are notes where there are any
    assert rows["input_shape"] == "1, 8, 8"
    assert rows["train_images"] == "1,151"
    assert rows["mean"] == f"{data.mean[0]:.4f}"
    assert rows["augmentation"] == "flip False, crop_padding 0, cutout 0"


def test_the_test_set_is_read_too(tmp_path: Path) -> None:
    """A damaged file is found here, and not after the search that `confirm` measures."""
    write_classes(tmp_path / "pictures" / "train", per_class=4)
    write_classes(tmp_path / "pictures" / "test", per_class=1)
    facts = xoresnet("data", "folder", "--data-root", "pictures", "--json").json
    assert facts["train_images"] + facts["validation_images"] == 12
    assert facts["test_images"] == 3
    (tmp_path / "pictures" / "test" / "owl" / "owl00.png").write_bytes(b"garbage")
    result = xoresnet("data", "folder", "--data-root", "pictures")
    assert result.is_refusal(1, "*/test/owl/owl00.png cannot be decoded as an image: *")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            "cifer10",
            2,
            "there is no data set 'cifer10'; the data sets are digits, *, folder; did you mean 'cifar10'?",
        ),
        ("--download", 2, "--download needs the name of a data set, for example: xoresnet data cifar10 --download"),
        (
            "cifar10 --data-root there",
            1,
            "the data set cifar10 is not found in */there, */data; to get it: xoresnet data cifar10 --download",
        ),
        ("mini-imagenet --download", 1, "* mini-imagenet is not found in */data and cannot be downloaded; to get *"),
        (
            "folder",
            2,
            "the data set folder needs a root; give the folder that contains one folder of images for each class: *",
        ),
        ("folder --data-root nowhere", 2, "there is no folder nowhere"),
        ("folder --data-root empty", 1, "*/empty contains no class folders with images"),
        ("folder --data-root one/cat", 1, "*/cat contains images but no class folders; give the folder above it *"),
        ("mnist", 2, "there is no data set 'mnist'; *; did you mean 'n-mnist'?"),
        (
            "digits --validation-seed 3",
            2,
            "No such option *. Write validation_seed=3 instead. (see *)",
        ),
        ("digits download=true", 2, "download=true: write --download instead. (see xoresnet data --help)"),
        ("fashion-mnist --data-root broken", 1, "*/broken/train-images-idx3-ubyte.gz is truncated or damaged: *"),
    ],
)
@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_each_mistake_has_its_sentence(words: str, code: int, message: str, extra: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one" / "cat").mkdir(parents=True)
    (tmp_path / "one" / "cat" / "1.png").touch()
    if "broken" in words:
        write_fashion(tmp_path / "broken")
        (tmp_path / "broken" / "train-images-idx3-ubyte.gz").write_bytes(b"garbage")
    result = xoresnet("data", *words.split(), *extra)
    assert result.is_refusal(code, message)
    assert result.out == ""
