from __future__ import annotations

import importlib
import re
from typing import Any

import pytest

from tests.search.command_line import xoresnet
from xoresnet.errors import UsageError
from xoresnet.search.commands.arguments.settings import Settings, merged

SETTINGS = Settings(
    {"arch": ["merge", "neuron", "timesteps"], "recipe": ["epochs", "seed"], "data": ["root", "seed", "channels"]},
    nested={"neuron": ["tau", "kind"], "prior": ["kind", "seeds"]},
)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], {}),
        (["timesteps=2"], {"arch": {"timesteps": 2}}),
        (["arch.timesteps=2", "recipe.epochs=3"], {"arch": {"timesteps": 2}, "recipe": {"epochs": 3}}),
        (["seed=1", "data.seed=2"], {"recipe": {"seed": 1}, "data": {"seed": 2}}),
        (
            ["neuron.tau=1.5", "neuron.surrogate.alpha=4"],
            {"arch": {"neuron": {"tau": 1.5, "surrogate": {"alpha": 4}}}},
        ),
        (["neuron={kind: if, reset: soft}"], {"arch": {"neuron": {"kind": "if", "reset": "soft"}}}),
        (["merge=[or, or, add]"], {"arch": {"merge": ["or", "or", "add"]}}),
        (["epochs=1e-3"], {"recipe": {"epochs": 0.001}}),
        (["merge=no", "neuron=on"], {"arch": {"merge": "no", "neuron": "on"}}),
        (["neuron=true", "merge=null"], {"arch": {"neuron": True, "merge": None}}),
        (["data.root=a=b"], {"data": {"root": "a=b"}}),
        (["recipe.epoch=3"], {"recipe": {"epoch": 3}}),  # the part says what fields it has
    ],
)
def test_where_each_setting_goes(texts: list[str], expected: dict[str, Any]) -> None:
    assert SETTINGS.read(texts) == {"arch": {}, "recipe": {}, "data": {}, **expected}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["epochs"], "'epochs' is not a setting; write key=value, for example epochs=5"),
        (["=3"], "'=3' is not a setting; write key=value, for example epochs=5"),
        (["epoch=3"], "epoch: unknown key; did you mean 'epochs'?"),
        (["nueron.tau=3"], "nueron.tau: unknown key; did you mean 'neuron.tau'?"),
        (["tau=3"], "tau: unknown key; did you mean 'neuron.tau'?"),
        (["tua=3"], "tua: unknown key; did you mean 'neuron.tau'?"),
        (["kind=if"], "kind: unknown key; did you mean 'neuron.kind' or 'prior.kind'?"),
        (["seeds=2"], "seeds: unknown key; did you mean 'seed' or 'prior.seeds'?"),
        (["channel=3"], "channel: unknown key; did you mean 'data.channels'?"),
        (["epochs="], "epochs: no value given; write epochs=VALUE, or epochs=null to unset it"),
        (["channels=3"], "channels: unknown key; did you mean 'data.channels'?"),
        (["zzz=3"], "zzz: unknown key; the keys are merge, neuron, timesteps, epochs, seed, data.root, data.seed, "),
        (["recipe=3"], "recipe: unknown key; the keys are merge, "),
        (["seed=1", "epochs=1", "seed=1"], "seed is given twice"),
        (["seed=1", "recipe.seed=1"], "recipe.seed is given twice"),
        (["neuron=lif", "neuron.tau=1"], "neuron.tau: conflicts with neuron=lif"),
        (["neuron.tau=1", "neuron=lif"], "neuron is given twice"),
        (["merge=[or"], "merge, line 1, column 1: the list that opens here must go on with ',' or end with ']'"),
    ],
)
def test_each_mistake_has_its_sentence(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        SETTINGS.read(texts)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("fields", "changes", "result"),
    [
        ({"a": 1, "b": 2}, {}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 3, "c": 4}),
        ({"a": {"x": 1, "y": {"z": 2}}}, {"a": {"y": {"w": 3}}}, {"a": {"x": 1, "y": {"z": 2, "w": 3}}}),
        ({"a": {"x": 1}}, {"a": "text"}, {"a": "text"}),
        ({"a": "text"}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": [1, 2, 3]}, {"a": [4]}, {"a": [4]}),
        ({"a": 1}, {"a": None}, {"a": None}),
    ],
)
def test_merging_goes_mapping_by_mapping(fields: dict[str, Any], changes: dict[str, Any], result: object) -> None:
    before = repr((fields, changes))
    assert merged(fields, changes) == result
    assert repr((fields, changes)) == before


def test_many_keys_are_listed_by_the_help_of_the_command() -> None:
    many = Settings(
        {"arch": [f"field{number}" for number in range(20)]}, nested={f"n{number}": ["qqqq"] for number in range(9)}
    )
    for text, hint in (
        ("zzz=1", "--help lists the keys"),
        ("qqqq=1", "did you mean 'n0.qqqq' or 'n1.qqqq' or 'n2.qqqq'?"),
    ):
        with pytest.raises(UsageError, match=re.escape(f"{text[:-2]}: unknown key; {hint}")):
            many.read([text])


@pytest.mark.parametrize("command", ["ablate", "confirm", "data", "search", "train"])
def test_the_help_lists_all_keys(command: str) -> None:
    module = importlib.import_module(f"xoresnet.search.commands.{command}")
    listed = xoresnet(command, "--help").out.partition("Keys:")[2]
    assert listed.split() == ", ".join(module._SETTINGS.keys).split()
