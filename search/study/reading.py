"""A journal for reading only: `ReadStorage`, which holds little of it in memory, however large it is.

Optuna's own `JournalStorage` keeps everything that a study ever recorded: mostly networks, recipes and the figures of
every epoch, of which a reader wants a few. Here those stay in the file, and a trial knows where. The file is read once,
and a later look reads only what was added.
"""

from __future__ import annotations

import json
import os
import re
import weakref
from array import array
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.results.tables.columns import HISTORY
from xoresnet.results.tables.columns import LAYERS as LAYER_COLUMNS
from xoresnet.search.study.attributes import ARCH, LAYERS, RECIPE, RECORD, is_plausible, is_plausible_of_study
from xoresnet.search.study.journal import TRIAL, Damage, fault_of
from xoresnet.search.study.lines import is_guarded

__all__ = ["ReadStorage"]

_READ = 4096
"""Bytes that are read at once to find a line."""
_PARAMETER = ""
"""In place of an attribute's name: the line holds a parameter."""
_IN_FILE = re.compile(
    rb'\{"op_code":(?:8,"worker_id":"[^"\\]*","trial_id":(\d+),"user_attr":\{"(%s|%s|(?:%s|report:)\d+)":'
    rb'|5,"worker_id":"[^"\\]*","trial_id":(\d+),)' % (ARCH.encode(), RECIPE.encode(), RECORD.encode())
)
"""The beginning of lines whose content stays in the file: the network, the recipe, an epoch's figures, a parameter."""
_STAYS = re.compile(rf"{ARCH}|{RECIPE}|(?:{RECORD}|report:)\d+")
_BLANK: Mapping[str, Any] = {"state": TrialState.RUNNING.value}
"""Of a trial whose first line is damaged."""
_LAST_MOMENT = 2**33
"""Seconds since 1970: in the year 2242."""
_MOST_LOST = 10_000
"""Trials that may be missing in a row; a larger number is no number of a trial."""
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)
"""What an entry raises that no Optuna wrote."""


class ReadStorage(BaseStorage):
    """The studies in a journal, up to its first damaged line; its writer may be active.

    `lenient`: damaged lines are passed over instead, and what a study knows of a trial may be incomplete.
    """

    def __init__(self, path: Path, *, lenient: bool = False) -> None:
        """Raises `OSError`."""
        self._lenient = lenient
        self._path, self._file = path, os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self._place = self._lines = 0
        self.is_guarded = False
        """Whether the line that is read has a checksum."""
        self._is_nonsense = False
        """Whether the last line that was read is whole and means nothing."""
        self._studies: dict[int, FrozenStudy] = {}
        self._created = 0
        self._of_study: dict[int, list[_Trial]] = {}
        self._trials: list[_Trial] = []
        self.faults: list[Damage] = []
        """The damaged lines; only the first one unless `lenient`."""
        self._sync()

    def _sync(self) -> None:
        """Read what was added since the last time."""
        if os.fstat(self._file).st_size == self._place:
            return
        if not self._lenient:
            self.faults.clear()  # the line may have been incomplete
        for line in self._rest():
            if not line.endswith(b"\n"):
                return
            what, is_intact = fault_of(line, self._lines + 1)
            self._is_nonsense = not what and not self._apply(line)
            if self._is_nonsense:
                what, is_intact = "is damaged", False
            if what:
                self.faults.append(Damage(self._lines + 1, what))
                if not self._lenient:
                    return
                if is_intact:
                    self._apply(line)
            self._place += len(line)
            self._lines += 1

    def damage(self) -> Damage | None:
        """The first damaged line that is not merely the torn end of the file."""
        self._sync()
        if not self.faults or self._lenient or self._is_nonsense:
            return self.faults[0] if self.faults else None
        following = (fault_of(line, number)[1] for number, line in enumerate(self._rest(), self._lines + 1))
        return self.faults[0] if any(following) else None

    def _rest(self) -> Iterator[bytes]:
        """The lines that were not read yet."""
        with os.fdopen(os.dup(self._file), "rb", 1 << 20) as file:
            file.seek(self._place)
            yield from file

    def _apply(self, line: bytes) -> bool:
        """Take over a line; False if it means nothing."""
        self.is_guarded = is_guarded(line[:-1])
        found = _IN_FILE.match(line) if self.is_guarded else None
        if found is not None:
            trial = self._open_trial(int(found[1] or found[3]))
            if trial is not None:
                trial.keep(found[2].decode() if found[2] else _PARAMETER, self._place)
            return True
        try:
            entry = json.loads(line)
            apply = _OPERATIONS[entry["op_code"]]
            if apply is not None:
                apply(self, entry)
        except _UNREADABLE:
            return False
        return True

    def entry(self, place: int) -> dict[str, Any]:
        """The entry that begins at this place of the file."""
        line = os.pread(self._file, _READ, place)
        while b"\n" not in line and (more := os.pread(self._file, len(line), place + len(line))):
            line += more
        entry: dict[str, Any] = json.loads(line.partition(b"\n")[0])
        return entry

    def _open_trial(self, trial_id: int) -> _Trial | None:
        """A trial that can still change; None for others, whose changes Optuna ignores."""
        if self._lenient and trial_id == len(self._trials) and self._studies:
            self._add_trial(next(iter(self._studies)), _BLANK)  # the line that creates it is damaged
        if not 0 <= trial_id < len(self._trials):
            return None
        trial = self._trials[trial_id]
        return None if trial.state.is_finished() else trial

    def _create_study(self, entry: dict[str, Any]) -> None:
        name, directions = entry["study_name"], [StudyDirection(value) for value in entry["directions"]]
        if not isinstance(name, str) or any(study.study_name == name for study in self._studies.values()):
            return
        study_id, self._created = self._created, self._created + 1
        self._studies[study_id] = FrozenStudy(
            name, None, user_attrs={}, system_attrs={}, study_id=study_id, directions=directions
        )
        self._of_study[study_id] = []

    def _delete_study(self, entry: dict[str, Any]) -> None:
        self._studies.pop(entry["study_id"], None)

    def _set_study_attributes(self, entry: dict[str, Any]) -> None:
        study = self._studies.get(entry["study_id"])
        if study is not None:
            for name, value in {**entry.get("user_attr", {}), **entry.get("system_attr", {})}.items():
                if not is_plausible_of_study(name, value, len(study.directions)):
                    raise ValueError(name)
            study.user_attrs = {**study.user_attrs, **entry.get("user_attr", {})}
            study.system_attrs = {**study.system_attrs, **entry.get("system_attr", {})}

    def _create_trial(self, entry: dict[str, Any]) -> None:
        study_id = entry["study_id"]
        if study_id not in self._studies:
            return
        number = entry.get(TRIAL, len(self._trials)) if self._lenient else len(self._trials)
        while len(self._trials) < number < len(self._trials) + _MOST_LOST:
            self._add_trial(study_id, _BLANK)
        if number == len(self._trials):
            self._add_trial(study_id, entry)
        elif self._trials[number].is_blank:
            self._trials[number].__init__(*self._arguments(study_id, entry, number))  # type: ignore[misc]

    def _add_trial(self, study_id: int, entry: Mapping[str, Any]) -> None:
        trial = _Trial(*self._arguments(study_id, entry, len(self._trials)))
        self._trials.append(trial)
        self._of_study[study_id].append(trial)

    def _arguments(self, study_id: int, entry: Mapping[str, Any], trial_id: int) -> tuple[Any, ...]:
        known = [trial.number for trial in self._trials[trial_id : trial_id + 1]]
        number = known[0] if known else len(self._of_study[study_id])
        return self, trial_id, number, entry, self._place, len(self._studies[study_id].directions)

    def _change_trial(self, entry: dict[str, Any]) -> None:
        trial = self._open_trial(entry["trial_id"])
        if trial is not None:
            trial.change(entry, self._place)

    # what Optuna asks

    def get_all_studies(self) -> list[FrozenStudy]:
        self._sync()
        return deepcopy([*self._studies.values()])

    def get_study_id_from_name(self, study_name: str) -> int:
        self._sync()
        for study in self._studies.values():
            if study.study_name == study_name:
                return study._study_id
        raise KeyError(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._study(study_id).study_name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._study(study_id).directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._study(study_id).user_attrs

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._study(study_id).system_attrs

    def _study(self, study_id: int) -> FrozenStudy:
        self._sync()
        return self._studies[study_id]

    def get_trial(self, trial_id: int) -> FrozenTrial:
        self._sync()
        return self._trials[trial_id]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        self._study(study_id)
        trials = [trial for trial in self._of_study[study_id] if states is None or trial.state in states]
        return [trial.copied() for trial in trials] if deepcopy else [*trials]

    def _refuse(self, *arguments: Any, **named: Any) -> NoReturn:
        raise OSError(f"{self._path} is open for reading only")

    create_new_study = delete_study = set_study_user_attr = set_study_system_attr = _refuse
    create_new_trial = set_trial_param = set_trial_state_values = set_trial_intermediate_value = _refuse
    set_trial_user_attr = set_trial_system_attr = _refuse


_OPERATIONS: Sequence[Callable[[ReadStorage, dict[str, Any]], None] | None] = (
    ReadStorage._create_study,
    ReadStorage._delete_study,
    ReadStorage._set_study_attributes,
    ReadStorage._set_study_attributes,
    ReadStorage._create_trial,
    *[ReadStorage._change_trial] * 5,
    None,  # discarded trials, which Python's Optuna ignores
)
"""What the operations of Optuna's journal do, by their code."""


class _Trial(FrozenTrial):
    """A trial whose parameters and larger attributes are in the file."""

    def __init__(
        self, storage: ReadStorage, trial_id: int, number: int, entry: Mapping[str, Any], place: int, objectives: int
    ) -> None:
        """Raises what a malformed entry causes."""
        super().__init__(
            number=number,
            state=TrialState(entry.get("state", TrialState.RUNNING.value)),
            value=None,
            values=_numbers(entry.get("values") if entry.get("value") is None else [entry["value"]], objectives),
            datetime_start=_moment(entry.get("datetime_start")),
            datetime_complete=_moment(entry.get("datetime_complete")),
            params={},
            distributions={},
            user_attrs={},
            system_attrs=_mapping(entry.get("system_attrs", {})),
            intermediate_values={int(k): float(v) for k, v in entry.get("intermediate_values", {}).items()},
            trial_id=trial_id,
        )
        self._storage, self._objectives = storage, objectives
        self.is_blank = entry is _BLANK
        """Whether the line that creates it is damaged, and nothing else was read of it."""
        self._names: list[str] = []
        """The attributes that are in the file, and parameters."""
        self._places = array("Q")
        self._own: dict[str, Any] = {}
        self._keep_attributes(_mapping(entry.get("user_attrs", {})), place)
        if _mapping(entry.get("params", {})):
            self.keep(_PARAMETER, place)

    def keep(self, name: str, place: int) -> None:
        """Note where an attribute is."""
        self._names.append(name)
        self._places.append(place)
        self.is_blank = False

    def change(self, entry: Mapping[str, Any], place: int) -> None:
        """Take over an entry about this trial. Raises what a malformed one causes, and then nothing has changed."""
        operation = entry["op_code"]
        if operation == 5:
            json_to_distribution(entry["distribution"]).to_external_repr(entry["param_value_internal"])
            self.keep(_PARAMETER, place)
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
        found: dict[str, tuple[Any, BaseDistribution]] = {}
        for name, place in zip(self._names, self._places, strict=True):
            if name == _PARAMETER:
                entry = self._storage.entry(place)
                one = {entry["param_name"]: entry["param_value_internal"]} if "param_name" in entry else entry["params"]
                kinds = (
                    {entry["param_name"]: entry["distribution"]} if "param_name" in entry else entry["distributions"]
                )
                found |= {each: (value, json_to_distribution(kinds[each])) for each, value in one.items()}
        return found

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

    def __init__(self, trial: _Trial) -> None:
        self._trial = trial

    def __getitem__(self, name: str) -> Any:
        trial = self._trial
        if name in trial._own:
            return trial._own[name]
        if name == _PARAMETER or name not in trial._names:
            raise KeyError(name)
        last = len(trial._names) - 1 - trial._names[::-1].index(name)
        entry = trial._storage.entry(trial._places[last])
        return entry["user_attr" if "user_attr" in entry else "user_attrs"][name]

    def __contains__(self, name: object) -> bool:
        return name in self._trial._own or (name != _PARAMETER and name in self._trial._names)

    def __iter__(self) -> Iterator[str]:
        yield from self._trial._own
        yield from dict.fromkeys(name for name in self._trial._names if name != _PARAMETER)

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
