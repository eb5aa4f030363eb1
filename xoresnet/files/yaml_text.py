"""YAML 1.2 to plain values and back: `1e-3` is a number and `no` a string."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.representer import SafeRepresenter

from xoresnet.errors import YamlError

__all__ = ["read_yaml", "write_yaml"]


def read_yaml(text: str, where: str) -> Any:
    """Read numbers, strings, booleans, None, lists and mappings. Raises `YamlError`, which begins with `where`.

    >>> read_yaml("{tau: 1.5, merge: [or, add]}", where="space.yaml")
    {'tau': 1.5, 'merge': ['or', 'add']}
    """
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        problem = (error.problem or error.context or "cannot be read").splitlines()[0]
        raise YamlError(f"{where}{place}: {problem}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise YamlError(f"{where}: {str(error).splitlines()[0]}") from None


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
