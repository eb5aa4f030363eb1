from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from xoresnet.data.images import Split
from xoresnet.data.load import DataSet, load_data
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DataError, DivergenceError, RunError, UsageError
from xoresnet.network.xoresnet import XOResNet
from xoresnet.shared.training import SharedEpoch, SharedTraining, load_shared
from xoresnet.shared.weights import WeightGroup
from xoresnet.training.fit import Training
from xoresnet.training.tensor_file import load_tensor_file, save_tensor_file

BASE = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4, timesteps=2)
ARCHS = [
    BASE.replace(depth=depth, merge=merge, xor=xor)
    for depth in (8, 14)
    for merge in ("add", "oa", "membrane")
    for xor in ("none", "middle")
]
SHORT = Recipe(epochs=3, batch_size=64, precision="fp32")


def quarter() -> DataSet:
    digits = load_data("digits")
    train = Split(digits.train.images[:300], digits.train.labels[:300])
    validation = Split(digits.validation.images[:120], digits.validation.labels[:120])
    return dataclasses.replace(digits, train=train, validation=validation)


@pytest.fixture(scope="module")
def data() -> DataSet:
    return quarter()


def measured(record: SharedEpoch) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(record).items() if name != "train_seconds"}


def weights_of(training: SharedTraining) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in training.network.state_dict(training.group).items()}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(value, right[key]) for key, value in left.items())


def test_learns_for_all() -> None:
    archs = [arch.replace(width=16) for arch in ARCHS]
    records = list(SharedTraining(archs, load_data("digits"), SHORT.replace(epochs=4), archs_per_step=4))
    assert [record.epoch for record in records] == [1, 2, 3, 4]
    assert records[-1].train_loss < records[0].train_loss / 2
    assert records[0].image_passes == 4 * 1151
    assert 0 < records[-1].train_accuracy <= 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "cosine", "warmup_epochs": 1.0, "clip_norm": 1.0},
        {"loss": "tet", "flip": True, "channels_last": True},
    ],
)
@pytest.mark.parametrize("neuron", ["lif", "plif"])
def test_resumed_or_not_the_same_to_the_bit(
    changes: dict[str, Any], neuron: str, data: DataSet, tmp_path: Path
) -> None:
    recipe = SHORT.replace(**changes)
    width = 16 if recipe.channels_last else 4  # narrow ones keep torch's own layout (`lay_out`)
    archs = [arch.replace(neuron=neuron, width=width) for arch in ARCHS]
    whole = SharedTraining(archs, data, recipe)
    unbroken = [measured(record) for record in whole]
    file = tmp_path / "run" / "shared.safetensors"
    next(iter(SharedTraining(archs, data, recipe, checkpoint=file)))
    torch.manual_seed(99)  # nothing hangs on torch's own generator
    second = SharedTraining(archs, data, recipe, checkpoint=file)
    assert [measured(record) for record in second.records] == unbroken[:1]
    assert [measured(record) for record in second] == unbroken[1:]
    assert same(weights_of(whole), weights_of(second))
    assert [measured(record) for record in SharedTraining(archs, data, recipe, checkpoint=file).records] == unbroken
    assert not same(weights_of(whole), weights_of(SharedTraining(archs, data, recipe, seed=1)))


KILLED = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from tests.xoresnet.shared.test_training import ARCHS, SHORT, quarter
from xoresnet.network.xoresnet import XOResNet
from xoresnet.shared.training import SharedTraining
for record in SharedTraining(ARCHS, quarter(), SHORT, checkpoint=sys.argv[1]):
    if record.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_and_resumed(data: DataSet, tmp_path: Path) -> None:
    file = tmp_path / "shared.safetensors"
    command = [sys.executable, "-c", KILLED, str(file)]
    root = Path(__file__).parents[3]
    assert subprocess.run(command, cwd=root, check=False).returncode == -signal.SIGKILL
    resumed, whole = SharedTraining(ARCHS, data, SHORT, checkpoint=file), SharedTraining(ARCHS, data, SHORT)
    assert len(resumed.records) == 2
    list(resumed), list(whole)
    assert same(weights_of(resumed), weights_of(whole))


def test_interrupted_within_an_epoch(data: DataSet, tmp_path: Path) -> None:
    whole = SharedTraining(ARCHS, data, SHORT)
    list(whole)
    training = SharedTraining(ARCHS, data, SHORT, checkpoint=tmp_path / "shared.safetensors")
    epochs = iter(training)
    next(epochs)
    passes = 0

    def interrupt(module: nn.Module, inputs: Any) -> None:
        nonlocal passes
        passes += isinstance(module, XOResNet)
        if passes == 3:
            raise KeyboardInterrupt

    hook = nn.modules.module.register_module_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(epochs)
    hook.remove()
    list(training)
    assert same(weights_of(whole), weights_of(training))


def test_weights_that_no_network_of_a_step_has_stay_as_they_are(data: DataSet) -> None:
    """No decay and no momentum for them, or the rarely drawn would be worse for it."""
    one_step = SHORT.replace(epochs=12, batch_size=300, schedule="constant")
    training = SharedTraining(ARCHS, data, one_step, sampling="uniform", archs_per_step=1)
    networks = [dict(training.network.view(arch).named_parameters()) for arch in ARCHS]
    keys_of = {key: id(weight) for key, weight in training.network.parameters(training.group).items()}
    sharers = [{id(weight) for weight in network.values()} for network in networks]
    kept = 0
    before = weights_of(training)
    for _ in training:
        after = weights_of(training)
        changed = {keys_of[key] for key in before if not torch.equal(before[key], after[key])}
        assert changed
        assert any(changed <= weights for weights in sharers)  # of one network
        kept += len(before) - len(changed)
        before = after
    assert kept


def test_one_network_alone_learns_as_it_would_by_training(data: DataSet) -> None:
    """With one architecture a step is an ordinary step."""
    arch = ARCHS[0].canonical()
    shared = SharedTraining([arch], data, SHORT, archs_per_step=1)
    alone = Training(arch, data, SHORT)
    view = shared.network.view(arch)
    alone.net.load_state_dict(view.state_dict())
    losses = [record.train_loss for record in alone]
    assert [record.train_loss for record in shared] == pytest.approx(losses, rel=1e-5)


def test_weights_from_checkpoints(data: DataSet, tmp_path: Path) -> None:
    files = []
    for width in (4, 8):
        archs = [arch.replace(width=width) for arch in ARCHS]
        files.append(tmp_path / f"{width}.safetensors")
        next(iter(SharedTraining(archs, data, SHORT, checkpoint=files[-1])))
    network = load_shared(*files)
    for file, width in zip(files, (4, 8), strict=True):
        archs = [arch.replace(width=width) for arch in ARCHS]
        trained = SharedTraining(archs, data, SHORT, checkpoint=file)
        assert same(weights_of(trained), network.state_dict(WeightGroup.of(archs[0])))
    next(iter(SharedTraining(ARCHS, data, SHORT, seed=7, checkpoint=tmp_path / "other")))
    with pytest.raises(UsageError, match=r"must be of one seed, got those of \[0, 7\]"):
        load_shared(*files, tmp_path / "other")


def test_a_loss_that_is_not_finite_ends_training(data: DataSet) -> None:
    wild = SHORT.replace(optimizer="sgd", learning_rate=1e6, momentum=0.99, schedule="constant", epochs=30)
    with pytest.raises(DivergenceError, match=r"shared training of conv3, .*, lif, T=2 .* diverged in epoch"):
        list(SharedTraining(ARCHS, data, wild))


def test_what_does_not_fit_is_refused(data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be of one group, got 2 groups: conv3, basic, width 4"):
        SharedTraining([*ARCHS, BASE.replace(width=8)], data, SHORT)
    with pytest.raises(UsageError, match="got 0 groups: none"):
        SharedTraining([], data, SHORT)
    with pytest.raises(DataError, match=r"takes images \[3, 8, 8\]"):
        SharedTraining([BASE.replace(input_shape=(3, 8, 8))], data, SHORT)
    with pytest.raises(UsageError, match="sampling must be 'sandwich' or 'uniform', got 'all'"):
        SharedTraining(ARCHS, data, SHORT, sampling="all")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="archs_per_step must be at least 1 for uniform sampling, got 0"):
        SharedTraining(ARCHS, data, SHORT, archs_per_step=0)
    with pytest.raises(UsageError, match="archs_per_step must be at least 3 for sandwich sampling, got 2"):
        SharedTraining(ARCHS, data, SHORT, sampling="sandwich", archs_per_step=2)


def test_a_checkpoint_that_was_written_before_a_recipe_had_all_its_fields(data: DataSet, tmp_path: Path) -> None:
    file = tmp_path / "shared.safetensors"
    next(iter(SharedTraining(ARCHS, data, SHORT, checkpoint=file)))
    saved = load_tensor_file(file, "xoresnet-shared-1")
    recipe = {name: value for name, value in json.loads(saved.texts["recipe"]).items() if name != "drop_events"}
    texts = {**saved.texts, "recipe": json.dumps(recipe)}
    save_tensor_file(file, "xoresnet-shared-1", saved._replace(texts=texts))
    assert len(SharedTraining(ARCHS, data, SHORT, checkpoint=file).records) == 1


def test_checkpoints_of_something_else(data: DataSet, tmp_path: Path) -> None:
    file = tmp_path / "shared.safetensors"
    next(iter(SharedTraining(ARCHS, data, SHORT, checkpoint=file)))
    with pytest.raises(RunError, match=r"is a checkpoint of another list of architectures$"):
        SharedTraining(ARCHS[:5], data, SHORT, checkpoint=file)
    with pytest.raises(RunError, match=r"of another recipe and another sampling$"):
        SharedTraining(ARCHS, data, SHORT, seed=5, archs_per_step=3, checkpoint=file)
    with pytest.raises(RunError, match=r"of another data set or split$"):
        SharedTraining(ARCHS, load_data("digits"), SHORT, checkpoint=file)
    file.write_bytes(file.read_bytes()[:1000])
    begun_again = SharedTraining(ARCHS, data, SHORT, checkpoint=file)
    assert begun_again.records == []
    assert "it was set aside as shared.safetensors.damaged, and training begins at epoch 1" in begun_again.notice
