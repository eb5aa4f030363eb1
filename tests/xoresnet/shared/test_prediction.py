from __future__ import annotations

import pytest
import torch

from tests.xoresnet.shared.test_training import ARCHS, SHORT, quarter, weights_of
from xoresnet.data.load import DataSet
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
