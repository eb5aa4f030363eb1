"""Training and inference speed of our networks, of SpikingJelly's, and of a bound: ours with ReLU for every neuron.

    python benchmarks/network_speed.py [--rounds 7] [--threads 2] [--default-malloc]

All contenders take turns within each round, so that drifts in the speed of the machine affect all of them. Figures are
medians over rounds; ratios are medians of the ratios within a round. Peak memory is measured in a process of its own:
the peak of training steps less the memory held before them. Runs on CUDA if there is a device. Requires
`pip install -e '.[dev]'` (SpikingJelly).
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xoresnet import Arch, XOResNet, count_spikes, hold_freed_memory
from xoresnet.neurons.neuron import SpikingNeuron

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")


class Setting(NamedTuple):
    name: str
    arch: Arch
    batch: int


def settings() -> list[Setting]:
    def sew(shape: tuple[int, int, int], depth: int, width: int) -> Arch:
        return Arch.baseline(f"sew-resnet{depth}", input_shape=shape, num_classes=10, width=width, timesteps=4)

    return [
        Setting("ResNet-18 ADD, width 64, 28x28, batch 32", sew((1, 28, 28), 18, 64), 32),
        Setting("ResNet-18 ADD, width 16, 28x28, batch 32", sew((1, 28, 28), 18, 16), 32),
        Setting("ResNet-14 ADD, width 16, 8x8, batch 64", sew((1, 8, 8), 14, 16), 64),
    ]


def relu_bound(arch: Arch) -> nn.Module:
    """Our network with a ReLU for every neuron: the same convolutions, norms and sums, without spikes."""
    net = XOResNet(arch)
    for module in list(net.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, SpikingNeuron):
                setattr(module, name, nn.ReLU())
    return net


class SpikingJellyNet(nn.Module):
    """The same network of SpikingJelly's SEW blocks in multi-step mode; its stem also convolves once, not T times."""

    def __init__(self, arch: Arch) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside SpikingJelly
            from spikingjelly.activation_based import functional, layer, neuron, surrogate
            from spikingjelly.activation_based.model.sew_resnet import BasicBlock, conv1x1
        self.reset = functional.reset_net
        self.timesteps = arch.timesteps
        fire: dict[str, Any] = {"tau": 2.0, "surrogate_function": surrogate.ATan(), "detach_reset": True}
        self.stem = nn.Sequential(
            nn.Conv2d(arch.input_shape[0], arch.width, 3, padding=1, bias=False), nn.BatchNorm2d(arch.width)
        )
        blocks: list[nn.Module] = [neuron.LIFNode(**copy.deepcopy(fire))]
        channels = arch.width
        for stage, count in enumerate(arch.blocks_per_stage):
            width = arch.width * 2**stage
            for index in range(count):
                stride = 2 if stage and not index else 1
                down = nn.Sequential(conv1x1(channels, width, stride), layer.BatchNorm2d(width)) if stride > 1 else None
                blocks.append(
                    BasicBlock(channels, width, stride, down, cnf="ADD", spiking_neuron=neuron.LIFNode, **fire)
                )
                channels = width
        self.blocks = nn.Sequential(*blocks, layer.AdaptiveAvgPool2d((1, 1)))
        functional.set_step_mode(self.blocks, "m")
        self.head = nn.Linear(channels, arch.num_classes)

    def forward(self, x: Tensor) -> Tensor:
        self.reset(self.blocks)
        current = self.stem(x)
        logits: Tensor = self.head(self.blocks(current.expand(self.timesteps, *current.shape)).flatten(2)).mean(0)
        return logits


CONTENDERS: dict[str, tuple[Callable[[Arch], nn.Module], bool]] = {
    "ReLU bound, fp32": (relu_bound, False),
    "xoresnet, fp32": (XOResNet, False),
    "SpikingJelly, fp32": (SpikingJellyNet, False),
    "ReLU bound, bf16": (relu_bound, True),
    "xoresnet, bf16": (XOResNet, True),
}
"""For each contender its builder, and whether it runs under bf16 autocast."""


def training_step(net: nn.Module, x: Tensor, y: Tensor, bf16: bool) -> None:
    net.train()
    with torch.autocast(DEVICE.type, torch.bfloat16, enabled=bf16):
        loss = F.cross_entropy(net(x), y)
    loss.backward()
    for parameter in net.parameters():
        parameter.grad = None


def inference(net: nn.Module, x: Tensor, bf16: bool) -> None:
    net.eval()
    with torch.no_grad(), torch.autocast(DEVICE.type, torch.bfloat16, enabled=bf16):
        net(x)


def counted_inference(net: nn.Module, x: Tensor) -> None:
    net.eval()
    with torch.no_grad(), count_spikes(net) as counts:
        net(x)
    assert counts.samples == len(x)


def seconds(task: Callable[[], None]) -> float:
    if CUDA:
        torch.cuda.synchronize()
    start = time.perf_counter()
    task()
    if CUDA:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def in_turns(tasks: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each task in each round, after two uncounted rounds."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 2):
        for name, task in tasks.items():
            spent = seconds(task)
            if number >= 2:
                times[name].append(spent)
    return times


def ratio(times: dict[str, list[float]], name: str, base: str) -> float:
    return statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))


def peak_memory(index: int, name: str) -> float:
    """Peak memory of training steps of one contender in MiB, measured in a process of its own."""
    threads = str(torch.get_num_threads())
    command = [sys.executable, __file__, "--threads", threads, "--memory", json.dumps([index, name])]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def print_peak_memory(index: int, name: str) -> None:
    setting = settings()[index]
    build, bf16 = CONTENDERS[name]
    net = build(setting.arch).to(DEVICE)
    x, y = batch(setting)
    if CUDA:
        before = torch.cuda.memory_allocated()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = resident("VmRSS")
    for _ in range(2):
        training_step(net, x, y, bf16)
    after = torch.cuda.max_memory_allocated() if CUDA else resident("VmHWM")
    print((after - before) / 2**20)


def resident(name: str) -> int:
    """An entry of /proc/self/status in bytes; Linux only."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def batch(setting: Setting) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(setting.batch, *setting.arch.input_shape, generator=generator)
    return x.to(DEVICE), torch.randint(10, (setting.batch,), generator=generator).to(DEVICE)


def report(index: int, setting: Setting, rounds: int) -> None:
    nets = {name: (build(setting.arch).to(DEVICE), bf16) for name, (build, bf16) in CONTENDERS.items()}
    x, y = batch(setting)
    train = in_turns(
        {name: lambda net=net, bf16=bf16: training_step(net, x, y, bf16) for name, (net, bf16) in nets.items()}, rounds
    )
    infer = in_turns(
        {name: lambda net=net, bf16=bf16: inference(net, x, bf16) for name, (net, bf16) in nets.items()}, rounds
    )
    ours, base = nets["xoresnet, fp32"][0], "ReLU bound, fp32"
    counting = in_turns(
        {"off": lambda: inference(ours, x, False), "on": lambda: counted_inference(ours, x)}, 3 * rounds
    )
    print(f"\n### {setting.name}\n")
    print("| network | training, ms | to the bound | inference, ms | to the bound | memory of a step, MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in nets:
        cells = [
            f"{1000 * statistics.median(train[name]):.1f}",
            f"{ratio(train, name, base):.2f}",
            f"{1000 * statistics.median(infer[name]):.1f}",
            f"{ratio(infer, name, base):.2f}",
            f"{peak_memory(index, name):.0f}",
        ]
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\nCounting on / off: {ratio(counting, 'on', 'off'):.2f}. ", end="")
    print(f"SpikingJelly fp32 / xoresnet bf16, training: {ratio(train, 'SpikingJelly, fp32', 'xoresnet, bf16'):.2f}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--default-malloc", action="store_true", help="return freed memory (see `hold_freed_memory`)")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.memory:
        print_peak_memory(*json.loads(arguments.memory))
        return
    held = not arguments.default_malloc and hold_freed_memory()
    where = torch.cuda.get_device_name() if CUDA else f"{platform.machine()} CPU, {arguments.threads} threads"
    print(
        f"torch {torch.__version__}, {where}, freed memory {'held' if held else 'returned'}, {arguments.rounds} rounds"
    )
    for index, setting in enumerate(settings()):
        report(index, setting, arguments.rounds)


if __name__ == "__main__":
    main()
