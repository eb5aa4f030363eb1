"""The model card: what a model is, what it was measured to do, and how to use it, for people."""

from __future__ import annotations

from collections.abc import Sequence

from xoresnet.description.layer_table import params_count, summary
from xoresnet.measures.figures import Energy
from xoresnet.measures.metrics import metric_of
from xoresnet.standalone.folder import CONFIG, WEIGHTS, ModelConfig

__all__ = ["model_card"]

_FIGURES = (
    "test_accuracy", "val_accuracy", "spikes_per_sample", "synops_per_sample", "macs_per_sample",
    "energy_pj_per_sample", "firing_rate",
)  # fmt: skip
_ENERGY = (
    "Energy is {:g} pJ for each multiply-add and {:g} pJ for each synaptic operation (32 bit, 45 nm): an estimate of "
    "arithmetic alone."
)
_USE = {
    "model.pt2": """import torch

model = torch.export.load("model.pt2").module()
{result} = model(torch.rand(1, {shape}))  # images in [0, 1]""",
    "model.onnx": """import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
images = np.random.rand(1, {shape}).astype(np.float32)  # in [0, 1]
{result} = session.run(None, {{"images": images}})""",
    "model.nir": """import nir  # pip install nir nirtorch
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


class Function(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.forward = function


nodes = {{
    nir.LIF: Neuron,
    nir.IF: Neuron,
    nir.Scale: lambda node: Function(lambda x: x * torch.from_numpy(node.scale)),
    nir.Threshold: lambda node: Function(lambda x: (x > torch.from_numpy(node.threshold)).float()),
    nir.SumPool2d: lambda node: torch.nn.AvgPool2d(3, 2, 1, divisor_override=1),
}}
graph = nir.read("model.nir")
model = nirtorch.nir_to_torch(graph, nodes)
images, outputs, state = torch.rand(1, {shape}), [], None  # images in [0, 1]
for _ in range(graph.metadata["timesteps"]):
    output, state = model(images, state)
    outputs.append(output)
logits = torch.stack(outputs).mean(0).flatten(1)""",
}

_COUNTING = {"model.pt2": "logits", "model.onnx": "(logits,)"}
"""Files that can return spikes as well, and what they return without them."""


def model_card(config: ModelConfig, files: Sequence[str], *, spikes: bool) -> str:
    """Markdown; files: those beside the folder's own two; spikes: whether they return the count, where they can."""
    arch = config.arch
    shape = ", ".join(map(str, arch.input_shape))
    figures = [(metric_of(name), config.figures[name]) for name in _FIGURES if name in config.figures]
    rows = [f"| {metric.long_heading} | {metric.text(value)} |" for metric, value in figures]
    neuron = arch.neuron
    parts = [
        f"# {arch.arch_id}\n\nA residual spiking network for {config.data.name}, found and trained with xoresnet.",
        "| | |\n| --- | --- |\n" + "\n".join(
            [
                f"| input | images [N, {shape}], float32 in [0, 1]; they are normalised inside |",
                f"| output | {_output(arch.num_classes, files, spikes=spikes)} |",
                f"| time steps | {arch.timesteps}, the image at each of them |",
                f"| neuron | {neuron.kind}, tau {neuron.tau:g}, threshold {neuron.threshold:g}, {neuron.reset} reset |",
                f"| parameters | {params_count(arch):,} |",
                *rows,
            ]
        ),
        _ENERGY.format(*Energy()),
        f"## Use\n\nAs files: `{CONFIG}` and `{WEIGHTS}` load with `xoresnet.load_model(folder)`.",
        *_uses(files, shape, spikes=spikes),
        "Classes, in the order of the logits: " + ", ".join(f"`{_plain(name)}`" for name in config.data.classes) + ".",
        f"## Network\n\n```text\n{summary(arch)}\n```",
        *_training(config),
        "## Licence\n\nThe weights belong to whoever trained them; xoresnet is under Apache-2.0.",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _output(classes: int, files: Sequence[str], *, spikes: bool) -> str:
    counting = spikes and any(name in _COUNTING for name in files)
    text = f"logits [N, {classes}]{' and spikes [N] of each image' if counting else ''}"
    return f"{text}; of `model.nir`, logits [N, {classes}, 1, 1] of each time step" if "model.nir" in files else text


def _uses(files: Sequence[str], shape: str, *, spikes: bool) -> list[str]:
    texts = []
    for name in (name for name in files if name in _USE):
        result = "logits, spikes" if spikes else _COUNTING.get(name, "")
        texts.append(f"```python\n{_USE[name].format(shape=shape, result=result)}\n```")
    return texts


def _training(config: ModelConfig) -> list[str]:
    if config.recipe is None:
        return []
    lines = [f"- {name}: {value}" for name, value in config.recipe.model_dump(mode="json").items() if value is not None]
    origin = f"From {_plain(config.origin)}. " if config.origin else ""
    versions = ", ".join(f"{name} {version}" for name, version in config.versions.items())
    made = f"\n\nMade with {versions}." if versions else ""
    return [f"## Training\n\n{origin}Recipe:\n\n" + "\n".join(lines) + made]


def _plain(text: str) -> str:
    """Without what Markdown or HTML would read."""
    return "".join(character for character in text if character not in "`<>|\n")
