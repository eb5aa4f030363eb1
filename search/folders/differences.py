"""The differences of two configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["differences"]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The dotted keys in which two nested mappings differ, each with a clause that says how.

    >>> differences({"trials": 8, "pruner": {"ties": "pass"}}, {"trials": 9, "pruner": {"ties": "pass"}})
    [('trials', 'trials was 8, is 9')]
    """
    old, new = _flat(before), _flat(now)
    return [
        (key, f"{key} was {_shown(old.get(key))}, is {_shown(new.get(key))}")
        for key in dict.fromkeys((*old, *new))
        if old.get(key) != new.get(key)
    ]


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping as a flat one with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
