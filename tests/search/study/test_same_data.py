"""A study goes on with the images with which it began."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.search.ablations import ablating
from tests.search.views.test_search import searching
from tests.xoresnet.data.datasets.pictures import write_classes
from xoresnet import Arch
from xoresnet.data.spec import DataSpec
from xoresnet.errors import RunError
from xoresnet.search import SearchConfig, confirm
from xoresnet.search.ablation.folder import OneNetwork
from xoresnet.search.study.attributes import DATA


def config(root: Path) -> SearchConfig:
    arch = {"depth": 8, "width": 2, "merge": ["or", "add"], "timesteps": 1}
    return SearchConfig.from_dict({
        "space": {"arch": arch}, "data": {"name": "folder", "root": str(root)}, "budget": 2, "epochs": 1,
    })  # fmt: skip


def test_images_that_have_changed(tmp_path: Path) -> None:
    write_classes(tmp_path / "pictures", per_class=12)
    with searching(config(tmp_path / "pictures"), tmp_path / "run") as run:
        assert run.study.user_attrs[DATA] == run.plan.data.fingerprint
    with searching(config(tmp_path / "pictures"), tmp_path / "run"):
        pass  # the same images
    (tmp_path / "pictures").rename(tmp_path / "moved")
    next((tmp_path / "moved").rglob("*.png")).unlink()
    (tmp_path / "moved").rename(tmp_path / "pictures")
    sentence = "^the images of folder have changed since this run began: they had the fingerprint '[0-9a-f]{10}', and"
    with pytest.raises(RunError, match=sentence), searching(config(tmp_path / "pictures"), tmp_path / "run"):
        pass
    with pytest.raises(RunError, match=sentence):
        confirm(tmp_path / "run", wanted=["or-resnet8"])


def test_an_ablation_of_its_own(tmp_path: Path) -> None:
    write_classes(tmp_path / "pictures", per_class=12)
    data = DataSpec(name="folder", root=str(tmp_path / "pictures"))
    loaded = data.load()
    arch = Arch.baseline("or-resnet8", input_shape=loaded.input_shape, num_classes=len(loaded.classes))
    network = OneNetwork(arch.replace(width=2, timesteps=1), data, loaded.default_recipe)
    values = {"merge": ["add", "or"]}
    with ablating(tmp_path / "run", network, seeds=1, values=values):
        pass
    next((tmp_path / "pictures").rglob("*.png")).unlink()
    sentence = "^the images of folder have changed since this run began"
    with pytest.raises(RunError, match=sentence), ablating(tmp_path / "run", network, seeds=1, values=values):
        pass


def test_a_study_that_does_not_tell(tmp_path: Path) -> None:
    """One of an earlier version goes on, and tells from then on."""
    write_classes(tmp_path / "pictures", per_class=12)
    with searching(config(tmp_path / "pictures"), tmp_path / "run") as run:
        told = run.plan.data.fingerprint
        run.study.set_user_attr(DATA, None)
    with searching(config(tmp_path / "pictures"), tmp_path / "run") as run:
        assert run.study.user_attrs[DATA] == told
