"""Studies in PostgreSQL and MariaDB: real servers, which are stopped, started again and filled with large records."""

from __future__ import annotations

import shlex
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from tests.database_server import PASSWORD, DatabaseServer, MariaDB, PostgreSQL
from tests.search.command_line import xoresnet
from tests.search.runs import SMALL, status, stop_search
from tests.search.study.test_opening import SPACE, facts, work
from xoresnet.errors import RunError
from xoresnet.results import load
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.databases import database
from xoresnet.search.study.databases.address import database_url
from xoresnet.search.study.databases.database import DatabaseLostError, DatabaseStorage
from xoresnet.search.study.opening import look_at_study, open_study


@pytest.fixture(scope="module", params=[PostgreSQL, MariaDB])
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    yield from running(request.param)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[DatabaseServer]:
    yield from running(PostgreSQL)


def running(kind: type[DatabaseServer]) -> Iterator[DatabaseServer]:
    """A server that is running whenever a test begins."""
    if kind.missing():
        pytest.skip(kind.missing())
    if kind is MariaDB:
        pytest.importorskip("pymysql", reason="the driver pymysql is not installed")
    with tempfile.TemporaryDirectory(prefix="xoresnet", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        started = kind(Path(folder))
        started.start()
        try:
            yield started
        finally:
            started.stop()


def begin(folder: Path, storage: str, **fields: Any) -> optuna.Study:
    """The study of a run as a search opens it; the folder is made."""
    config = SearchConfig.from_dict({"space": SPACE, "sampler": "random", "storage": storage, **fields})
    with RunFolder(folder).opened(config) as named:
        return open_study(named, folder, epochs=6)


def seen(folder: Path) -> optuna.Study:
    """The same as `xoresnet status` reads it."""
    saved = RunFolder(folder).saved_config()
    assert saved is not None
    study = look_at_study(saved, folder)
    assert study is not None
    return study


def test_a_study_is_the_same_in_memory_and_in_the_database(server: DatabaseServer, tmp_path: Path) -> None:
    """Records as large as those of very deep networks included, which MySQL alone would refuse."""
    folder = tmp_path / "run"
    study = begin(folder, server.address(), study=f"s{tmp_path.name}")
    work(study, 4)
    study.enqueue_trial({"x": 0.25, "merge": "or"}, user_attrs={"layers": ["x" * 100_000, "µ" * 50_000]})
    trial = study.ask()
    assert trial.suggest_float("x", 0, 1) == 0.25
    trial.set_user_attr("record:1", {"figures": "1234567890" * 30_000, "loss": float("inf"), "pair": (1, 2)})
    before = study.get_trials(deepcopy=False)
    trial.set_user_attr("late", 1)
    assert "late" not in before[-1].user_attrs  # what was read stays as it was
    (folder / "trials").mkdir()
    for other in (seen(folder), begin(folder, server.address(), study=study.study_name)):
        assert [fact[:5] for fact in facts(other)] == [fact[:5] for fact in facts(study)]
        assert other.metric_names == study.metric_names
        assert other.user_attrs == study.user_attrs


def test_another_run_is_refused(server: DatabaseServer, tmp_path: Path) -> None:
    """With a sentence that shows no password."""
    name = f"o{tmp_path.name}"
    begin(tmp_path / "ann", server.address(), study=name)
    with pytest.raises(RunError) as caught:
        begin(tmp_path / "bob", server.address(), study=name)
    what = f"the study {name!r} in {server.address('***')} belongs to the run in {tmp_path}/ann"
    assert str(caught.value) == f"{what}, not to the one in {tmp_path}/bob; choose another name with study="


def test_a_wrong_password_and_a_missing_database(server: DatabaseServer, tmp_path: Path) -> None:
    for address in (server.address("wr0ng"), server.address().replace("/studies", "/none")):
        with pytest.raises(
            RunError, match=r"^storage: \w+://ann:\*\*\*@.*/(studies|none): OperationalError: "
        ) as caught:
            begin(tmp_path / "run", address)
        assert not any(secret in str(caught.value) for secret in ("wr0ng", PASSWORD, "\n"))


def test_a_server_that_is_away_is_waited_for(server: DatabaseServer, tmp_path: Path) -> None:
    study = begin(tmp_path / "run", server.address(), study=f"w{tmp_path.name}")
    trial = study.ask()
    storage = study._storage
    assert isinstance(storage, DatabaseStorage)
    asked: list[float] = []

    def gives_up() -> bool:
        """It does not; the server is back when it has been waited for, for more than a second."""
        asked.append(time.monotonic())
        if asked[-1] - asked[0] > 1:
            server.start()
        return False

    storage.gives_up = gives_up
    server.crash()
    trial.set_user_attr("record:1", {"loss": 0.5})
    assert storage.waited > 1
    what = f"storage: {server.address('***')}: the database did not answer for "
    assert [notice.startswith(what) for notice in storage.notices] == [True]
    study.tell(study.ask(), [1, 2])
    assert facts(seen(tmp_path / "run"))[0][4] == {"record:1": {"loss": 0.5}}


def test_a_server_that_stays_away_ends_all_changes(server: DatabaseServer, tmp_path: Path) -> None:
    """With one sentence; what is in memory can be read, and nothing is written once the server is back."""
    study = begin(tmp_path / "run", server.address(), study=f"l{tmp_path.name}")
    trial = study.ask()
    assert isinstance(study._storage, DatabaseStorage)
    study._storage._patience = 0.5
    server.stop()
    try:
        with pytest.raises(DatabaseLostError) as caught:
            trial.set_user_attr("record:1", 1)
    finally:
        server.start()
    what = f"storage: {server.address('***')}: the database has not answered for "
    assert str(caught.value).startswith(what)
    assert study._storage.lost == str(caught.value)
    with pytest.raises(DatabaseLostError):
        study.tell(trial, [1, 2])
    assert [each.state for each in study.trials] == [each.state for each in seen(tmp_path / "run").trials]
    assert study.trials[0].user_attrs == {}


def test_what_came_through_without_an_answer_is_not_done_twice(server: DatabaseServer, tmp_path: Path) -> None:
    """A connection may break after the server has done what it was asked for, and before it says so."""
    study = begin(tmp_path / "run", server.address(), study=f"t{tmp_path.name}")
    storage = study._storage
    assert isinstance(storage, DatabaseStorage)
    study.tell(study.ask(), [1, 2])
    unanswered = [storage._backend.create_new_trial(study._study_id) for _ in range(2)]  # which the search never saw
    trial = study.ask()
    assert (trial._trial_id, trial.number) == (unanswered[0], 1)
    twin = study.trials[2]
    assert (twin.state, twin.user_attrs) == (TrialState.FAIL, {"duplicate_of": 1})
    storage._backend.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [3, 4])
    study.tell(trial, [3, 4])
    study.add_trial(create_trial(state=TrialState.WAITING))
    storage._backend.set_trial_state_values(study.trials[3]._trial_id, TrialState.RUNNING)
    assert study.ask().number == 3
    assert [fact[:3] for fact in facts(seen(tmp_path / "run"))] == [fact[:3] for fact in facts(study)]


def test_a_study_that_somebody_deletes(server: DatabaseServer, tmp_path: Path) -> None:
    study = begin(tmp_path / "run", server.address(), study=f"d{tmp_path.name}")
    trial = study.ask()
    optuna.delete_study(study_name=study.study_name, storage=DatabaseStorage(server.address()))
    with pytest.raises(DatabaseLostError, match=r"trial 0 was deleted from the database during the search$"):
        trial.set_user_attr("record:1", 1)


# whole searches


@pytest.mark.usefixtures("ray")
@pytest.mark.filterwarnings("ignore")
def test_a_search_that_is_killed_and_whose_server_fails(
    postgresql: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No trial fails or is trained twice, and nothing shows the password."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIES_PW", PASSWORD)
    # small batches, so that an epoch takes much longer than to see in the database that one has ended
    Path("small.yaml").write_text(SMALL.replace("batch_size: 128", "batch_size: 16"))
    words = ("budget=4", "epochs=2", "max_concurrent=1", "baselines=none")
    storage = f"storage={postgresql.address('${STUDIES_PW}')}"
    outputs = [stop_search(tmp_path, lambda: reported(postgresql) >= 2, signal.SIGKILL, storage, *words)]
    assert_nothing_is_lost(tmp_path, postgresql, at_least=1)

    monkeypatch.setattr(database, "PATIENCE", 2.0)
    with after(reported(postgresql) + 2, postgresql, postgresql.crash):
        lost = xoresnet("search", "small.yaml", "--run", "run", storage, *words)
    postgresql.start()
    what = f"{storage.replace('=', ': ')}: the database has not answered for * (OperationalError: *)"
    assert lost.is_refusal(1, f"{what}; everything finished is kept in {tmp_path}/run; to resume: xoresnet search *")
    assert shlex.split(lost.err.partition("to resume: ")[2])[2:] == ["small.yaml", storage, *words, "--run", "run"]
    assert_nothing_is_lost(tmp_path, postgresql, at_least=2)

    monkeypatch.setattr(database, "PATIENCE", 60.0)
    with after(reported(postgresql) + 1, postgresql, lambda: restart(postgresql)):
        result = xoresnet("search", "small.yaml", "--run", "run", f"storage={postgresql.address()}", *words)
    assert result.code == 0, result.err
    notice = f"note: storage: {postgresql.address('***')}: the database did not answer for "
    assert notice in result.out + result.err
    assert_nothing_is_lost(tmp_path, postgresql, at_least=4)
    assert load("run").trials["state"].isin(["COMPLETE", "PRUNED"]).all()
    again = xoresnet("search", "small.yaml", "--run", "run", f"storage={postgresql.address('***')}", *words)
    assert again.code == 0, again.err
    outputs += [each.out + each.err for each in (lost, result, again, xoresnet("status", "run"))]
    assert not any(PASSWORD in output for output in outputs)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files if PASSWORD.encode() in path.read_bytes()} <= {"config.yaml"}


def assert_nothing_is_lost(folder: Path, server: DatabaseServer, at_least: int) -> None:
    """No trial has failed, and each epoch of the budget was trained once."""
    now = status(folder)
    assert (now["failed"], now["spent"] * 2) == (0, reported(server))
    assert at_least <= now["spent"] <= 4


@contextmanager
def after(reports: int, server: DatabaseServer, act: Callable[[], None]) -> Iterator[None]:
    """Act while the block runs, as soon as so many epochs are in the database, however long that takes."""
    ended = threading.Event()

    def wait() -> None:
        while reported(server) < reports and not ended.wait(0.05):
            pass
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def restart(server: DatabaseServer) -> None:
    server.crash()
    time.sleep(8)  # many epochs, so that the search has something to write even on a busy machine
    server.start()


def reported(server: DatabaseServer) -> int:
    """How many epochs the database has."""
    engine = sqlalchemy.create_engine(database_url(server.address()), poolclass=sqlalchemy.NullPool)
    with suppress(SQLAlchemyError), engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM trial_user_attributes JOIN trials USING (trial_id) JOIN studies USING (study_id) "
            "WHERE key LIKE 'report:%%' AND study_name = 'run'"
        )
        return int(found.scalar_one())
    return 0
