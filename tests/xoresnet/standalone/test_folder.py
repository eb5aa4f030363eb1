"""A trained network as a folder: written, loaded, and refused where it is not whole."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from safetensors.torch import load_file, save_file

import xoresnet
from tests.search.command_line import xoresnet as xoresnet_command
from tests.xoresnet.trained import described, made, some_archs
from xoresnet import Arch, SpecError, load_model
from xoresnet.errors import ModelError, UntrustedCodeError
from xoresnet.standalone.config import ModelConfig
from xoresnet.standalone.folder import CONFIG, WEIGHTS, save_model

(ARCH,) = some_archs(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", made(ARCH), described(ARCH))
    return tmp_path / "model"


@pytest.mark.parametrize("arch", some_archs(6, seed=1), ids=lambda arch: arch.arch_id)
def test_it_comes_back_as_it_was(arch: Arch, tmp_path: Path) -> None:
    net = made(arch)
    save_model(tmp_path, net, described(arch))
    model = load_model(tmp_path)
    images = torch.rand(3, *arch.input_shape)
    with torch.no_grad():
        assert torch.equal(model(images), net((images - 0.3) / 0.25))
    assert model.config == described(arch)


def test_a_trial_of_a_search_by_its_number(folder: Path, tmp_path: Path) -> None:
    trial = tmp_path / "runs" / "digits" / "trials" / f"0007-{ARCH.arch_id}"
    trial.mkdir(parents=True)
    (folder / CONFIG).rename(trial / CONFIG)
    (folder / WEIGHTS).rename(trial / "weights.safetensors")
    assert load_model(f"{tmp_path}/runs/digits:7").config == described(ARCH)
    with pytest.raises(
        ModelError,
        match="runs/digits holds no model of a trial 8: it is not complete, or its weights were removed",
    ):
        load_model(f"{tmp_path}/runs/digits:8")


def spoil(folder: Path, what: str) -> None:
    weights = load_file(folder / WEIGHTS)
    config = json.loads((folder / CONFIG).read_text())
    match what:
        case "no config":
            (folder / CONFIG).unlink()
        case "no weights":
            (folder / WEIGHTS).unlink()
        case "cut":
            (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100])
        case "no json":
            (folder / CONFIG).write_text("{")
        case "newer":
            (folder / CONFIG).write_text(json.dumps({**config, "format_version": 2, "more": 1}))
        case "unknown field":
            (folder / CONFIG).write_text(json.dumps({**config, "archs": 1}))
        case "classes":
            config["data"]["classes"] = ["a", "b"]
            (folder / CONFIG).write_text(json.dumps(config))
        case "shape":
            save_file({**weights, "head.weight": torch.zeros(3, 3)}, folder / WEIGHTS)
        case "huge":
            config["arch"]["width"] = 8_192
            (folder / CONFIG).write_text(json.dumps(config))
        case "missing":
            save_file({name: value for name, value in weights.items() if name != "head.bias"}, folder / WEIGHTS)
        case "more":
            save_file({**weights, "head.scale": torch.zeros(1)}, folder / WEIGHTS)
        case "nan":
            save_file({**weights, "head.bias": torch.full((10,), torch.nan)}, folder / WEIGHTS)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("no config", r"model holds no model: config\.json is missing"),
        ("no weights", r"model holds no weights: weights\.safetensors is missing"),
        ("cut", r"model\.safetensors is damaged: "),
        ("no json", r"config\.json cannot be read: "),
        ("newer", r"config\.json has format version 2, but this xoresnet reads up to 1; install a newer one"),
        ("unknown field", r"config\.json: archs: unknown field; did you mean 'arch'\?"),
        ("classes", r"config\.json: data: 2 classes and 1 channels, but the network has 10 and 1"),
        ("shape", r"holds the weights of another network: head\.weight is float32 \[3, 3\], not float32 \[10, \d+\]"),
        (
            "huge",
            r"the weights of another network: [\d,]+ numbers, but config\.json describes a network of [\d,]{13,}$",
        ),
        ("missing", r"holds the weights of another network: head\.bias is missing"),
        ("more", r"holds the weights of another network: the network has no head\.scale"),
        ("nan", r"holds the weights of another network: head\.bias is not finite"),
    ],
)
def test_what_is_not_whole_is_refused_in_a_sentence(what: str, sentence: str, folder: Path) -> None:
    spoil(folder, what)
    with pytest.raises(ModelError, match=sentence) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"merge": "theirs.MERGE"}, {"neuron": {"kind": "theirs.Neuron"}}])
def test_code_that_a_model_names_runs_only_if_it_is_trusted(
    changes: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "theirs.py").write_text(THEIRS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    config = json.loads((folder / CONFIG).read_text())
    config["arch"] |= changes
    (folder / CONFIG).write_text(json.dumps(config))
    named = changes.get("merge", "theirs.Neuron")
    with pytest.raises(UntrustedCodeError) as refused:
        load_model(folder)
    fact = f"{folder / CONFIG} names code that would be imported, and so run: {named}"
    assert str(refused.value) == f"{fact}; pass trust_code=True if you trust it"
    written = xoresnet_command("export", str(folder), "--output", "out")
    assert written.is_refusal(1, f"{fact}; add --trust-code if you trust it")
    assert not (tmp_path / "ran").exists()
    with suppress(ModelError):  # its weights may be of another network
        load_model(folder, trust_code=True)
    assert (tmp_path / "ran").exists()
    sys.modules.pop("theirs")


THEIRS = """
from pathlib import Path
from xoresnet import IF, Join, Merge, Operation

Path("ran").touch()
MERGE = Merge(Join.SPIKES, Join.SPIKES, Operation.OR)

class Neuron(IF):
    def __init__(self, spec):
        super().__init__(spec.threshold)
"""


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("import pathlib; pathlib.Path('exploded').touch()",)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_nothing_is_unpickled(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError):
        load_model(folder)
    torch.save(Bomb(), folder / name)
    with pytest.raises(ModelError):
        load_model(folder)
    assert not Path("exploded").exists()


def test_a_description_that_is_not_of_this_network(tmp_path: Path) -> None:
    other = some_archs(2, seed=9)[1]
    with pytest.raises(ModelError, match=f"the network is {ARCH.arch_id}, but its description is of {other.arch_id}"):
        save_model(tmp_path, made(ARCH), described(other))
    with pytest.raises(SpecError, match="std: 2 values, but 1 means"):
        ModelConfig.from_dict(
            {
                **described(ARCH).model_dump(),
                "data": {"name": "x", "classes": list("0123456789"), "mean": [0.1], "std": [0.1, 0.2]},
            }
        )


def installed(names: list[str]) -> set[metadata.Distribution]:
    """Distributions of these names, and all that they need."""
    distributions: dict[str, metadata.Distribution] = {}
    while names:
        name = canonicalize_name(names.pop())
        if name in distributions:
            continue
        distributions[name] = metadata.distribution(name)
        wanted = map(Requirement, distributions[name].requires or [])
        names += [
            requirement.name
            for requirement in wanted
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ]
    return set(distributions.values())


def test_the_folder_loads_where_nothing_else_is_installed(folder: Path, tmp_path: Path) -> None:
    """In an environment of torch, pydantic, safetensors, what these need, and our core package alone."""
    place = tmp_path / "environment"
    place.mkdir()
    for distribution in installed(["torch", "pydantic", "safetensors"]):
        for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] != ".."}:
            with suppress(FileExistsError):  # some share a folder
                (place / top).symlink_to(Path(str(distribution.locate_file(top))))
    (place / "xoresnet").mkdir()
    for entry in Path(xoresnet.__file__).parent.iterdir():
        if entry.suffix == ".py" or (entry.is_dir() and not entry.is_symlink() and entry.name != "__pycache__"):
            (place / "xoresnet" / entry.name).symlink_to(entry)
    code = (
        "import importlib.util, sys\n"
        f"sys.path.insert(0, {str(place)!r})\n"
        "for name in ('ray', 'optuna', 'pandas', 'sklearn', 'click', 'torchvision', 'xoresnet.search'):\n"
        "    assert importlib.util.find_spec(name) is None, name\n"
        "import torch\n"
        "from xoresnet import load_model\n"
        f"model = load_model({str(folder)!r}, spikes=True)\n"
        "logits, spikes = model(torch.rand(2, 1, 8, 8))\n"
        "print(model.config.arch.arch_id, list(logits.shape), list(spikes.shape))"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert result.stdout.strip() == f"{ARCH.arch_id} [2, 10] [2]", result.stderr  # torch warns that numpy is missing


def test_a_run_at_a_url_is_exported_first() -> None:
    with pytest.raises(
        ModelError, match=r"^s3://lab/run:7 is a URL, but models are read from folders .*xoresnet export"
    ):
        load_model("s3://lab/run:7")
