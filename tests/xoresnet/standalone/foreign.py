"""Exports that are run in a process where this project does not exist."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.xoresnet.lively import clear_images, facts, lively
from xoresnet import Arch, export

FORMATS = ["pt2", "onnx"]
BATCHES = (1, 5)
RUN = """
import sys
sys.modules["xoresnet"] = None
import json, pathlib
import numpy as np, onnxruntime, torch
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    of_pt2 = {"arch_id": "", "classes": "", "timesteps": ""}
    model = torch.export.load(folder / "model.pt2", extra_files=of_pt2).module()
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    facts = {"pt2": of_pt2, "onnx": session.get_modelmeta().custom_metadata_map}
    (folder / "facts.json").write_text(json.dumps(facts))
    for batch in sys.argv[2:]:
        images = np.load(folder / f"expected{batch}.npz")["images"]
        of_torch = [value.numpy() for value in model(torch.from_numpy(images))]
        for name, (logits, spikes) in {"pt2": of_torch, "onnx": session.run(None, {"images": images})}.items():
            np.savez(folder / f"{name}{batch}.npz", logits=logits, spikes=spikes)
"""


def write_and_run(place: Path, archs: Sequence[Arch]) -> None:
    """Write a folder `NN` for each network, with images, what it returns for them, and what its files return."""
    for number, arch in enumerate(archs):
        folder, net = place / f"{number:02d}", lively(arch)
        written = export(net, facts(arch), folder, FORMATS, spikes=True, fold=number % 2 == 1)
        assert [file.path.name for file in written] == [folder.name, *(f"model.{form}" for form in FORMATS)]
        assert all(file.decided > file.images / 2 and file.logits_error < 1e-5 for file in written)
        for batch in BATCHES:
            images, logits, spikes = clear_images(net, batch, seed=number)
            np.savez(folder / f"expected{batch}.npz", images=images, logits=logits, spikes=spikes)
    command = [sys.executable, "-c", RUN, str(place), *map(str, BATCHES)]
    subprocess.run(command, check=True, capture_output=True, cwd=place)


def assert_the_same(folder: Path, batch: int) -> None:
    """The files in a folder return what the network does: logits up to rounding, and equal numbers of spikes."""
    expected = np.load(folder / f"expected{batch}.npz")
    logits = expected["logits"]
    for name in FORMATS:
        returned = np.load(folder / f"{name}{batch}.npz")
        np.testing.assert_allclose(returned["logits"], logits, rtol=0, atol=1e-5 * np.abs(logits).max())
        np.testing.assert_array_equal(returned["logits"].argmax(1), logits.argmax(1))
        np.testing.assert_array_equal(returned["spikes"], expected["spikes"])
