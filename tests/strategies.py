"""Hypothesis strategies shared by the tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from xoresnet.description.arch import Arch
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS

SMALL_DEPTHS = {"basic": (8, 10, 14, 18), "bottleneck": (11, 14, 26)}


@st.composite
def archs(draw: st.DrawFn, **fixed: Any) -> Arch:
    """Small architectures over every field; `fixed` fields keep their value."""
    block = fixed.get("block") or draw(st.sampled_from(sorted(DEPTHS)))
    depth = fixed.get("depth") or draw(st.sampled_from(SMALL_DEPTHS[block]))
    stages = len(DEPTHS[block][depth])

    def per_stage(options: Any) -> st.SearchStrategy[Any]:
        option = st.sampled_from(sorted(options))
        return option | st.tuples(*[option] * stages)

    kind = draw(st.sampled_from(["lif", "if", "plif"]))
    neuron = {
        "kind": kind,
        "tau": draw(st.sampled_from([1.5, 2.0] if kind == "plif" else [1.0, 1.5, 2.0])),
        "threshold": draw(st.sampled_from([0.5, 1.0])),
        "reset": draw(st.sampled_from(["hard", "soft"])),
        "surrogate": draw(st.sampled_from(["atan", "sigmoid", "rectangle", "triangle"])),
        "detach_reset": draw(st.booleans()),
    }
    fields = {
        "input_shape": (draw(st.integers(1, 3)), draw(st.integers(4, 9)), draw(st.integers(4, 9))),
        "num_classes": draw(st.integers(2, 5)),
        "stem": draw(st.sampled_from(["conv3", "conv7-pool"])),
        "width": draw(st.integers(1, 4)),
        "merge": draw(per_stage(MERGES)),
        "xor": draw(per_stage(XOR_PLACEMENTS)),
        "timesteps": draw(st.integers(1, 3)),
        "neuron": neuron,
        "logic_gradient": draw(st.sampled_from(["arithmetic", "saturating", "straight-through"])),
    }
    return Arch(**{**fields, "block": block, "depth": depth, **fixed})
