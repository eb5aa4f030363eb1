"""What `help` says of a description: a short signature, and every field with its type, default and meaning.

pydantic's own signatures contain each validator of each field and fill a screen.
"""

from __future__ import annotations

import textwrap
import types
from collections.abc import Mapping
from inspect import Parameter, Signature, cleandoc
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["documented", "signature_of", "type_text"]

_LONGEST_DEFAULT = 40
_WIDTH = 100


class _Default:
    """A default as a signature shows it."""

    def __init__(self, field: FieldInfo) -> None:
        self._text = _default_text(field)

    def __repr__(self) -> str:
        return self._text


def signature_of(fields: Mapping[str, FieldInfo]) -> Signature:
    """Names and defaults; `help` has the types in its text."""
    parameters = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=Parameter.empty if field.is_required() else _Default(field))
        for name, field in fields.items()
    ]
    return Signature(parameters)


def documented(doc: str, fields: Mapping[str, FieldInfo]) -> str:
    """A docstring followed by one entry for each field."""
    entries = []
    for name, field in fields.items():
        default = "" if field.is_required() else f" = {_default_text(field)}"
        meaning = textwrap.fill(
            " ".join((field.description or "").split()), _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 4
        )
        entries.append("\n".join(filter(None, [f"{name}: {type_text(field.annotation)}{default}", meaning])))
    return "\n".join([cleandoc(doc), "", "Fields:", "", *entries])


def _default_text(field: FieldInfo) -> str:
    """The default of a field in a few characters: descriptions without their fields."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return f"{type(value).__name__}()"
    text = repr(value)
    return text if len(text) <= _LONGEST_DEFAULT else "..."


def type_text(annotation: Any) -> str:
    """A type without what validates it.

    >>> type_text(Annotated[int, "at least 1"] | None), type_text(tuple[str, ...]), type_text(Literal["hard", "soft"])
    ('int | None', 'tuple[str, ...]', "'hard' | 'soft'")
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation is type(None):
        return "None"
    if origin is Annotated:
        return type_text(args[0])
    if origin is Literal:
        return " | ".join(map(repr, args))
    if origin in (Union, types.UnionType):
        return " | ".join(map(type_text, args))
    if origin is not None:
        return f"{origin.__name__}[{', '.join('...' if arg is ... else type_text(arg) for arg in args)}]"
    return str(getattr(annotation, "__name__", annotation))
