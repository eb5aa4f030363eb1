"""Inference speed of exported models: folded `.onnx` in onnxruntime, folded `.pt2` in torch, and the plain network.

    python benchmarks/inference.py [--rounds 7] [--threads 2]

All contenders take turns within each round. Figures are medians over rounds; ratios are medians of the ratios within a
round. Batch norms have statistics and neurons fire; the logits are compared before the timing starts. Requires
`pip install -e '.[dev]'`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import onnxruntime
import torch
from torch import Tensor, nn

from xoresnet import Arch, XOResNet, hold_freed_memory
from xoresnet.standalone.formats import onnx, pt2
from xoresnet.standalone.module import Standalone


class Setting(NamedTuple):
    name: str
    arch: Arch
    batch: int


def settings() -> list[Setting]:
    def made(name: str, shape: tuple[int, int, int], width: int) -> Arch:
        return Arch.baseline(name, input_shape=shape, num_classes=10, width=width, timesteps=4)

    return [
        Setting("xoresnet18, width 64, 28x28", made("xoresnet18", (1, 28, 28), 64), 32),
        Setting("xoresnet18, width 16, 28x28", made("xoresnet18", (1, 28, 28), 16), 32),
        Setting("sew-resnet18, width 16, 28x28", made("sew-resnet18", (1, 28, 28), 16), 32),
        Setting("xoresnet14, width 16, 8x8", made("xoresnet14", (1, 8, 8), 16), 64),
        Setting("xoresnet14, width 16, 8x8", made("xoresnet14", (1, 8, 8), 16), 1),
    ]


def lively(arch: Arch) -> XOResNet:
    torch.manual_seed(0)
    net = XOResNet(arch)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 0.3)
            module.momentum = None
    with torch.no_grad():
        for _ in range(3):
            net(2 * torch.rand(16, *arch.input_shape) - 1)
    return net.eval()


def contenders(setting: Setting, images: Tensor, threads: int, place: Path) -> dict[str, Callable[[], Tensor]]:
    net = lively(setting.arch)
    plain, folded = (Standalone(net, [0.5], [0.5], fold=fold) for fold in (False, True))
    onnx.write(folded, place / "model.onnx")
    pt2.write(folded, place / "model.pt2")
    program = torch.export.load(place / "model.pt2").module()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(place / "model.onnx", options, providers=["CPUExecutionProvider"])
    inputs = {"images": images.numpy()}
    return {
        "eager": lambda: torch.as_tensor(plain(images)),
        "eager, folded": lambda: torch.as_tensor(folded(images)),
        ".pt2, folded": lambda: torch.as_tensor(program(images)),
        ".onnx, folded": lambda: torch.from_numpy(session.run(None, inputs)[0]),
    }


def measure(setting: Setting, rounds: int, threads: int) -> None:
    images = torch.rand(setting.batch, *setting.arch.input_shape)
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        runs = contenders(setting, images, threads, Path(name))
        logits = {label: run() for label, run in runs.items()}
        differences = {
            label: float((values - logits["eager"]).abs().amax(1).median()) for label, values in logits.items()
        }
        assert max(differences.values()) < 1e-4 * float(logits["eager"].abs().max()), differences
        seconds: dict[str, list[float]] = {label: [] for label in runs}
        for _ in range(rounds):
            for label, run in runs.items():
                seconds[label].append(time_of(run))
    print(f"\n{setting.name}, batch {setting.batch}:\n")
    print("| model | images per second | times eager |\n| --- | --- | --- |")
    for label, times in seconds.items():
        ratio = statistics.median(base / mine for base, mine in zip(seconds["eager"], times, strict=True))
        print(f"| {label} | {setting.batch / statistics.median(times):,.0f} | {ratio:.2f} |")


def time_of(run: Callable[[], Tensor]) -> float:
    """Seconds per call, averaged over half a second."""
    start, calls = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < 0.5:
        run()
        calls += 1
    return spent / calls


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    hold_freed_memory()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}, {arguments.threads} threads")
    for setting in settings():
        measure(setting, arguments.rounds, arguments.threads)
