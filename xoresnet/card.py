"""The model card: what a model is, what it was measured to do, and how to use it, for people."""

from __future__ import annotations

from collections.abc import Sequence

from xoresnet.counts import Energy
from xoresnet.model import CONFIG, WEIGHTS, ModelConfig
from xoresnet.table import params_count, summary

__all__ = ["model_card"]

_FIGURES = {
    "test_accuracy": ("accuracy on the test set", "{:.2%}"),
    "val_accuracy": ("accuracy on the validation images", "{:.2%}"),
    "spikes_per_sample": ("spikes per image", "{:,.0f}"),
    "synops_per_sample": ("synaptic operations per image", "{:,.0f}"),
    "macs_per_sample": ("multiply-adds per image", "{:,.0f}"),
    "energy_pj_per_sample": ("energy per image, pJ", "{:,.0f}"),
    "firing_rate": ("firing rate", "{:.4f}"),
}
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
}


def model_card(config: ModelConfig, files: Sequence[str], *, spikes: bool) -> str:
    """Markdown; files: those beside the folder's own two; spikes: whether they return the count."""
    arch = config.arch
    shape = ", ".join(map(str, arch.input_shape))
    rows = [f"| {text} | {form.format(config.figures[name])} |" for name, (text, form) in _FIGURES.items()
            if name in config.figures]  # fmt: skip
    neuron = arch.neuron
    parts = [
        f"# {arch.arch_id}\n\nA residual spiking network for {config.data.name}, found and trained with xoresnet.",
        "| | |\n| --- | --- |\n" + "\n".join(
            [
                f"| input | images [N, {shape}], float32 in [0, 1]; they are normalised inside |",
                f"| output | logits [N, {arch.num_classes}]{' and spikes [N] of each image' if spikes else ''} |",
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


def _uses(files: Sequence[str], shape: str, *, spikes: bool) -> list[str]:
    result = {
        "model.pt2": "logits, spikes" if spikes else "logits",
        "model.onnx": "logits, spikes" if spikes else "(logits,)",
    }
    return [f"```python\n{_USE[name].format(shape=shape, result=result[name])}\n```" for name in files if name in _USE]


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
