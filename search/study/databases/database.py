"""`DatabaseStorage`: the study of a running search in a database, which may be away for a while.

A search is the only writer of its study. It reads the study once and keeps it in memory, as it keeps a journal; every
change is in the database before the search goes on. Optuna's own storage asks the database again for each question, and
for all that the paused trials ever reported.
"""

from __future__ import annotations

import copy
import json
import time
import weakref
from collections.abc import Callable, Container, Sequence
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import inspect
from sqlalchemy.dialects.mysql import LONGTEXT, MEDIUMTEXT
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, SQLAlchemyError

from xoresnet.errors import RunError
from xoresnet.files.secrets import hidden_address
from xoresnet.measures.metrics import duration
from xoresnet.search.study.attributes import DUPLICATE
from xoresnet.search.study.databases.address import connect_options, database_url

__all__ = ["PATIENCE", "DatabaseLostError", "DatabaseStorage", "database_of", "reason_of"]

PATIENCE = 300.0
"""Seconds for which a search waits for a database that does not answer."""
_PAUSES = 0.1, 2.0
"""Seconds between the first two tries, and at most; each pause is twice as long as the last."""
P = ParamSpec("P")
T = TypeVar("T")


class DatabaseLostError(RunError):
    """The database has not answered for too long; what was not written yet is lost, and will be trained again."""


def database_of(address: str) -> RDBStorage:
    """Optuna's storage at an address as users write it. Raises what SQLAlchemy and the driver raise."""
    url = database_url(address)
    template = url.replace("{", "{{").replace("}", "}}")  # Optuna fills in its version there
    options = {"connect_args": connect_options(make_url(url)), "pool_pre_ping": False}
    storage = RDBStorage(template, engine_kwargs=options)
    weakref.finalize(storage, storage.engine.dispose)  # closes its connections
    return storage


def reason_of(error: BaseException) -> str:
    """What a driver said, in one line, without Optuna's and SQLAlchemy's wrapping."""
    cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ is not None else error
    said = cause.orig if isinstance(cause, DBAPIError) else cause
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {(lines or [''])[0]}"


class DatabaseStorage(BaseStorage):
    """The studies in a database, for the one process that writes to them.

    Where the database does not answer, a call tries again for up to `patience` seconds; then it raises
    `DatabaseLostError`, and so does each later change at once. What is in memory can still be read. SQLite, a file, is
    never away. One thread may change a study; others may read it.
    """

    def __init__(self, address: str, patience: float | None = None) -> None:
        """address: as users write it. Raises what SQLAlchemy and the driver raise; nothing is tried again here."""
        self._backend = database_of(address)
        self._address = hidden_address(address)
        self._patience = PATIENCE if patience is None else patience
        self._known: dict[tuple[int, str], Any] = {}
        """What was read of each study, by its name."""
        self._trials: dict[int, list[FrozenTrial]] = {}
        """The trials of each study that was read, by number."""
        self._places: dict[int, tuple[int, int]] = {}
        """The study and the number of each trial."""
        self.lost = ""
        """Why nothing can be written any more, as a sentence; empty while it can."""
        self.notices: list[str] = []
        """How long the database was away, each time; for whoever shows them to remove."""
        self.waited = 0.0
        """Seconds for which calls have waited for the database, in all."""
        self.gives_up: Callable[[], bool] = lambda: False
        """Asked while a call waits: whether it should wait no longer."""
        _make_room(self._backend)

    # a database that is away

    def _ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call, again and again while the database is away. A call must be harmless after one that came through."""
        if self.lost:
            raise DatabaseLostError(self.lost)
        try:
            return call(*args, **kwargs)
        except (StorageInternalError, SQLAlchemyError) as error:
            if not self._is_away(error):
                raise
            reason = reason_of(error)
        began, (pause, longest) = time.monotonic(), _PAUSES
        while time.monotonic() - began < self._patience and not self.gives_up():
            time.sleep(pause)
            pause = min(2 * pause, longest)
            try:
                result = call(*args, **kwargs)
            except (StorageInternalError, SQLAlchemyError) as error:
                if not self._is_away(error):
                    raise
                reason = reason_of(error)
                continue
            self._came_back(time.monotonic() - began)
            return result
        raise DatabaseLostError(self._lose(reason, time.monotonic() - began))

    def _is_away(self, error: BaseException) -> bool:
        if self._backend.engine.name == "sqlite":
            return False
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        if isinstance(cause, OperationalError | InterfaceError | InternalError):  # of a server that may yet recover
            return True
        return isinstance(cause, DBAPIError) and cause.connection_invalidated

    def _came_back(self, seconds: float) -> None:
        self.waited += seconds
        if seconds >= 1:
            what = f"the database did not answer for {duration(seconds)}, and the search waited"
            self.notices.append(f"storage: {self._address}: {what}")

    def _lose(self, reason: str, seconds: float) -> str:
        sentence = f"storage: {self._address}: the database has not answered for {duration(seconds)} ({reason})"
        if not self.gives_up():
            self.lost = sentence
        return sentence

    def _change(self, trial_id: int, change: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Change a trial in the database."""
        try:
            return self._ask(change, *args, **kwargs)
        except KeyError:
            _, number = self._places[trial_id]
            self.lost = f"storage: {self._address}: trial {number} was deleted from the database during the search"
            raise DatabaseLostError(self.lost) from None

    # studies

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        return self._ask(self._backend.create_new_study, directions, study_name)

    def delete_study(self, study_id: int) -> None:
        self._ask(self._backend.delete_study, study_id)
        self._known = {key: known for key, known in self._known.items() if key[0] != study_id}
        for trial in self._trials.pop(study_id, []):
            del self._places[trial._trial_id]

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._known.pop(
            (study_id, "user attributes"), None
        )  # to be read anew: another run may write at the same moment
        self._ask(self._backend.set_study_user_attr, study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._known.pop((study_id, "system attributes"), None)
        self._ask(self._backend.set_study_system_attr, study_id, key, value)

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._ask(self._backend.get_study_id_from_name, study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._fact("name", self._backend.get_study_name_from_id, study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._fact("directions", self._backend.get_study_directions, study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return {**self._fact("user attributes", self._backend.get_study_user_attrs, study_id)}

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return {**self._fact("system attributes", self._backend.get_study_system_attrs, study_id)}

    def _fact(self, name: str, read: Callable[[int], T], study_id: int) -> T:
        """What is known of a study, read where it is needed for the first time after a change."""
        key = study_id, name
        if key not in self._known:
            self._known[key] = self._ask(read, study_id)
        known: T = self._known[key]
        return known

    def get_all_studies(self) -> list[FrozenStudy]:
        return self._ask(self._backend.get_all_studies)

    # trials

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        known = self._of(study_id)
        state = TrialState.RUNNING if template_trial is None else template_trial.state
        last = max((trial._trial_id for trial in known), default=-1)

        def create() -> list[FrozenTrial]:
            """All trials that are new in the database."""
            new = self._after(study_id, last)
            if not any(trial.state == state for trial in new):  # else an earlier try, whose answer was lost
                self._backend.create_new_trial(study_id, template_trial)
                new = self._after(study_id, last)
            return new

        new = self._ask(create)
        for trial in new:
            self._places[trial._trial_id] = study_id, trial.number
            known.append(trial)
        mine, *twins = [trial._trial_id for trial in new if trial.state == state]
        for twin in twins:  # Optuna tries again by itself; what it created twice counts as answered by the first
            self.set_trial_user_attr(twin, DUPLICATE, self._places[mine][1])
            self.set_trial_state_values(twin, TrialState.FAIL)
        return mine

    def _after(self, study_id: int, trial_id: int) -> list[FrozenTrial]:
        """The trials in the database that came after the one with this id, by number."""
        return sorted(self._backend._get_trials(study_id, None, set(), trial_id), key=lambda trial: trial.number)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        set_param = self._backend.set_trial_param
        self._change(trial_id, set_param, trial_id, param_name, param_value_internal, distribution)
        trial = self._copied(trial_id)
        trial.params = {**trial.params, param_name: distribution.to_external_repr(param_value_internal)}
        trial.distributions = {**trial.distributions, param_name: distribution}
        self._put(trial)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        before = self.get_trial(trial_id).state
        self.check_trial_is_updatable(trial_id, before)
        if state == TrialState.RUNNING and before != TrialState.WAITING:
            return False

        def set_state() -> None:
            try:
                self._backend.set_trial_state_values(trial_id, state, values)
            except UpdateFinishedTrialError:  # by an earlier try whose answer was lost?
                if self._backend.get_trial(trial_id).state != state:
                    raise

        self._change(trial_id, set_state)
        trial = self._copied(trial_id)
        trial.state = state
        if values is not None:
            trial.values = [*values]
        if state == TrialState.RUNNING:
            trial.datetime_start = datetime.now()
        if state.is_finished():
            trial.datetime_complete = datetime.now()
        self._put(trial)
        return True

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        set_value = self._backend.set_trial_intermediate_value
        self._change(trial_id, set_value, trial_id, step, intermediate_value)
        trial = self._copied(trial_id)
        trial.intermediate_values = {**trial.intermediate_values, step: intermediate_value}
        self._put(trial)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._change(trial_id, self._backend.set_trial_user_attr, trial_id, key, value)
        trial = self._copied(trial_id)
        trial.user_attrs = {**trial.user_attrs, key: _as_read(value)}
        self._put(trial)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._change(trial_id, self._backend.set_trial_system_attr, trial_id, key, value)
        trial = self._copied(trial_id)
        trial.system_attrs = {**trial.system_attrs, key: _as_read(value)}
        self._put(trial)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        place = self._places.get(trial_id)
        if place is None:
            return self._ask(self._backend.get_trial, trial_id)
        return self._trials[place[0]][place[1]]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        trials = [trial for trial in self._of(study_id) if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def remove_session(self) -> None:
        self._backend.remove_session()

    def _of(self, study_id: int) -> list[FrozenTrial]:
        """The trials of a study, which are read when they are needed for the first time."""
        if study_id not in self._trials:
            trials = self._ask(self._backend.get_all_trials, study_id)
            self._places |= {trial._trial_id: (study_id, trial.number) for trial in trials}
            self._trials[study_id] = sorted(trials, key=lambda trial: trial.number)
        return self._trials[study_id]

    def _copied(self, trial_id: int) -> FrozenTrial:
        """A trial to be changed: whoever holds the present one keeps it as it is."""
        return copy.copy(self.get_trial(trial_id))

    def _put(self, trial: FrozenTrial) -> None:
        place = self._places.get(trial._trial_id)
        if place is not None:
            self._trials[place[0]][place[1]] = trial


def _as_read(value: Any) -> Any:
    """A value as the database gives it back."""
    return json.loads(json.dumps(value))


def _make_room(storage: RDBStorage) -> None:
    """Let MySQL hold more than 64 kB in an attribute of a trial: the figures of a deep network's layers are larger."""
    if storage.engine.name not in ("mysql", "mariadb"):
        return
    types = {each["name"]: each["type"] for each in inspect(storage.engine).get_columns("trial_user_attributes")}
    if not isinstance(types["value_json"], MEDIUMTEXT | LONGTEXT):
        with storage.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE trial_user_attributes MODIFY value_json MEDIUMTEXT")
