from __future__ import annotations

from collections import Counter
from itertools import product
from random import Random

import pytest

from xoresnet.description.arch import Arch
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.description.layer_table import layer_table
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS
from xoresnet.space.stages import Feature, StageDomain, skeleton

MERGE_NAMES, XOR_NAMES = tuple(MERGES), tuple(XOR_PLACEMENTS)
MEMBERS = [(stem, "basic", depth) for stem in ("conv3", "conv7-pool") for depth in (8, 10, 14, 20)] + [
    (stem, "bottleneck", depth) for stem in ("conv3", "conv7-pool") for depth in (11, 14, 29)
]


def arch(stem: str, block: str, depth: int, merge: tuple[str, ...], xor: tuple[str, ...]) -> Arch:
    return Arch.from_dict(
        {
            "input_shape": (1, 8, 8),
            "num_classes": 2,
            "width": 2,
            "stem": stem,
            "block": block,
            "depth": depth,
            "merge": merge,
            "xor": xor,
        }
    )


@pytest.mark.parametrize(("stem", "block", "depth"), MEMBERS)
def test_neurons_are_those_of_the_table(stem: str, block: str, depth: int) -> None:
    """Spiking layers and forms of gradient, for merges mixed at random."""
    stages, rng = len(DEPTHS[block][depth]), Random(depth)
    built = skeleton(stem, block, depth, MERGE_NAMES)
    merges, xors = (
        domain(StageDomain(names, per_stage=True))
        for domain, names in (
            (built.merges, MERGE_NAMES),
            (built.xors, XOR_NAMES),
        )
    )
    for _ in range(15):
        merge, xor = (tuple(rng.choice(names) for _ in range(stages)) for names in (MERGE_NAMES, XOR_NAMES))
        mixed = arch(stem, block, depth, merge, xor)
        spiking = sum(row.kind == mixed.neuron.kind for row in layer_table(mixed))
        assert merges.feature(merge).neuron_layers + xors.feature(xor).neuron_layers == spiking
        canonical = mixed.replace(logic_gradient="saturating").canonical()
        logical = merges.feature(merge).logical or xors.feature(xor).logical
        assert logical is (canonical.logic_gradient == "saturating")


@pytest.mark.parametrize("per_stage", [False, True])
@pytest.mark.parametrize(("stem", "block", "depth"), [("conv3", "basic", 8), ("conv7-pool", "bottleneck", 11)])
@pytest.mark.parametrize("names", [("membrane", "oa", "current", "or"), ("add", "iand"), ("oa",)])
def test_distinct_ways_to_name_the_stages(
    stem: str, block: str, depth: int, names: tuple[str, ...], per_stage: bool
) -> None:
    """Each once, the first of its names first; profiles, draws and searches agree with the list."""
    none = ("none",) * 3
    rows = list(product(names, repeat=3)) if per_stage else [(name,) * 3 for name in names]
    firsts: dict[str, tuple[str, ...]] = {}
    for row in rows:
        firsts.setdefault(arch(stem, block, depth, row, none).arch_id, row)
    built = skeleton(stem, block, depth, names)
    ways = built.merges(StageDomain(names, per_stage=per_stage))
    assert sorted(ways) == sorted(firsts.values())
    assert len(ways) == len(firsts)
    assert ways.profile() == Counter(ways.feature(row) for row in ways)
    rng = Random(0)
    drawn = Counter(ways.draw(rng) for _ in range(40 * len(ways)))
    assert drawn.keys() == set(ways)
    for row in rows:
        meanings = [rules.merge(name) for rules, name in zip(built.rules, row, strict=True)]
        assert ways.find(meanings) == firsts[arch(stem, block, depth, row, none).arch_id]
    absent = [rules.merge("and") for rules in built.rules]
    assert ways.find(absent) is None
    for stage in range(3):
        differ = len({rules.merge(name) for rules in built.rules[stage : stage + 1] for name in names}) > 1
        assert ways.matters(stage) is differ
    tied = {arch(stem, block, depth, (name,) * 3, none).arch_id for name in names}
    assert ways.matters() is (len(tied) > 1)


@pytest.mark.parametrize(
    ("depth", "names", "per_stage", "distinct"),
    [
        (8, XOR_NAMES, False, 2),
        (8, XOR_NAMES, True, 2),
        (8, ("both", "middle"), True, 1),
        (14, XOR_NAMES, False, 4),
        (14, XOR_NAMES, True, 4 * 2 * 2),
        (14, ("both", "none"), True, 2 * 2 * 2),
        (20, XOR_NAMES, True, 4**3),
        (10, ("none", "entry"), True, 1),
        (18, XOR_NAMES, True, 4 * 2**3),
    ],
)
def test_distinct_ways_to_place_xor(depth: int, names: tuple[str, ...], per_stage: bool, distinct: int) -> None:
    xors = skeleton("conv3", "basic", depth, ("add",)).xors(StageDomain(names, per_stage=per_stage))
    assert len(list(xors)) == len(xors) == distinct
    assert sum(xors.profile().values()) == distinct
    assert all(feature.neuron_layers == 0 for feature in xors.profile())
    assert xors.profile()[Feature(0, False)] == ("none" in names or "entry" in names)


def test_a_domain_as_text() -> None:
    assert str(StageDomain(("oa", "or"), per_stage=True)) == "oa, or"
