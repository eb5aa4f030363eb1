"""What is deployed does what the network does."""

from __future__ import annotations

import pytest
import torch

from tests.xoresnet.trained import made, some_archs
from xoresnet import Arch, UsageError, count_spikes
from xoresnet.standalone.module import Standalone

ARCHS = some_archs(12)


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.arch_id)
def test_logits_and_spikes_are_the_networks(arch: Arch) -> None:
    net = made(arch)
    images = torch.rand(5, *arch.input_shape)
    logits, spikes = Standalone(net, [0.3], [0.25], spikes=True)(images)
    with torch.no_grad(), count_spikes(net) as counts:
        expected = net((images - 0.3) / 0.25)
    assert torch.equal(logits, expected)
    assert spikes.shape == (5,)
    assert float(spikes.mean()) == pytest.approx(counts.spikes_per_sample)
    for number in range(5):  # each image by itself
        with torch.no_grad(), count_spikes(net) as counts:
            net((images[number : number + 1] - 0.3) / 0.25)
        assert float(spikes[number]) == counts.spikes_per_sample


def test_the_network_it_is_made_from_stays_as_it_was() -> None:
    net = made(ARCHS[0]).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    model = Standalone(net, [0.3], [0.25], fold=True)
    model(torch.rand(3, *ARCHS[0].input_shape))
    assert net.training
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    after = net.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("arch", ARCHS[:6], ids=lambda arch: arch.arch_id)
def test_folded_it_is_the_same_in_exact_arithmetic(arch: Arch) -> None:
    net = made(arch)
    images = torch.rand(4, *arch.input_shape, dtype=torch.float64)
    plain, folded = (Standalone(net, [0.3], [0.25], spikes=True, fold=fold).double() for fold in (False, True))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    for left, right in zip(plain(images), folded(images), strict=True):
        assert torch.allclose(left, right, rtol=1e-9, atol=1e-9)


def test_without_counting_it_returns_logits_alone() -> None:
    model = Standalone(made(ARCHS[0]), [0.3], [0.25])
    assert isinstance(model(torch.rand(2, *ARCHS[0].input_shape)), torch.Tensor)
    assert not model.counts_spikes


def test_another_pass_of_the_network_is_not_counted() -> None:
    model = Standalone(made(ARCHS[1]), [0.3], [0.25], spikes=True)
    images = torch.rand(2, *ARCHS[1].input_shape)
    _, spikes = model(images)
    model.net(images)
    assert torch.equal(model(images)[1], spikes)


def test_images_as_files_hold_them_are_scaled() -> None:
    model = Standalone(made(ARCHS[0]), [0.3], [0.25], spikes=True)
    pixels = torch.randint(0, 256, (4, *ARCHS[0].input_shape), dtype=torch.uint8)
    for left, right in zip(model(pixels), model(pixels.float() / 255), strict=True):
        assert torch.equal(left, right)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_images_of_another_precision(dtype: torch.dtype) -> None:
    model = Standalone(made(ARCHS[0]), [0.3], [0.25])
    images = torch.rand(2, *ARCHS[0].input_shape).to(dtype)
    assert torch.equal(model(images), model(images.float()))


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (torch.randint(0, 256, (2, 1, 8, 8)), r"or uint8 from 0 to 255, got int64$"),
        (torch.ones(2, 1, 8, 8, dtype=torch.bool), r"or uint8 from 0 to 255, got bool$"),
        (
            torch.full((2, 1, 8, 8), 255.0),
            r"must lie in \[0, 1\] and are normalised by .*, but these range from 255 to 255$",
        ),
        (torch.linspace(-2, 2, 128).view(2, 1, 8, 8), r"must lie in \[0, 1\] .*, but these range from -2 to 2$"),
        (torch.rand(2, 3, 8, 8), r"expected images \[N, 1, 8, 8\]"),
        ([[0.5]], "expected a tensor of images, got list"),
    ],
)
def test_what_are_no_images_is_refused(images: torch.Tensor, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Standalone(made(ARCHS[0]), [0.3], [0.25])(images)


def test_what_resampling_overshoots_and_no_image_at_all_are_accepted() -> None:
    model = Standalone(made(ARCHS[0]), [0.3], [0.25])
    assert torch.isfinite(model(torch.linspace(-0.2, 1.2, 64).view(1, 1, 8, 8))).all()
    assert model(torch.zeros(0, 1, 8, 8)).shape == (0, 10)
