"""Strict, frozen descriptions whose errors are sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from xoresnet.errors import Fault, SpecError

__all__ = ["Spec", "nearest"]


class Spec(BaseModel):
    """A frozen pydantic model: unknown keys are errors, and what is wrong is told by a `SpecError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise SpecError(_faults(error, type(self))) from None

    def __setattr__(self, name: str, value: object) -> None:
        raise SpecError([Fault(name, f"{type(self).__name__} cannot be changed; make a copy: .replace({name}=...)")])

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Build from a mapping. Raises `SpecError`."""
        if not isinstance(fields, Mapping):
            kind = type(fields).__name__
            raise SpecError([Fault("", f"{cls.__name__} is a mapping of fields, got {kind}")])
        unusable = list(_keys_that_are_no_texts(fields))
        if unusable:
            raise SpecError([Fault(path, "field names are strings") for path in unusable])
        return cls(**fields)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, validated as a whole. Raises `SpecError`."""
        return type(self)(**{**dict(self), **changes})


def nearest(name: object, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` where a known name is close to `name`, else an empty string."""
    names = {other.lower(): other for other in known}
    wanted = str(name).lower()
    starting = [other for other in names if wanted and other.startswith(wanted)]
    match = starting or get_close_matches(wanted, names, n=1, cutoff=0.6)
    return f"; did you mean {names[match[0]]!r}?" if match else ""


def _keys_that_are_no_texts(fields: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    """Their dotted paths, at any depth."""
    for key, value in fields.items():
        if not isinstance(key, str):
            yield f"{prefix}{key}"
        elif isinstance(value, Mapping):
            yield from _keys_that_are_no_texts(value, f"{prefix}{key}.")


def _faults(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    return [fault for detail in error.errors() for fault in _explain(detail, model)]


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> list[Fault]:
    path = ".".join(map(str, detail["loc"]))
    value, context = detail["input"], detail.get("ctx", {})
    cause = context.get("error")
    match detail["type"]:
        case "extra_forbidden":
            name = str(detail["loc"][-1])
            known = ", ".join(model.model_fields)
            guess = nearest(name, model.model_fields)
            message = f"unknown field{guess or f'; the fields are {known}'}"
        case "missing":
            message = "required, but missing"
        case "literal_error":
            options = [option.strip("'") for option in _options(context["expected"])]
            message = f"{value!r} is not one of {', '.join(options)}{nearest(value, options)}"
        case "value_error" if isinstance(cause, SpecError):
            return [Fault(".".join(filter(None, (path, inner))), text) for inner, text in cause.faults]
        case "value_error":
            message = str(cause)
        case _:
            numbers = {name: bound for name, bound in context.items() if isinstance(bound, int | float)}
            bounds = {name: f"{bound:g}" if abs(bound) < 1e6 else str(bound) for name, bound in numbers.items()}
            message = f"{_RULES.get(detail['type'], detail['msg']).format(**bounds)}, got {value!r}"
    return [Fault(path, message)]


def _options(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


_RULES = {
    "bool_type": "must be true or false",
    "finite_number": "must be finite",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "dict_type": "must be a mapping of fields",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "model_type": "must be a mapping of fields",
    "string_type": "must be a text",
    "tuple_type": "must be a list",
}
