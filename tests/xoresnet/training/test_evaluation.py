from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from xoresnet.data.images import Split
from xoresnet.data.load import DataSet, load_data
from xoresnet.description.arch import Arch
from xoresnet.network.count_spikes import count_spikes
from xoresnet.network.xoresnet import XOResNet
from xoresnet.training.evaluation import evaluate

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data() -> DataSet:
    return load_data("digits")


@pytest.fixture(scope="module")
def net(data: DataSet) -> XOResNet:
    """Untrained, but its norms know the digits, so that its neurons fire."""
    torch.manual_seed(0)
    net = XOResNet(Arch.baseline("xoresnet8", input_shape=(1, 8, 8), num_classes=10, width=4, timesteps=2))
    with torch.no_grad():
        for _ in range(30):
            net(normalised(data, data.train.images[:200]))
    return net


def normalised(data: DataSet, images: torch.Tensor) -> torch.Tensor:
    return (images.float() / 255 - data.mean[0]) / data.std[0]


def test_figures_are_those_of_all_images_at_once(net: XOResNet, data: DataSet) -> None:
    split = data.train  # 1,151 images: several batches, the last one smaller
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    evaluation = evaluate(net, split, data.normalise, CPU)
    assert not net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    with torch.no_grad(), count_spikes(net) as counts:
        logits = net(normalised(data, split.images))
    assert evaluation.loss == pytest.approx(float(F.cross_entropy(logits, split.labels)), rel=1e-5)
    assert evaluation.accuracy == pytest.approx(float((logits.argmax(1) == split.labels).double().mean()), abs=1e-12)
    assert evaluation.counts.spikes_per_sample == pytest.approx(counts.spikes_per_sample, rel=1e-4)
    assert evaluation.counts.spikes_per_sample > 10


def test_every_image_counts_once(net: XOResNet, data: DataSet) -> None:
    """A mean of the batches' means would weigh the images of a small last batch more."""
    normalise = data.normalise
    parts = [Split(data.train.images[start:end], data.train.labels[start:end]) for start, end in ((0, 256), (256, 257))]
    both = Split(data.train.images[:257], data.train.labels[:257])
    first, last = (evaluate(net, part, normalise, CPU) for part in parts)
    whole = evaluate(net, both, normalise, CPU)
    assert whole.loss == pytest.approx((256 * first.loss + last.loss) / 257, rel=1e-6)
    assert whole.accuracy == pytest.approx((256 * first.accuracy + last.accuracy) / 257, rel=1e-12)
    spikes = (256 * first.counts.spikes_per_sample + last.counts.spikes_per_sample) / 257
    assert whole.counts.spikes_per_sample == pytest.approx(spikes, rel=1e-12)


def test_figures_by_name(net: XOResNet, data: DataSet) -> None:
    evaluation = evaluate(net, data.validation, data.normalise, CPU)
    figures = evaluation.as_dict("val_")
    assert (figures["val_loss"], figures["val_accuracy"]) == (evaluation.loss, evaluation.accuracy)
    assert {name: figures[name] for name in evaluation.counts.as_dict()} == evaluation.counts.as_dict()
    assert {"loss", "accuracy", "spikes_per_sample"} <= set(evaluation.as_dict())
