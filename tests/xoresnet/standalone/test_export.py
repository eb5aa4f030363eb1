"""Files that leave: loaded by others, in a process where this project does not exist, they do what the network does."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.xoresnet.lively import facts, lively
from tests.xoresnet.standalone.write_exports import ARCHS, BATCHES, FORMATS
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS
from xoresnet.errors import ExportError
from xoresnet.standalone.export import export
from xoresnet.standalone.formats import pt2
from xoresnet.standalone.module import Standalone

ROOT = Path(__file__).parents[2]
PROCESSES = 2
FOREIGN = """
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


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each network, with images and what foreign code made of them."""
    place = tmp_path_factory.mktemp("exports")
    command = [sys.executable, "-m", "tests.xoresnet.standalone.write_exports", str(place)]
    writers = [
        subprocess.Popen([*command, str(first), str(PROCESSES)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for first in range(PROCESSES)
    ]
    for writer in writers:
        _, said = writer.communicate()
        assert writer.returncode == 0, said
    foreign = [sys.executable, "-c", FOREIGN, str(place), *map(str, BATCHES)]
    subprocess.run(foreign, check=True, capture_output=True, cwd=place)
    return place


def test_networks_are_of_all_kinds() -> None:
    def among(field: str) -> set[object]:
        values = [getattr(arch, field) for arch in ARCHS]
        return {one for value in values for one in (value if isinstance(value, tuple) else (value,))}

    assert len({arch.arch_id for arch in ARCHS}) >= 40
    assert among("merge") == set(MERGES)
    assert among("xor") == set(XOR_PLACEMENTS)
    assert among("block") == {"basic", "bottleneck"}
    assert among("stem") == {"conv3", "conv7-pool"}
    assert {arch.neuron.kind for arch in ARCHS} == {"lif", "if", "plif"}
    assert {arch.neuron.reset for arch in ARCHS} == {"hard", "soft"}


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("number", range(len(ARCHS)))
def test_foreign_code_gets_the_same(number: int, batch: int, written: Path) -> None:
    folder = written / f"{number:02d}"
    expected = np.load(folder / f"expected{batch}.npz")
    logits = expected["logits"]
    for name in FORMATS:
        found = np.load(folder / f"{name}{batch}.npz")
        np.testing.assert_allclose(found["logits"], logits, rtol=0, atol=1e-5 * np.abs(logits).max())
        np.testing.assert_array_equal(found["logits"].argmax(1), logits.argmax(1))
        np.testing.assert_array_equal(found["spikes"], expected["spikes"])


@pytest.mark.parametrize("number", range(0, len(ARCHS), 8))
def test_files_know_their_classes(number: int, written: Path) -> None:
    arch = ARCHS[number]
    for found in json.loads((written / f"{number:02d}" / "facts.json").read_text()).values():
        assert json.loads(found["classes"]) == list("abcde")
        assert (found["arch_id"], found["timesteps"]) == (arch.arch_id, str(arch.timesteps))


def test_nothing_is_pickled(written: Path) -> None:
    with zipfile.ZipFile(written / "00" / "model.pt2") as archive:
        assert len(archive.namelist()) > 10
        for name in archive.namelist():
            assert not archive.read(name).startswith((b"PK", b"\x80")) or "/weights/" in name, name


def test_the_card_says_what_it_is(written: Path) -> None:
    card = (written / "00" / "README.md").read_text()
    for text in (ARCHS[0].arch_id, "98.76%", "1,234", "torch.export.load", "onnxruntime", "Apache-2.0", "`e`"):
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

    export(lively(ARCHS[1]), facts(ARCHS[1]), tmp_path / "model", [])
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    pt2_write = pt2.write
    monkeypatch.setattr(pt2, "write", writes_another)
    with pytest.raises(ExportError, match=r"model\.pt2 differs from the network: its logits are off by"):
        export(lively(ARCHS[0]), facts(ARCHS[0]), tmp_path / "model", ["pt2"])
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_format_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"'onyx' is not one of safetensors, pt2, onnx, nir; did you mean 'onnx'\?"):
        export(lively(ARCHS[0]), facts(ARCHS[0]), tmp_path, ["onyx"])
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_was_there_before_goes_as_a_whole(tmp_path: Path) -> None:
    one, other = ARCHS[:2]
    export(lively(one), facts(one), tmp_path, ["pt2"])
    export(lively(other), facts(other), tmp_path, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"holds other files, like notes\.txt: choose another folder"):
        export(lively(one), facts(one), tmp_path, [])
