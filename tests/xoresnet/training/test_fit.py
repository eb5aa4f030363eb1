from __future__ import annotations

import dataclasses
import math
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from xoresnet.data.images import Split
from xoresnet.data.load import DataSet, SealedTest, load_data
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import CheckpointError, DataError, DivergenceError, RunError, TrainingError
from xoresnet.measures.records import EpochRecord
from xoresnet.training.checkpoint import load_checkpoint
from xoresnet.training.fit import Step, Training, estimate_epoch_seconds, fit
from xoresnet.training.learning import optimizer_of

ARCH = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4, merge="oa", xor="middle", timesteps=2)
SHORT = Recipe(epochs=4, batch_size=32, precision="fp32")
QUICK = SHORT.replace(epochs=2, batch_size=150)


@pytest.fixture(scope="module")
def data() -> DataSet:
    """The digits, a quarter of them."""
    digits = load_data("digits")
    train = Split(digits.train.images[:300], digits.train.labels[:300])
    validation = Split(digits.validation.images[:120], digits.validation.labels[:120])
    return dataclasses.replace(digits, train=train, validation=validation)


def measured(record: EpochRecord) -> dict[str, Any]:
    """All that must come again; NaN, which equals nothing, as text."""
    fields = {name: value for name, value in record.to_fields().items() if not name.endswith(("_seconds", "_mib"))}
    return {name: str(value) for name, value in fields.items()}


def test_learns_the_digits() -> None:
    data = load_data("digits")
    records = list(fit(ARCH.replace(width=16, timesteps=4), data, Recipe(epochs=8, precision="fp32")))
    assert [record.epoch for record in records] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert records[-1].val_accuracy > 0.95
    assert records[-1].train_loss < records[0].train_loss / 3
    assert records[-1].spikes_per_sample > 0
    assert records[-1].learning_rate < 1e-4


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "cosine", "warmup_epochs": 1.0, "clip_norm": 1.0},
        {"loss": "tet", "label_smoothing": 0.1, "flip": True, "crop_padding": 1, "cutout": 2, "channels_last": True},
    ],
)
def test_same_seed_same_records_and_resumed_or_not(changes: dict[str, Any], data: DataSet, tmp_path: Path) -> None:
    recipe = SHORT.replace(**changes)
    arch = ARCH.replace(width=16) if recipe.channels_last else ARCH  # narrow ones keep torch's own layout (`lay_out`)
    whole = Training(arch, data, recipe)
    unbroken = [measured(record) for record in whole]
    first = Training(arch, data, recipe, checkpoint=tmp_path / "run" / "checkpoint.safetensors")
    for record in first:
        if record.epoch == 2:
            break
    torch.manual_seed(99)  # nothing hangs on torch's own generator
    second = Training(arch, data, recipe, checkpoint=tmp_path / "run" / "checkpoint.safetensors")
    assert [measured(record) for record in second.records] == unbroken[:2]
    assert [measured(record) for record in second] == unbroken[2:]
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, second.net.state_dict()[name]), name
    again = fit(arch, data, recipe, checkpoint=tmp_path / "run" / "checkpoint.safetensors")
    assert [measured(record) for record in again] == unbroken
    other = [measured(record) for record in fit(arch, data, recipe, seed=1)]
    assert other != unbroken


KILLED = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from tests.xoresnet.training.test_fit import ARCH, SHORT
from xoresnet.data.load import load_data
from xoresnet.training.fit import fit
for record in fit(ARCH, load_data("digits"), SHORT, checkpoint=sys.argv[1]):
    if record.epoch == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_after_any_epoch_and_resumed(tmp_path: Path) -> None:
    data = load_data("digits")
    unbroken = [measured(record) for record in fit(ARCH, data, SHORT)]
    root = Path(__file__).parents[3]
    for epoch in (1, 3):
        file = tmp_path / f"{epoch}.safetensors"
        command = [sys.executable, "-c", KILLED, str(file), str(epoch)]
        assert subprocess.run(command, cwd=root, check=False).returncode == -signal.SIGKILL
        assert len(load_checkpoint(file).records) == epoch
        assert [measured(record) for record in fit(ARCH, data, SHORT, checkpoint=file)] == unbroken


def test_no_test_image_reaches_a_figure(data: DataSet) -> None:
    def poisoned() -> Split:
        raise AssertionError("the test set was read")

    clean = [measured(record) for record in fit(ARCH, data, SHORT)]
    sealed = dataclasses.replace(data, test=SealedTest(data.name, poisoned))
    assert [measured(record) for record in fit(ARCH, sealed, SHORT)] == clean


def test_a_loss_that_is_not_finite_ends_training(data: DataSet, tmp_path: Path) -> None:
    wild = SHORT.replace(optimizer="sgd", learning_rate=1e6, momentum=0.99, schedule="constant", epochs=30)
    file = tmp_path / "checkpoint.safetensors"
    with pytest.raises(
        DivergenceError, match=rf"training of {ARCH.arch_id} diverged in epoch \d+ of 30, at learning_rate"
    ):
        list(fit(ARCH, data, wild, checkpoint=file))
    if file.exists():
        assert all(bool(value.isfinite().all()) for value in load_checkpoint(file).weights.values())


@pytest.mark.parametrize("place", ["stem.conv.conv.weight", "head.bias"])
def test_weights_that_are_not_finite_end_training(place: str, data: DataSet) -> None:
    """A neuron that is fed NaN is silent: the loss may stay finite."""
    training = Training(ARCH, data, SHORT)
    with torch.no_grad():
        training.net.get_parameter(place).view(-1)[0] = math.nan
    with pytest.raises(DivergenceError, match="in epoch 1 of 4"):
        next(iter(training))


def test_going_on_after_an_interrupt_within_an_epoch(data: DataSet, tmp_path: Path) -> None:
    """Ctrl-C in a notebook, then the same cell again."""
    unbroken = [measured(record) for record in fit(ARCH, data, SHORT)]
    for epoch, file in ((1, None), (3, tmp_path / "checkpoint.safetensors"), (3, None)):
        training = Training(ARCH, data, SHORT, checkpoint=file)
        calls = 0

        def interrupt(*_: object, stop: int = (epoch - 1) * 2 * 10 + 3) -> None:
            nonlocal calls
            calls += 1
            if calls == stop:
                raise KeyboardInterrupt

        handle = training.net.register_forward_pre_hook(interrupt)
        with pytest.raises(KeyboardInterrupt):
            list(training)
        handle.remove()
        done = len(training.records)
        if done and file is None:
            with pytest.raises(TrainingError, match=f"interrupted within epoch {done + 1} and has no checkpoint"):
                list(training)
        else:
            list(training)
            assert [measured(record) for record in training.records] == unbroken


def test_seeds_do_not_repeat_each_other(data: DataSet) -> None:
    epochs = {str(measured(next(iter(fit(ARCH, data, SHORT, seed=seed))))) for seed in (0, 1, 2**31, 2**32 - 1)}
    assert len(epochs) == 4


def test_steps_tell_how_far_an_epoch_is(data: DataSet) -> None:
    steps: list[tuple[Step, float, float]] = []
    training = Training(
        ARCH, data, SHORT, on_step=lambda step: steps.append((step, step.train_loss, step.train_accuracy))
    )
    records = list(training)
    assert [measured(record) for record in records] == [measured(record) for record in fit(ARCH, data, SHORT)]
    assert [(step.epoch, step.step, step.steps) for step, _, _ in steps] == [
        (epoch, step, 10) for epoch in range(1, 5) for step in range(1, 11)
    ]
    assert [step.images for step, _, _ in steps[:10]] == [30 * step for step in range(1, 11)]
    for number, (step, loss, accuracy) in enumerate(steps):
        assert step.learning_rate == SHORT.learning_rate_at(number, 40)
        if step.step == step.steps:
            record = records[step.epoch - 1]
            assert (loss, accuracy) == (record.train_loss, record.train_accuracy)
            assert step.learning_rate == record.learning_rate


def test_evaluation_is_that_of_the_last_epoch(data: DataSet) -> None:
    training = Training(ARCH, data, SHORT)
    for record in training:
        figures = training.evaluate(data.validation).as_dict("val_")
        assert figures.items() <= record.as_dict().items()
    assert training.evaluate(data.train).loss != record.val_loss


def test_without_a_recipe_it_is_that_of_the_data_set(data: DataSet) -> None:
    assert Training(ARCH, data).recipe == data.default_recipe
    data = dataclasses.replace(data, default_recipe=SHORT)
    assert Training(ARCH, data, seed=3).recipe == SHORT.replace(seed=3)
    assert [measured(record) for record in fit(ARCH, data)] == [measured(record) for record in fit(ARCH, data, SHORT)]
    with pytest.raises(TypeError, match="data must be of type DataSet, got str"):
        Training(ARCH, "digits")  # type: ignore[arg-type]


def test_estimates_are_of_the_size_of_what_they_foresee(data: DataSet) -> None:
    def estimate(**changes: Any) -> float:
        return min(estimate_epoch_seconds(ARCH, data, SHORT.replace(**changes)) for _ in range(3))

    records = list(fit(ARCH, data, SHORT))
    taken = min(record.train_seconds + record.evaluation_seconds for record in records)
    state = torch.get_rng_state()
    assert taken / 10 < estimate() < taken * 10  # wide: the machine may be busy with other things
    assert estimate(batch_size=2) > 3 * estimate()  # fifteen times as many steps
    assert estimate(batch_size=1000) > 0  # one step is all there is
    assert torch.equal(torch.get_rng_state(), state)


def test_another_data_set_is_refused(data: DataSet) -> None:
    with pytest.raises(DataError, match=r"takes images \[3, 8, 8\] of 10 classes, digits has \[1, 8, 8\] of 10"):
        Training(ARCH.replace(input_shape=(3, 8, 8)), data, SHORT)


@pytest.mark.parametrize(("place", "kind"), [(0, "Arch"), (1, "DataSet"), (2, "Recipe")])
def test_arguments_of_another_type(place: int, kind: str, data: DataSet) -> None:
    arguments: list[Any] = [ARCH, data, SHORT]
    arguments[place] = "digits"
    with pytest.raises(TypeError, match=f"must be of type {kind}, got str"):
        Training(*arguments)


def test_checkpoints_of_something_else(data: DataSet, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    next(iter(Training(ARCH, data, SHORT, checkpoint=file)))
    with pytest.raises(RunError, match="is a checkpoint of another network and another recipe"):
        Training(ARCH.replace(merge="add"), data, SHORT.replace(epochs=9), checkpoint=file)
    other = load_data("digits", validation_seed=1)
    moved = dataclasses.replace(data, train=Split(other.train.images[:300], other.train.labels[:300]))
    with pytest.raises(RunError, match="is a checkpoint of another data set or split"):
        Training(ARCH, moved, SHORT, checkpoint=file)
    with pytest.raises(RunError, match="is not a complete checkpoint"):
        load_checkpoint(tmp_path)
    save_file({"weight": torch.zeros(2)}, file)
    with pytest.raises(RunError, match="is not a checkpoint of this kind"):  # it may be a file that somebody needs
        Training(ARCH, data, SHORT, checkpoint=file)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """One bit of a weight, which safetensors itself does not notice."""
    return content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]


@pytest.mark.parametrize(
    "damage",
    [halved, flipped, lambda content: b"", lambda content: b"not a checkpoint at all", lambda content: bytes(9999)],
)
def test_a_damaged_checkpoint_is_set_aside(damage: Callable[[bytes], bytes], data: DataSet, tmp_path: Path) -> None:
    """Training begins at epoch 1 with the same numbers, and says so once."""
    file = tmp_path / "checkpoint.safetensors"
    whole = list(Training(ARCH, data, QUICK, checkpoint=file))
    content = file.read_bytes()
    file.write_bytes(damage(content))
    with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors is not a complete checkpoint"):
        load_checkpoint(file)
    training = Training(ARCH, data, QUICK, checkpoint=file)
    assert training.notice.startswith(f"{file} is not a complete checkpoint: ")
    assert training.notice.endswith(
        "; it was set aside as checkpoint.safetensors.damaged, and training begins at epoch 1"
    )
    assert (tmp_path / "checkpoint.safetensors.damaged").read_bytes() == damage(content)
    assert training.records == []
    assert [record.val_loss for record in training] == [record.val_loss for record in whole]
    assert Training(ARCH, data, QUICK, checkpoint=file).notice == ""
    assert load_checkpoint(file).weights.keys() == training.net.state_dict().keys()
    file.write_bytes(damage(content))
    with pytest.warns(UserWarning, match="training begins at epoch 1"):
        assert next(fit(ARCH, data, QUICK, checkpoint=file)).epoch == 1


def test_no_changed_byte_of_a_checkpoint_goes_unnoticed(data: DataSet, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    next(iter(Training(ARCH, data, SHORT, checkpoint=file)))
    content, rng = file.read_bytes(), Random(0)
    header = int.from_bytes(content[:8], "little") + 8
    for place in [*range(8), *rng.sample(range(8, header), 150), *rng.sample(range(header, len(content)), 50)]:
        file.write_bytes(content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :])
        try:
            checkpoint = load_checkpoint(file)
        except CheckpointError:
            continue
        file.write_bytes(content)
        same = load_checkpoint(file)
        assert checkpoint[:5] == same[:5]
        assert all(torch.equal(checkpoint.weights[name], same.weights[name]) for name in same.weights)


def test_checkpoints_of_earlier_versions_have_no_checksum(data: DataSet, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    next(iter(Training(ARCH, data, SHORT, checkpoint=file)))
    with safe_open(file, "pt") as saved:
        texts, tensors = saved.metadata(), {name: saved.get_tensor(name) for name in saved.keys()}  # noqa: SIM118
    assert len(texts.pop("crc32")) == 8
    save_file(tensors, file, metadata=texts)
    training = Training(ARCH, data, SHORT, checkpoint=file)
    assert (training.notice, len(training.records)) == ("", 1)
    save_file(tensors, file, metadata={**texts, "records": "[{}]"})
    assert "training begins at epoch 1" in Training(ARCH, data, SHORT, checkpoint=file).notice


def test_weights_decay_and_nothing_else() -> None:
    net = Training(ARCH.replace(neuron="plif"), load_data("digits"), SHORT).net
    decaying, others = optimizer_of(net, SHORT).param_groups
    assert decaying["weight_decay"] == 0.01
    assert others["weight_decay"] == 0.0
    assert all(parameter.dim() > 1 for parameter in decaying["params"])
    assert all(parameter.dim() < 2 for parameter in others["params"])
    assert len(decaying["params"]) + len(others["params"]) == len(list(net.parameters()))


def test_mixed_precision_learns(data: DataSet) -> None:
    records = list(fit(ARCH, data, SHORT.replace(precision="bf16", epochs=6)))
    assert records[-1].train_loss < records[0].train_loss
    assert all(math.isfinite(record.val_loss) for record in records)
