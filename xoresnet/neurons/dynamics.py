"""The constants of a neuron's equations, as every kernel takes them; the equations are in `neuron.py`."""

from __future__ import annotations

import math
from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from xoresnet.description.neuron_spec import Surrogate

__all__ = ["Dynamics", "exact_product"]


class Dynamics(NamedTuple):
    """Constants within their ranges: `neuron.py` makes and checks them."""

    tau: float | None
    """Time constant in time steps; None integrates without leak. Not used where the leak is learned."""
    threshold: float
    reset: Literal["hard", "soft"]
    surrogate: Surrogate
    detach_reset: bool

    @property
    def hard(self) -> bool:
        """Whether a spike sets the potential to zero."""
        return self.reset == "hard"

    def leak(self, learned: Tensor | None) -> float | Tensor:
        """Return 1 / tau, the learned one where there is one; 1 without leak."""
        return learned if learned is not None else 1.0 if self.tau is None else 1 / self.tau

    def rounded(self, dtype: torch.dtype) -> Dynamics:
        """Return a copy whose threshold is rounded to a type: torch's kernels differ in whether they round bounds."""
        return self._replace(threshold=_rounded(self.threshold, dtype))


def exact_product(tau: float) -> bool:
    """Whether division by tau equals multiplication by 1 / tau to the last bit: for powers of two.

    >>> exact_product(2.0), exact_product(1.7)
    (True, False)
    """
    return math.frexp(tau)[0] == 0.5


@cache
def _rounded(value: float, dtype: torch.dtype) -> float:
    return float(torch.tensor(value, dtype=dtype, device="cpu"))
