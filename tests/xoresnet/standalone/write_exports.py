"""`python -m tests.xoresnet.standalone.write_exports PLACE FIRST STEP`: some networks as files, and what they return.

A process of its own, so that several share the work: tracing takes most of the time, and one core.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from tests.xoresnet.lively import clear_images, facts, lively, lively_archs
from xoresnet.standalone.export import export

ARCHS = lively_archs(40, seed=30)
FORMATS = ["pt2", "onnx"]
BATCHES = (1, 5)


def write(place: Path, number: int) -> None:
    folder, arch = place / f"{number:02d}", ARCHS[number]
    net = lively(arch)
    done = export(net, facts(arch), folder, FORMATS, spikes=True, fold=number % 2 == 1)
    assert [one.path.name for one in done] == [folder.name, *(f"model.{form}" for form in FORMATS)]
    assert all(one.decided > one.images / 2 and one.logits_error < 1e-5 for one in done)
    for batch in BATCHES:
        images, logits, spikes = clear_images(net, batch, seed=number)
        np.savez(folder / f"expected{batch}.npz", images=images, logits=logits, spikes=spikes)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for number in range(int(sys.argv[2]), len(ARCHS), int(sys.argv[3])):
        write(Path(sys.argv[1]), number)
