from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from tests.space.small_spaces import IMAGES, PLAIN, SmallSpace, small_spaces
from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.errors import SpecError, YamlError
from xoresnet.space import Constraints, SearchSpace, preset_names


def arch(**fields: Any) -> Arch:
    return Arch.from_dict({**IMAGES, **PLAIN, **fields})


@settings(max_examples=15)
@given(small_spaces(most=80))
def test_a_space_agrees_with_itself(small: SmallSpace) -> None:
    """What is listed is contained, costs what `size` says, and is what is drawn."""
    space, size = small.space, small.space.size()
    listed = list(space.enumerate())
    assert len(listed) == size.networks
    assert all(space.contains(network) and space.exceeded(network) == () for network in listed[:20])
    low, high = size.params_range
    assert all(low <= params_count(network) <= high for network in listed[:20])
    low, high = size.macs_range
    assert all(low <= dense_macs(network) <= high for network in listed[:20])
    rng = Random(0)
    assert {space.sample(rng) for _ in range(10 if listed else 0)} <= set(listed)


def test_what_networks_exceed() -> None:
    space = SmallSpace().limited(max_params=100, max_macs=1000).space
    network = arch()
    assert [(excess.limit, excess.amount) for excess in space.exceeded(network)] == [
        ("max_params", params_count(network) - 100),
        ("max_macs", dense_macs(network) - 1000),
    ]
    assert Constraints(max_params=5).exceeded(5, 10**12) == {}
    assert Constraints(max_params=5, max_macs=3).exceeded(6, 2) == {"max_params": 1}
    assert Constraints().exceeded(10**12, 10**12) == {}


@pytest.mark.parametrize("name", preset_names())
def test_for_other_images(name: str) -> None:
    """The same networks, but for what images and classes make of them."""
    space = SearchSpace.preset(name)
    other = space.for_images((2, 16, 12), 7)
    assert (other.input_shape, other.num_classes) == ((2, 16, 12), 7)
    assert other.describe() == space.describe()
    assert space.for_images(space.input_shape, space.num_classes) == space
    drawn = other.sample(Random(0))
    assert (drawn.input_shape, drawn.num_classes) == ((2, 16, 12), 7)
    assert other.contains(drawn)
    assert [fault.path for fault in space.faults(drawn)] == ["input_shape", "num_classes"]


def test_spaces_are_equal_by_what_they_hold() -> None:
    first, second = SmallSpace(width=[2, 3]).space, SmallSpace(width=[2, 3]).space
    first.size()  # what is kept for later counts for nothing
    assert first == second
    assert first != SmallSpace(width=[3, 2]).space
    assert pickle.loads(pickle.dumps(first)) == first
    with pytest.raises(AttributeError):
        first.num_classes = 5  # type: ignore[misc]


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    space = SmallSpace(width=[2, 3], merge={"per_stage": ["add", "oa"]}).space
    file.write_text(space.to_yaml(), encoding="utf-8")
    assert SearchSpace.load(file) == SearchSpace.load(str(file)) == space


def test_file_errors_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("arch: {input_shape: [1, 8, 8], num_classes: 10, widht: 3}\nrecipe: {epochs: 0}\n")
    with pytest.raises(SpecError) as caught:
        SearchSpace.load(file)
    assert [str(fault) for fault in caught.value.faults] == [
        f"arch.widht: unknown field; did you mean 'width'? (in {file})",
        f"recipe.epochs: must be at least 1, got 0 (in {file})",
    ]
    file.write_text("arch: {input_shape: [1, 8, 8}\n")
    with pytest.raises(YamlError, match=r"mine\.yaml, line 1, column 21: the list that opens here must go on"):
        SearchSpace.load(file)
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        SearchSpace.load(tmp_path / "none.yaml")
    with pytest.raises(IsADirectoryError):
        SearchSpace.load(tmp_path)


def test_texts_that_are_no_yaml() -> None:
    with pytest.raises(YamlError, match=r"the space, line 1, column 1: "):
        SearchSpace.from_yaml("*x")
    with pytest.raises(YamlError, match=r"mine, line 1, column 8: the key 'a' is given twice"):
        SearchSpace.from_yaml("{a: 1, a: 2}", "mine")


def test_looking_at_spaces_needs_no_torch() -> None:
    """Nor Optuna: `xoresnet space` answers at once."""
    code = (
        "import sys, xoresnet.search.cli, xoresnet.space as s; from random import Random;"
        "from xoresnet.space.baseline_networks import baselines; space = s.SearchSpace.preset('mini-imagenet');"
        "assert space.size().networks > 10**8; drawn = space.sample(Random(0)); assert space.contains(drawn);"
        "space.describe(); baselines(space); space.mutate(drawn, Random(0)); space.to_yaml();"
        "heavy = {'torch', 'optuna'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
