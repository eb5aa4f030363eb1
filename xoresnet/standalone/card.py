"""The model card: what a model is, what was measured of it, and how to use it, for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from xoresnet.description.layer_table import params_count, summary
from xoresnet.description.neuron_spec import NEURON_KINDS, NeuronSpec
from xoresnet.measures.figures import Energy
from xoresnet.measures.metrics import METRICS, metric_of
from xoresnet.plain_text import visible
from xoresnet.standalone.config import ModelConfig
from xoresnet.standalone.folder import CONFIG, WEIGHTS
from xoresnet.standalone.format import Format, Sample

__all__ = ["model_card"]

_FIGURES = (
    "test_accuracy",
    "val_accuracy",
    "spikes_per_sample",
    "synops_per_sample",
    "macs_per_sample",
    "energy_pj_per_sample",
    "energy_memory_pj_per_sample",
    "energy_loihi_pj_per_sample",
    "twin_energy_pj_per_sample",
    "twin_energy_memory_pj_per_sample",
    "firing_rate",
)
_CONFIRMED = ("test_accuracy", "test_spikes_per_sample")
"""Figures whose means over several seeds come first, if the network was confirmed."""
_ENERGY = (
    "Energy counts {:g} pJ for each multiply-add and {:g} pJ for each synaptic operation (32 bit, 45 nm): an estimate "
    "of arithmetic only. Energy with memory adds every access to an SRAM (Lemaire et al. 2022), and energy on Loihi "
    "counts by Intel's published figures (Davies et al. 2018); the ReLU twin has the same layers, run once. All are "
    "estimates, not measurements."
)
_PREDICT = """from xoresnet import load_model

model = load_model(".")  # this folder
found = model.predict("photo.png")  # a file, a folder, or images of Pillow, NumPy or torch
print(found.labels, found.probabilities)"""
_PREPARE = """import numpy as np
from PIL import Image

image = Image.open("photo.png").convert("{mode}")
scale = max({height} / image.height, {width} / image.width)
size = max({width}, round(image.width * scale)), max({height}, round(image.height * scale))
image = image.resize(size, Image.Resampling.BILINEAR)
left, top = (image.width - {width}) // 2, (image.height - {height}) // 2
pixels = np.asarray(image.crop((left, top, left + {width}, top + {height})), dtype=np.float32) / 255
images = pixels.reshape(1, {height}, {width}, {channels}).transpose(0, 3, 1, 2)"""
"""What `data/reading/image_files.py` does to an image."""
_PREDICT_EVENTS = """from xoresnet import load_model

model = load_model(".")  # this folder
found = model.predict("recording.npy")  # a file, a folder, or frames of NumPy or torch
print(found.labels, found.probabilities)"""
_COUNT = """import numpy as np

# an array with the columns x, y, p, t, one event in each row, in the order of time
x, y, p, t = np.load("recording.npy").astype(np.int64).T
steps = np.minimum({places} // max({span} // {timesteps}, 1), {timesteps} - 1)
frames = np.zeros(({timesteps}, 1, 2, {height}, {width}), dtype=np.float32)
np.add.at(frames, (steps, 0, p, y * {height} // {sensor[0]}, x * {width} // {sensor[1]}), 1)
frames = frames.clip(max=255)"""
"""What `data/events/frames.py` does to the events of a recording."""
_WITHOUT_XORESNET = (
    "The other files need no xoresnet. The first lines make of a {what} what the network takes, as its data set did; "
    "give these `{name}` in place of random ones (`torch.from_numpy({name})` where tensors are wanted). The class is "
    "the place of the largest logit in the list above."
)
_LICENCE = "The weights belong to whoever trained them; xoresnet is under Apache-2.0."


def model_card(config: ModelConfig, formats: Sequence[Format], *, spikes: bool) -> str:
    """Markdown. formats: of the single files in the folder; spikes: whether these return the count, if they can."""
    classes = ", ".join(map(_literal, config.data.classes))
    parts = [
        f"# {config.arch.arch_id}",
        f"A residual spiking network for {_literal(config.data.name)}, found and trained with xoresnet.",
        "\n".join(["| | |", "| --- | --- |", *_rows(config, formats, spikes=spikes)]),
        _ENERGY.format(*Energy()),
        f"## Use\n\n`{CONFIG}` and `{WEIGHTS}` load with xoresnet:",
        f"```python\n{_PREDICT if config.data.frames is None else _PREDICT_EVENTS}\n```",
        f"Classes, in the order of the logits: {classes}.",
        *_examples(config, formats, spikes=spikes),
        f"## Network\n\n```text\n{_fenced(summary(config.arch))}\n```",
        *_training(config),
        f"## Licence\n\n{_LICENCE}",
    ]
    return "\n\n".join(parts) + "\n"


def _rows(config: ModelConfig, formats: Sequence[Format], *, spikes: bool) -> list[str]:
    arch, frames = config.arch, config.data.frames is not None
    rows = {
        "input": _input(config),
        "output": _output(arch.num_classes, formats, spikes=spikes),
        "time steps": f"{arch.timesteps}, with {'one frame' if frames else 'the same image'} at each of them",
        "neuron": _neuron(arch.neuron),
        "parameters": f"{params_count(arch):,}",
    }
    rows |= _confirmed(config.figures)
    of_these = " of these weights" if f"{_CONFIRMED[0]}_mean" in config.figures else ""
    for metric in (METRICS[name] for name in _FIGURES if name in config.figures):
        rows[f"{metric.long_heading}{of_these}"] = metric.text(config.figures[metric.name])
    return [f"| {name} | {text} |" for name, text in rows.items()]


def _input(config: ModelConfig) -> str:
    timesteps, shape = config.arch.timesteps, ", ".join(map(str, config.arch.input_shape))
    if config.data.frames is None:
        return f"images [N, {shape}], float32 in [0, 1]; they are normalised inside"
    parts = "equally many events" if config.data.frames == "count" else "equal length"
    in_parts = f"{timesteps} parts of {parts}" if timesteps > 1 else "the whole recording"
    counted = f"float32: the events of each polarity and pixel in {in_parts}"
    return f"frames [{timesteps}, N, {shape}], {counted}"


def _confirmed(figures: Mapping[str, float]) -> dict[str, str]:
    """The means over the seeds of a confirmation with their standard deviations; none for other models."""
    rows = {}
    seeds = figures.get("seeds", 1)
    for metric in (metric_of(name) for name in _CONFIRMED if f"{name}_mean" in figures):
        of_seeds = f", mean ± standard deviation of {seeds:.0f} seeds" if seeds > 1 else ", another seed"
        text = metric.spread_text(figures[f"{metric.name}_mean"], figures.get(f"{metric.name}_std", math.nan))
        rows[f"{metric.long_heading}{of_seeds}"] = text
    return rows


def _neuron(neuron: NeuronSpec) -> str:
    kind = NEURON_KINDS.get(neuron.kind)
    constants = f"threshold {neuron.threshold:g}, {neuron.reset} reset"
    if kind is None:  # a user's, which makes of the constants what it likes
        return f"{_literal(neuron.kind)}, tau {neuron.tau:g}, {constants}"
    tau = f"{'initial ' * kind.learns_tau}tau {neuron.tau:g}, " if kind.leaky else ""
    return f"{neuron.kind}, {tau}{constants}"


def _output(classes: int, formats: Sequence[Format], *, spikes: bool) -> str:
    counts = spikes and any(form.returns_spikes for form in formats)
    text = f"logits [N, {classes}]{' and spikes [N] of each of them' if counts else ''}"
    others = [f"`{form.file}`: {form.output.format(classes=classes)}" for form in formats if form.output]
    return "; ".join([text, *others])


def _examples(config: ModelConfig, formats: Sequence[Format], *, spikes: bool) -> list[str]:
    if not formats:
        return []
    frames = config.data.frames is not None
    steps = (config.arch.timesteps,) if frames else ()
    sample = Sample(", ".join(map(str, (*steps, 1, *config.arch.input_shape))), is_frames=frames)
    examples = [form.example(sample, spikes=spikes and form.returns_spikes) for form in formats]
    told = _WITHOUT_XORESNET.format(what="recording" if frames else "photo", name=sample.name)
    return [told, *(f"```python\n{code}\n```" for code in (_preparing(config), *examples))]


def _preparing(config: ModelConfig) -> str:
    """Code that makes what the network takes."""
    channels, height, width = config.arch.input_shape
    if config.data.frames is None:
        mode = "L" if channels == 1 else "RGB"
        return _PREPARE.format(mode=mode, channels=channels, height=height, width=width)
    by_count = config.data.frames == "count"
    places, span = ("np.arange(len(t))", "len(t)") if by_count else ("(t - t[0])", "(t[-1] - t[0])")
    sizes = {"timesteps": config.arch.timesteps, "height": height, "width": width}
    return _COUNT.format(places=places, span=span, sensor=config.data.sensor, **sizes)


def _training(config: ModelConfig) -> list[str]:
    if config.recipe is None:
        return []
    lines = [f"- {name}: {value}" for name, value in config.recipe.model_dump(mode="json").items() if value is not None]
    origin = f"Source: {_literal(config.origin)}. " if config.origin else ""
    versions = ", ".join(_literal(f"{name} {version}") for name, version in config.versions.items())
    made_with = f"\n\nMade with {versions}." if versions else ""
    return [f"## Training\n\n{origin}Recipe:\n\n" + "\n".join(lines) + made_with]


def _fenced(text: str) -> str:
    """For a block of code, which nothing in it ends."""
    return visible(text).replace("`", "")


def _literal(text: str) -> str:
    """A text that others may have written, as Markdown shows it without reading marks, links or HTML in it."""
    return f"`{''.join(character for character in text if character.isprintable() and character not in '`|')}`"
