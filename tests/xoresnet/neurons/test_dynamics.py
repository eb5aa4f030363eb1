from __future__ import annotations

import pytest
import torch
from torch import Tensor

from xoresnet.description.neuron_spec import Surrogate
from xoresnet.neurons.dynamics import Dynamics, exact_product


def dynamics(tau: float | None, threshold: float = 1.0) -> Dynamics:
    return Dynamics(tau, threshold, "hard", Surrogate(), True)


def test_leak_is_learned_constant_or_absent() -> None:
    learned: Tensor = torch.tensor(0.3)
    assert dynamics(2.0).leak(learned) is learned
    assert dynamics(4.0).leak(None) == 0.25
    assert dynamics(None).leak(None) == 1.0


def test_thresholds_are_rounded_to_the_type_of_the_currents() -> None:
    assert dynamics(2.0, 0.9).rounded(torch.float64).threshold == 0.9
    assert dynamics(2.0, 0.9).rounded(torch.float16).threshold == float(torch.tensor(0.9, dtype=torch.float16)) != 0.9


@pytest.mark.parametrize(("tau", "exact"), [(1.0, True), (2.0, True), (0.25, True), (1.7, False), (3.0, False)])
def test_powers_of_two_divide_exactly(tau: float, exact: bool) -> None:
    assert exact_product(tau) is exact
