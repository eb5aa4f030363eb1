"""`key=value` on the command line: which part of a configuration each belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError, YamlError
from xoresnet.files.yaml_text import read_yaml

__all__ = ["HEADS", "merged", "read_overrides"]

Fields = dict[str, Any]


HEADS = {"data": "name", "prior": "kind", "pruner": "kind"}
"""Fields of which one may say the first field alone: `prior=shared` is `prior.kind=shared`."""


def read_overrides(texts: Iterable[str], parts: Mapping[str, Iterable[str]]) -> dict[str, Fields]:
    """Sort `learning_rate=0.01`, `neuron.tau=1.5` or `data.channels=1` into the parts whose fields they are.

    parts: the fields of each part, which may be named before its field with a dot; a field alone goes to the first part
    that has it, save `data`, which wants to be named. Values are YAML. Raises `UsageError` for what belongs nowhere.
    """
    known = {part: list(fields) for part, fields in parts.items()}
    found: dict[str, Fields] = {part: {} for part in known}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"{text!r} is no setting: write key=value, like epochs=5")
        part, path = _place(key, known)
        try:
            _put(found[part], path, read_yaml(value, key), key)
        except YamlError as error:
            raise UsageError(str(error)) from None
    return found


def merged(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> Fields:
    """The fields with the changes put in, mapping by mapping."""
    result = dict(fields)
    for key, change in changes.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(change, Mapping)
        result[key] = merged(old, change) if both else change  # type: ignore[arg-type]
    return result


def _place(key: str, known: Mapping[str, list[str]]) -> tuple[str, list[str]]:
    first, *rest = key.split(".")
    if first in known and rest:
        return first, rest
    for part, fields in known.items():
        if part != "data" and first in fields:
            return part, [first, *rest]
    if first in known.get("data", ()):
        raise UsageError(f"{key}: unknown key; did you mean 'data.{key}'?")
    names = [name for part, fields in known.items() for name in (_full(part, fields))]
    guess = nearest(key, names) or f"; the keys are {', '.join(names)}"
    raise UsageError(f"{key}: unknown key{guess}")


def _full(part: str, fields: Iterable[str]) -> list[str]:
    return [f"data.{field}" for field in fields] if part == "data" else list(fields)


def _put(fields: Fields, path: list[str], value: Any, key: str) -> None:
    *folders, last = path
    for name in folders:
        inner = fields.setdefault(name, {})
        if isinstance(inner, str) and name in HEADS:
            inner = fields[name] = {HEADS[name]: inner}
        if not isinstance(inner, dict):
            raise UsageError(f"{key}: {name} was given a value of its own already, {inner!r}")
        fields = inner
    if isinstance(value, str) and last in HEADS and isinstance(fields.get(last), dict):
        fields, last = fields[last], HEADS[last]
    if last in fields:
        raise UsageError(f"{key} is given twice")
    fields[last] = value
