"""Networks in a few words."""

from __future__ import annotations

from typing import Any

import pytest

from xoresnet.description.arch import Arch
from xoresnet.search.views.words import describe_arch

ARCH: dict[str, Any] = {"input_shape": (3, 32, 32), "num_classes": 10, "depth": 20, "width": 16, "timesteps": 4}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"merge": "oa"}, "depth 20 width 16 T=4 oa"),
        ({"merge": "oa", "xor": "middle"}, "depth 20 width 16 T=4 oa xor middle"),
        ({"merge": "add", "neuron": {"kind": "plif"}}, "depth 20 width 16 T=4 add plif"),
        ({"merge": "or", "xor": "both", "neuron": {"kind": "if"}}, "depth 20 width 16 T=4 or xor both if"),
        ({"merge": ("or", "add", "oa")}, "depth 20 width 16 T=4 or/add/oa"),
        (
            {"merge": "oa", "xor": ("none", "entry", "both")},
            "depth 20 width 16 T=4 oa xor none/entry/both",
        ),
        ({"block": "bottleneck", "depth": 29, "merge": "iand"}, "bottleneck depth 29 width 16 T=4 iand"),
    ],
)
def test_a_network_in_a_few_words(changes: dict[str, Any], words: str) -> None:
    assert describe_arch(Arch.from_dict({**ARCH, **changes})) == words
