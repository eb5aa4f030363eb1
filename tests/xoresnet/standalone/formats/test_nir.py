"""NIR files, read back and executed by nirtorch, with the neurons that the model card shows."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import nir
import nirtorch
import numpy as np
import pytest
import torch
from snntorch import import_nir
from spikingjelly.activation_based.nir_exchange import import_from_nir
from torch import Tensor

from tests.xoresnet.lively import archs_of_all_kinds, clear_images, facts, lively
from tests.xoresnet.standalone.formats.contract import SMALL, FormatContract
from xoresnet.description.arch import Arch
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS, Join, Merge, Operation, UserOperation
from xoresnet.errors import UnsupportedError
from xoresnet.standalone.export import export
from xoresnet.standalone.formats.nir.graph import TIME_STEP_SECONDS, Graph, Signal
from xoresnet.standalone.formats.nir.lowering import OPERATIONS

NEITHER = Merge(Join.SPIKES, Join.SPIKES, UserOperation(lambda a, b: (1 - a) * (1 - b)))
HARD = {"neuron": {"reset": "hard"}}
EXPRESSIBLE = [name for name, merge in MERGES.items() if merge.operation is None or merge.operation in OPERATIONS]
ARCHS = archs_of_all_kinds(merges=EXPRESSIBLE, **HARD)


def on_the_card(folder: Path) -> dict[str, Any]:
    """Names that the card's code defines before it reads the file."""
    code = (folder / "README.md").read_text().split("```python\n")[-1]
    names: dict[str, Any] = {}
    exec(code.partition("graph = nir.read")[0], names)
    return names


@pytest.mark.filterwarnings("ignore")  # nirtorch's own
def execute(folder: Path, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [N, classes] and spikes [N] by nirtorch."""
    names = on_the_card(folder)
    graph = nir.read(folder / "model.nir")
    model = nirtorch.nir_to_torch(graph, {nir.LIF: names["Neuron"], nir.IF: names["Neuron"]})
    gates = json.loads(graph.metadata["gates"])
    spikes = torch.zeros(len(images))

    def count(module: Any, inputs: Any, outputs: tuple[Tensor, Tensor]) -> None:
        spikes.add_(outputs[0].sum((1, 2, 3)))

    neurons = {name: module for name, module in model.named_modules() if isinstance(module, names["Neuron"])}
    assert set(gates) < set(neurons)
    for name in set(neurons) - set(gates):
        neurons[name].register_forward_hook(count)
    outputs, state = [], None
    with torch.no_grad():
        for _ in range(graph.metadata["timesteps"]):
            output, state = model(images, state)
            outputs.append(output)
    return torch.stack(outputs).mean(0).flatten(1), spikes


def assert_nirtorch_agrees(arch: Arch, folder: Path) -> None:
    """Export a network; nirtorch, reading the file, returns its logits up to rounding, and as many spikes."""
    net = lively(arch)
    _, file = export(net, facts(arch), folder, ["nir"])
    assert file.path == folder / "model.nir"
    assert file.decided > file.images / 2
    for batch in (1, 3):
        images, logits, spikes = clear_images(net, batch, seed=1)
        executed_logits, executed_spikes = execute(folder, images)
        np.testing.assert_allclose(executed_logits, logits, rtol=0, atol=1e-5 * float(logits.abs().max()))
        assert torch.equal(executed_logits.argmax(1), logits.argmax(1))
        assert torch.equal(executed_spikes, spikes)
        assert spikes.min() > 0


def assert_spikingjelly_agrees(arch: Arch, folder: Path) -> None:
    """SpikingJelly's own importer, without any help, returns the network's logits up to rounding."""
    assert_the_same_logits(import_from_nir(folder / "model.nir"), arch)


def assert_the_same_logits(model: torch.nn.Module, arch: Arch) -> None:
    """What a tool made of the file, run step by step, returns the network's logits up to rounding."""
    images, logits, _ = clear_images(lively(arch), 3, seed=1)
    outputs, state = [], None
    with torch.no_grad():
        for _ in range(arch.timesteps):
            output, state = model(images, state)
            outputs.append(output)
    executed = torch.stack(outputs).mean(0).flatten(1)
    np.testing.assert_allclose(executed, logits, rtol=0, atol=1e-5 * float(logits.abs().max()))


def assert_snntorch_agrees(arch: Arch, folder: Path) -> None:
    """SnnTorch's importer returns the network's logits up to rounding; it refuses IF neurons, whose r is not 1."""
    graph = nir.read(folder / "model.nir")
    if arch.neuron.kind == "if":
        with pytest.raises(AssertionError, match="r != 1 not supported"):
            import_nir.import_from_nir(graph)
    else:
        assert_the_same_logits(import_nir.import_from_nir(graph), arch)


class TestNir(FormatContract):
    name = "nir"
    bytes_per_step = 1  # it describes one time step

    def text_of(self, path: Path) -> bytes:
        texts = [path.read_bytes()]
        if path.suffix == ".nir":
            with h5py.File(path) as file:
                file.visititems(lambda name, item: texts.append(_seen(name, item)))
        return b"".join(texts)


def _seen(name: str, item: h5py.Group | h5py.Dataset) -> bytes:
    value = item[()] if isinstance(item, h5py.Dataset) else ""
    return f"{name} {dict(item.attrs)} {value if np.ndim(value) == 0 else ''}".encode()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(ARCHS)))
def test_simulators_get_the_same(number: int, tmp_path: Path) -> None:
    assert_nirtorch_agrees(ARCHS[number], tmp_path / "model")
    assert_spikingjelly_agrees(ARCHS[number], tmp_path / "model")
    assert_snntorch_agrees(ARCHS[number], tmp_path / "model")


def test_networks_are_of_all_kinds() -> None:
    assert {merge for arch in ARCHS for merge in arch.merge} == set(EXPRESSIBLE)
    assert {"add", "or", "oa", "and", "iand", "current", "membrane"} <= set(EXPRESSIBLE)
    assert {placement for arch in ARCHS for placement in arch.xor} == set(XOR_PLACEMENTS)
    assert {arch.neuron.kind for arch in ARCHS} == {"lif", "if", "plif"}
    assert {arch.stem for arch in ARCHS} == {"conv3", "conv7-pool"}


def test_the_file_says_how_to_read_it(tmp_path: Path) -> None:
    export(lively(SMALL), facts(SMALL), tmp_path / "model", ["nir"])
    metadata = nir.read(tmp_path / "model" / "model.nir").metadata
    assert (metadata["arch_id"], metadata["timesteps"], metadata["classes"]) == (
        SMALL.arch_id,
        2,
        '["a", "b", "c", "d", "e"]',
    )
    assert "same at each time step" in metadata["input"]


TRUTH = {
    Operation.OR: (0, 1, 1, 1), Operation.AND: (0, 0, 0, 1), Operation.IAND: (0, 0, 1, 0), Operation.ADD: (0, 1, 1, 2),
}  # fmt: skip
"""For (shortcut, branch) = 00, 01, 10, 11."""


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations_by_their_tables(operation: Operation) -> None:
    graph, shape = Graph(), (1, 1, 1)
    out = OPERATIONS[operation](graph, "merge", Signal(("a",), shape), Signal(("b",), shape))
    outcomes = (value(graph, out, {"a": a, "b": b}) for a, b in product((0, 1), repeat=2))
    assert tuple(outcomes) == TRUTH[operation]


def value(graph: Graph, signal: Signal, known: dict[str, float]) -> float:
    """By the definition of each node."""
    return sum(known[name] if name in known else _node_value(graph, name, known) for name in signal.nodes)


def _node_value(graph: Graph, name: str, known: dict[str, float]) -> float:
    node = graph.nodes[name]
    sources = tuple(source for source, target in graph.edges if target == name)
    x = value(graph, Signal(sources, (1, 1, 1)), known)
    assert x >= 0 or isinstance(node, nir.Conv2d)
    if isinstance(node, nir.LIF):  # from rest, to which it returns
        return float(x * TIME_STEP_SECONDS / float(node.tau.flat[0]) > float(node.v_threshold.flat[0]))
    assert isinstance(node, nir.Conv2d)
    return x * float(node.weight.flat[0])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"neuron": {"reset": "soft"}},
            r"return to zero after a spike \(reset: hard\), but these subtract .* \(reset: soft\)",
        ),
        ({"stem": "conv7-pool", "merge": "membrane", "depth": 10}, r"NIR has no maximum, "),
        (
            {"merge": "tests.xoresnet.standalone.formats.test_nir.NEITHER"},
            r"NIR has no nodes for the operation .*, only for add, or, and, iand",
        ),
    ],
)
def test_what_nir_cannot_say_is_refused_in_a_sentence(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    arch = SMALL.replace(**changes)
    with pytest.raises(UnsupportedError, match=rf"model/model\.nir cannot be written: .*{sentence}") as caught:
        export(lively(arch), facts(arch), tmp_path / "model", ["nir"])
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
