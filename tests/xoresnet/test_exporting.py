"""Files that leave: loaded by others, in a process where this project does not exist, they do what the network does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.xoresnet.trained import described, made, some_archs
from xoresnet.exporting import ExportError, export
from xoresnet.formats import pt2
from xoresnet.standalone import Standalone

ARCHS = some_archs(10, seed=2)
BATCHES = (1, 5)
FOREIGN = """
import sys
sys.modules["xoresnet"] = None
import pathlib
import numpy as np, onnxruntime, torch
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    model = torch.export.load(folder / "model.pt2").module()
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    for batch in sys.argv[2:]:
        images = np.load(folder / f"images{batch}.npy")
        of_torch = [value.numpy() for value in model(torch.from_numpy(images))]
        for name, (logits, spikes) in {"pt2": of_torch, "onnx": session.run(None, {"images": images})}.items():
            np.savez(folder / f"{name}{batch}.npz", logits=logits, spikes=spikes)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each network, with images and what foreign code made of them."""
    place = tmp_path_factory.mktemp("exports")
    generator = torch.Generator().manual_seed(1)
    for number, arch in enumerate(ARCHS):
        folder = place / f"{number:02d}"
        done = export(made(arch), described(arch), folder, ["pt2", "onnx"], spikes=True, fold=number % 2 == 1)
        assert [one.path.name for one in done] == [folder.name, "model.pt2", "model.onnx"]
        assert all(one.decided > one.images / 2 and one.logits_error < 1e-5 for one in done)
        for batch in BATCHES:
            images = torch.rand(batch, *arch.input_shape, generator=generator)
            np.save(folder / f"images{batch}.npy", images.numpy())
    command = [sys.executable, "-c", FOREIGN, str(place), *map(str, BATCHES)]
    subprocess.run(command, check=True, capture_output=True, cwd=place)
    return place


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("number", range(len(ARCHS)))
def test_foreign_code_gets_the_same(number: int, batch: int, written: Path) -> None:
    folder = written / f"{number:02d}"
    model = Standalone(made(ARCHS[number]), [0.3], [0.25], spikes=True)
    images = torch.from_numpy(np.load(folder / f"images{batch}.npy"))
    logits, spikes = (value.numpy() for value in model(images))
    for name in ("pt2", "onnx"):
        found = np.load(folder / f"{name}{batch}.npz")
        np.testing.assert_allclose(found["logits"], logits, rtol=0, atol=1e-5 * np.abs(logits).max())
        np.testing.assert_array_equal(found["logits"].argmax(1), logits.argmax(1))
        np.testing.assert_array_equal(found["spikes"], spikes)


def test_the_card_says_what_it_is(written: Path) -> None:
    card = (written / "00" / "README.md").read_text()
    for text in (ARCHS[0].arch_id, "98.76%", "1,234", "torch.export.load", "onnxruntime", "Apache-2.0", "`9`"):
        assert text in card


def test_the_code_on_the_card_runs(written: Path) -> None:
    blocks = (written / "00" / "README.md").read_text().split("```python\n")[1:]
    assert len(blocks) == 2
    for block in blocks:
        code = "import sys; sys.modules['xoresnet'] = None\n" + block.partition("```")[0]
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=written / "00")


def test_a_file_that_does_something_else_is_refused_and_what_was_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writes_another(model: Standalone, path: Path) -> None:
        model.net.head.bias.data += 1
        pt2_write(model, path)

    export(made(ARCHS[1]), described(ARCHS[1]), tmp_path / "model", [])
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    pt2_write = pt2.write
    monkeypatch.setattr(pt2, "write", writes_another)
    with pytest.raises(ExportError, match=r"model\.pt2 differs from the network: its logits are off by"):
        export(made(ARCHS[0]), described(ARCHS[0]), tmp_path / "model", ["pt2"])
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_format_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"'onyx' is not one of safetensors, pt2, onnx; did you mean 'onnx'\?"):
        export(made(ARCHS[0]), described(ARCHS[0]), tmp_path, ["onyx"])
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_was_there_before_goes_as_a_whole(tmp_path: Path) -> None:
    one, other = ARCHS[:2]
    export(made(one), described(one), tmp_path, ["pt2"])
    export(made(other), described(other), tmp_path, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"holds other files, like notes\.txt: choose another folder"):
        export(made(one), described(one), tmp_path, [])
