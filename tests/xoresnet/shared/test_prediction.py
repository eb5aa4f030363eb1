from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.xoresnet.data.events.recorded import moving_bar, write_npy
from tests.xoresnet.shared.test_training import ARCHS, SHORT, quarter, weights_of
from xoresnet.data.load import DataSet, load_data
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DataError
from xoresnet.shared.prediction import estimate_norms, predict
from xoresnet.shared.training import SharedTraining
from xoresnet.training.evaluation import evaluate


@pytest.fixture(scope="module")
def data() -> DataSet:
    return quarter()


@pytest.fixture(scope="module")
def training(data: DataSet) -> SharedTraining:
    training = SharedTraining(ARCHS, data, SHORT)
    list(training)
    return training


def test_norms_are_those_of_the_images(training: SharedTraining) -> None:
    net = training.network.view(ARCHS[1])
    norm = net.stem.conv.norm
    images = torch.rand(12, 1, 8, 8)
    estimate_norms(net, [images])
    estimate_norms(net, images.split(6))  # again, from halves: nothing is left of the first time
    currents = net.stem.conv.conv(images)
    assert norm.running_mean == pytest.approx(currents.mean((0, 2, 3)).detach(), abs=1e-5)
    halves = torch.stack([half.var((0, 2, 3)) for half in currents.split(6)])
    assert norm.running_var == pytest.approx(halves.mean(0).detach(), abs=1e-5)
    assert norm.momentum == 0.1


def test_figures_are_those_of_the_view(training: SharedTraining, data: DataSet) -> None:
    """With all training images the statistics do not hang on which were drawn."""
    normalise = data.normalise
    predictions = list(predict(training.network, ARCHS, data, norm_images=300, batch_size=300))
    assert [prediction.arch for prediction in predictions] == [arch.canonical() for arch in ARCHS]
    for arch, prediction in zip(ARCHS, predictions, strict=True):
        net = training.network.view(arch)
        estimate_norms(net, [normalise(data.train.images)])
        expected = evaluate(net, data.validation, normalise, torch.device("cpu")).as_dict("val_")
        assert prediction.figures == pytest.approx(expected, rel=0.02)
        assert prediction.seconds > 0


def test_predictions_come_again_whatever_the_order(training: SharedTraining, data: DataSet) -> None:
    before = weights_of(training)
    forwards = {prediction.arch: prediction.figures for prediction in predict(training.network, ARCHS, data)}
    backwards = {prediction.arch: prediction.figures for prediction in predict(training.network, ARCHS[::-1], data)}
    assert forwards == backwards
    assert all(torch.equal(value, before[key]) for key, value in weights_of(training).items())


def test_other_data_are_refused(training: SharedTraining, data: DataSet) -> None:
    with pytest.raises(DataError, match=r"takes images \[3, 8, 8\]"):
        next(predict(training.network, [ARCHS[0].replace(input_shape=(3, 8, 8))], data))


def test_recordings_at_every_number_of_time_steps(tmp_path: Path) -> None:
    """Shared weights are trained on frames, and a prediction estimates batch norms from frames of its own T."""
    for name in ("backward", "forward"):
        for seed in range(12):
            write_npy(tmp_path / name / f"{seed:02}.npy", moving_bar(seed, forward=name == "forward"))
    recordings = load_data("events-folder", tmp_path)
    for timesteps in (2, 3):
        sizes = {"input_shape": (2, 8, 8), "num_classes": 2, "depth": 8, "width": 2, "timesteps": timesteps}
        archs = [Arch(**sizes, merge=merge) for merge in ("add", "or")]
        training = SharedTraining(archs, recordings, Recipe(epochs=1, batch_size=8))
        (record,) = training
        assert record.image_passes == len(recordings.train)
        for arch, prediction in zip(archs, predict(training.network, archs, recordings), strict=True):
            assert prediction.arch == arch.canonical()
            assert prediction.figures["macs_per_sample"] < 100  # the stem reads events
            assert 0 <= prediction.figures["val_accuracy"] <= 1
