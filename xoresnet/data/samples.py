"""`Samples`: what training and evaluation ask of a split, whether it holds images or recordings of event cameras."""

from __future__ import annotations

from typing import Protocol, Self

from torch import Tensor

__all__ = ["Samples"]


class Samples(Protocol):
    """Labelled samples of one shape, in a fixed order."""

    @property
    def labels(self) -> Tensor:
        """int64 [N], counted from 0."""

    @property
    def rows(self) -> Tensor | None:
        """int64 [N]: the places of the samples in a pool that several splits share; None for all of it, in order."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a sample at one time step."""

    @property
    def content(self) -> str:
        """A checksum of what the split is cut from; empty for images, whose statistics stand for it."""

    @property
    def converted(self) -> int:
        """How many samples of the pool were grey and were read in colour, or the reverse."""

    @property
    def left_out(self) -> tuple[tuple[str, int], ...]:
        """How many files were not read, by the endings of their names, of a test set in a folder of its own."""

    def at(self, timesteps: int) -> Self:
        """The same samples for networks of so many time steps."""

    def part(self, rows: Tensor) -> Self:
        """The samples at int64 rows, which may be fewer."""

    def take(self, indices: Tensor) -> Tensor:
        """The samples at int64 indices as uint8: images [N, C, H, W], or frames [T, N, 2, H, W] of recordings.

        Raises `UsageError` for recordings before `at` has set T.
        """

    def __len__(self) -> int: ...
