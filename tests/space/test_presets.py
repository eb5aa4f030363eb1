from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import pytest

from tests.space.small_spaces import descriptions
from xoresnet.description.arch import Arch
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.errors import SpecError
from xoresnet.files.yaml_text import read_yaml
from xoresnet.space import SearchSpace, preset_names, preset_text

SIZES = {
    # networks, beyond the limits, descriptions
    "cifar": (2_592_000, 0, 13_934_592),
    "digits": (400, 0, 480),
    "dvs128-gesture": (640, 0, 800),
    "fashion-mnist": (25_658, 7_054, 60_000),
    "fashion-mnist-small": (310, 230, 720),
    "mini-imagenet": (119_870_496, 0, 354_041_856),
    "n-mnist": (1_160, 340, 1_800),
}


def test_names() -> None:
    assert preset_names() == list(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_sizes(name: str) -> None:
    size = SearchSpace.preset(name).size()
    assert (size.networks, size.excluded, size.descriptions) == SIZES[name]
    assert size.continuous == ()


def plain(name: str) -> dict[str, Any]:
    """The YAML, with the defaults of what it leaves out."""
    defaults = {"stem": "conv3", "block": "basic", "neuron": "lif", "logic_gradient": "arithmetic"}
    return {**defaults, **read_yaml(preset_text(name), name)["arch"]}


def test_every_description_of_digits() -> None:
    """Written out."""
    everything = list(descriptions(plain("digits")))
    assert len(everything) == 480
    assert len({arch.arch_id for arch in everything}) == 400


# by stem, block and depth, the ways to choose merges and XOR placements: stage by stage, with and without projections
BY_HAND: dict[str, dict[tuple[str, str, int], int]] = {
    # tied; with one block per stage, XOR can only be in the middle of the first
    "digits": {("conv3", "basic", 8): 5 * 2, ("conv3", "basic", 14): 5 * 4, ("conv3", "basic", 20): 5 * 4},
    # four stages at depths 10 and 18
    "dvs128-gesture": {
        ("conv7-pool", "basic", depth): names
        for depth, names in ((8, 5 * 2), (10, 5 * 2), (14, 5 * 4), (18, 5 * 4), (20, 5 * 4))
    },
    "n-mnist": {
        (stem, "basic", depth): names
        for stem in ("conv3", "conv7-pool")
        for depth, names in ((8, 5 * 2), (14, 5 * 4), (20, 5 * 4))
    },
    "fashion-mnist-small": {
        (stem, "basic", depth): names for stem in ("conv3", "conv7-pool") for depth, names in ((8, 5 * 2), (14, 5 * 4))
    },
    "fashion-mnist": {
        # or is oa in stage 0; oa, current and membrane are one where a projection is all there is
        ("conv3", "basic", 8): (4 * 3 * 3) * (2 * 1 * 1),
        ("conv3", "basic", 14): (4 * 5 * 5) * 2**3,
        ("conv3", "basic", 20): (4 * 5 * 5) * 2**3,
        ("conv3", "bottleneck", 11): (3 * 3 * 3) * (2 * 1 * 1),
        ("conv3", "bottleneck", 29): 5**3 * 2**3,
    },
    "cifar": {
        # with two blocks per stage, XOR can be at the entry in stage 0 alone
        ("conv3", "basic", 14): (5 * 6**2) * (4 * 2**2),
        ("conv3", "basic", 20): (5 * 6**2) * 4**3,
        ("conv3", "basic", 32): (5 * 6**2) * 4**3,
        ("conv3", "basic", 44): (5 * 6**2) * 4**3,
        ("conv3", "basic", 18): (5 * 6**3) * (4 * 2**3),
    },
    "mini-imagenet": {
        (stem, block, depth): names
        for stem in ("conv3", "conv7-pool")
        for (block, depth), names in {
            ("basic", 10): (6 * 5**3) * 2,
            ("basic", 18): (6 * 7**3) * (4 * 2**3),
            ("basic", 34): (6 * 7**3) * 4**4,
            # where the stem pools, firing before the pool (current) is not firing after it (membrane)
            ("bottleneck", 14): ((6 if stem == "conv7-pool" else 5) * 5**3) * 2,
            ("bottleneck", 26): 7**4 * 2**4,
            ("bottleneck", 50): 7**4 * 4**4,
        }.items()
    },
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_counted_by_hand(name: str) -> None:
    """Widths, time steps and kinds of neuron all make a difference, and none changes what names mean."""
    fields, space = plain(name), SearchSpace.preset(name)
    kinds = fields["neuron"]["kind"] if isinstance(fields["neuron"], dict) else [fields["neuron"]]
    steps = range(fields["timesteps"]["low"], fields["timesteps"]["high"] + 1, fields["timesteps"].get("step", 1))
    within: Counter[bool] = Counter()
    costs: list[tuple[int, int]] = []
    for (stem, block, depth), names in BY_HAND[name].items():
        base = Arch(
            input_shape=space.input_shape,
            num_classes=space.num_classes,
            stem=stem,
            block=block,
            depth=depth,
            merge="current",
        )
        for width, timesteps in product(fields["width"], steps):
            sized = base.replace(width=width, timesteps=timesteps)
            within[not space.exceeded(sized)] += names * len(kinds)
            costs += [] if space.exceeded(sized) else [(params_count(sized), dense_macs(sized))]
    assert (within[True], within[False]) == SIZES[name][:2]
    params, macs = zip(*costs, strict=True)
    size = space.size()
    assert size.macs_range == (min(macs), max(macs))
    assert size.params_range[0] == min(params)  # of networks without plif
    assert 0 <= size.params_range[1] - max(params) < 200  # those of plif neurons


@pytest.mark.parametrize("member", BY_HAND["fashion-mnist"])
def test_names_of_fashion_mnist(member: tuple[str, str, int]) -> None:
    """Written out, at one width and number of time steps."""
    _, block, depth = member
    fields = {**plain("fashion-mnist"), "block": block, "depth": depth, "width": 8, "timesteps": 2}
    assert len({arch.arch_id for arch in descriptions(fields)}) == BY_HAND["fashion-mnist"][member]


def test_mini_imagenet_goes_to_the_large_networks() -> None:
    space = SearchSpace.preset("mini-imagenet")
    assert {block: max(depths) for block, depths in space.depths.items()} == {"basic": 34, "bottleneck": 50}
    assert space.timesteps.values == (1, 2, 3, 4, 5, 6, 7, 8)
    assert space.merge.per_stage
    assert space.xor.per_stage
    assert {"add", "or", "oa", "current", "membrane", "iand"} <= set(space.merge.options)
    assert set(space.xor.options) == {"none", "entry", "middle", "both"}
    deep = Arch(
        input_shape=(3, 84, 84),
        num_classes=100,
        block="bottleneck",
        depth=50,
        width=64,
        timesteps=8,
        stem="conv7-pool",
        merge=("add", "or", "oa", "membrane"),
        xor=("both", "none", "entry", "middle"),
        neuron="plif",
    )
    assert space.contains(deep)


@pytest.mark.parametrize("name", SIZES)
def test_presets_are_of_their_data(name: str) -> None:
    shapes = {
        "cifar": (3, 32, 32),
        "digits": (1, 8, 8),
        "dvs128-gesture": (2, 128, 128),
        "fashion-mnist": (1, 28, 28),
        "fashion-mnist-small": (1, 28, 28),
        "mini-imagenet": (3, 84, 84),
        "n-mnist": (2, 34, 34),
    }
    classes = {"mini-imagenet": 100, "dvs128-gesture": 11}
    space = SearchSpace.preset(name)
    assert (space.input_shape, space.num_classes) == (shapes[name], classes.get(name, 10))
    assert all(depth in DEPTHS[block] for block, depths in space.depths.items() for depth in depths)


@pytest.mark.parametrize("name", SIZES)
def test_texts_start_with_a_comment_and_are_the_space(name: str) -> None:
    text = preset_text(name)
    assert text.startswith("# ")
    assert SearchSpace.from_yaml(text) == SearchSpace.preset(name)


@pytest.mark.parametrize(
    ("name", "guess"), [("digit", "; did you mean 'digits'?"), ("mini", "; did you mean 'mini-imagenet'?"), ("x", "")]
)
def test_names_that_are_not_known(name: str, guess: str) -> None:
    for call in (SearchSpace.preset, preset_text):
        with pytest.raises(SpecError) as caught:
            call(name)
        assert str(caught.value) == f"unknown preset {name!r}; the presets are {', '.join(SIZES)}{guess}"
