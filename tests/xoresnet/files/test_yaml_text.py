from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xoresnet.errors import YamlError
from xoresnet.files.yaml_text import read_yaml, write_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("017", 17),
        ("0o17", 15),
        ("1:30", "1:30"),
        ("-.inf", -math.inf),
        ("true", True),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("'5'", "5"),
        ("null", None),
        ("", None),
        ("or", "or"),
        ("[or, or, add]", ["or", "or", "add"]),
        ("{kind: lif, tau: 1.5}", {"kind": "lif", "tau": 1.5}),
        ("a:\n- 1\n- {b: no}\n", {"a": [1, {"b": "no"}]}),
    ],
)
def test_scalars_and_collections(text: str, value: Any) -> None:
    assert repr(read_yaml(text, "x")) == repr(value)  # by repr, since True == 1 == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1, 2", "config.yaml, line 2, column 4: the list that opens here must go on with ',' or end"),
        ("a: b: c", "config.yaml, line 1, column 5: a value that contains ': ' must be in quotes"),
        ("{a: 1, a: 2}", "config.yaml, line 1, column 8: the key 'a' is given twice"),
        ("*x", "config.yaml, line 1, column 1: '*x' refers to nothing"),
        ("--- 1\n--- 2", "config.yaml, line 2, column 1: a second document begins here"),
        ("\ta", "config.yaml, line 1, column 1: lines must be indented by spaces, not by tabs"),
        ("\0", "config.yaml: unacceptable character #x0000: special characters are not allowed"),
        ("!!int x", "config.yaml: invalid literal for int() with base 10: 'x'"),
        ("[" * 500, "config.yaml: maximum recursion depth exceeded"),
    ],
)
def test_errors_name_the_place(text: str, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text, "config.yaml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.getcwd []", "!!python/name:os.system", "!mine 3"])
def test_tags_make_no_objects(text: str) -> None:
    with pytest.raises(YamlError, match="x, line 1, column 1: the tag '"):
        read_yaml(text, "x")


def test_written_text_looks_hand_written() -> None:
    values = {"name": "first", "arch": {"merge": ["or", "or", "add"], "neuron": {"tau": 1.5}}, "epochs": 5}
    text = "name: first\narch:\n  merge: [or, or, add]\n  neuron: {tau: 1.5}\nepochs: 5\n"
    assert write_yaml(values) == text


def plain_values(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=10
    )


@given(plain_values(st.text()))
def test_written_values_are_read_back(values: Any) -> None:
    assert repr(read_yaml(write_yaml(values), "x")) == repr(values)


AWKWARD = ("?a", "? a", ":a", ": a", "\x85", "\x7f" * 30 + " a b" * 30)
"""Strings that ruamel.yaml's own output does not preserve: in flow style, or folded within double quotes."""


@pytest.mark.parametrize(
    "text",
    [
        *("no", "null", "1e-3", "0x1f", "2024-01-01", "", " ", "a\n\nb ", "#", "- a"),
        *("a: b", "*x", "<<", "=", "---", "word " * 60, "a" * 2000),
        *AWKWARD,
    ],
)
def test_strings_that_look_like_other_values(text: str) -> None:
    for values in (text, [text], {"key": text}, {text: 1}, {"key": {text: [text]}}):
        assert read_yaml(write_yaml(values), "x") == values
