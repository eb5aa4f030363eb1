"""Settings on the command line, `key=value`: which part of a configuration each belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from xoresnet.description.schema import NICKNAMES
from xoresnet.errors import UsageError
from xoresnet.files.yaml_text import read_yaml

__all__ = ["SHORTHANDS", "Settings", "merged"]

Fields = dict[str, Any]


SHORTHANDS = {"data": "name", "prior": "kind", "pruner": "kind"}
"""The field that a text stands for: `prior=shared` is `prior.kind=shared`."""
_MOST_GUESSES = 3
_MOST_LISTED = 12
"""Keys that an error lists; of more it says where they are listed."""


class Settings:
    """The settings that a command takes: reads them, and suggests the right key for a wrong one."""

    def __init__(self, parts: Mapping[str, Iterable[str]], nested: Mapping[str, Iterable[str]] | None = None) -> None:
        """Describe the settings of a command.

        parts: the fields of each part of the configuration. A key belongs to the first part that has it; `recipe.seed`
        names its part. Fields of the part `data` are always written with it: `data.root`.
        nested: fields below a field, by the path of that field (`pruner`, `space.arch`); used for suggestions only.
        """
        self._parts = {part: list(fields) for part, fields in parts.items()}
        self._nested = {path: list(fields) for path, fields in (nested or {}).items()}

    def read(self, texts: Iterable[str]) -> dict[str, Fields]:
        """Sort `learning_rate=0.01`, `neuron.tau=1.5` or `data.channels=1` into their parts; values are YAML.

        Raises `UsageError` for unknown keys, keys given twice, missing values and values that are not YAML.
        """
        fields: dict[str, Fields] = {part: {} for part in self._parts}
        for text in texts:
            key, equals, value = text.partition("=")
            if not equals or not key:
                raise UsageError(f"{text!r} is not a setting; write key=value, for example epochs=5")
            if not value:
                raise UsageError(f"{key}: no value given; write {key}=VALUE, or {key}=null to unset it")
            part, path = self._place(key)
            _put(fields[part], path, read_yaml(value, key), key)
        return fields

    def accepts(self, key: str) -> bool:
        """Whether a key belongs to one of the parts."""
        return self._home(key) is not None

    def full_keys(self, key: str) -> list[str]:
        """The settings that a key names exactly, written in full: `merge` may be `space.arch.merge`."""
        if self.accepts(key):
            return [key]
        first = key.partition(".")[0]
        in_data = ["data"] if first in self._parts.get("data", ()) else []
        return [f"{path}.{key}" for path in [*in_data, *(p for p, fields in self._nested.items() if first in fields)]]

    def usual_key(self, name: str) -> str | None:
        """The setting that other libraries call so: `learning_rate` for `lr`; None for a name that is not known."""
        usual = [key for other in NICKNAMES.get(name.lower(), ()) for key in self.full_keys(other)]
        return usual[0] if usual and not self.accepts(name) else None

    def _place(self, key: str) -> tuple[str, list[str]]:
        home = self._home(key)
        if home is None:
            guesses = self._guesses(key)
            raise UsageError(f"{key}: unknown key; {self._hint(guesses[:_MOST_GUESSES])}")
        return home

    def _hint(self, guesses: Sequence[str]) -> str:
        """How to find the right key: guesses, or all keys, or where they are listed if they are many."""
        if guesses:
            return f"did you mean {' or '.join(map(repr, guesses))}?"
        listed = len(self.keys) <= _MOST_LISTED
        return f"the keys are {', '.join(self.keys)}" if listed else "--help lists the keys"

    def _home(self, key: str) -> tuple[str, list[str]] | None:
        """The part of a key, and its path in it; None for an unknown key."""
        first, *rest = key.split(".")
        if first in self._parts and rest:
            return first, rest
        return next(
            ((part, [first, *rest]) for part, fields in self._parts.items() if part != "data" and first in fields), None
        )

    def _guesses(self, key: str) -> list[str]:
        first, dot, rest = key.partition(".")
        top = [field for part, fields in self._parts.items() if part != "data" for field in fields]
        usual = self.usual_key(first)
        if usual is not None:
            return [f"{usual}{dot}{rest}"]
        within = [f"{path}{dot}{rest}" for path in self._nested if path.rpartition(".")[2] == first]
        if within and rest:  # `constraints.max_params`: `space.constraints.max_params`
            return within
        exact = self.full_keys(key)
        if exact:
            return [*get_close_matches(first, top, n=1, cutoff=0.8), *exact]  # `seeds`: `seed` or `prior.seeds`
        near = _closest(first, top)
        if near:
            return [f"{name}{dot}{rest}" for name in near]
        inner = {field: f"data.{field}" for field in self._parts.get("data", ())}
        inner |= {field: f"{path}.{field}" for path, fields in self._nested.items() for field in fields}
        return [f"{inner[name]}{dot}{rest}" for name in _closest(first, list(inner))]

    @property
    def keys(self) -> list[str]:
        """All keys, each once; of fields that two parts have, the key means that of the first."""
        prefixes = {part: f"{part}." if part == "data" else "" for part in self._parts}
        return list(
            dict.fromkeys(f"{prefixes[part]}{field}" for part, fields in self._parts.items() for field in fields)
        )


def merged(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> Fields:
    """The fields with the changes applied; mappings within them are merged too."""
    result = dict(fields)
    for key, change in changes.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(change, Mapping)
        result[key] = merged(old, change) if both else change  # type: ignore[arg-type]
    return result


def _closest(name: str, known: Sequence[str]) -> list[str]:
    """The known name that begins with `name` or resembles it, as a list of at most one."""
    beginning = [other for other in known if other.startswith(name)]
    return (beginning or get_close_matches(name, known, n=1))[:1]


def _put(fields: Fields, path: list[str], value: Any, key: str) -> None:
    *folders, last = path
    for name in folders:
        inner = fields.setdefault(name, {})
        if isinstance(inner, str) and name in SHORTHANDS:
            inner = fields[name] = {SHORTHANDS[name]: inner}
        if not isinstance(inner, dict):
            raise UsageError(f"{key}: conflicts with {name}={inner}")
        fields = inner
    if isinstance(value, str) and last in SHORTHANDS and isinstance(fields.get(last), dict):
        fields, last = fields[last], SHORTHANDS[last]
    if last in fields:
        raise UsageError(f"{key} is given twice")
    fields[last] = value
