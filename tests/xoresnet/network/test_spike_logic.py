"""Truth tables and gradient tables: the rows are (a, b) = 00, 01, 10, 11."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from xoresnet.description.merge import Operation
from xoresnet.network.spike_logic import OPERATIONS, and_, iand, or_, presence, xor


def operands() -> tuple[Tensor, Tensor]:
    return torch.tensor([0.0, 0, 1, 1], requires_grad=True), torch.tensor([0.0, 1, 0, 1], requires_grad=True)


@pytest.mark.parametrize("grad_mode", [True, False])
@pytest.mark.parametrize("form", ["arithmetic", "saturating", "straight-through"])
@pytest.mark.parametrize(("operation", "table"), [(or_, [0, 1, 1, 1]), (xor, [0, 1, 1, 0])])
def test_truth_whatever_the_gradient(
    operation: Callable[..., Tensor], table: list[float], form: str, grad_mode: bool
) -> None:
    with torch.set_grad_enabled(grad_mode):
        assert operation(*operands(), form).tolist() == table


@pytest.mark.parametrize(
    ("operation", "form", "by_a", "by_b"),
    [
        (or_, "arithmetic", [1, 0, 1, 0], [1, 1, 0, 0]),
        (or_, "saturating", [1, 1, 1, 0], [1, 1, 1, 0]),
        (or_, "straight-through", [1, 1, 1, 1], [1, 1, 1, 1]),
        (xor, "arithmetic", [1, -1, 1, -1], [1, 1, -1, -1]),
        (xor, "saturating", [0, -1, 1, 0], [0, 1, -1, 0]),
        (xor, "straight-through", [1, 1, 1, 1], [1, 1, 1, 1]),
    ],
)
def test_gradients(operation: Callable[..., Tensor], form: str, by_a: list[float], by_b: list[float]) -> None:
    a, b = operands()
    operation(a, b, form).backward(torch.full((4,), 2.0))
    assert a.grad is not None
    assert b.grad is not None
    assert a.grad.tolist() == [2 * slope for slope in by_a]
    assert b.grad.tolist() == [2 * slope for slope in by_b]


@pytest.mark.parametrize(
    ("operation", "form", "formula"),
    [
        (or_, "arithmetic", lambda a, b: a + b - a * b),
        (or_, "saturating", lambda a, b: (a + b).masked_fill(a + b > 1, 1)),
        (xor, "arithmetic", lambda a, b: a + b - 2 * a * b),
        (xor, "saturating", lambda a, b: (a - b).abs()),
    ],
)
def test_gradients_are_those_of_the_formulas(
    operation: Callable[..., Tensor], form: str, formula: Callable[[Tensor, Tensor], Tensor]
) -> None:
    a, b = operands()
    ours = torch.autograd.grad(operation(a, b, form).sum(), (a, b))
    theirs = torch.autograd.grad(formula(a, b).sum(), (a, b))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other)


def test_and_and_iand() -> None:
    a, b = operands()
    assert and_(a, b).tolist() == [0, 0, 0, 1]
    assert iand(a, b).tolist() == [0, 0, 1, 0]
    assert [g.tolist() for g in torch.autograd.grad(and_(a, b).sum(), (a, b))] == [[0, 1, 0, 1], [0, 0, 1, 1]]
    assert [g.tolist() for g in torch.autograd.grad(iand(a, b).sum(), (a, b))] == [[1, 0, 1, 0], [0, 0, -1, -1]]


def test_merges_take_the_shortcut_first() -> None:
    shortcut, branch = operands()
    table = {name: OPERATIONS[name](shortcut, branch, "arithmetic").tolist() for name in Operation}
    assert table == {"add": [0, 1, 1, 2], "or": [0, 1, 1, 1], "and": [0, 0, 0, 1], "iand": [0, 0, 1, 0]}


def test_presence_of_an_integer_stream() -> None:
    x = torch.tensor([0.0, 1.0, 2.0, 5.0], requires_grad=True)
    present = presence(x)
    assert present.tolist() == [0, 1, 1, 1]
    assert torch.autograd.grad(present.sum(), x)[0].tolist() == [1, 1, 0, 0]


def test_xor_on_a_branch_output_changes_nothing_before_or() -> None:
    """Why there is no such placement: x or (x xor s) = x or s."""
    x, s = operands()
    assert torch.equal(or_(x, xor(x, s)), or_(x, s))
