"""The folder of a trial: what is written, taken over, kept and removed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from xoresnet import Arch
from xoresnet.search.folders.trial import TrialFolder

ARCH = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4, timesteps=1)


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    trial_folder = TrialFolder.in_run(tmp_path, "trials", 7, ARCH.arch_id)
    trial_folder.create(ARCH.to_json(indent=None))
    return trial_folder


def files(folder: TrialFolder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir())


def test_a_new_folder_holds_the_network(folder: TrialFolder) -> None:
    assert files(folder) == ["arch.json"]
    assert Arch.from_json(folder.arch.read_text(encoding="utf-8")) == ARCH
    folder.create()  # again
    assert files(folder) == ["arch.json"]


def test_weights_are_written_as_they_are(folder: TrialFolder) -> None:
    weights = {"head.weight": torch.arange(6.0).reshape(2, 3).t(), "head.bias": torch.zeros(3)}
    folder.write_weights(weights)
    written = load_file(folder.weights)
    assert set(written) == set(weights)
    assert all(torch.equal(written[name], value) for name, value in weights.items())


def test_a_complete_trial_keeps_its_weights_alone(folder: TrialFolder) -> None:
    for file in (folder.checkpoint, folder.weights, folder.path / ".weights.safetensors.123"):
        file.write_bytes(b"content")
    folder.keep_weights()
    assert files(folder) == ["arch.json", "weights.safetensors"]


def test_a_checkpoint_stays_where_there_are_no_weights(folder: TrialFolder) -> None:
    folder.checkpoint.write_bytes(b"content")
    folder.keep_weights()
    assert files(folder) == ["arch.json", "checkpoint.safetensors"]


def test_a_paused_trial_may_lose_its_checkpoint(folder: TrialFolder) -> None:
    folder.checkpoint.write_bytes(b"content")
    folder.evict()
    assert files(folder) == ["arch.json"]
    folder.evict()  # again


@pytest.mark.parametrize("has_checkpoint", [True, False])
def test_a_stopped_trial_is_taken_over(has_checkpoint: bool, folder: TrialFolder, tmp_path: Path) -> None:
    if has_checkpoint:
        folder.checkpoint.write_bytes(b"content")
    rescue = TrialFolder.in_run(tmp_path, "trials", 8, ARCH.arch_id)
    rescue.create(ARCH.to_json())
    rescue.take_over(folder)
    assert not folder.path.exists()
    assert files(rescue) == ["arch.json", "checkpoint.safetensors"][: 2 if has_checkpoint else 1]


def test_removing_it_twice_is_no_error(folder: TrialFolder) -> None:
    folder.remove()
    folder.remove()
    assert not folder.path.exists()


def test_weights_that_have_not_arrived(folder: TrialFolder) -> None:
    """On another disk than the driver's, for example."""
    reason = f"its weights have not arrived in {folder.path}: its node does not share the run's folder"
    assert folder.weights_fault() == reason
    folder.write_weights({"head.bias": torch.zeros(3)})
    assert folder.weights_fault() == ""
