"""Why a text is not YAML, and where: a sentence with the rule that its writer most likely broke.

A parser knows only which sign it could not read. `a: b: c`, a key without its colon and a line that is indented too far
are all the same to it, "mapping values are not allowed here"; the lines around the sign tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ruamel.yaml.error import MarkedYAMLError

__all__ = ["YamlFault", "fault_of"]

_NO_MAPPING = "mapping values are not allowed here"
_KEY = re.compile(r"[^\s#'\"\[{][^:]*?:(?=\s|$)|'[^']*':|\"[^\"]*\":")
"""The beginning of a line that is a key with its colon."""
_MIXED = "a list, whose items begin with '- ', cannot be mixed with keys"
_PAIRS = {"]": "[", "}": "{"}


class YamlFault(NamedTuple):
    """Where a text is wrong, counted from 1, and the rule."""

    line: int
    column: int
    rule: str


def fault_of(error: MarkedYAMLError, text: str) -> YamlFault | None:
    """The fault behind an error of the parser; None if it does not say where it is."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return None
    problem = (error.problem or error.context or "cannot be read").splitlines()[0]
    here = YamlFault(mark.line + 1, mark.column + 1, problem)
    if problem == _NO_MAPPING:
        return _colon(here, text.splitlines())
    opened = error.context_mark or mark
    if "quoted scalar" in (error.context or "") and "end of stream" in problem:
        return YamlFault(opened.line + 1, opened.column + 1, "the quote that opens here is never closed")
    if problem.startswith("could not find expected ':'"):
        return YamlFault(opened.line + 1, opened.column + 1, "a key must be followed by ': ', a colon and a space")
    if problem.startswith("expected ',' or "):
        return YamlFault(opened.line + 1, opened.column + 1, _unclosed(problem, here))
    for pattern, rule in _RULES:
        match = re.search(pattern, problem)
        if match is not None:
            return here._replace(rule=rule(match))
    return here


def _colon(here: YamlFault, lines: Sequence[str]) -> YamlFault:
    """A colon where none may be: a value that contains one, or a line above that lacks its own or has a value."""
    line = lines[here.line - 1]
    if re.search(r":\s", line[: here.column - 1]):
        return here._replace(rule="a value that contains ': ' must be in quotes")
    above = [
        (number, other)
        for number, other in enumerate(lines[: here.line - 1], 1)
        if other.strip() and not other.lstrip().startswith("#")
    ]
    if not above:
        return here
    number, other = above[-1]
    if other.lstrip().startswith("- ") and not _KEY.match(other.strip().removeprefix("- ")):
        return here._replace(rule=_MIXED)
    if not _KEY.match(other.strip().removeprefix("- ")):
        column = len(other) - len(other.lstrip()) + 1
        return YamlFault(number, column, "a key must be followed by ': ', a colon and a space")
    indent = len(line) - len(line.lstrip())
    rule = f"this line is indented more than line {number}, whose key has a value already"
    return here._replace(column=indent + 1, rule=f"{rule}; begin both in the same column")


def _unclosed(problem: str, here: YamlFault) -> str:
    close = problem.removeprefix("expected ',' or ")[1:2]
    what, read = ("list" if close == "]" else "mapping"), f"line {here.line}, column {here.column}"
    return f"the {what} that opens here must go on with ',' or end with '{close}' before {read}"


def _found(match: re.Match[str]) -> str:
    sign = match[1]
    if sign in _PAIRS:
        return f"'{sign}' closes nothing: there is no '{_PAIRS[sign]}' before it"
    if sign == "<block mapping start>":
        return "keys of the same mapping must begin in the same column"
    if sign == "<scalar>":
        return "a text in quotes ends before this; put the whole value in quotes, and double a quote within it"
    return _MIXED


def _missing(match: re.Match[str]) -> str:
    sign = match[1]
    if sign == "<stream end>":
        return "the text ends within a list or a mapping: a ']' or '}' is missing"
    return _found(match) if sign in _PAIRS else f"a value is missing before '{sign}'"


def _first(match: re.Match[str]) -> str:
    if match[1] == r"\t":
        return "lines must be indented by spaces, not by tabs"
    return f"a value that begins with '{match[1]}' must be in quotes"


_RULES: Sequence[tuple[str, Callable[[re.Match[str]], str]]] = (
    (r"found character '(.+)' that cannot start", _first),
    (r"expected the node content, but found '(.+)'", _missing),
    (r"expected <block end>, but found '(.+)'", _found),
    (r'found duplicate key "(.*?)" with', lambda match: f"the key {match[1]!r} is given twice"),
    (
        r"undefined alias '(.+)'",
        lambda match: f"'*{match[1]}' refers to nothing; a text that begins so must be in quotes",
    ),
    (
        r"unknown escape character '(.+)'",
        lambda match: rf"'\{match[1]}' means nothing in double quotes; use single ones",
    ),
    (
        r"constructor for the tag '(.+)'",
        lambda match: f"the tag {match[1]!r} is not known here; write the value without it",
    ),
    (r"expected '<document start>'", lambda match: "keys of the same mapping must begin in the same column"),
    (r"found another document", lambda match: "a second document begins here, with '---'; only one may be in the text"),
    (r"sequence entries are not allowed", lambda match: "the items of a list, '- ', must begin on lines of their own"),
)
