"""One database, several runs: each has its own study, and none is handed another's."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.search.study.test_opening import SPACE, facts, work
from xoresnet.errors import RunError, UsageError
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.attributes import IDENTITY, OWNER
from xoresnet.search.study.opening import forget_study, look_at_study, open_study


def begin(folder: Path, **fields: Any) -> optuna.Study:
    """The study of a run as a search opens it; the folder is made."""
    config = SearchConfig.from_dict({"space": SPACE, "sampler": "random", "storage": database(folder), **fields})
    with RunFolder(folder).opened(config) as named:
        return open_study(named, folder, epochs=6)


def database(folder: Path) -> str:
    return f"sqlite:///{folder.parents[1]}/studies.db"


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A run with trials, in a database that others use too."""
    folder = tmp_path / "ann" / "digits"
    study = begin(folder)
    (folder / "trials").mkdir()
    work(study, 3)
    return folder


def test_another_run_of_the_same_name_is_refused(digits: Path, tmp_path: Path) -> None:
    other = tmp_path / "bob" / "digits"
    with pytest.raises(RunError) as caught:
        begin(other)
    what = f"the study 'digits' in sqlite:///{tmp_path}/studies.db belongs to the run in {digits}"
    assert str(caught.value) == f"{what}, not to the one in {other}; choose another name with study="
    assert not (other / "config.yaml").exists()
    assert len(begin(digits).trials) == 3
    assert begin(other, study="bobs").trials == []


@pytest.mark.parametrize(
    ("fields", "difference"),
    [
        ({"seed": 1}, "seed was 0, is 1"),
        ({"sampler": "tpe", "pruner": "none"}, "sampler was random, is tpe; pruner.kind was pareto, is none"),
        ({"objectives": ["val_loss:min", "synops_per_sample:min"]}, ""),
    ],
)
def test_what_differs_is_shown_too(fields: dict[str, Any], difference: str, digits: Path, tmp_path: Path) -> None:
    other = tmp_path / "bob" / "digits"
    with pytest.raises(RunError) as caught:
        begin(other, **fields)
    shown = f" ({difference})" if difference else ""
    assert f"belongs to the run in {digits}, not to the one in {other}{shown}; choose" in str(caught.value)


def test_a_run_on_another_machine_is_named_with_it(digits: Path, tmp_path: Path) -> None:
    study = begin(digits)
    study.set_user_attr(OWNER, {**study.user_attrs[OWNER], "host": "node7"})
    with pytest.raises(RunError, match=f"belongs to the run in {digits} on node7, not to the one in "):
        begin(tmp_path / "bob" / "digits")
    assert begin(digits).user_attrs[OWNER]["host"] == socket.gethostname()  # its own folder, seen from here


def test_a_folder_that_is_moved_keeps_its_study(digits: Path, tmp_path: Path) -> None:
    known = facts(begin(digits))
    moved = digits.rename(tmp_path / "ann" / "elsewhere")
    study = begin(moved)
    assert facts(study) == known
    assert study.user_attrs[OWNER]["folder"] == str(moved)


def test_a_copy_can_be_read_and_is_not_searched(digits: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ann" / "copy"
    shutil.copytree(digits, copy)
    saved = RunFolder(copy).saved_config()
    assert saved is not None
    seen = look_at_study(saved, copy)
    assert seen is not None
    assert len(seen.trials) == 3
    with pytest.raises(
        RunError, match=f"belongs to the run in {digits}, of which {copy} is a copy; continue the search "
    ):
        begin(copy)
    assert len(begin(digits).trials) == 3


def test_a_run_that_lost_its_study_to_another_does_not_show_it(digits: Path, tmp_path: Path) -> None:
    """As two runs of earlier versions, which knew no owner: the first to go on has the study."""
    earlier = begin(digits)
    with earlier._storage._backend.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql(f"delete from study_user_attributes where key = '{OWNER}'")
    other = tmp_path / "bob" / "digits"
    shutil.copytree(digits, other)
    for folder in (digits, other):
        lines = (folder / "config.yaml").read_text().splitlines(keepends=True)
        (folder / "config.yaml").write_text("".join(line for line in lines if not line.startswith("run_id:")))
    assert len(begin(digits).trials) == 3
    saved = RunFolder(other).saved_config()
    assert saved is not None
    seen = look_at_study(saved, other)
    assert seen is not None  # without an id it may be either's
    with pytest.raises(RunError, match=f"belongs to the run in {digits}, not to the one in {other}"):
        begin(other)


def test_a_new_run_does_not_take_trials_that_nobody_owns(tmp_path: Path) -> None:
    folder = tmp_path / "ann" / "digits"
    study = optuna.create_study(storage=database(folder), study_name="digits", directions=["maximize", "minimize"])
    work(study, 2)
    with pytest.raises(RunError) as caught:
        begin(folder)
    what = f"the study 'digits' in {database(folder)} has trials of an earlier run, not of the run in {folder}"
    assert str(caught.value) == f"{what}; choose another name with study="
    assert IDENTITY not in begin(folder, study="another")._storage.get_study_user_attrs(study._study_id)


def test_a_search_that_was_refused_leaves_its_name_free(digits: Path, tmp_path: Path) -> None:
    """Before its first trial, as for a wrong `--address`, when its known networks wait in the database already."""
    folder, config = tmp_path / "ann" / "more", SearchConfig.from_dict({"space": SPACE, "storage": database(digits)})
    with RunFolder(folder).opened(config) as named:
        open_study(named, folder, epochs=6).enqueue_trial({})
        forget_study(named, folder)
        assert look_at_study(named, folder) is None
        open_study(named, folder, epochs=6).ask()
        forget_study(named, folder)
        assert look_at_study(named, folder) is not None  # a trial has begun
    saved = RunFolder(digits).saved_config()
    assert saved is not None
    forget_study(saved, tmp_path / "bob" / "digits")
    assert len(begin(digits).trials) == 3  # another run's


def test_trials_whose_folder_is_gone_are_not_deleted(digits: Path, tmp_path: Path) -> None:
    shutil.rmtree(digits)
    other = tmp_path / "bob" / "digits"
    with pytest.raises(RunError, match=f"belongs to the run in {digits}, not to the one in {other}"):
        begin(other)


def test_journals_in_the_folder_have_no_owner(tmp_path: Path) -> None:
    """A copy of such a run is a run of its own."""
    original, copied = tmp_path / "one", tmp_path / "other"
    work(begin(original, storage=None), 2)
    shutil.copytree(original, copied)
    study = begin(copied, storage=None, study="one")
    work(study, 1)
    assert len(begin(original, storage=None).trials) == 2
    assert len(study.trials) == 3
    assert OWNER not in study.user_attrs


def test_the_password_of_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real databases of SQLite's, which ignores options that it does not know."""
    folder = tmp_path / "ann" / "digits"
    plain = f"sqlite:///file:{tmp_path}/studies.db?uri=true&password="
    monkeypatch.setenv("STUDIES_PW", "tops3cret")
    work(begin(folder, storage=f"{plain}${{STUDIES_PW}}"), 2)
    assert "tops3cret" not in (folder / "config.yaml").read_text()
    monkeypatch.delenv("STUDIES_PW")
    saved = RunFolder(folder).saved_config()
    assert saved is not None
    with pytest.raises(UsageError, match=r"^storage: the environment variable STUDIES_PW is not set$"):
        look_at_study(saved, folder)
    assert len(begin(folder, storage=f"{plain}tops3cret").trials) == 2
    with pytest.raises(RunError) as caught:
        begin(tmp_path / "bob" / "digits", storage=f"{plain}tops3cret")
    assert f"in {plain}*** belongs to the run in {folder}, not to" in str(caught.value)
    gone = SearchConfig(space=SPACE, storage=f"sqlite:///file:{tmp_path}/no/studies.db?uri=true&password=tops3cret")
    with pytest.raises(RunError, match=r"^storage: sqlite:.*&password=\*\*\*: OperationalError: ") as caught:
        open_study(gone, folder, epochs=6)
    assert "tops3cret" not in str(caught.value)
