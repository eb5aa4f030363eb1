from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from tests.strategies import archs
from xoresnet.description.arch import BASELINES, Arch, baseline_names
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.description.neuron_spec import NeuronSpec, Surrogate
from xoresnet.errors import SpecError

GOOD: dict[str, Any] = {"input_shape": (1, 8, 8), "num_classes": 10, "depth": 8}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": 9}, "depth: 9 does not exist: basic blocks come in depths 8, 10, 14, 18, 20, 32, 34, 44, 56, 110"),
        ({"block": "bottleneck", "depth": 18}, "depth: 18 does not exist: bottleneck blocks come in depths 11, 14, 26"),
        (
            {"block": "bottleneck", "depth": 20},
            "depth: 20 does not exist: bottleneck blocks come in depths 11, 14, 26, 29",
        ),
        (
            {"merge": "or-add"},
            "merge: 'or-add' is not one of add, and, iand, or, current, oa, membrane; did you mean 'oa'?",
        ),
        (
            {"input_shape": {8, 1, 9}},
            "input_shape: must be a list of 3 values (channels, height, width), got {8, 1, 9}",
        ),
        ({"depth": 0}, "depth: must be at least 1, got 0"),
        ({"block": "wide"}, "block: 'wide' is not one of basic, bottleneck"),
        ({"stem": "conv7"}, "stem: 'conv7' is not one of conv3, conv7-pool; did you mean 'conv7-pool'?"),
        (
            {"merge": "ored"},
            "merge: 'ored' is not one of add, and, iand, or, current, oa, membrane; did you mean 'or'?",
        ),
        ({"merge": 3}, "merge: 3 is not one of add"),
        ({"merge": ("or", "or")}, "merge: 2 values for 3 stages: give one value, or one for each stage"),
        ({"merge": ["or", "AND", "add"]}, "merge.1: 'AND' is not one of add, and, iand"),
        ({"xor": "midle"}, "xor: 'midle' is not one of none, entry, middle, both; did you mean 'middle'?"),
        ({"xor": ("none",) * 4}, "xor: 4 values for 3 stages: give one value, or one for each stage"),
        ({"timesteps": 0}, "timesteps: must be at least 1, got 0"),
        ({"timesteps": 2.5}, "timesteps: must be a whole number, got 2.5"),
        ({"timesteps": True}, "timesteps: must be a whole number, got True"),
        ({"width": -1}, "width: must be at least 1, got -1"),
        ({"num_classes": 1}, "num_classes: must be at least 2, got 1"),
        ({"input_shape": (1, 8)}, "input_shape: must be a list of 3 values (channels, height, width), got (1, 8)"),
        ({"input_shape": (1, 8, 0)}, "input_shape.2: must be at least 1, got 0"),
        ({"input_shape": 8}, "input_shape: must be a list of 3 values (channels, height, width), got 8"),
        ({"logic_gradient": "ste"}, "logic_gradient: 'ste' is not one of arithmetic, saturating, straight-through"),
        ({"neuron": "lift"}, "neuron.kind: 'lift' is not one of lif, if, plif; did you mean 'lif'?"),
        ({"neuron": {"tau": 0.5}}, "neuron.tau: must be at least 1 for a lif neuron, got 0.5"),
        ({"neuron": {"kind": "plif", "tau": 1}}, "neuron.tau: must be greater than 1 for a plif neuron, got 1.0"),
        ({"neuron": {"tau": float("inf")}}, "neuron.tau: must be finite, got inf"),
        ({"neuron": {"tau": "2"}}, "neuron.tau: must be a number, got '2'"),
        ({"neuron": {"threshold": 0}}, "neuron.threshold: must be greater than 0, got 0"),
        ({"neuron": {"reset": "none"}}, "neuron.reset: 'none' is not one of hard, soft"),
        ({"neuron": {"detach_reset": 1}}, "neuron.detach_reset: must be true or false, got 1"),
        ({"neuron": {"v_threshold": 1.0}}, "neuron.v_threshold: unknown field; did you mean 'threshold'?"),
        ({"neuron": {"surrogate": "arctan"}}, "neuron.surrogate.kind: 'arctan' is not one of atan"),
        ({"neuron": {"surrogate": {"alpha": -1}}}, "neuron.surrogate.alpha: must be greater than 0, got -1"),
        ({"neuron": 3}, "neuron: must be a mapping of fields, got 3"),
        ({"dept": 8}, "dept: unknown field; did you mean 'depth'?"),
        ({"colour": 8}, "colour: unknown field; the fields are input_shape, num_classes"),
    ],
)
def test_each_mistake_has_its_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Arch(**{**GOOD, **change})
    text = str(caught.value)
    assert text.startswith(message), text
    assert len(caught.value.faults) == 1


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        Arch.from_dict({"num_classes": 0, "depth": 8, "merg": "or", "neuron": {"tau": -1}})
    assert {fault.path for fault in caught.value.faults} == {"input_shape", "num_classes", "merg", "neuron.tau"}
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults


@pytest.mark.parametrize("text", ["{", "[1]", '"or"', "null", b"\xff\xfe", "[" * 100_000, "9" * 5000])
def test_what_is_no_description_is_refused(text: str | bytes) -> None:
    with pytest.raises(SpecError, match=r"not valid JSON|must be a mapping of fields"):
        Arch.from_json(text)


def test_file_errors_name_the_file(tmp_path: Path) -> None:
    arch = Arch(**GOOD)
    arch.save(tmp_path / "arch.json")
    assert Arch.load(tmp_path / "arch.json") == arch
    (tmp_path / "bad.json").write_text('{"depth": 8}')
    with pytest.raises(SpecError, match=r"input_shape: required, but missing \(in .*bad\.json\)"):
        Arch.load(tmp_path / "bad.json")


def test_frozen_and_hashable() -> None:
    arch = Arch(**GOOD)
    with pytest.raises(SpecError, match=r"depth: Arch cannot be changed; make a copy: .replace\(depth=...\)"):
        arch.depth = 14  # type: ignore[misc]
    assert len({arch, Arch(**GOOD)}) == 1
    assert arch.replace(depth=14).depth == 14
    with pytest.raises(SpecError, match="depth"):
        arch.replace(depth=15)


def test_numpy_numbers_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    arch = Arch(input_shape=numpy.array([1, 8, 8]), num_classes=numpy.int64(10), depth=numpy.int32(8))
    assert arch == Arch(**GOOD)
    assert type(arch.num_classes) is int


def test_surrogates_have_their_own_sharpness() -> None:
    assert Surrogate().alpha == 2.0
    assert Surrogate.from_dict({"kind": "sigmoid"}).alpha == 4.0
    assert Surrogate(kind="sigmoid", alpha=3.0).replace(kind="rectangle").alpha == 1.0
    assert NeuronSpec.from_dict({"surrogate": "triangle"}).surrogate.alpha == 1.0


@given(archs())
def test_json_round_trip(arch: Arch) -> None:
    again = Arch.from_json(arch.to_json())
    assert again == arch
    assert again.arch_id == arch.arch_id
    assert json.loads(arch.to_json(indent=None)) == json.loads(arch.to_json())


def test_arch_id_is_stable() -> None:
    """Ids name folders and records: a change of this value breaks every earlier run."""
    assert Arch.baseline("xoresnet18", input_shape=(3, 32, 32), num_classes=10).arch_id == "fc30f31118"


def test_baselines() -> None:
    names = baseline_names()
    assert len(names) == len(set(names)) == len(BASELINES) * len({d for table in DEPTHS.values() for d in table})
    for name in names:
        arch = Arch.baseline(name, input_shape=(3, 32, 32), num_classes=10)
        assert name.endswith(str(arch.depth))
        assert arch.width == (64 if len(arch.blocks_per_stage) == 4 else 16)
    with pytest.raises(SpecError, match="merge: is fixed by the name 'sew-resnet18'; change it afterwards"):
        Arch.baseline("sew-resnet18", input_shape=(3, 32, 32), num_classes=10, merge="or")
    wide = Arch.baseline("xoresnet14", input_shape=(3, 32, 32), num_classes=10, block="bottleneck", timesteps=2)
    assert (wide.block, wide.merge, wide.xor, wide.timesteps, wide.width) == ("bottleneck", "oa", "middle", 2, 64)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sew-resnet19", "'sew-resnet19' is not a baseline: sew-resnet exists with depths 8, 10, 11"),
        ("sew-resnet19", "did you mean 'sew-resnet18'?"),
        ("xoresnet", "did you mean 'xoresnet18'?"),
        ("sew_resnet18", "did you mean 'sew-resnet18'?"),
        ("resnet", "a family (spiking-resnet, sew-resnet, ms-resnet, or-resnet, xoresnet) followed by a depth"),
    ],
)
def test_unknown_baseline(name: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Arch.baseline(name, input_shape=(3, 32, 32), num_classes=10)
    assert message in str(caught.value)


def test_describing_networks_needs_no_torch() -> None:
    code = (
        "import sys, xoresnet; a = xoresnet.Arch.baseline('xoresnet18', input_shape=(1, 28, 28), num_classes=10);"
        "a.arch_id; xoresnet.summary(a); assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
