"""The values that one field may have: a constant, a list of choices, or a range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from xoresnet.plain_text import shown

__all__ = ["Choice", "Domain", "FloatRange", "IntRange", "Value", "constant", "is_constant", "rejection", "snapped"]

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Choice:
    """A list of values; a constant is a list of one."""

    options: tuple[Value, ...]

    @property
    def values(self) -> tuple[Value, ...]:
        return self.options

    @property
    def first(self) -> Value:
        """The value that is used where the field has no effect."""
        return self.options[0]

    def __contains__(self, value: object) -> bool:
        return any(value == option and type(value) is type(option) for option in self.options) or (
            # 2 equals 2.0, but True does not equal 1
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and any(value == option for option in self.options if not isinstance(option, bool))
        )

    def draw(self, rng: Random) -> Value:
        return rng.choice(self.options)

    def neighbours(self, value: Value) -> tuple[Value, ...]:
        """The other options."""
        return tuple(option for option in self.options if option != value)

    def __str__(self) -> str:
        return ", ".join(map(_text, self.options))


@dataclass(frozen=True)
class IntRange:
    """low, low + step, ... up to and including high.

    log: samplers draw magnitudes evenly; `draw` draws values evenly all the same.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False

    @property
    def first(self) -> int:
        return self.low

    @property
    def values(self) -> tuple[int, ...]:
        return tuple(range(self.low, self.high + 1, self.step))

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and value in range(self.low, self.high + 1, self.step)
        )

    def draw(self, rng: Random) -> int:
        return rng.choice(self.values)

    def neighbours(self, value: Value) -> tuple[Value, ...]:
        """One step down and one step up, as far as these are in the range."""
        assert isinstance(value, int)
        return tuple(other for other in (value - self.step, value + self.step) if other in self)

    def __str__(self) -> str:
        step = f" by {self.step}" if self.step != 1 else ""
        return f"{self.low} .. {self.high}{step}{' (log)' if self.log else ''}"


@dataclass(frozen=True)
class FloatRange:
    """All numbers from low to high, or, with a step, low, low + step, ... up to high."""

    low: float
    high: float
    step: float | None = None
    log: bool = False
    """Draw magnitudes evenly instead of values."""

    @property
    def first(self) -> float:
        return self.low

    @property
    def values(self) -> tuple[float, ...] | None:
        """None if there are infinitely many."""
        if self.step is None:
            return (self.low,) if self.low == self.high else None
        return tuple(self._grid(self.step))

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.low <= value <= self.high:
            return False
        return self.step is None or value in (self.values or ())

    def draw(self, rng: Random) -> float:
        values = self.values
        if values is not None:
            return rng.choice(values)
        if self.log:
            return min(self.high, max(self.low, math.exp(rng.uniform(math.log(self.low), math.log(self.high)))))
        return rng.uniform(self.low, self.high)

    def neighbours(self, value: Value) -> tuple[Value, ...]:
        """One step down and one step up; empty for a range without steps."""
        values = self.values
        if values is None:
            return ()
        assert isinstance(value, int | float)
        near = min(range(len(values)), key=lambda i: abs(values[i] - value))
        return tuple(values[i] for i in (near - 1, near + 1) if 0 <= i < len(values))

    def _grid(self, step: float) -> Iterator[float]:
        for i in range(math.floor((self.high - self.low) / step + 1e-6) + 1):
            # rounding gives 0.3 instead of 0.30000000000000004
            yield min(self.high, max(self.low, float(f"{self.low + i * step:.12g}")))

    def __str__(self) -> str:
        step = f" by {self.step:g}" if self.step is not None else ""
        return f"{self.low:g} .. {self.high:g}{step}{' (log)' if self.log else ''}"


Domain = Choice | IntRange | FloatRange


def constant(value: Value) -> Choice:
    return Choice((value,))


def snapped(domain: Domain, value: Value) -> Value:
    """The value of a stepped range that equals `value` up to rounding, or `value` itself.

    Samplers add up steps in another order and so return 0.30000000000000004 for 0.3.
    """
    if not isinstance(domain, FloatRange) or domain.step is None or not isinstance(value, int | float):
        return value
    equal = (own for own in domain.values or () if math.isclose(own, value, rel_tol=1e-9, abs_tol=1e-12))
    return next(equal, value)


def rejection(domain: Domain, value: Value) -> str:
    """Why a value is not in a domain, as the message of a fault."""
    if is_constant(domain):
        return f"must be {domain}, got {shown(value)}"
    return f"{shown(value)} is not {'one of' if isinstance(domain, Choice) else 'in'} {domain}"


def is_constant(domain: Domain) -> bool:
    return domain.values is not None and len(domain.values) == 1


def _text(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)
