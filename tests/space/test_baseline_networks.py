from __future__ import annotations

from typing import Any

import pytest

from tests.space.small_spaces import SmallSpace
from xoresnet.description.arch import BASELINES, Arch
from xoresnet.space import SearchSpace, preset_names
from xoresnet.space.baseline_networks import baselines

FAMILIES = {
    "spiking-resnet": ("current", "none"),
    "sew-resnet": ("add", "none"),
    "ms-resnet": ("membrane", "none"),
    "or-resnet": ("or", "none"),
    "xoresnet": ("oa", "middle"),
}
DEPTHS = {
    "digits": {"basic": (8, 14, 20)},
    "dvs128-gesture": {"basic": (8, 10, 14, 18, 20)},
    "fashion-mnist": {"basic": (8, 14, 20), "bottleneck": (11, 29)},
    "fashion-mnist-small": {"basic": (8, 14)},
    "cifar": {"basic": (14, 20, 32, 44, 18)},
    "mini-imagenet": {"basic": (10, 18, 34), "bottleneck": (26, 50)},  # 14 is a basic network by name
    "n-mnist": {"basic": (8, 14, 20)},
}
SIZES = {"fashion-mnist-small": {8: (16, 1), 14: (8, 2)}}
"""Width and T of known networks whose usual size the constraints exclude."""


@pytest.mark.parametrize("name", preset_names())
def test_presets_hold_every_family_at_every_depth(name: str) -> None:
    space = SearchSpace.preset(name)
    networks = baselines(space)
    wanted = [f"{family}{depth}" for depths in DEPTHS[name].values() for depth in depths for family in BASELINES]
    assert list(networks) == wanted
    for block, depths in DEPTHS[name].items():
        for depth in depths:
            for family, (merge, xor) in FAMILIES.items():
                arch = networks[f"{family}{depth}"]
                assert space.contains(arch)
                assert (arch.block, arch.depth, arch.merge, arch.xor) == (block, depth, merge, xor)
                assert arch.neuron.kind == "lif"
                usual = 64 if len(arch.blocks_per_stage) == 4 else 16
                usual = min(usual, max(space.width.values))
                assert (arch.width, arch.timesteps) == SIZES.get(name, {}).get(depth, (usual, 4))
                assert (arch.input_shape, arch.num_classes) == (space.input_shape, space.num_classes)


def families(**arch: Any) -> set[str]:
    return set(baselines(SmallSpace(**arch).space))


@pytest.mark.parametrize(
    ("space", "names"),
    [
        ({"merge": ["add", "oa"], "xor": ["none", "middle"]}, {"sew-resnet8", "xoresnet8"}),
        ({"merge": ["add", "oa"], "xor": "none"}, {"sew-resnet8"}),
        ({"merge": "oa", "xor": "middle"}, {"xoresnet8"}),
        ({"merge": {"per_stage": ["or", "add"]}, "xor": {"per_stage": ["none"]}}, {"or-resnet8", "sew-resnet8"}),
        ({"merge": ["iand", "and"]}, set()),
        # 8: what a block can take of both and of middle is the same
        ({"merge": "oa", "xor": "both"}, {"xoresnet8"}),
        ({"depth": 14, "merge": "oa", "xor": "both"}, set()),
        # one projection block in each stage: membrane is current
        (
            {"block": "bottleneck", "depth": 11, "merge": "current"},
            {"spiking-resnet11", "ms-resnet11"},
        ),
        ({"block": "bottleneck", "depth": [14, 29], "merge": "add"}, {"sew-resnet29"}),  # sew-resnet14 is basic
        ({"block": ["bottleneck", "basic"], "depth": [14], "merge": "add"}, {"sew-resnet14"}),
    ],
)  # fmt: skip
def test_families_whose_merge_and_xor_the_space_has(space: dict[str, Any], names: set[str]) -> None:
    assert families(**space) == names


@pytest.mark.parametrize(
    ("space", "fields"),
    [
        ({"width": [2, 4, 40]}, {"width": 4}),
        ({"width": {"low": 20, "high": 40, "step": 5}}, {"width": 20}),
        ({"width": {"low": 2, "high": 40, "step": 5}}, {"width": 17}),
        ({"timesteps": [1, 3, 9]}, {"timesteps": 3}),
        ({"timesteps": {"low": 1, "high": 2}}, {"timesteps": 2}),
        ({"stem": ["conv7-pool", "conv3"]}, {"stem": "conv7-pool"}),
        ({"logic_gradient": ["saturating", "arithmetic"]}, {"logic_gradient": "arithmetic"}),
        ({"neuron": ["plif", "lif"]}, {"neuron": "lif"}),
        ({"neuron": ["plif", "if"]}, {"neuron": "plif"}),
        ({"neuron": {"tau": {"low": 2.5, "high": 4.0}}}, {"neuron": {"tau": 2.5}}),
        ({"neuron": {"tau": {"low": 1.2, "high": 1.8}}}, {"neuron": {"tau": 1.8}}),
        ({"neuron": {"tau": {"low": 1.5, "high": 4.0, "step": 1.0}}}, {"neuron": {"tau": 1.5}}),
        ({"neuron": {"tau": [1.5, 2.2, 3.0], "threshold": [0.5]}}, {"neuron": {"tau": 2.2, "threshold": 0.5}}),
        (
            {"neuron": {"reset": ["soft"], "detach_reset": [False, True]}},
            {"neuron": {"reset": "soft", "detach_reset": True}},
        ),
    ],
)  # fmt: skip
def test_sizes_are_the_nearest_that_the_space_has(space: dict[str, Any], fields: dict[str, Any]) -> None:
    small = SmallSpace(merge="add", **space)
    (network,) = baselines(small.space).values()
    wanted = Arch.from_dict(
        {"input_shape": (1, 6, 5), "num_classes": 3, "depth": 8, "merge": "add", "width": 2, "timesteps": 2, **fields}
    )
    assert network.arch_id == wanted.arch_id
    assert small.space.contains(network)


def test_none_beyond_the_limits() -> None:
    small = SmallSpace(merge="add", depth=[8, 14])
    few, many = sorted(cost[0] for cost in small.costs.values())
    assert set(baselines(small.limited(max_params=many).space)) == {"sew-resnet8", "sew-resnet14"}
    assert set(baselines(small.limited(max_params=many - 1).space)) == {"sew-resnet8"}
    assert baselines(small.limited(max_params=few - 1).space) == {}


def test_the_form_of_gradient_is_the_baselines_own_where_the_space_has_it() -> None:
    for forms, first in ((["saturating", "arithmetic"], "saturating"), (["arithmetic"], "arithmetic")):
        small = SmallSpace(merge="oa", xor="middle", logic_gradient=forms)
        assert baselines(small.space)["xoresnet8"].logic_gradient == first
