from __future__ import annotations

import pickle
from typing import Any

import pytest

from xoresnet.description.arch_fields import DEPTHS, ArchFields
from xoresnet.description.merge import MERGES
from xoresnet.errors import SpecError

MERGE_NAMES = ", ".join(MERGES)
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
            f"merge: 'or-add' is not one of {MERGE_NAMES}; did you mean 'oa'?",
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
            f"merge: 'ored' is not one of {MERGE_NAMES}; did you mean 'or'?",
        ),
        ({"merge": 3}, f"merge: 3 is not one of {MERGE_NAMES}"),
        ({"merge": ("or", "or")}, "merge: 2 values for 3 stages: give one value, or one for each stage"),
        ({"merge": ["or", "AND", "add"]}, f"merge.1: 'AND' is not one of {MERGE_NAMES}; did you mean 'and'?"),
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
        ({"neuron": 3}, "neuron: must be a mapping of fields, got 3"),
        ({"dept": 8}, "dept: unknown field; did you mean 'depth'?"),
        ({"colour": 8}, "colour: unknown field; the fields are input_shape, num_classes"),
    ],
)
def test_each_mistake_has_its_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        ArchFields(**{**GOOD, **change})
    text = str(caught.value)
    assert text.startswith(message), text
    assert len(caught.value.faults) == 1


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        ArchFields.from_dict({"num_classes": 0, "depth": 8, "merg": "or", "neuron": {"tau": -1}})
    assert {fault.path for fault in caught.value.faults} == {"input_shape", "num_classes", "merg", "neuron.tau"}
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults


def test_numpy_numbers_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    fields = ArchFields(input_shape=numpy.array([1, 8, 8]), num_classes=numpy.int64(10), depth=numpy.int32(8))
    assert fields == ArchFields(**GOOD)
    assert type(fields.num_classes) is int


def test_one_value_is_spread_over_the_stages() -> None:
    fields = ArchFields(**{**GOOD, "depth": 18}, merge="or", xor=("none", "middle", "both", "entry"))
    assert fields.blocks_per_stage == DEPTHS["basic"][18] == (2, 2, 2, 2)
    assert fields.stage_merges == ("or",) * 4
    assert fields.stage_xors == ("none", "middle", "both", "entry")
