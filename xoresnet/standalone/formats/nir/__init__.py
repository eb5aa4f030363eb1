"""`.nir`: the Neuromorphic Intermediate Representation, for simulators and hardware: a graph of layers in HDF5.

Writing and comparing need the packages of the extra `export`, so what imports `nir` is imported when it is called.
`lowering.py` tells how NIR expresses a network, `running.py` runs the file.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from xoresnet.standalone.format import Format, Sample
from xoresnet.standalone.module import Standalone

__all__ = ["FORMAT", "run", "write"]


def write(model: Standalone, path: Path) -> None:
    """Input: images, the same at each time step, or the frame of each; output: its logits, [num_classes, 1, 1].

    Raises `UnsupportedError` for what NIR has no nodes for.
    """
    from xoresnet.standalone.formats.nir.lowering import write_graph

    write_graph(model, path)


def run(path: Path, images: Tensor) -> tuple[Tensor, ...]:
    """Logits [N, classes] and spikes [N]: the file is read back and run node by node, without this project's layers."""
    from xoresnet.standalone.formats.nir.running import run_graph

    return run_graph(path, images)


def _example(sample: Sample, *, spikes: bool) -> str:
    steps = "for frame in frames:" if sample.is_frames else 'for _ in range(graph.metadata["timesteps"]):'
    step = "frame" if sample.is_frames else "images"
    return f"""import nir  # pip install nir nirtorch
import nirtorch
import torch


class Neuron(torch.nn.Module):  # forward Euler, in steps of 0.1 ms
    def __init__(self, node):
        super().__init__()
        leaky = isinstance(node, nir.LIF)
        self.leak = 1e-4 / float(node.tau.flat[0]) if leaky else 0.0
        self.gain = self.leak if leaky else 1e-4 * float(node.r.flat[0])
        self.threshold = float(node.v_threshold.flat[0])

    def forward(self, x, state=None):
        v = self.gain * x if state is None else state - self.leak * state + self.gain * x
        spikes = v > self.threshold
        return spikes.float(), v * ~spikes


graph = nir.read("model.nir")
model = nirtorch.nir_to_torch(graph, {{nir.LIF: Neuron, nir.IF: Neuron}})
{sample.name}, outputs, state = {sample.torch}, [], None  # {sample.comment}
{steps}
    output, state = model({step}, state)
    outputs.append(output)
logits = torch.stack(outputs).mean(0).flatten(1)"""


FORMAT = Format(
    "nir",
    write,
    run,
    _example,
    packages=("nir",),
    returns_spikes=False,
    every_network=False,
    output="logits [N, {classes}, 1, 1] of each time step",
)
