from __future__ import annotations

import math

import pytest
import torch

from xoresnet.description.neuron_spec import SURROGATE_ALPHAS
from xoresnet.neurons.surrogate import SURROGATES


@pytest.mark.parametrize(
    ("kind", "alpha", "y", "slope"),
    [
        ("atan", 2.0, 0.0, 1.0),
        ("atan", 2.0, 1.0, 1 / (1 + math.pi**2)),
        ("atan", 3.0, 0.0, 1.5),
        ("sigmoid", 4.0, 0.0, 1.0),
        ("sigmoid", 1.0, 2.0, math.exp(-2) / (1 + math.exp(-2)) ** 2),
        ("rectangle", 1.0, 0.49, 1.0),
        ("rectangle", 1.0, 0.5, 0.0),
        ("rectangle", 2.0, 0.24, 2.0),
        ("rectangle", 2.0, 0.26, 0.0),
        ("triangle", 1.0, 0.0, 1.0),
        ("triangle", 1.0, 0.25, 0.75),
        ("triangle", 1.0, 1.5, 0.0),
        ("triangle", 2.0, 0.25, 1.0),
    ],
)
def test_derivatives(kind: str, alpha: float, y: float, slope: float) -> None:
    values = torch.tensor([y, -y], dtype=torch.float64)
    grad = torch.tensor([3.0, 3.0], dtype=torch.float64)
    assert SURROGATES[kind](grad, values, alpha).tolist() == pytest.approx([3 * slope, 3 * slope], abs=1e-12)
    assert grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("kind", SURROGATES)
@pytest.mark.parametrize("alpha", [0.7, 2.0])
def test_each_is_the_derivative_of_a_step_from_0_to_1(kind: str, alpha: float) -> None:
    y = torch.linspace(-400, 400, 4_000_001, dtype=torch.float64)
    area = torch.trapezoid(SURROGATES[kind](torch.ones_like(y), y.clone(), alpha), y)
    assert float(area) == pytest.approx(1, abs=2e-3)


def test_every_kind_has_its_function() -> None:
    assert set(SURROGATES) == set(SURROGATE_ALPHAS)
