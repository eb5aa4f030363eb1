"""Networks under `torch.compile`: one graph without a break, and the spikes and gradients of the plain network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.xoresnet.lively import clear_images, lively, standalone
from xoresnet import Arch, ParametricLIF
from xoresnet.neurons import fire_compiled

pytestmark = pytest.mark.filterwarnings("ignore")  # the compiler's own
ARCH = Arch(
    input_shape=(1, 8, 8),
    num_classes=5,
    depth=8,
    width=3,
    timesteps=2,
    merge=("oa", "add", "membrane"),
    xor="middle",
    neuron={"kind": "plif", "threshold": 0.9},
)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    torch.compiler.reset()


def compiled(net: nn.Module) -> Any:
    # all of the compiler but the code that it generates, which rounds in its own way and needs a C++ compiler
    return torch.compile(net, fullgraph=True, backend="aot_eager")


def test_a_network_is_one_graph_with_the_same_logits_and_spikes() -> None:
    images, logits, spikes = clear_images(lively(ARCH), 3)
    returned = compiled(standalone(lively(ARCH)))(images)
    assert spikes.min() > 0
    assert torch.equal(returned[0], logits)
    assert torch.equal(returned[1], spikes)


def test_training_has_the_same_gradients() -> None:
    nets = [lively(ARCH).train() for _ in range(2)]
    for module in (module for net in nets for module in net.modules()):
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1  # torch looks at a tensor's value where there is none
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for call in (nets[0], compiled(nets[1])):
        call(images).square().sum().backward()
    leaks = [module.w.grad for module in nets[0].modules() if isinstance(module, ParametricLIF)]
    assert all(grad is not None and float(grad) != 0 for grad in leaks)
    for left, right in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert left.grad is not None
        assert right.grad is not None
        assert torch.equal(left.grad, right.grad)


CASES = [
    (None, None, False, "triangle", True),
    (None, 1.7, True, "atan", False),
    (torch.tensor(0.4, requires_grad=True), 2.0, True, "sigmoid", True),
]  # leak, tau, hard, surrogate, detach_reset


@pytest.mark.parametrize(("leak", "tau", "hard", "surrogate", "detach"), CASES)
def test_the_operator_keeps_its_promises(
    leak: Tensor | None, tau: float | None, hard: bool, surrogate: str, detach: bool
) -> None:
    """What torch checks of an operator: that it writes to no input, and what it says of shapes, strides, gradients."""
    x = torch.rand(3, 5, 4, generator=torch.Generator().manual_seed(0)).transpose(1, 2).requires_grad_()
    operator = torch.ops.xoresnet.fire.default
    assert fire_compiled.__doc__  # importing it has defined the operator
    torch.library.opcheck(operator, (x, leak, tau, 0.7, hard, surrogate, 2.0, detach, True))


def test_a_users_own_export_gives_the_same() -> None:
    """With gradients enabled, as they are by default, and by the tracer that this project's formats do not use."""
    net = lively(ARCH)
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    program = torch.export.export(net, (images,), strict=True)
    assert not any("xoresnet" in str(node.target) for node in program.graph.nodes)
    assert torch.equal(program.module()(images), net(images))
