"""A journal for reading only: `ReadStorage`, which holds little of it in memory, however large it is.

Optuna's own `JournalStorage` keeps everything that a study ever recorded: mostly networks, recipes and the figures of
every epoch, of which a reader wants a few. Here those stay in the file, and a trial knows where. The file is read once,
and a later look reads only what was added.
"""

from __future__ import annotations

import json
import os
import re
import sys
import weakref
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NoReturn

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from xoresnet.search.study.attributes import ARCH, RECIPE, RECORD, is_plausible_of_study
from xoresnet.search.study.journal import TRIAL, Damage, fault_of
from xoresnet.search.study.lines import is_guarded, is_placed
from xoresnet.search.study.read_trials import BLANK, PARAMETER, ReadTrial

__all__ = ["ReadStorage"]

_READ = 4096
"""Bytes that are read at once to find a line."""
_IN_FILE = re.compile(
    rb'\{"op_code":(?:8,"worker_id":"[^"\\]*","trial_id":(\d+),"user_attr":\{"(%s|%s|(?:%s|report:)\d+)":'
    rb'|5,"worker_id":"[^"\\]*","trial_id":(\d+),)' % (ARCH.encode(), RECIPE.encode(), RECORD.encode())
)
"""The beginning of lines whose content stays in the file: the network, the recipe, an epoch's figures, a parameter."""
_MOST_LOST = 10_000
"""Trials that may be missing in a row; a larger number is no number of a trial."""
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError)
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
        self._of_study: dict[int, list[ReadTrial]] = {}
        self._trials: list[ReadTrial] = []
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
            match = _IN_FILE.match(line)
            if match is not None and is_placed(line, self._lines + 1):  # nearly all lines
                self._keep_place(match)
                self._place += len(line)
                self._lines += 1
                continue
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
        try:
            entry = json.loads(line)
            apply = _OPERATIONS[entry["op_code"]]
            if apply is not None:
                apply(self, entry)
        except _UNREADABLE:
            return False
        return True

    def _keep_place(self, match: re.Match[bytes]) -> None:
        """Note where the content of an intact line is."""
        trial = self._open_trial(int(match[1] or match[3]))
        if trial is not None:
            trial.keep(sys.intern(match[2].decode()) if match[2] else PARAMETER, self._place)

    def entry(self, place: int) -> dict[str, Any]:
        """The entry that begins at this place of the file."""
        line = os.pread(self._file, _READ, place)
        while b"\n" not in line and (more := os.pread(self._file, len(line), place + len(line))):
            line += more
        entry: dict[str, Any] = json.loads(line.partition(b"\n")[0])
        return entry

    def _open_trial(self, trial_id: int) -> ReadTrial | None:
        """A trial that can still change; None for others, whose changes Optuna ignores."""
        if self._lenient and trial_id == len(self._trials) and self._studies:
            self._add_trial(next(iter(self._studies)), BLANK)  # the line that creates it is damaged
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
            self._add_trial(study_id, BLANK)
        if number == len(self._trials):
            self._add_trial(study_id, entry)
        elif self._trials[number].is_blank:
            self._trials[number].__init__(*self._arguments(study_id, entry, number))  # type: ignore[misc]

    def _add_trial(self, study_id: int, entry: Mapping[str, Any]) -> None:
        trial = ReadTrial(*self._arguments(study_id, entry, len(self._trials)))
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
