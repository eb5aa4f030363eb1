"""Neurons against SpikingJelly 2.0, and the properties that they have beyond it."""

from __future__ import annotations

import itertools
import math
import re
import warnings
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from xoresnet.description.neuron_spec import NEURON_KINDS, NeuronSpec, Surrogate, neuron_params_count
from xoresnet.errors import SpecError, UsageError
from xoresnet.neurons.dynamics import Dynamics
from xoresnet.neurons.neuron import IF, LIF, ParametricLIF, Reset, SpikingNeuron, integrate_fire, lif, make_neuron, plif

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside SpikingJelly and what it imports
    from spikingjelly.activation_based import neuron as sj_neuron
    from spikingjelly.activation_based import surrogate as sj_surrogate

SURROGATES = {
    "atan": sj_surrogate.ATan,
    "sigmoid": sj_surrogate.Sigmoid,
    "rectangle": sj_surrogate.Rect,
    "triangle": sj_surrogate.PiecewiseQuadratic,
}
Kind = Literal["lif", "if", "plif"]
CASES = list(
    itertools.product(
        [("lif", 2.0), ("lif", 1.7), ("lif", 1.25), ("if", 2.0), ("plif", 2.0), ("plif", 3.3)],
        ["hard", "soft"],
        [("atan", 2.0), ("sigmoid", 4.0), ("rectangle", 1.0), ("triangle", 1.0), ("atan", 0.8)],
        [True, False],
    )
)


def spikingjelly(
    kind: str, tau: float, threshold: float, reset: str, surrogate: tuple[str, float], detach: bool
) -> Any:
    common = {
        "v_threshold": threshold,
        "v_reset": 0.0 if reset == "hard" else None,
        "surrogate_function": SURROGATES[surrogate[0]](alpha=surrogate[1]),
        "detach_reset": detach,
        "step_mode": "m",
    }
    if kind == "if":
        return sj_neuron.IFNode(**common)
    if kind == "lif":
        return sj_neuron.LIFNode(tau=tau, **common)
    return sj_neuron.ParametricLIFNode(init_tau=tau, **common)


def ours(kind: str, tau: float, **dynamics: Any) -> SpikingNeuron:
    if kind == "if":
        return IF(**dynamics)
    return LIF(tau, **dynamics) if kind == "lif" else ParametricLIF(tau, **dynamics)


@pytest.mark.filterwarnings("ignore")  # SpikingJelly's own
@pytest.mark.parametrize(("neuron", "reset", "surrogate", "detach"), CASES)
def test_equals_spikingjelly(
    neuron: tuple[str, float], reset: Literal["hard", "soft"], surrogate: tuple[str, float], detach: bool
) -> None:
    torch.manual_seed(CASES.index((neuron, reset, surrogate, detach)))
    kind, tau = neuron
    threshold = 1.0 if detach else 0.6
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-14)):
        mine = ours(
            kind,
            tau,
            threshold=threshold,
            reset=reset,
            surrogate=Surrogate(kind=surrogate[0], alpha=surrogate[1]),
            detach_reset=detach,
        )
        theirs = spikingjelly(kind, tau, threshold, reset, surrogate, detach)
        mine, theirs = mine.to(dtype), theirs.to(dtype)
        x = (torch.randn(6, 3, 5, 40) * 1.5 + 0.3).to(dtype)
        grad = torch.randn_like(x)
        x1, x2 = x.clone().requires_grad_(), x.clone().requires_grad_()
        s1, s2 = mine(x1), theirs(x2)
        assert 0.02 < float(s1.detach().mean()) < 0.9
        assert torch.equal(s1, s2)
        s1.backward(grad)
        s2.backward(grad)
        assert x1.grad is not None
        assert x2.grad is not None
        assert float((x1.grad - x2.grad).abs().max()) <= tolerance * float(x2.grad.abs().max())
        if isinstance(mine, ParametricLIF):
            assert mine.w.grad is not None
            assert torch.equal(mine.w, theirs.w.detach())
            # one number that sums 3,600 terms of both signs: relative to the sum of their sizes
            size = float((x2.grad.abs() * x.abs()).sum())
            assert float((mine.w.grad - theirs.w.grad).abs()) <= tolerance * size
        with torch.no_grad():
            assert torch.equal(mine(x), s1)


def equations(x: Tensor, threshold: float, reset: str, leak: float | None) -> Tensor:
    """The docstring of `neuron.py`, word for word."""
    v = torch.zeros_like(x[0])
    spikes = []
    for current in x:
        h = v + current if leak is None else v + (current - v) * leak
        s = (h >= threshold).to(x)
        v = h * (1 - s) if reset == "hard" else h - threshold * s
        spikes.append(s)
    return torch.stack(spikes)


@settings(deadline=None, max_examples=60)
@given(
    steps=st.integers(1, 5),
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    leak=st.sampled_from([None, 0.5, 0.25]),
    reset=st.sampled_from(["hard", "soft"]),
    threshold=st.sampled_from([0.5, 1.0]),
    seed=st.integers(0, 999),
)
def test_equations(
    steps: int, shape: list[int], leak: float | None, reset: Literal["hard", "soft"], threshold: float, seed: int
) -> None:
    x = torch.randn(steps, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2
    expected = equations(x, threshold, reset, leak)
    if leak is None:
        assert torch.equal(integrate_fire(x, threshold, reset), expected)
    else:
        assert torch.equal(lif(x, 1 / leak, threshold, reset), expected)
        w = torch.tensor(math.log(leak / (1 - leak)), dtype=torch.float64)
        if leak == 0.5:  # where sigmoid(w) is exact
            assert torch.equal(plif(x, w, threshold, reset), expected)


@pytest.mark.parametrize("leak", ["lif", "if", "plif"])
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("layout", ["contiguous", "channels-last", "repeated", "strided", "sliced"])
def test_memory_layout_does_not_matter(leak: str, reset: Literal["hard", "soft"], layout: str) -> None:
    torch.manual_seed(1)
    base = torch.randn(3, 2, 4, 6, 8) * 2
    x = {
        "contiguous": base,
        "channels-last": base.flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, (3, 2)),
        "repeated": base[0].expand_as(base),
        "strided": base.transpose(0, 1).contiguous().transpose(0, 1),
        "sliced": torch.randn(3, 2, 4, 6, 16)[..., ::2] * 2,
    }[layout]
    neuron = ours(leak, 2.0, reset=reset)
    grad = torch.randn_like(base).transpose(3, 4).contiguous().transpose(3, 4)
    outcomes = []
    for tensor in (x, x.contiguous()):
        leaf = tensor.detach().requires_grad_()
        spikes = neuron(leaf)
        outcomes.append((spikes.detach(), *torch.autograd.grad(spikes, [leaf, *neuron.parameters()], grad)))
        with torch.no_grad():
            assert torch.equal(neuron(tensor), spikes)
    assert torch.equal(outcomes[0][0], outcomes[1][0])
    for left, right in zip(outcomes[0][1:], outcomes[1][1:], strict=True):
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-5)


def test_gradient_of_the_learned_leak_numerically() -> None:
    """Without spikes the potential is smooth: the gradient of w through h is checked by finite differences."""
    x = torch.rand(4, 50, dtype=torch.float64) * 0.1
    w = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    wide = Surrogate(kind="rectangle", alpha=1e-3)  # derivative 1e-3 everywhere: the spikes' gradient is h's, scaled
    plif(x, w, surrogate=wide).sum().backward()

    def potential(value: float) -> float:
        leak, v, total = 1 / (1 + math.exp(-value)), torch.zeros(50, dtype=torch.float64), 0.0
        for current in x:
            v = v + (current - v) * leak
            total += float(v.sum())
        return total

    slope = (potential(0.3 + 1e-5) - potential(0.3 - 1e-5)) / 2e-5
    assert w.grad is not None
    assert float(w.grad) == pytest.approx(1e-3 * slope, rel=1e-6)


@pytest.mark.parametrize("kind", ["lif", "if", "plif"])
def test_no_state_and_deterministic(kind: str) -> None:
    neuron = ours(kind, 2.0)
    x = torch.randn(5, 20) * 3
    first = neuron(x)
    neuron(torch.full_like(x, 0.9))
    assert torch.equal(neuron(x), first)
    assert set(neuron.state_dict()) == ({"w"} if kind == "plif" else set())


def test_learned_tau_is_in_time_steps() -> None:
    neuron = ParametricLIF(tau=3.0)
    assert neuron.tau == pytest.approx(3.0)
    assert "initial tau=3.0" in repr(neuron)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_output_has_the_type_of_the_input(dtype: torch.dtype) -> None:
    x = (torch.randn(4, 64) * 2).to(dtype).requires_grad_()
    for neuron in (LIF(), IF(), ParametricLIF(), LIF(tau=1.3)):
        spikes = neuron(x)
        assert spikes.dtype is dtype
        assert set(spikes.detach().unique().tolist()) == {0.0, 1.0}
        (grad,) = torch.autograd.grad(spikes.sum(), x)
        assert grad.dtype is dtype
        assert bool(grad.isfinite().all())


@pytest.mark.filterwarnings("ignore")  # SpikingJelly's own
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("threshold", [1.0, 0.9, 0.7, 1.1])
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_half_precision_resets_whatever_spikes(dtype: torch.dtype, threshold: float, reset: Reset) -> None:
    """A threshold that the type cannot hold is rounded once, for the spike and for the reset."""
    x = torch.zeros(3, 1, dtype=dtype)
    x[0] = threshold
    assert integrate_fire(x, threshold, reset).flatten().tolist() == [1.0, 0.0, 0.0]
    x = (torch.randn(4, 5000) * 2).to(dtype)
    rounded = float(torch.tensor(threshold, dtype=dtype))
    theirs = spikingjelly("lif", 2.0, rounded, reset, ("atan", 2.0), True)
    assert torch.equal(LIF(threshold=threshold, reset=reset)(x), theirs(x))


def test_fake_tensors_leave_nothing_behind() -> None:
    with FakeTensorMode():
        lif(torch.randn(2, 3, requires_grad=True)).sum().backward()
    x = torch.randn(2, 3, requires_grad=True)
    lif(x).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LIF(tau=0.5), "tau: must be at least 1 for a lif neuron, got 0.5"),
        (lambda: ParametricLIF(tau=1.0), "tau: must be greater than 1 for a plif neuron, got 1.0"),
        (lambda: IF(threshold=0.0), "threshold: must be greater than 0"),
        (lambda: LIF(reset="sft"), "reset: 'sft' is not one of hard, soft; did you mean 'soft'?"),
        (
            lambda: LIF(surrogate="atn"),
            "surrogate.kind: 'atn' is not one of atan, sigmoid, rectangle, triangle; did you",
        ),
        (lambda: LIF(tau=None), "tau: must be a number, got None"),
        (lambda: ParametricLIF(tau=None), "tau: must be a number, got None"),
        (lambda: LIF(threshold=torch.ones(2)), "threshold: must be a number"),
        (lambda: LIF(surrogate=["atan"]), "surrogate: must be a mapping of fields, got ['atan']"),
        (lambda: lif(torch.ones(2, 3), reset="HARD"), "reset: 'HARD' is not one of hard, soft; did you mean 'hard'?"),
        (lambda: lif(torch.ones(2, 3), tau=-1), "tau: must be greater than 0, got -1"),
        (lambda: integrate_fire(torch.ones(2, 3), threshold=-1), "threshold: must be greater than 0, got -1"),
    ],
)
def test_values_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        make()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lif(torch.tensor([1, 2, 3])), r"floating-point currents [T, ...], got torch.int64 [3]"),
        (lambda: lif([1.0, 2.0]), r"floating-point currents [T, ...], got list"),
        (lambda: lif(torch.ones(0, 3)), "need at least one time step, got none"),
        (lambda: plif(torch.ones(2, 3), torch.zeros(3)), "w must be a tensor of one element, got [3]"),
        (lambda: plif(torch.ones(2, 3), 0.0), "w must be a tensor of one element, got float"),
    ],
)
def test_inputs_that_are_not_currents(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        call()


def test_second_derivatives_are_refused() -> None:
    x = torch.randn(2, 3, requires_grad=True)
    (grad,) = torch.autograd.grad((lif(x) * x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_make_neuron_follows_its_description() -> None:
    spec = NeuronSpec.from_dict(
        {"kind": "plif", "tau": 3.0, "threshold": 0.5, "reset": "soft", "surrogate": "sigmoid", "detach_reset": False}
    )
    neuron = make_neuron(spec)
    assert isinstance(neuron, ParametricLIF)
    assert neuron.dynamics == Dynamics(3.0, 0.5, "soft", Surrogate(kind="sigmoid", alpha=4.0), False)
    assert type(make_neuron(NeuronSpec.from_dict({"kind": "if"}))) is IF


@pytest.mark.parametrize("kind", NEURON_KINDS)
def test_every_kind_has_its_module(kind: str) -> None:
    neuron = make_neuron(NeuronSpec.from_dict({"kind": kind}))
    assert neuron.params_count == neuron_params_count(kind) == sum(p.numel() for p in neuron.parameters())
