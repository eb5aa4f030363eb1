"""Exported files, run in a process where this project does not exist, return what the network returns.

`tests/exhaustive` has the same for many more networks.
"""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.xoresnet.lively import archs_of_all_kinds, facts, lively
from tests.xoresnet.standalone.foreign import BATCHES, FORMATS, assert_the_same, write_and_run
from xoresnet import ExportError, Recipe, UsageError, export
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS
from xoresnet.standalone import formats
from xoresnet.standalone.card import model_card
from xoresnet.standalone.export import FORMATS as ALL_FORMATS
from xoresnet.standalone.export import collect_formats
from xoresnet.standalone.formats import pt2
from xoresnet.standalone.module import Standalone

ARCHS = archs_of_all_kinds()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each network, with images and what foreign code computed for them."""
    place = tmp_path_factory.mktemp("exports")
    write_and_run(place, ARCHS)
    return place


def test_networks_are_of_all_kinds() -> None:
    def values_of(field: str) -> set[object]:
        values = [getattr(arch, field) for arch in ARCHS]
        return {value for entry in values for value in (entry if isinstance(entry, tuple) else (entry,))}

    assert values_of("merge") == set(MERGES)
    assert values_of("xor") == set(XOR_PLACEMENTS)
    assert values_of("block") == {"basic", "bottleneck"}
    assert values_of("stem") == {"conv3", "conv7-pool"}
    assert {arch.neuron.kind for arch in ARCHS} == {"lif", "if", "plif"}
    assert {arch.neuron.reset for arch in ARCHS} == {"hard", "soft"}
    assert max(arch.timesteps for arch in ARCHS) > 1


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("number", range(len(ARCHS)))
def test_foreign_code_gets_the_same(number: int, batch: int, written: Path) -> None:
    assert_the_same(written / f"{number:02d}", batch)


@pytest.mark.parametrize("number", range(len(ARCHS)))
def test_files_know_their_classes(number: int, written: Path) -> None:
    arch = ARCHS[number]
    metadata = json.loads((written / f"{number:02d}" / "facts.json").read_text())
    assert metadata.keys() == set(FORMATS)
    for facts_of_file in metadata.values():
        assert json.loads(facts_of_file["classes"]) == list("abcde")
        assert (facts_of_file["arch_id"], facts_of_file["timesteps"]) == (arch.arch_id, str(arch.timesteps))


def test_nothing_is_pickled(written: Path) -> None:
    with zipfile.ZipFile(written / "00" / "model.pt2") as archive:
        assert len(archive.namelist()) > 10
        for name in archive.namelist():
            assert not archive.read(name).startswith((b"PK", b"\x80")) or "/weights/" in name, name


def test_the_card_describes_the_model(written: Path) -> None:
    card = (written / "00" / "README.md").read_text()
    for text in (ARCHS[0].arch_id, "98.76 %", "1,234", "torch.export.load", "onnxruntime", "Apache-2.0", "`e`"):
        assert text in card


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("if", "| neuron | if, threshold 1, hard reset |"),
        ("lif", "| neuron | lif, tau 2, threshold 1, hard reset |"),
        ("plif", "| neuron | plif, initial tau 2, threshold 1, hard reset |"),
    ],
)
def test_the_card_names_only_constants_that_the_neuron_has(kind: str, row: str) -> None:
    arch = ARCHS[0].replace(neuron=kind)
    assert row in model_card(facts(arch), [], spikes=False).splitlines()


def test_the_card_shows_what_others_wrote_as_it_is() -> None:
    evil = "[x](https://evil.example)<script>`|\x1b[2J\n# x"
    config = facts(ARCHS[0])
    config = config.replace(
        data=config.data.replace(name=evil, classes=(evil, *"bcde")),
        origin=evil,
        recipe=Recipe(),
        versions={evil: "1"},
    )
    card = model_card(config, [], spikes=False)
    assert "\x1b" not in card
    assert card.count("`[x](https://evil.example)<script>[2J# x") == card.count("evil.example") == 4


def test_formats() -> None:
    assert ALL_FORMATS == ("safetensors", "pt2", "onnx", "nir")


def test_a_module_in_the_folder_is_all_that_a_format_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        "import shutil\n"
        "from dataclasses import replace\n"
        "from xoresnet.standalone.formats.pt2 import FORMAT as PT2\n"
        "FORMAT = replace(PT2, name='mine', packages=('json',))\n"
    )
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    assert list(collect_formats()) == ["pt2", "mine", "onnx", "nir"]
    monkeypatch.delitem(sys.modules, f"{formats.__name__}.mine")


def test_after_a_failure_what_was_there_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_another(model: Standalone, path: Path) -> None:
        model.net.head.bias.data += 1
        pt2.write(model, path)

    export(lively(ARCHS[1]), facts(ARCHS[1]), tmp_path / "model", [])
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    monkeypatch.setattr(pt2, "FORMAT", replace(pt2.FORMAT, write=write_another))
    with pytest.raises(ExportError, match=r"model\.pt2 differs from the network: its logits are off by"):
        export(lively(ARCHS[0]), facts(ARCHS[0]), tmp_path / "model", ["pt2"])
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_format_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'onyx' is not one of safetensors, pt2, onnx, nir; did you mean 'onnx'\?"):
        export(lively(ARCHS[0]), facts(ARCHS[0]), tmp_path, ["onyx"])
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_was_there_before_is_replaced_as_a_whole(tmp_path: Path) -> None:
    first, second = ARCHS[:2]
    export(lively(first), facts(first), tmp_path, ["pt2"])
    export(lively(second), facts(second), tmp_path, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds other files, such as notes\.txt; choose another folder"):
        export(lively(first), facts(first), tmp_path, [])
