"""One trial on a worker: what it leaves, wherever it was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import ray as ray_
import torch

from xoresnet import Arch, Recipe, load_data, load_model
from xoresnet.data.images import Split
from xoresnet.data.load import SealedTest
from xoresnet.data.spec import DataSpec
from xoresnet.errors import DataError
from xoresnet.measures.records import MEASURED
from xoresnet.search.execution.worker import trainable
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.training.fit import Training

pytestmark = [pytest.mark.usefixtures("ray"), pytest.mark.filterwarnings("ignore")]
ARCH = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4, timesteps=1)
RECIPE = Recipe(epochs=2, precision="fp32", batch_size=256)


def run(folder: Path, **more: Any) -> list[dict[str, Any]]:
    """What it reports to Ray Tune."""
    reports: list[dict[str, Any]] = []
    config = {
        "arch": ARCH.to_json(),
        "recipe": RECIPE.model_dump_json(),
        "folder": str(folder),
        "threads": 1,
        "data": json.dumps(DataSpec().model_dump(mode="json")),
        **more,
    }
    from ray import tune

    with pytest.MonkeyPatch.context() as patch:  # there is no Tune session around it
        patch.setattr(tune, "report", reports.append)
        trainable.train_trial(config)
    return reports


@pytest.mark.parametrize("before", [0, 1, 2])
def test_weights_and_layers_are_there_however_much_the_checkpoint_holds(before: int, tmp_path: Path) -> None:
    """A worker may be killed when the last epoch is in the checkpoint and nothing else was written."""
    assert ray_.is_initialized()
    whole = run(tmp_path / "whole")
    training = Training(ARCH, load_data("digits"), RECIPE, checkpoint=TrialFolder(tmp_path / "cut").checkpoint)
    for _ in zip(range(before), training, strict=False):
        pass
    reports = run(tmp_path / "cut")
    assert [record["epoch"] for record in reports] == [1, 2]
    assert [record["val_accuracy"] for record in reports] == [record["val_accuracy"] for record in whole]
    assert json.loads(reports[-1][trainable.LAYERS]) is not None
    assert trainable.LAYERS not in reports[0]
    images = torch.rand(3, 1, 8, 8)
    whole_model, cut_model = (load_model(tmp_path / name) for name in ("whole", "cut"))
    assert torch.equal(whole_model(images), cut_model(images))
    assert whole_model.config is not None
    assert whole_model.config.figures["val_accuracy"] == reports[-1]["val_accuracy"]


def test_a_damaged_checkpoint_costs_epochs_and_not_the_network(tmp_path: Path) -> None:
    """The worker says so with its first report."""
    whole = run(tmp_path / "whole")
    folder = TrialFolder(tmp_path / "broken")
    next(iter(Training(ARCH, load_data("digits"), RECIPE, checkpoint=folder.checkpoint)))
    folder.checkpoint.write_bytes(folder.checkpoint.read_bytes()[:-1000])
    reports = run(folder.path)
    assert [record["val_accuracy"] for record in reports] == [record["val_accuracy"] for record in whole]
    notice = reports[0][trainable.NOTICE]
    assert notice.startswith(f"{folder.checkpoint} is not a complete checkpoint: ")
    assert notice.endswith("; it was set aside as checkpoint.safetensors.damaged, and training begins at epoch 1")
    assert trainable.NOTICE not in reports[1]
    assert trainable.NOTICE not in run(folder.path)[0]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """By whom the test set was opened, each time."""
    openers: list[str] = []
    open_it = SealedTest.open

    def noting(test: SealedTest, *, by: str) -> Split:
        openers.append(by)
        return open_it(test, by=by)

    monkeypatch.setattr(SealedTest, "open", noting)
    return openers


def test_a_search_leaves_the_test_set_shut(tmp_path: Path, opened: list[str]) -> None:
    reports = run(tmp_path)
    assert opened == []
    assert not [name for record in reports for name in record if name.startswith("test_")]


@pytest.mark.parametrize("before", [0, 1, 2])
def test_the_test_set_is_opened_once_and_in_the_end(before: int, tmp_path: Path, opened: list[str]) -> None:
    """However much the checkpoint holds."""
    training = Training(ARCH, load_data("digits"), RECIPE, checkpoint=TrialFolder(tmp_path).checkpoint)
    for _ in zip(range(before), training, strict=False):
        pass
    first, last = run(tmp_path, opens_test="confirm")
    assert opened == ["confirm"]
    assert not [name for name in first if name.startswith("test_")]
    model = load_model(tmp_path)
    images = load_data("digits").test.open(by="confirm")
    with torch.no_grad():
        right = model(images.images.float() / 255).argmax(1) == images.labels
    assert last["test_accuracy"] == pytest.approx(float(right.double().mean()), abs=0.01)
    assert model.config is not None
    assert model.config.figures["test_accuracy"] == last["test_accuracy"]
    measured = {name for name in last if name.startswith("test_")}
    assert measured == {f"test_{name.removeprefix('val_')}" for name in MEASURED}


def test_whoever_may_not_open_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="may be opened only by 'confirm', 'ablate', 'train --test' and 'data', not by 'search'"
    ):
        run(tmp_path, opens_test="search")
    assert not TrialFolder(tmp_path).weights.exists()
