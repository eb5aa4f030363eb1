"""Batches of frames, and what varies them in training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.xoresnet.data.events.recorded import noise
from xoresnet.data.batches import Normalise, augment, evaluation_batches, training_batches, vary_frames
from xoresnet.data.events.recordings import EVENT
from xoresnet.data.events.split import EventPool, EventSplit
from xoresnet.data.images import Augmentation, EventAugmentation
from xoresnet.errors import DataError

CPU = torch.device("cpu")
AS_COUNTED = Normalise((0.0, 0.0), (1.0, 1.0), most=1)


def some_frames(seed: int, timesteps: int = 5, number: int = 4, height: int = 6, width: int = 7) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.poisson(torch.full((timesteps, number, 2, height, width), 2.0), generator=generator).to(torch.uint8)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(st.integers(0, 999), st.integers(0, 3), st.booleans(), st.integers(0, 4))
def test_all_frames_of_a_recording_are_treated_alike(seed: int, padding: int, flip: bool, cutout: int) -> None:
    """A recording whose frames are equal stays so, and each frame is what its image would become."""
    image = some_frames(seed, timesteps=1)[0]
    augmentation = Augmentation(flip=flip, crop_padding=padding, cutout=cutout)
    of_image = augment(image, augmentation, AS_COUNTED, drawn(seed))
    of_frames = augment(image.expand(3, *image.shape), augmentation, AS_COUNTED, drawn(seed))
    assert torch.equal(of_frames, of_image.expand(3, *image.shape))


@given(st.integers(0, 999), st.floats(0, 1, exclude_max=True), st.integers(1, 7))
def test_shifts_move_whole_frames(seed: int, share: float, timesteps: int) -> None:
    frames = some_frames(seed, timesteps) + 1  # no frame is empty
    shifted = vary_frames(frames, EventAugmentation(shift_time=share), drawn(seed))
    most = min(int(np.floor(share * timesteps + 0.5)), timesteps - 1)
    for before, after in zip(frames.unbind(1), shifted.unbind(1), strict=True):
        found = [shift for shift in range(-most, most + 1) if torch.equal(moved(before, shift), after)]
        assert found
        assert after.any()


def moved(frames: Tensor, shift: int) -> Tensor:
    result = torch.zeros_like(frames)
    for step in range(len(frames)):
        if 0 <= step - shift < len(frames):
            result[step] = frames[step - shift]
    return result


def test_shifts_of_all_sizes_are_drawn() -> None:
    frames = torch.zeros(4, 600, 2, 1, 1, dtype=torch.uint8)
    frames[1] = 7
    shifted = vary_frames(frames, EventAugmentation(shift_time=0.5), drawn())
    shares = (shifted == 7).all(2).flatten(1).float().mean(1)  # the step at which the frame is now, -1 is out of sight
    torch.testing.assert_close(shares, torch.full((4,), 0.2), atol=0.05, rtol=0)


def test_events_are_dropped_independently() -> None:
    frames = torch.full((2, 300, 2, 10, 10), 20, dtype=torch.uint8)
    left = vary_frames(frames, EventAugmentation(drop_events=0.5), drawn())
    assert (left <= frames).all()
    shares = left.float().mean((0, 2, 3, 4)) / 20
    assert 0.48 < float(shares.min()) < 0.53
    assert float(shares.max()) > 0.97
    assert 0.72 < float(shares.mean()) < 0.78
    kept = shares.view(1, -1, 1, 1, 1)
    deviation = ((left.float() - 20 * kept) / (20 * kept * (1 - kept)).sqrt()).std()
    assert 0.95 < float(deviation) < 1.05  # binomial, not one decision for a pixel
    assert torch.equal(vary_frames(frames * 0, EventAugmentation(drop_events=0.5), drawn()), frames * 0)


def test_polarities_are_swapped_for_half_of_the_recordings() -> None:
    frames = some_frames(1, number=400)
    swapped = vary_frames(frames, EventAugmentation(swap_polarity=True), drawn())
    same = (swapped == frames).all(0).flatten(1).all(1)
    other = (swapped == frames.flip(2)).all(0).flatten(1).all(1)
    assert (same | other).all()
    assert 0.4 < float(same.float().mean()) < 0.6


def test_nothing_is_varied_by_default() -> None:
    frames = some_frames(3)
    assert torch.equal(vary_frames(frames, EventAugmentation(), drawn()), frames)


def split() -> EventSplit:
    recordings = [noise(seed, 30 + seed) for seed in range(11)]
    events = np.zeros(sum(map(len, recordings)), EVENT)
    joined = np.concatenate(recordings)
    events["time"], events["row"], events["column"] = joined["t"], joined["y"], 2 * joined["x"] + joined["p"]
    offsets = np.cumsum([0, *map(len, recordings)])
    return EventSplit(EventPool(events, offsets, (6, 5)), torch.arange(11) % 3, "count", (6, 5))


def test_an_epoch_has_every_recording_once_and_depends_on_seed_and_epoch() -> None:
    def epoch(number: int, **varied: float) -> list[tuple[Tensor, Tensor]]:
        of_events = EventAugmentation(**varied)  # type: ignore[arg-type]
        batches = training_batches(
            split().at(4), 4, Augmentation(flip=True), AS_COUNTED, seed=1, epoch=number, device=CPU, of_events=of_events
        )
        return list(batches)

    batches = epoch(1)
    assert [frames.shape[:3] for frames, _ in batches] == [(4, 4, 2), (4, 4, 2), (4, 3, 2)]
    assert sorted(torch.cat([frames.sum((0, 2, 3, 4)) for frames, _ in batches]).tolist()) == list(range(30, 41))
    again, other = epoch(1), epoch(2)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(batches, again, strict=True))
    assert not torch.equal(batches[0][0], other[0][0])
    fewer = epoch(1, drop_events=0.5)
    assert sum(float(frames.sum()) for frames, _ in fewer) < sum(float(frames.sum()) for frames, _ in batches)


def test_evaluation_counts_all_events_in_order() -> None:
    batches = list(evaluation_batches(split().at(3), 4, AS_COUNTED, CPU))
    assert torch.cat([frames.sum((0, 2, 3, 4)) for frames, _ in batches]).tolist() == list(range(30, 41))
    assert torch.cat([labels for _, labels in batches]).tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]


def test_one_label_for_each_recording() -> None:
    whole = split()
    with pytest.raises(DataError, match="every recording needs one label, got 11 and 10 labels"):
        EventSplit(whole.pool, whole.labels[:10], "count", (6, 5))
