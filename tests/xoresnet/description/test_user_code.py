"""Merges and neurons of users, named by dotted path."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from random import Random

import pytest
import torch

from xoresnet.data.load import load_data
from xoresnet.description.arch import Arch
from xoresnet.description.code_folders import add_code_folder
from xoresnet.description.layer_table import params_count
from xoresnet.description.user_code import fault_of_user_code, names_only
from xoresnet.errors import SpecError, UntrustedCodeError, UsageError
from xoresnet.network.count_spikes import count_spikes
from xoresnet.network.xoresnet import XOResNet
from xoresnet.space import SearchSpace
from xoresnet.training.fit import estimate_epoch_seconds, fit

MODULE = """
import torch
from torch import nn
from xoresnet import Join, Merge, SpikingNeuron, UserOperation, lif

MY_OR = Merge(Join.SPIKES, Join.SPIKES, UserOperation(lambda a, b: a + b - a * b))
MY_CURRENT = Merge(Join.CURRENTS, Join.CURRENTS)
INTEGER = Merge(Join.SPIKES, Join.SPIKES, UserOperation(lambda a, b: a + b))
STEP = Merge(Join.SPIKES, Join.SPIKES, UserOperation(lambda a, b: ((a + b) > 0).float()))
SMALL = Merge(Join.SPIKES, Join.SPIKES, UserOperation(lambda a, b: (a + b - a * b).sum()))
NUMBER = 3

class Bare(SpikingNeuron):
    def __init__(self):
        super().__init__()

class Scaled(SpikingNeuron):
    params_count = 1

    def __init__(self, spec):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.spec = spec

    def forward(self, x):
        return lif(self.gain * x, self.spec.tau, self.spec.threshold)
"""
FIELDS = {"input_shape": (1, 8, 8), "num_classes": 10, "depth": 14, "width": 4, "timesteps": 2}


@pytest.fixture(autouse=True)
def mylab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "mylab.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import missing\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("mylab", None)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"merge": "mylab.MYOR"}, "merge: 'mylab.MYOR' does not exist: mylab has no 'MYOR'; did you mean 'MY_OR'?"),
        (
            {"merge": "mylba.X"},
            "merge: 'mylba.X' cannot be imported: ModuleNotFoundError: No module named 'mylba'; put {file}",
        ),
        ({"merge": "broken.X"}, "merge: 'broken.X' cannot be imported: ModuleNotFoundError: No module named 'missing'"),
        ({"merge": "mylab.NUMBER"}, "merge: 'mylab.NUMBER' must be a Merge, but its type is int"),
        ({"merge": ("or", "mylab.NUMBER", "or")}, "merge: 'mylab.NUMBER' must be a Merge, but its type is int"),
        ({"xor": "mylab.MY_OR"}, "xor: 'mylab.MY_OR' is not one of none, entry, middle, both"),
        ({"neuron": "mylab.MY_OR"}, "neuron.kind: 'mylab.MY_OR' must be a SpikingNeuron, but its type is Merge"),
        ({"neuron": "mylab.Sc"}, "neuron.kind: 'mylab.Sc' does not exist: mylab has no 'Sc'; did you mean 'Scaled'?"),
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere(fields: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as error:
        Arch(**{**FIELDS, **fields})
    assert str(error.value) == message.format(file="mylba.py into the working directory, or install it")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("INTEGER", r"must return spikes, 0 and 1; from 00, 01, 10, 11 it returned \[0.0, 1.0, 1.0, 2.0\]"),
        ("STEP", "cannot be differentiated"),
        ("SMALL", "must return a tensor of its operands' shape"),
    ],
)
def test_operations_that_do_not_give_spikes(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        XOResNet(Arch(**FIELDS, merge=f"mylab.{name}"))


def test_a_neuron_that_is_not_made_from_its_spec() -> None:
    with pytest.raises(SpecError, match=r"kind: mylab\.Bare cannot be made from a NeuronSpec: .*__init__"):
        XOResNet(Arch(**FIELDS, neuron="mylab.Bare"))


@pytest.mark.parametrize(("mine", "known"), [("mylab.MY_OR", "or"), ("mylab.MY_CURRENT", "current")])
def test_a_merge_computes_what_its_function_does(mine: str, known: str) -> None:
    nets = [XOResNet(Arch(**FIELDS, merge=("or", name, "or"), xor="middle")) for name in (mine, known)]
    nets[1].load_state_dict(nets[0].state_dict())
    images = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    logits = [net(images) for net in nets]
    for each in logits:
        each.square().sum().backward()
    assert torch.equal(logits[0], logits[1])
    for left, right in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert left.grad is not None
        assert right.grad is not None
        torch.testing.assert_close(left.grad, right.grad)


def test_user_merges_have_ids_of_their_own() -> None:
    mine, other = (Arch(**FIELDS, merge=("or", name, "or")) for name in ("mylab.MY_OR", "or"))
    assert mine.arch_id != other.arch_id  # nothing is known of the user's function
    assert Arch.from_json(mine.to_json()) == mine
    assert mine.canonical().canonical() == mine.canonical()
    # where only currents meet, nothing depends on user code
    assert Arch(**FIELDS, merge="mylab.MY_CURRENT").arch_id == Arch(**FIELDS, merge="current").arch_id


def test_user_neurons_are_built_counted_and_trained() -> None:
    arch = Arch(**FIELDS, neuron={"kind": "mylab.Scaled", "tau": 1.5, "reset": "soft"})
    net = XOResNet(arch)
    assert sum(parameter.numel() for parameter in net.parameters()) == params_count(arch)
    assert arch.canonical().neuron == arch.neuron  # nothing is known of user code
    net.eval()
    with torch.no_grad(), count_spikes(net) as counts:
        net(torch.rand(3, 1, 8, 8))
    assert {layer.name for layer in counts.layers if layer.kind == "neuron"} >= {"stem.neuron"}
    data = load_data("digits")
    recipe = data.default_recipe.replace(epochs=1, batch_size=256)
    (record,) = fit(arch, data, recipe)
    assert record.train_loss < 2.6
    assert estimate_epoch_seconds(arch, data, recipe) > 0


def test_spaces_contain_user_code() -> None:
    space = SearchSpace.from_dict(
        {
            "arch": {
                "input_shape": [1, 8, 8],
                "num_classes": 10,
                "depth": [8, 14],
                "width": 4,
                "merge": {"per_stage": ["or", "mylab.MY_OR", "current", "mylab.MY_CURRENT"]},
                "neuron": ["lif", "mylab.Scaled"],
            }
        }
    )
    archs = list(space.enumerate())
    assert len({arch.arch_id for arch in archs}) == len(archs) == space.size().networks == 2 * 2 * 3**3
    assert all(space.contains(space.sample(Random(seed))) for seed in range(20))
    assert SearchSpace.from_yaml(space.to_yaml()) == space


def test_spaces_are_extended_by_user_code() -> None:
    space = SearchSpace.preset("fashion-mnist").extend(merge="mylab.MY_OR", neuron="mylab.Scaled")
    assert space.merge.options[-1] == "mylab.MY_OR"
    assert space.merge.per_stage
    assert space.neuron["kind"].values == ("lif", "mylab.Scaled")
    tied = SearchSpace.preset("digits").extend(merge="mylab.MY_OR")
    assert not tied.merge.per_stage
    assert tied.size().networks == 400 + 80  # a sixth merge unlike the others
    with pytest.raises(SpecError, match=r"arch\.merge\.5: 'or' is given twice"):
        SearchSpace.preset("digits").extend(merge="or")
    with pytest.raises(SpecError, match=r"'mylab\.NO' does not exist"):
        SearchSpace.preset("digits").extend(merge="mylab.NO")


RAISING = """
from xoresnet import Join, Merge, UserOperation, XOResNet

def late(a, b):
    if a.dim() > 1:
        raise KeyError("no such map")
    return a + b - a * b

def in_a_library(a, b):
    return a + b - a * b if a.dim() == 1 else a.view(7, 7, 7)

def in_ours(a, b):
    return a + b - a * b if a.dim() == 1 else XOResNet(None)

LATE, LIBRARY, OURS = [Merge(Join.SPIKES, Join.SPIKES, UserOperation(f)) for f in (late, in_a_library, in_ours)]
"""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("LATE", "raising, line 6, raised KeyError: 'no such map'"),
        ("LIBRARY", "raising, line 10, raised RuntimeError: shape *7, 7, 7* is invalid *"),
        ("OURS", None),
    ],
)
def test_an_error_of_user_code_names_its_line(tmp_path: Path, name: str, fault: str | None) -> None:
    (tmp_path / "raising.py").write_text(RAISING)
    net = XOResNet(Arch.from_dict({**FIELDS, "merge": f"raising.{name}"}))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any kind, as user code raises
        net(torch.zeros(1, 1, 8, 8))
    assert fnmatchcase(str(fault_of_user_code(caught.value)), str(fault))
    sys.modules.pop("raising")


def test_reading_imports_nothing_that_a_file_names() -> None:
    fields = {**FIELDS, "merge": ("or", "mylab.MY_OR", "evil.code.X"), "neuron": "mylab.Scaled"}
    with names_only("runs/theirs") as named:
        arch = Arch.from_dict(fields)
        assert named.names == ["mylab.MY_OR", "evil.code.X", "mylab.Scaled"]
        with pytest.raises(
            UntrustedCodeError, match=r"^runs/theirs names code that would be .*, and so run: mylab\.MY_OR; "
        ):
            XOResNet(arch)
    assert "mylab" not in sys.modules
    with pytest.raises(UntrustedCodeError) as error:
        named.refuse()
    listed = "mylab.MY_OR, evil.code.X and mylab.Scaled"
    sentence = (
        f"runs/theirs names code that would be imported, and so run: {listed}; pass trust_code=True if you trust it"
    )
    assert str(error.value) == str(pickle.loads(pickle.dumps(error.value))) == sentence


def test_reading_uses_what_the_user_has_imported_and_imports_what_is_trusted() -> None:
    fields = {**FIELDS, "merge": "mylab.MY_OR"}
    with names_only("theirs"), names_only("mine", trust_code=True) as named:
        XOResNet(Arch.from_dict(fields))
    with names_only("theirs") as other:
        XOResNet(Arch.from_dict(fields))
        with pytest.raises(SpecError, match=r"'mylab\.NUMBER' must be a Merge, but its type is int"):
            Arch.from_dict({**FIELDS, "merge": "mylab.NUMBER"})
    assert (named.names, other.names) == ([], [])


def test_a_name_of_what_is_imported_already_opens_no_folder(tmp_path: Path) -> None:
    """In which a file could then stand in for an optional package."""
    add_code_folder(tmp_path / "theirs")
    with (
        names_only("theirs") as named,
        pytest.raises(SpecError, match=r"'xoresnet\.errors\.DataError' must be a Merge"),
    ):
        Arch.from_dict({**FIELDS, "merge": "xoresnet.errors.DataError"})
    assert named.names == []
    assert str(tmp_path / "theirs") not in sys.path


def test_reading_runs_no_lazy_module(tmp_path: Path) -> None:
    (tmp_path / "lazylab.py").write_text("def __getattr__(name):\n    raise SystemExit(name)\n")
    import_module("lazylab")
    with names_only("theirs") as named:
        Arch.from_dict({**FIELDS, "merge": "lazylab.X"})
    assert named.names == ["lazylab.X"]


@pytest.mark.parametrize("name", ["../../evil.X", "evil.", ".evil", "evil..X", "evil.\x1b[2J", "e vil.X"])
def test_what_is_no_dotted_path_is_a_wrong_name(name: str) -> None:
    with pytest.raises(SpecError, match="is not one of add, and"):
        Arch.from_dict({**FIELDS, "merge": name})


def test_what_a_stranger_wrote_is_cut() -> None:
    error = UntrustedCodeError("theirs", [f"evil.{'x' * 10_000}{number}" for number in range(1000)])
    assert len(str(error)) < 600
    assert error.fact.endswith("... and 996 more")


def test_a_description_in_a_file_is_read_as_what_others_wrote(tmp_path: Path) -> None:
    path = tmp_path / "arch.json"
    path.write_text(json.dumps({**FIELDS, "merge": "mylab.MY_OR"}))
    with pytest.raises(UntrustedCodeError, match=r"arch\.json names code .*: mylab\.MY_OR;"):
        Arch.load(path)
    assert "mylab" not in sys.modules
    assert Arch.load(path, trust_code=True) == Arch.load(path)  # which is imported by now
