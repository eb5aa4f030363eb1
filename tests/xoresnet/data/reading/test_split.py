"""The rule by which images are set aside, and exact statistics."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xoresnet.data.images import Split
from xoresnet.data.reading.split import channel_statistics, fewer_rows, split_rows
from xoresnet.errors import DataError


def test_the_rule_never_changes() -> None:
    """Fixed outcomes: whoever changes them changes what published figures were measured on."""
    labels = torch.arange(20) % 2
    rest, aside = split_rows(labels, ("a", "b"), 0.25, seed=0, where="here")
    numbers = np.random.PCG64(0).random_raw(20)
    evens, odds = (sorted(range(start, 20, 2), key=lambda row: numbers[row]) for start in (0, 1))
    assert aside.tolist() == sorted(evens[:3] + odds[:3]) == [2, 3, 8, 11, 13, 18]
    assert rest.tolist() == [row for row in range(20) if row not in aside.tolist()]


@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.integers(2, 30), min_size=1, max_size=5),
    share=st.floats(0.001, 0.999),
    seed=st.integers(0, 2**40),
)
def test_every_class_gives_its_share(counts: list[int], share: float, seed: int) -> None:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    rest, aside = split_rows(labels, [str(label) for label in range(len(counts))], share, seed, where="here")
    assert sorted([*rest.tolist(), *aside.tolist()]) == list(range(len(labels)))
    for label, count in enumerate(counts):
        given_away = int((labels[aside] == label).sum())
        assert given_away == min(max(int(share * count + 0.5), 1), count - 1)


@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.integers(2, 30), min_size=1, max_size=5),
    shares=st.tuples(st.floats(0.001, 0.999), st.floats(0.001, 0.999)),
    seed=st.integers(0, 2**40),
)
def test_fewer_images_are_among_more(counts: list[int], shares: tuple[float, float], seed: int) -> None:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    rest, _ = split_rows(labels, [str(label) for label in range(len(counts))], 0.3, seed, where="here")
    small, large = (set(fewer_rows(labels, rest, share, seed).tolist()) for share in sorted(shares))
    assert small <= large <= set(rest.tolist())
    for label in range(len(counts)):
        there = int((labels[rest] == label).sum())
        kept = fewer_rows(labels, rest, shares[0], seed)
        assert int((labels[kept] == label).sum()) == max(int(shares[0] * there + 0.5), 1)
        assert kept.tolist() == sorted(kept.tolist())


def test_seeds_differ() -> None:
    labels = torch.zeros(100, dtype=torch.int64)
    splits = {tuple(split_rows(labels, ("a",), 0.5, seed, where="here")[1].tolist()) for seed in range(20)}
    assert len(splits) == 20


@pytest.mark.parametrize(("count", "number"), [(0, "no image"), (1, "only one image")])
def test_classes_too_small_to_split(count: int, number: str) -> None:
    labels = torch.tensor([0] * 5 + [1] * count)
    with pytest.raises(DataError, match=f"^here: class 'b' has {number}; at least 2 are required, to set one aside"):
        split_rows(labels, ("a", "b"), 0.5, 0, where="here")


def test_statistics_are_exact() -> None:
    images = torch.randint(0, 256, (300, 2, 20, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[:, 1] = 250 + images[:, 1] % 2  # a small deviation around a large mean
    statistics = channel_statistics(images)
    for channel in range(2):
        values = [int(value) for value in images[:, channel].flatten().tolist()]
        mean = Fraction(sum(values), 255 * len(values))
        variance = Fraction(sum(value**2 for value in values), 255**2 * len(values)) - mean**2
        assert statistics.mean[channel] == float(mean)
        assert statistics.std[channel] == pytest.approx(float(variance) ** 0.5, rel=1e-15)


def test_splits_refuse_other_shapes_and_types() -> None:
    images, labels = torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)
    assert repr(Split(images, labels)) == "Split(4 images of 1 x 2 x 2)"
    assert Split(images, labels).images is images
    with pytest.raises(DataError, match=r"images must be uint8 \[N, C, H, W\], got torch.float32 \[4, 1, 2, 2\]"):
        Split(images.float(), labels)
    with pytest.raises(DataError, match=r"labels must be int64 \[N\], got torch.int32 \[4\]"):
        Split(images, labels.int())
    with pytest.raises(DataError, match="every image needs one label, got 4 images and 3 labels"):
        Split(images, labels[:3])
