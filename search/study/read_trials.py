"""A trial whose parameters and larger attributes stay in the journal's file (`reading.py`)."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any, Protocol

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.trial import FrozenTrial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.results.tables.columns import HISTORY
from xoresnet.results.tables.columns import LAYERS as LAYER_COLUMNS
from xoresnet.search.study.attributes import ARCH, LAYERS, RECIPE, RECORD, is_plausible

__all__ = ["BLANK", "PARAMETER", "Entries", "ReadTrial"]

PARAMETER = ""
"""In place of an attribute's name: the line holds a parameter."""
_STAYS = re.compile(rf"{ARCH}|{RECIPE}|(?:{RECORD}|report:)\d+")
BLANK: Mapping[str, Any] = {"state": TrialState.RUNNING.value}
"""Of a trial whose first line is damaged."""
_LAST_MOMENT = 2**33
"""Seconds since 1970: in the year 2242."""


_SAME: dict[tuple[str, ...], list[str]] = {}
"""The lists of names that finished trials have: a few for all of them."""
_NOTHING: dict[Any, Any] = {}
"""Shared by all trials, which replace it and never change it."""


class Entries(Protocol):
    """The journal that a trial is read from."""

    is_guarded: bool
    """Whether the line that is read at the moment has a checksum."""

    def entry(self, place: int) -> dict[str, Any]:
        """The entry that begins at this place of the file."""
        ...


class ReadTrial(FrozenTrial):
    """A trial whose parameters and larger attributes are in the file."""

    def __init__(
        self, storage: Entries, trial_id: int, number: int, entry: Mapping[str, Any], place: int, objectives: int
    ) -> None:
        """Raises what a malformed entry causes."""
        super().__init__(
            number=number,
            state=TrialState(entry.get("state", TrialState.RUNNING.value)),
            value=None,
            values=_numbers(entry.get("values") if entry.get("value") is None else [entry["value"]], objectives),
            datetime_start=_moment(entry.get("datetime_start")),
            datetime_complete=_moment(entry.get("datetime_complete")),
            params=_NOTHING,
            distributions=_NOTHING,
            user_attrs=_NOTHING,
            system_attrs=_mapping(entry.get("system_attrs", {})) or _NOTHING,
            intermediate_values={int(k): float(v) for k, v in entry.get("intermediate_values", {}).items()} or _NOTHING,
            trial_id=trial_id,
        )
        self._storage, self._objectives = storage, objectives
        self.is_blank = entry is BLANK
        """Whether the line that creates it is damaged, and nothing else was read of it."""
        self._names: list[str] = []
        """The attributes that are in the file, and parameters."""
        self._places = array("Q")
        self._own: dict[str, Any] = {}
        self._keep_attributes(_mapping(entry.get("user_attrs", {})), place)
        if _mapping(entry.get("params", {})):
            self.keep(PARAMETER, place)

    def keep(self, name: str, place: int) -> None:
        """Note where an attribute is."""
        self._names.append(name)
        self._places.append(place)
        self.is_blank = False

    @property
    def last_place(self) -> int:
        """Where in the file the last of its parameters and larger attributes is: a later one was written later."""
        return self._places[-1] if self._places else 0

    def change(self, entry: Mapping[str, Any], place: int) -> None:
        """Take over an entry about this trial. Raises what a malformed one causes, and then nothing has changed."""
        operation = entry["op_code"]
        if operation == 5:
            json_to_distribution(entry["distribution"]).to_external_repr(entry["param_value_internal"])
            self.keep(PARAMETER, place)
        elif operation == 6:
            self._end(entry)
        elif operation == 7:
            step, value = int(entry["step"]), float(entry["intermediate_value"])
            self.intermediate_values = {**self.intermediate_values, step: value}
        elif operation == 8:
            self._keep_attributes(_mapping(entry["user_attr"]), place)
        else:
            self._system_attrs = {**self._system_attrs, **_mapping(entry["system_attr"])}

    def _end(self, entry: Mapping[str, Any]) -> None:
        state, values = TrialState(entry["state"]), _numbers(entry["values"], self._objectives)
        if state == self.state == TrialState.RUNNING:
            return
        if state == TrialState.RUNNING:
            self.datetime_start = _moment(entry["datetime_start"])
        elif state.is_finished():
            self.datetime_complete = _moment(entry["datetime_complete"])
        self.state = state
        if values is not None:
            self.values = values
        if state.is_finished():
            self._names = _SAME.setdefault(tuple(self._names), self._names)  # nothing is added any more

    def _keep_attributes(self, attributes: Mapping[str, Any], place: int) -> None:
        for name, value in attributes.items():
            is_known = is_plausible(name, value, self._objectives)
            if not is_known or not (self._storage.is_guarded or _is_sound(name, value)):
                raise ValueError(name)
        for name, value in attributes.items():
            if _STAYS.fullmatch(name):
                self.keep(name, place)
            else:
                self._own[name] = value

    @property  # type: ignore[misc] # read-only, as all of this is
    def user_attrs(self) -> Mapping[str, Any]:  # type: ignore[override]
        return _Attributes(self)

    @property  # type: ignore[misc] # as above
    def params(self) -> dict[str, Any]:
        return {name: kind.to_external_repr(value) for name, (value, kind) in self._parameters().items()}

    @property  # type: ignore[misc] # as above
    def distributions(self) -> dict[str, BaseDistribution]:
        return {name: kind for name, (_, kind) in self._parameters().items()}

    def _parameters(self) -> dict[str, tuple[Any, BaseDistribution]]:
        parameters: dict[str, tuple[Any, BaseDistribution]] = {}
        for name, place in zip(self._names, self._places, strict=True):
            if name == PARAMETER:
                entry = self._storage.entry(place)
                values = (
                    {entry["param_name"]: entry["param_value_internal"]} if "param_name" in entry else entry["params"]
                )
                kinds = (
                    {entry["param_name"]: entry["distribution"]} if "param_name" in entry else entry["distributions"]
                )
                parameters |= {each: (value, json_to_distribution(kinds[each])) for each, value in values.items()}
        return parameters

    def copied(self) -> FrozenTrial:
        """The trial with everything in memory."""
        return FrozenTrial(
            number=self.number,
            state=self.state,
            value=None,
            values=self.values,
            datetime_start=self.datetime_start,
            datetime_complete=self.datetime_complete,
            params=self.params,
            distributions=self.distributions,
            user_attrs=deepcopy(dict(self.user_attrs)),
            system_attrs=deepcopy(self.system_attrs),
            intermediate_values=dict(self.intermediate_values),
            trial_id=self._trial_id,
        )


class _Attributes(Mapping[str, Any]):
    """The user attributes of a trial; those in the file are read each time."""

    def __init__(self, trial: ReadTrial) -> None:
        self._trial = trial

    def __getitem__(self, name: str) -> Any:
        trial = self._trial
        if name in trial._own:
            return trial._own[name]
        if name == PARAMETER or name not in trial._names:
            raise KeyError(name)
        last = len(trial._names) - 1 - trial._names[::-1].index(name)
        entry = trial._storage.entry(trial._places[last])
        return entry["user_attr" if "user_attr" in entry else "user_attrs"][name]

    def __contains__(self, name: object) -> bool:
        return name in self._trial._own or (name != PARAMETER and name in self._trial._names)

    def __iter__(self) -> Iterator[str]:
        yield from self._trial._own
        yield from dict.fromkeys(name for name in self._trial._names if name != PARAMETER)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _is_sound(name: str, value: Any) -> bool:
    """Whether an attribute in a line without a checksum is a network, a recipe or a record. Raises `ValueError`."""
    if name == ARCH:
        return Arch.from_json(value) is not None
    if name == RECIPE:
        return Recipe.from_dict(json.loads(value)) is not None
    if not name.startswith(RECORD):
        return True
    layers = json.loads(value.get(LAYERS, "[]"))
    tables = ((HISTORY, value), *((LAYER_COLUMNS, layer) for layer in layers))
    has_numbers = all(
        isinstance(row[column], int | float)
        for columns, row in tables
        for column, kind in columns.items()
        if kind in ("float64", "int64") and column in row
    )
    return has_numbers and 0 <= value.get("timestamp", 0) < _LAST_MOMENT


def _moment(text: Any) -> datetime | None:
    """Local time without a zone, as Optuna has it."""
    return None if text is None else datetime.fromisoformat(text).astimezone().replace(tzinfo=None)


def _numbers(values: Any, count: int) -> list[float] | None:
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(values)
    return [float(value) for value in values]


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return value
