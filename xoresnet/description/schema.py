"""Strict, frozen descriptions whose errors are sentences, and the types that their fields share."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from xoresnet.description.help_text import documented, signature_of
from xoresnet.errors import Fault, SpecError
from xoresnet.limits import MOST_COUNT, MOST_EPOCHS, MOST_SIDE
from xoresnet.plain_text import shown

__all__ = [
    "NICKNAMES",
    "Epochs",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Pixels",
    "PositiveFloat",
    "PositiveInt",
    "Side",
    "Spec",
    "StrictBool",
    "Text",
    "kind_or_fields",
    "nearest",
    "whole_number",
]


def whole_number(value: Any) -> Any:
    """Convert integers of other libraries, such as NumPy's, to int; return booleans and other values unchanged."""
    if isinstance(value, bool):
        return value
    try:
        return operator.index(value)
    except TypeError:
        return value


def kind_or_fields(value: Any) -> Any:
    """Expand a string to the mapping that it abbreviates.

    >>> kind_or_fields("plif")
    {'kind': 'plif'}
    """
    return {"kind": value} if isinstance(value, str) else value


NICKNAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "acc": ("val_accuracy", "accuracy"),
        "accuracy": ("val_accuracy",),
        "bs": ("batch_size",),
        "device": ("gpus_per_trial",),
        "gpu": ("gpus_per_trial",),
        "gpus": ("gpus_per_trial",),
        "jobs": ("max_concurrent",),
        "lr": ("learning_rate",),
        "n_jobs": ("max_concurrent",),
        "n_trials": ("budget",),
        "num_samples": ("budget",),
        "spikes": ("spikes_per_sample", "max-spikes="),
        "t": ("timesteps",),
        "timeout": ("time_budget",),
        "trials": ("budget",),
        "wd": ("weight_decay",),
        "workers": ("max_concurrent",),
    }
)
"""What this field's other libraries call a setting, and what it may be called here."""
_LONGEST_NAME = 200
"""Longer texts are no misspelt names, and comparing them with names takes long."""

PositiveInt = Annotated[int, Field(ge=1, le=MOST_COUNT, strict=True), BeforeValidator(whole_number)]
NonNegativeInt = Annotated[int, Field(ge=0, le=MOST_COUNT, strict=True), BeforeValidator(whole_number)]
Epochs = Annotated[int, Field(ge=1, le=MOST_EPOCHS, strict=True), BeforeValidator(whole_number)]
Side = Annotated[int, Field(ge=1, le=MOST_SIDE, strict=True), BeforeValidator(whole_number)]
"""Height or width of a network's images, in pixels."""
Pixels = Annotated[int, Field(ge=0, le=MOST_SIDE, strict=True), BeforeValidator(whole_number)]
"""A length within such an image, which may be 0."""
PositiveFloat = Annotated[float, Field(gt=0, strict=True)]
NonNegativeFloat = Annotated[float, Field(ge=0, strict=True)]
StrictBool = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True)]


class Spec(BaseModel):
    """Base class of all descriptions: a frozen pydantic model that reports faults as a `SpecError`.

    Unknown fields, NaN and infinity are errors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
    LISTED_BY: ClassVar[str] = ""
    """The command that lists the fields, where they are too many for an error message."""

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Give `help` a signature and a text that can be read."""
        super().__pydantic_init_subclass__(**options)
        cls.__signature__ = signature_of(cls.model_fields)
        cls.__doc__ = documented(cls.__doc__ or "", cls.model_fields)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise SpecError(_faults(error, type(self))) from None

    def __setattr__(self, name: str, value: object) -> None:
        raise SpecError([Fault(name, f"{type(self).__name__} cannot be changed; make a copy: .replace({name}=...)")])

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Build a description from a mapping, nested mappings included. Raises `SpecError` with all faults at once."""
        if not isinstance(fields, Mapping):
            kind = type(fields).__name__
            raise SpecError([Fault("", f"{cls.__name__} must be a mapping of fields, got {kind}")])
        not_strings = list(_paths_of_other_keys(fields))
        if not_strings:
            raise SpecError([Fault(path, "field names must be strings") for path in not_strings])
        return cls(**fields)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, validated as a whole. Raises `SpecError`."""
        return type(self)(**{**dict(self), **changes})


def nearest(name: object, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` where a known name is close to `name`, else an empty string.

    >>> nearest("midle", ["entry", "middle"])
    "; did you mean 'middle'?"
    """
    wanted = (name if isinstance(name, str) else shown(name)).lower()
    if len(wanted) > _LONGEST_NAME:
        return ""
    known = list(known)
    usual = next((other for other in NICKNAMES.get(wanted, ()) if other in known), None)
    if usual is not None:
        return f"; did you mean {usual!r}?"
    names = {other.lower(): other for other in known}
    starting = [other for other in names if wanted and other.startswith(wanted)]
    containing = [other for other in names if len(wanted) > 2 and wanted in other]
    matches = starting or get_close_matches(wanted, names, n=1, cutoff=0.6) or containing
    return f"; did you mean {names[matches[0]]!r}?" if matches else ""


def _paths_of_other_keys(fields: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    """Dotted paths of keys that are not strings, at any depth."""
    for key, value in fields.items():
        if not isinstance(key, str):
            yield f"{prefix}{shown(key)}"
        elif isinstance(value, Mapping):
            yield from _paths_of_other_keys(value, f"{prefix}{key}.")


def _faults(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    return [fault for detail in error.errors() for fault in _explain(detail, model)]


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> list[Fault]:
    path = ".".join(map(str, detail["loc"]))
    value, context = detail["input"], detail.get("ctx", {})
    cause = context.get("error")
    match detail["type"]:
        case "extra_forbidden":
            name = str(detail["loc"][-1])
            listed = model.LISTED_BY if issubclass(model, Spec) else ""
            known = f"{listed} lists the fields" if listed else f"the fields are {', '.join(model.model_fields)}"
            message = f"unknown field{nearest(name, model.model_fields) or f'; {known}'}"
        case "missing":
            message = "required, but missing"
        case "literal_error":
            options = [option.strip("'") for option in _options(context["expected"])]
            message = f"{shown(value)} is not one of {', '.join(options)}{nearest(value, options)}"
        case "value_error" if isinstance(cause, SpecError):
            return [Fault(".".join(filter(None, (path, inner))), text) for inner, text in cause.faults]
        case "value_error":
            message = str(cause)
        case _:
            numbers = {name: bound for name, bound in context.items() if isinstance(bound, int | float)}
            bounds = {name: _bound_text(bound) for name, bound in numbers.items()}
            message = f"{_RULES.get(detail['type'], detail['msg']).format(**bounds)}, got {shown(value)}"
    return [Fault(path, message)]


def _bound_text(bound: float) -> str:
    if abs(bound) < 1e6:
        return f"{bound:g}"
    return f"{bound:,.0f}" if isinstance(bound, float) else str(bound)


def _options(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


_RULES = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of fields",
    "finite_number": "must be finite",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "model_type": "must be a mapping of fields",
    "string_type": "must be a string",
    "tuple_type": "must be a list",
}
"""The rule that a value breaks, by pydantic's type of error."""
