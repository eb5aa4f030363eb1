"""YAML 1.2 to plain values and back: `1e-3` is a number and `no` a string."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent
from ruamel.yaml.representer import SafeRepresenter

from xoresnet.errors import YamlError
from xoresnet.files.yaml_faults import fault_of
from xoresnet.limits import MOST_TEXT_BYTES, MOST_YAML_DEPTH, MOST_YAML_VALUES

__all__ = ["read_yaml", "write_yaml"]


def read_yaml(text: str, where: str) -> Any:
    """Read numbers, strings, booleans, None, lists and mappings. Raises `YamlError`, which begins with `where`.

    Texts beyond the limits of `limits.py` are refused before anything of that size is made.

    >>> read_yaml("{tau: 1.5, merge: [or, add]}", where="space.yaml")
    {'tau': 1.5, 'merge': ['or', 'add']}
    """
    if len(text) > MOST_TEXT_BYTES:
        raise YamlError(f"{where}: longer than {MOST_TEXT_BYTES:,} characters")
    try:
        if "*" in text or len(text) > MOST_YAML_VALUES:  # else neither aliases nor so many values
            _check_size(text, where)
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        fault = fault_of(error, text)
        if fault is None:
            raise YamlError(f"{where}: {error.problem or error.context or 'cannot be read'}") from None
        raise YamlError(f"{where}, line {fault.line}, column {fault.column}: {fault.rule}") from None
    except YamlError:
        raise
    except (YAMLError, ValueError, RecursionError, TypeError, OverflowError) as error:
        problem = (str(error).splitlines() or ["cannot be read"])[0]
        problem = "a number has too many digits" if "int_max_str_digits" in problem else problem
        raise YamlError(f"{where}: {problem}") from None


def _check_size(text: str, where: str) -> None:
    """Raises `YamlError` for a text that is too deep, or too large with its aliases written out.

    Nine aliases of nine aliases of nine aliases ... are a few hundred characters, and gigabytes once they are merged,
    compared or shown. Events are counted instead, before any value is made.
    """
    of_anchor: dict[str, int] = {}
    open_nodes: list[list[Any]] = [[None, 0]]
    """Anchor and number of values of each list and mapping that has begun."""
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, AliasEvent):
            if event.anchor in {anchor for anchor, _ in open_nodes}:
                raise YamlError(f"{where}: {event.anchor!r} contains itself")
            open_nodes[-1][1] += of_anchor.get(event.anchor, 1)
        elif isinstance(event, CollectionStartEvent):
            open_nodes.append([event.anchor, 1])
        elif isinstance(event, ScalarEvent | CollectionEndEvent):
            anchor, values = open_nodes.pop() if isinstance(event, CollectionEndEvent) else (event.anchor, 1)
            open_nodes[-1][1] += values
            if anchor is not None:
                of_anchor[anchor] = values
        if open_nodes[-1][1] > MOST_YAML_VALUES:
            raise YamlError(f"{where}: has more than {MOST_YAML_VALUES:,} values, with its aliases written out")
        if len(open_nodes) > MOST_YAML_DEPTH:
            raise YamlError(f"{where}: has more than {MOST_YAML_DEPTH} lists and mappings within each other")


class _Representer(SafeRepresenter):
    """Quotes strings that ruamel.yaml writes plain and cannot read again."""


def _represent_text(representer: SafeRepresenter, text: str) -> Any:
    awkward = text[:1] in ("?", ":") or "\x85" in text
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style='"' if awkward else None)


_Representer.add_representer(str, _represent_text)


def write_yaml(values: Any) -> str:
    """Return the text from which `read_yaml` reads the same values; lists of plain values are written on one line.

    >>> print(write_yaml({"merge": ["or", "add"], "xor": "no"}), end="")
    merge: [or, add]
    xor: no
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # its own annotation is wrong
    yaml.width = 2**31  # folded strings are not always read back unchanged
    stream = io.StringIO()
    yaml.dump(values, stream)
    return stream.getvalue()
