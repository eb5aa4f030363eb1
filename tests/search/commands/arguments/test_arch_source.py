from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xoresnet.description.arch import Arch
from xoresnet.errors import SpecError, UsageError
from xoresnet.search.commands.arguments.arch_source import ArchSource

SMALL = Arch(
    input_shape=(1, 8, 8), num_classes=10, depth=8, width=4, timesteps=1, neuron={"kind": "plif", "reset": "soft"}
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with a network in three places."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    for name in ("run/arch.json", "small.json", "small"):
        SMALL.save(name)


def test_a_baseline_takes_its_shape_from_the_data() -> None:
    source = ArchSource("sew-resnet20", {})
    assert source.label == "sew-resnet20"
    for shape, classes in (((3, 32, 32), 100), ((1, 28, 28), 10)):
        assert source.build(shape, classes) == Arch.baseline("sew-resnet20", input_shape=shape, num_classes=classes)


@pytest.mark.parametrize(
    ("text", "label"),
    [("run", SMALL.arch_id), ("run/arch.json", SMALL.arch_id), ("small.json", "small"), ("small", "small")],
)
def test_a_file_keeps_its_shape(text: str, label: str) -> None:
    source = ArchSource(text, {})
    assert source.label == label
    assert source.build((3, 32, 32), 100) == SMALL


@pytest.mark.parametrize("text", ["xoresnet8", "small.json"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"timesteps": 3, "width": 8}, {"merge": ["or", "or", "add"]}, {"xor": "both"}, {"neuron": "if"}],
)
def test_changes_on_top(text: str, changes: dict[str, Any]) -> None:
    plain = ArchSource(text, {}).build((1, 8, 8), 10)
    assert ArchSource(text, changes).build((1, 8, 8), 10) == plain.replace(**changes)


@pytest.mark.parametrize("text", ["xoresnet8", "small.json"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tau": 1.5}, {"tau": 1.5}),
        ({"surrogate": {"alpha": 3.0}}, {"surrogate": {"kind": "atan", "alpha": 3.0}}),
        ({"surrogate": "sigmoid"}, {"surrogate": {"kind": "sigmoid", "alpha": 4.0}}),
        ({"surrogate": {"kind": "sigmoid"}}, {"surrogate": {"kind": "sigmoid", "alpha": 4.0}}),
    ],
)
def test_changes_within_the_neuron(text: str, changes: dict[str, Any], expected: dict[str, Any]) -> None:
    plain = ArchSource(text, {}).build((1, 8, 8), 10)
    changed = ArchSource(text, {"neuron": changes}).build((1, 8, 8), 10)
    assert changed == plain.replace(neuron=plain.neuron.replace(**expected))


def test_a_file_may_be_given_another_shape() -> None:
    arch = ArchSource("small.json", {"input_shape": [3, 32, 32], "depth": 14}).build((1, 8, 8), 10)
    assert arch == SMALL.replace(input_shape=(3, 32, 32), depth=14)


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        ("xoresnet9", {}, "'xoresnet9' is not a baseline: xoresnet exists with depths 8, 10, 11, "),
        ("xorsnet8", {}, "'xorsnet8' is not a baseline: "),
        ("run/none", {}, "'run/none' is not a baseline: a baseline is a family "),
        ("xoresnet8", {"depth": 14}, "depth is fixed by the name 'xoresnet8'; use the baseline of that depth"),
        ("xoresnet8", {"input_shape": [1, 8, 8]}, "input_shape is fixed by the data set"),
        ("xoresnet8", {"num_classes": 3}, "num_classes is fixed by the data set"),
    ],
)
def test_each_mistake_has_its_sentence(text: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        ArchSource(text, changes)
    assert str(caught.value).startswith(message)
    if "is not known" in message:
        assert str(caught.value).endswith("(or give the path of an arch.json)")


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        ("xoresnet8", {"merge": "ored"}, "merge: 'ored' is not one of .* did you mean 'or'"),
        ("xoresnet8", {"merge": ["or", "or"]}, "merge: 2 values for 3 stages"),
        ("xoresnet8", {"neuron": {"tua": 2}}, r"neuron.tua: unknown field; did you mean 'tau'\?"),
        ("small.json", {"depth": 9}, "depth: 9 does not exist"),
        ("broken.json", {}, r"not valid JSON: .* \(in broken.json\)"),
    ],
)
def test_wrong_settings_are_found_before_there_are_data(text: str, changes: dict[str, Any], message: str) -> None:
    Path("broken.json").write_text("{")
    with pytest.raises(SpecError, match=message):
        ArchSource(text, changes)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UsageError, match=r"^there is no file none\.json$"):
        ArchSource("none.json", {})
