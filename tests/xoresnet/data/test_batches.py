from __future__ import annotations

import pytest
import torch
import torchvision.transforms.v2.functional as TF
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from xoresnet.data.batches import Normalise, augment, crops, cut_out, evaluation_batches, flips, training_batches
from xoresnet.data.images import Augmentation, Split

CPU = torch.device("cpu")
NONE = Augmentation()
PLAIN = Normalise((0.0,) * 3, (1 / 255,) * 3)


def pictures(number: int, height: int = 6, width: int = 9) -> Tensor:
    generator = torch.Generator().manual_seed(number)
    return torch.randint(0, 256, (number, 3, height, width), generator=generator, dtype=torch.uint8)


@given(st.integers(1, 8), st.integers(1, 7), st.integers(1, 7), st.integers(0, 4), st.integers(0, 99))
def test_crops_and_flips_are_those_of_torchvision(
    number: int, height: int, width: int, padding: int, seed: int
) -> None:
    """On the same random choices, picture by picture."""
    images = pictures(number, height, width)
    generator = torch.Generator().manual_seed(seed)
    places = torch.randint(2 * padding + 1, (number, 2), generator=generator)
    which = torch.rand(number, generator=generator) < 0.5
    ours = flips(crops(images, padding, places), which)
    for i in range(number):
        top, left = places[i].tolist()
        theirs = TF.crop(TF.pad(images[i], [padding]), top, left, height, width)
        assert torch.equal(ours[i], TF.horizontal_flip(theirs) if which[i] else theirs)


@given(st.integers(1, 5), st.integers(1, 8), st.integers(1, 9), st.integers(0, 99))
def test_cut_out_is_torchvisions_erase(number: int, side: int, width: int, seed: int) -> None:
    images = PLAIN(pictures(number, 6, width)) + 1  # nothing is 0 before
    generator = torch.Generator().manual_seed(seed)
    centres = torch.stack(
        [torch.randint(6, (number,), generator=generator), torch.randint(width, (number,), generator=generator)], 1
    )
    ours = cut_out(images, side, centres)
    for i in range(number):
        row, column = (int(centre) - side // 2 for centre in centres[i])
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + side, 6), min(column + side, width)
        theirs = TF.erase(images[i], top, left, bottom - top, right - left, torch.zeros(()))
        assert torch.equal(ours[i], theirs)


def test_normalise_is_torchvisions() -> None:
    images, mean, std = pictures(4), (0.4, 0.5, 0.6), (0.2, 0.3, 0.1)
    theirs = TF.normalize(TF.to_dtype(images, torch.float32, scale=True), list(mean), list(std))
    torch.testing.assert_close(Normalise(mean, std)(images), theirs)


def test_an_epoch_is_every_image_once() -> None:
    images = torch.arange(23, dtype=torch.uint8).view(23, 1, 1, 1).expand(23, 3, 4, 4).contiguous()
    split = Split(images, torch.arange(23))

    def epoch(seed: int, number: int, augmentation: Augmentation = NONE) -> list[tuple[Tensor, Tensor]]:
        return list(training_batches(split, 5, augmentation, PLAIN, seed=seed, epoch=number, device=CPU))

    batches = epoch(0, 1)
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 4, 4]
    labels = torch.cat([labels for _, labels in batches])
    assert sorted(labels.tolist()) == list(range(23))
    for pixels, names in batches:
        assert pixels.dtype is torch.float32
        assert torch.equal(pixels[:, 0, 0, 0].round().long(), names)
    orders = [
        torch.cat([names for _, names in epoch(seed, number)]).tolist() for seed, number in ((0, 1), (0, 2), (1, 1))
    ]
    assert orders[0] == labels.tolist()
    assert len({tuple(order) for order in orders}) == 3
    every = Augmentation(flip=True, crop_padding=2, cutout=2)
    for (first, _), (second, _) in zip(epoch(3, 4, every), epoch(3, 4, every), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(epoch(3, 4, every)[0][0], epoch(3, 5, every)[0][0])


def test_evaluation_takes_images_as_they_are() -> None:
    split = Split(pictures(7), torch.arange(7))
    batches = list(evaluation_batches(split, 4, PLAIN, CPU))
    assert torch.cat([labels for _, labels in batches]).tolist() == list(range(7))
    torch.testing.assert_close(torch.cat([images for images, _ in batches]), split.images.float())


@pytest.mark.parametrize(
    "augmentation", [Augmentation(flip=True), Augmentation(crop_padding=3), Augmentation(cutout=4)]
)
def test_each_augmentation_does_something_and_keeps_the_shape(augmentation: Augmentation) -> None:
    images = pictures(16)
    changed = augment(images, augmentation, PLAIN, torch.Generator().manual_seed(0))
    assert changed.shape == images.shape
    assert not torch.equal(changed, PLAIN(images))
