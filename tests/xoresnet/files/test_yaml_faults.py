"""Texts that are not YAML: the place and the rule that a reader would name."""

from __future__ import annotations

import pytest

from xoresnet.errors import YamlError
from xoresnet.files.yaml_text import read_yaml

INDENTED = "this line is indented more than line 1, whose key has a value already; begin both in the same column"
COLON = "a key must be followed by ': ', a colon and a space"
QUOTES = "a value that contains ': ' must be in quotes"
QUOTED = "a text in quotes ends before this; put the whole value in quotes, and double a quote within it"
MIXED = "a list, whose items begin with '- ', cannot be mixed with keys"


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("a: b: c", (1, 5), QUOTES),
        ("- a: 1\n- b: c: d", (2, 7), QUOTES),
        ("space digits\nbudget: 3", (1, 1), COLON),
        ("budget:40\nspace: digits", (1, 1), COLON),
        ("space:\n  arch:\n    depth 8\n    width: 4", (3, 5), COLON),
        ("space: digits\n budget: 3", (2, 2), INDENTED),
        ("- a: 1\n   b: 2", (2, 4), INDENTED),
        ("a:\n  b: 1\n c: 2", (3, 2), "keys of the same mapping must begin in the same column"),
        ("a:\n- 1\n b: 2", (3, 3), MIXED),
        ("a: 1\n- b", (2, 1), MIXED),
        (
            "a: [1, 2\nb: 3",
            (1, 4),
            "the list that opens here must go on with ',' or end with ']' before line 2, column 2",
        ),
        ("a: {b: 1", (1, 4), "the mapping that opens here must go on with ',' or end with '}' before line 1, column 9"),
        ("a: [", (1, 5), "the text ends within a list or a mapping: a ']' or '}' is missing"),
        ("a: [1,,2]", (1, 7), "a value is missing before ','"),
        ("a: [1]]", (1, 7), "']' closes nothing: there is no '[' before it"),
        ("}", (1, 1), "'}' closes nothing: there is no '{' before it"),
        ("a:\n\tb: 1", (2, 1), "lines must be indented by spaces, not by tabs"),
        ("a: @b", (1, 4), "a value that begins with '@' must be in quotes"),
        ("a: 'b\nc: 1", (1, 4), "the quote that opens here is never closed"),
        ('a: "\\q"', (1, 6), r"'\q' means nothing in double quotes; use single ones"),
        ("a: 1\na: 2", (2, 1), "the key 'a' is given twice"),
        ("a: *b", (1, 4), "'*b' refers to nothing; a text that begins so must be in quotes"),
        ("a: !b c", (1, 4), "the tag '!b' is not known here; write the value without it"),
        ("a: 1\n---\nb: 2", (2, 1), "a second document begins here, with '---'; only one may be in the text"),
        ("a: - b", (1, 4), "the items of a list, '- ', must begin on lines of their own"),
        ("a: 'it's'", (1, 8), QUOTED),
        ("a: 'b' c", (1, 8), QUOTED),
        ("'a' b: 1", (1, 5), QUOTED),
        ("a: 1\nfoo\nb: 2", (2, 1), "a key must be followed by ': ', a colon and a space"),
        ("# c\n  a: 1\n b: 2", (3, 2), "keys of the same mapping must begin in the same column"),
        ("a: |x\n  b", (1, 5), "expected chomping or indentation indicators, but found 'x'"),  # the parser's words
    ],
)
def test_the_rule_and_its_place(text: str, place: tuple[int, int], rule: str) -> None:
    line, column = place
    with pytest.raises(YamlError) as caught:
        read_yaml(text, "mine.yaml")
    assert str(caught.value) == f"mine.yaml, line {line}, column {column}: {rule}"
