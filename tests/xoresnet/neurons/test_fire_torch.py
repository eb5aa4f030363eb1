from __future__ import annotations

import torch
from torch import Tensor

from xoresnet.neurons.fire_torch import PIECE_ELEMENTS
from xoresnet.neurons.neuron import lif


def test_pieces_do_not_show() -> None:
    """A tensor longer than one piece gives what its halves give."""
    torch.manual_seed(2)
    x = torch.randn(3, 2 * PIECE_ELEMENTS * torch.get_num_threads() + 77)
    half = x.shape[1] // 2
    assert torch.equal(lif(x), torch.cat([lif(x[:, :half]), lif(x[:, half:])], 1))
    leaf = x.clone().requires_grad_()
    lif(leaf).backward(x)
    parts = []
    for piece in (x[:, :half], x[:, half:]):
        part = piece.clone().requires_grad_()
        lif(part).backward(piece)
        parts.append(part.grad)
    assert torch.equal(leaf.grad, torch.cat([p for p in parts if p is not None], 1))


def test_saves_the_potential_alone() -> None:
    saved: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        lif(torch.randn(4, 10, requires_grad=True))
    assert [tuple(tensor.shape) for tensor in saved] == [(4, 10)]
