"""Networks as binary rows, so that a weighted distance between any two is one product of matrices.

A text becomes one place for each of its values; two networks differ by 1 in a field if the values differ. A number
becomes a thermometer: one place for each step between the levels that occur, so that two networks differ by the share
of levels between them. A parameter that a network does not have is a value of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from xoresnet.search.strategy.progress import Array, Params, Rows

__all__ = ["Encoding", "distances"]

_LEVELS = 16
"""Numbers with more levels are grouped into so many."""
_ABSENT = object()


class Encoding:
    """An encoding of networks by the parameters and values that occur among them."""

    def __init__(self, networks: Sequence[Params]) -> None:
        names = sorted({name for params in networks for name in params})
        self._fields = [_field(name, [_value(params, name) for params in networks]) for name in names]
        self._fields = [field for field in self._fields if field.places]
        self.names = tuple(field.name for field in self._fields)
        """The parameters in which the networks differ."""
        self.owners: Rows = np.repeat(np.arange(len(self._fields)), [field.places for field in self._fields])
        """For each place of a row, the parameter it belongs to."""
        self.shares: Array = np.repeat([field.share for field in self._fields], [f.places for f in self._fields])
        """The distance that a difference in each place makes."""

    def rows(self, networks: Sequence[Params]) -> Array:
        """`[networks, places]`, of zeros and ones."""
        blocks = [field.block([_value(params, field.name) for params in networks]) for field in self._fields]
        return np.concatenate(blocks, axis=1) if blocks else np.zeros((len(networks), 0))


def _value(params: Params, name: str) -> Any:
    value = params.get(name)
    return _ABSENT if value is None else value


def distances(first: Array, second: Array, weights: Array) -> Array:
    """Weighted Hamming distances of binary rows, `[first, second]`; weights: of each place."""
    weighted = first * weights
    own = weighted.sum(axis=1)[:, None] + (second @ weights)[None]
    apart: Array = np.maximum(own - 2 * (weighted @ second.T), 0.0)
    return apart


class _Names:
    """A field whose values only differ or do not."""

    share = 0.5  # two different values differ in two places

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        self.name = name
        distinct = list(dict.fromkeys(values))
        self._places = {value: place for place, value in enumerate(distinct)}
        self.places = len(distinct) if len(distinct) > 1 else 0

    def block(self, values: Sequence[Any]) -> Array:
        block = np.zeros((len(values), self.places))
        for row, value in enumerate(values):
            place = self._places.get(value)
            if place is not None:
                block[row, place] = 1.0
        return block


class _Numbers:
    """A field of ordered values; a network without it differs from those with it, and has a middle level."""

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        self.name = name
        present = [value for value in values if value is not _ABSENT]
        levels = np.unique(np.array(present, dtype=np.float64))
        self._middle = float(np.median(levels))
        self._optional = len(present) < len(values)
        if len(levels) > _LEVELS:
            levels = np.unique(np.quantile(levels, np.linspace(0, 1, _LEVELS)))
        self._steps = (levels[1:] + levels[:-1]) / 2
        self.places = len(self._steps) + self._optional
        self.share = 1 / max(len(self._steps), 1)

    def block(self, values: Sequence[Any]) -> Array:
        absent = np.array([value is _ABSENT for value in values])
        numbers = np.array([self._middle if value is _ABSENT else value for value in values], dtype=np.float64)
        block = (numbers[:, None] > self._steps).astype(np.float64)
        return np.concatenate([block, absent[:, None]], axis=1) if self._optional else block


def _field(name: str, values: Sequence[Any]) -> _Names | _Numbers:
    present = [value for value in values if value is not _ABSENT]
    numbers = all(isinstance(value, Real) and not isinstance(value, bool) for value in present)
    return _Numbers(name, values) if numbers else _Names(name, values)
