from __future__ import annotations

import copy
import hashlib
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
from xoresnet.errors import SpecError

GOOD: dict[str, Any] = {"input_shape": (1, 8, 8), "num_classes": 10, "depth": 8}


@pytest.mark.parametrize("text", ["{", "[1]", '"or"', "null", b"\xff\xfe", "[" * 100_000, "9" * 5000])
def test_text_that_describes_no_network_is_refused(text: str | bytes) -> None:
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


@given(archs())
def test_json_round_trip(arch: Arch) -> None:
    again = Arch.from_json(arch.to_json())
    assert again == arch
    assert again.arch_id == arch.arch_id
    assert json.loads(arch.to_json(indent=None)) == json.loads(arch.to_json())


@pytest.mark.parametrize(
    ("fields", "arch_id"),
    [
        ({"depth": 8}, "612bbcb7a8"),
        ({"depth": 20, "width": 4, "merge": ("or", "iand", "add"), "xor": "both"}, "2d3447d255"),
        (
            {
                "depth": 14, "merge": "membrane", "stem": "conv7-pool", "timesteps": 1,
                "neuron": {"kind": "lif", "tau": 1.0, "reset": "soft"},
            },
            "cbaec1761a",
        ),
        (
            {
                "depth": 14, "block": "bottleneck", "merge": ("current", "oa", "and", "or"),
                "xor": ("none", "entry", "middle", "both"), "neuron": "plif",
            },
            "2c4b1c4a0d",
        ),
        (
            {
                "depth": 8, "merge": "iand",
                "neuron": {
                    "kind": "if", "threshold": 0.5, "detach_reset": False,
                    "surrogate": {"kind": "sigmoid", "alpha": 3.0},
                },
            },
            "1b8fe09af3",
        ),
        (
            {
                "depth": 10, "merge": "or", "logic_gradient": "saturating", "timesteps": 6,
                "neuron": {"surrogate": "triangle"},
            },
            "6b9adee84e",
        ),
    ],
)  # fmt: skip
def test_ids_are_stable(fields: dict[str, Any], arch_id: str) -> None:
    """Ids name folders and records: a change of these values breaks every earlier run."""
    assert Arch(**{**GOOD, **fields}).arch_id == arch_id


def test_ids_and_json_of_all_baselines_are_stable() -> None:
    archs = [Arch.baseline(name, input_shape=(3, 32, 32), num_classes=10) for name in baseline_names()]
    ids, texts = "".join(arch.arch_id for arch in archs), "".join(arch.to_json() for arch in archs)
    assert hashlib.sha256(ids.encode()).hexdigest()[:16] == "e4a33f8a9170b505"
    assert hashlib.sha256(texts.encode()).hexdigest()[:16] == "22c31375d878aeef"


def test_json_has_every_field_in_order() -> None:
    assert Arch(**GOOD).to_json(indent=None) == (
        '{"input_shape":[1,8,8],"num_classes":10,"stem":"conv3","block":"basic","depth":8,"width":16,"merge":"oa",'
        '"xor":"none","timesteps":4,"neuron":{"kind":"lif","tau":2.0,"threshold":1.0,"reset":"hard",'
        '"surrogate":{"kind":"atan","alpha":2.0},"detach_reset":true},"logic_gradient":"arithmetic"}'
    )


@given(archs())
def test_copies_are_equal(arch: Arch) -> None:
    for again in (pickle.loads(pickle.dumps(arch)), copy.deepcopy(arch), copy.copy(arch)):
        assert type(again) is Arch
        assert again == arch
        assert hash(again) == hash(arch)
        assert again.arch_id == arch.arch_id


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
