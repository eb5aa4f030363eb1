"""Networks and numbers in a few words, for lines and tables on a terminal."""

from __future__ import annotations

import shlex
from pathlib import Path

from xoresnet.description.arch import Arch
from xoresnet.description.hardware import HardwareUsage
from xoresnet.files.places import is_url
from xoresnet.measures.metrics import metric_of

__all__ = ["counted", "describe_arch", "describe_usage", "figure_text", "next_commands", "report_command"]


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "network"), counted(1200, "network")
    ('1 network', '1,200 networks')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def describe_arch(arch: Arch) -> str:
    """A network in a few words; XOR, the neuron and the block are left out where they are `none`, `lif` and `basic`.

    >>> describe_arch(Arch.baseline("xoresnet14", input_shape=(3, 32, 32), num_classes=10))
    'depth 14 width 16 T=4 oa xor middle'
    """

    def stages(value: str | tuple[str, ...]) -> str:
        return value if isinstance(value, str) else "/".join(value)

    words = [
        f"{'' if arch.block == 'basic' else 'bottleneck '}depth {arch.depth}",
        f"width {arch.width}",
        f"T={arch.timesteps}",
        stages(arch.merge),
    ]
    if stages(arch.xor) != "none":
        words.append(f"xor {stages(arch.xor)}")
    if arch.neuron.kind != "lif":
        words.append(arch.neuron.kind)
    return " ".join(words)


def describe_usage(usage: HardwareUsage) -> str:
    """The resources of a chip that a network uses.

    >>> describe_usage(HardwareUsage(5642, 1024, 304, 557632, 79520, 10)).split("), ")[0]
    'on a chip it uses 10 layers, 5,642 neurons (at most 1,024 in one layer'
    """
    return (
        f"on a chip it uses {counted(usage.layers, 'layer')}, {counted(usage.neurons, 'neuron')} (at most "
        f"{usage.neurons_per_layer:,} in one layer), {counted(usage.synapses, 'synapse')} (at most {usage.fan_in:,} "
        f"into one neuron), {counted(usage.activation_memory, 'byte')} of activations"
    )


def next_commands(run: str | Path) -> str:
    """The commands that follow a search or a confirmation, as a shell takes them.

    >>> next_commands("my runs/digits")
    "xoresnet report 'my runs/digits'; xoresnet export 'my runs/digits'"
    """
    return f"{report_command(run)}; {shlex.join(['xoresnet', 'export', str(run)])}"


def report_command(run: str | Path) -> str:
    """The command that writes the report of a run or of an ablation."""
    output = ["--output", "report.html"] if is_url(run) else []  # a report is a file of this machine
    return shlex.join(["xoresnet", "report", str(run), *output])


def figure_text(metric: str, value: float) -> str:
    """A value with the short name of its metric: `spikes 1,234`."""
    return f"{metric_of(metric).heading} {metric_of(metric).compact_text(value)}"
