"""What a network is compared with: which changes build another one, and why some are left out."""

from __future__ import annotations

from typing import Any

import pytest

from xoresnet.description.arch import Arch
from xoresnet.search.ablation.changes import Change, changes, tied
from xoresnet.space.search_space import SearchSpace


def baseline(name: str) -> Arch:
    return Arch.baseline(name, input_shape=(1, 8, 8), num_classes=10)


def space(**more: Any) -> SearchSpace:
    arch = {"input_shape": [1, 8, 8], "num_classes": 10, "depth": [8, 14], "width": [16, 32], "merge": ["or", "oa"]}
    return SearchSpace.from_dict({"arch": arch, **more})


def said(found: list[Change]) -> dict[str, str]:
    """By value, why nothing is trained for it; empty if something is."""
    assert all((change.arch is None) == bool(change.reason) for change in found)
    return {change.value: change.reason for change in found}


def test_each_change_is_of_one_field() -> None:
    arch = baseline("or-resnet14")
    found = changes(arch, ["merge", "xor"], {}, None)
    for change in found:
        assert change.arch == arch.replace(**{change.field: change.value})
        assert change.reference == {"merge": "or", "xor": "none"}[change.field]
    assert [change.value for change in found] == [
        "add", "and", "iand", "current", "oa", "membrane", "entry", "middle", "both",
    ]  # fmt: skip


def test_the_same_network_in_other_words() -> None:
    """In ResNet-8 every stage has a single block, so that XOR can only sit in the middle of the first."""
    assert said(changes(baseline("xoresnet8"), ["xor"], {}, None)) == {
        "none": "",
        "entry": "the same network as with xor=none",
        "both": "the same network as the unchanged one",
    }


def test_what_cannot_be_built() -> None:
    (change,) = changes(baseline("xoresnet8"), ["block"], {}, None)
    assert change.is_impossible
    assert change.reason.startswith("impossible: 8 does not exist: bottleneck blocks come in depths 11, ")


def test_constraints_of_the_space_hold_for_its_own_values() -> None:
    limited = space(constraints={"max_params": 100_000})
    (change,) = changes(baseline("xoresnet8"), ["width"], {}, limited)
    assert (change.value, change.arch) == ("32", None)
    assert change.reason.startswith("outside of the space: it exceeds max_params by ")
    (given,) = changes(baseline("xoresnet8"), ["width"], {"width": [16, 32]}, limited)
    assert given.arch is not None


def test_values_that_are_given() -> None:
    found = changes(baseline("or-resnet8"), ["merge"], {"merge": ["or", "add", ("or", "add", "add")]}, space())
    assert [(change.value, change.reason) for change in found] == [("add", ""), ("or/add/add", "")]


@pytest.mark.parametrize("name", ["xoresnet8", "xoresnet14", "sew-resnet8", "ms-resnet14", "spiking-resnet10"])
def test_a_name_for_all_stages(name: str) -> None:
    """A canonical description may name the stages one by one, which would keep another depth from being tried."""
    arch = baseline(name)
    stages = len(arch.blocks_per_stage)
    apart = arch.replace(merge=(arch.merge,) * stages, xor=(arch.xor,) * stages)
    for each in (arch, arch.canonical(), apart):
        found = tied(each, None)
        assert found.arch_id == arch.arch_id
        assert isinstance(found.merge, str)
        assert isinstance(found.xor, str)


def test_names_of_the_space_come_first() -> None:
    arch = baseline("xoresnet8").replace(merge=("or", "current", "current"), xor="none")
    assert tied(arch, space()).merge == "oa"
    mixed = arch.replace(merge=("or", "add", "current"))
    assert tied(mixed, space()) == mixed  # no one name builds it
