"""`load_data`: names, roots, options, downloads, and the errors for data sets that are not here."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.xoresnet.data.datasets.test_cifar import write_cifar10
from tests.xoresnet.data.datasets.test_fashion_mnist import write_fashion
from xoresnet.data import datasets
from xoresnet.data.load import DATASETS, collect_loaders, data_status, find_loader, find_roots, load_data
from xoresnet.data.reading.loader import ReadOptions
from xoresnet.data.spec import check_data_name
from xoresnet.errors import DataError, UsageError


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XORESNET_DATA", raising=False)


def test_the_data_sets() -> None:
    images = ["digits", "fashion-mnist", "cifar10", "cifar100", "mini-imagenet", "folder"]
    assert [name for name in DATASETS if "frames" not in DATASETS[name].options] == images
    recordings = ["n-mnist", "cifar10-dvs", "dvs128-gesture", "events-folder"]
    assert [name for name in DATASETS if "frames" in DATASETS[name].options] == recordings
    with pytest.raises(TypeError):
        DATASETS["mine"] = DATASETS["digits"]  # type: ignore[index]


def test_a_module_in_the_folder_is_all_that_a_data_set_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        "from xoresnet.data.reading.loader import Loader\n"
        "LOADER = Loader('mine', 'my own', lambda roots: None, lambda place, options: None, 'draw it', (1, 9, 9))\n"
    )
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(tmp_path)])
    assert list(collect_loaders()) == ["digits", "mine", *list(DATASETS)[1:]]
    assert check_data_name("mine") == "mine"
    monkeypatch.delitem(sys.modules, "xoresnet.data.datasets.mine")


def test_every_data_set_has_the_name_of_its_file() -> None:
    assert sorted(DATASETS) == list(datasets.data_names())


def test_import_is_light() -> None:
    code = "import sys, xoresnet.data.load; print({'sklearn', 'torchvision', 'PIL'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout == "set()\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_share": 0}, "validation_share must lie between 0 and 1, got 0"),
        ({"validation_share": 1.0}, "validation_share must lie between 0 and 1, got 1.0"),
        ({"validation_share": float("nan")}, "validation_share must lie between 0 and 1, got nan"),
        ({"validation_share": "0.1"}, "validation_share must lie between 0 and 1, got '0.1'"),
        ({"train_share": 0}, "train_share must lie between 0 and 1, got 0"),
        ({"train_share": 1}, "train_share must lie between 0 and 1, got 1"),
        ({"validation_seed": -1}, "validation_seed must be a whole number of at least 0, got -1"),
        ({"validation_seed": 0.5}, "validation_seed must be a whole number of at least 0, got 0.5"),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_data(**{"name": "digits", **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("ask", [load_data, find_loader])
def test_an_unknown_name(ask: Callable[[str], object]) -> None:
    with pytest.raises(UsageError) as caught:
        ask("digit")
    known = ", ".join(DATASETS)
    assert str(caught.value) == f"there is no data set 'digit'; the data sets are {known}; did you mean 'digits'?"


@pytest.mark.parametrize("options", [ReadOptions(image_size=(4, 4)), ReadOptions(channels=3)])
def test_options_without_effect(options: ReadOptions) -> None:
    with pytest.raises(UsageError, match=r"digits has no option (image_size|channels): its images are used as"):
        load_data("digits", options=options)


def test_wrong_options() -> None:
    for size in [(0, 4), (4,), (4, 4.0)]:
        with pytest.raises(UsageError, match="image_size must be height and width in pixels, got"):
            ReadOptions(image_size=size)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"channels must be 1 \(grey\) or 3 \(colour\), got 2"):
        ReadOptions(channels=2)


def test_roots_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_roots() == (tmp_path / "data",)
    monkeypatch.setenv("XORESNET_DATA", os.pathsep.join([str(tmp_path / "a"), "", "b", "~/c"]))
    monkeypatch.setenv("HOME", "/home/me")
    expected = (tmp_path / "given", tmp_path / "a", tmp_path / "b", Path("/home/me/c"), tmp_path / "data")
    assert find_roots("given") == expected
    assert find_roots(tmp_path / "a")[0] == tmp_path / "a"
    assert len(find_roots(tmp_path / "a")) == 4


def test_the_first_root_that_has_it_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "data"):
        write_cifar10(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert load_data("cifar10").place.is_relative_to(tmp_path / "data")
    monkeypatch.setenv("XORESNET_DATA", os.pathsep.join(["empty", "two"]))
    assert load_data("cifar10").place.is_relative_to(tmp_path / "two")
    assert load_data("cifar10", "one").place.is_relative_to(tmp_path / "one")
    assert load_data("cifar10", "missing").place.is_relative_to(tmp_path / "two")


def test_what_is_not_here_is_said_with_the_way_to_get_it(tmp_path: Path) -> None:
    message = (
        f"the data set cifar10 is not found in {tmp_path}/there, {tmp_path}/data; to get it: xoresnet data cifar10"
    )
    with pytest.raises(DataError, match=message):
        load_data("cifar10", "there")
    with pytest.raises(
        DataError, match=r"mini-imagenet is not found in .*/data and cannot be downloaded; to get it: put"
    ):
        load_data("mini-imagenet", download=True)


def test_status(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "data")
    status = {status.name: status for status in data_status()}
    assert list(status) == list(DATASETS)
    assert status["cifar10"].place == tmp_path / "data" / "cifar-10-batches-py"
    assert status["cifar100"].place is None
    assert status["cifar100"].looked_in == (tmp_path / "data",)
    assert status["fashion-mnist"].looked_in == (tmp_path / "data", Path("/usr/share/datasets"))
    assert "xoresnet data cifar100 --download" in status["cifar100"].how_to_get
    assert "apt-get install dataset-fashion-mnist" in status["fashion-mnist"].how_to_get
    assert status["digits"].place is not None
    assert (status["folder"].place, status["folder"].looked_in) == (None, ())


def test_torchvision_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(DataError, match=r"downloading needs the module torchvision.datasets, whose import failed: "):
        load_data("cifar100", download=True)


def test_the_test_set_stays_shut(tmp_path: Path) -> None:
    write_fashion(tmp_path)
    data = load_data("fashion-mnist", tmp_path)
    for guess in ("", "Confirm", "train", "search"):
        with pytest.raises(DataError, match=f"not by {guess!r}$"):
            data.test.open(by=guess)
    with pytest.raises(TypeError):
        data.test.open("confirm")  # type: ignore[misc]
    for attribute in ("images", "labels", "take"):
        assert not hasattr(data.test, attribute)
    with pytest.raises(TypeError):
        iter(data.test)  # type: ignore[call-overload]


def test_data_sets_travel_to_other_processes(tmp_path: Path) -> None:
    write_fashion(tmp_path)
    data = load_data("fashion-mnist", tmp_path)
    copy = pickle.loads(pickle.dumps(data))
    assert torch.equal(copy.train.images, data.train.images)
    assert torch.equal(copy.test.open(by="confirm").images, data.test.open(by="confirm").images)
