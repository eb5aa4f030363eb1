"""`load`: runs in every state, at every address, damaged ones, and none at all."""

from __future__ import annotations

import io
import json
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.results.made_runs import empty_run, run_of, trial, varied_run, write_run
from xoresnet.errors import RunError, UsageError
from xoresnet.results import Run, load, load_many, report
from xoresnet.results.tables.columns import CONFIRMED, HISTORY, LAYERS, SCHEMA_VERSION, TRIALS
from xoresnet.results.tables.files import VERSION_KEY

NAN = float("nan")
FRAMES = {"trials": TRIALS, "history": HISTORY, "layers": LAYERS, "confirmed": CONFIRMED}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(varied_run(), tmp_path / "digits")


def same(left: Run, right: Run) -> bool:
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name))
    return left.config == right.config and left.environment == right.environment


def refused(message: str) -> Any:
    """`pytest.raises` for a `RunError` of one sentence that has this in it."""

    def check(error: RunError) -> bool:
        assert message in str(error)
        assert "\n" not in str(error)
        return True

    return pytest.raises(RunError, check=check)


def test_what_was_written_comes_back(folder: Path) -> None:
    run = load(folder)
    assert same(run, varied_run())
    assert (run.name, dict(run.objectives)) == ("digits", {"val_accuracy": "max", "spikes_per_sample": "min"})
    for name, columns in FRAMES.items():
        assert {column: str(kind) for column, kind in getattr(run, name).dtypes.items()} == dict(columns)


def test_the_front_of_a_run() -> None:
    run = run_of(
        trial(0, 0.9, 900),
        trial(1, 0.8, 950),
        trial(2, 0.5, 100),
        trial(3, 0.99, 10, state="PRUNED"),
        trial(4, NAN, NAN, state="FAIL", epochs_trained=0),
        trial(5, 0.99, 10, state="RUNNING"),
    )
    assert list(run.front["trial_id"]) == [2, 0]


def test_a_run_that_goes_on_or_was_killed(folder: Path) -> None:
    """Its last trials have no end, and what was half written is beside the tables under another name."""
    (folder / ".trials.parquet.4711").write_bytes(b"PAR1 half a table")
    (folder / ".lock").touch()
    run = load(folder)
    (running,) = run.trials[run.trials["state"] == "RUNNING"].to_dict("records")
    assert pd.isna(running["ended"])
    assert running["trial_id"] not in set(run.front["trial_id"])
    assert list(run.history.loc[run.history["trial_id"] == running["trial_id"], "epoch"]) == [1, 2]


def test_a_run_without_trials(tmp_path: Path) -> None:
    run = load(write_run(empty_run(), tmp_path / "empty"))
    assert all(len(getattr(run, name)) == 0 for name in [*FRAMES, "front"])
    assert {name: str(kind) for name, kind in run.trials.dtypes.items()} == dict(TRIALS)


@pytest.mark.parametrize("name", [*(f"{name}.parquet" for name in FRAMES), "environment.json"])
def test_a_file_that_is_not_there_yet(folder: Path, name: str) -> None:
    (folder / name).unlink()
    run = load(folder)
    part = name.partition(".")[0]
    assert len(getattr(run, part)) == 0
    others = [other for other in FRAMES if other != part]
    assert all(len(getattr(run, other)) for other in others)


def test_by_url(folder: Path) -> None:
    assert same(load(folder.as_uri()), load(folder))
    assert same(load(f"{folder.as_uri()}/"), load(str(folder)))


@pytest.fixture
def remote(folder: Path) -> Iterator[str]:
    """The same at an address that only fsspec knows."""
    system = fsspec.filesystem("memory")
    system.put(str(folder), "/bucket/digits", recursive=True)
    yield "memory://bucket/digits"
    system.rm("/bucket", recursive=True)


def test_by_an_address_of_fsspec(remote: str, folder: Path) -> None:
    run = load(remote)
    assert same(run, load(folder))
    assert run.name == "digits"


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ("memory://bucket/nothing", "memory://bucket/nothing holds no search: it has no config.yaml"),
        ("nowhere", "there is no folder nowhere"),
        ("file:///nowhere/at/all", "there is no folder /nowhere/at/all"),
    ],
)
def test_nothing_there(run: str, sentence: str) -> None:
    with refused(sentence):
        load(run)


def test_an_address_that_nobody_knows() -> None:
    with refused("gopher://old/run: "):
        load("gopher://old/run")


def test_a_file_is_no_run(folder: Path) -> None:
    with refused("config.yaml is a file, not the folder of a run"):
        load(folder / "config.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("command: train\narch: {}\n", "holds a training, not a search"),
        ("- a list\n", "holds no search: its config.yaml was not written by one"),
        ("trials: 3\n", "holds no search: its config.yaml was not written by one"),
        ("a: [b", "config.yaml, line 1, column "),
        (b"\xff\xfe\x00", "codec can't decode"),
    ],
)
def test_a_folder_of_something_else(folder: Path, text: str | bytes, message: str) -> None:
    (folder / "config.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RunError, match=message):
        load(folder)


def test_an_environment_that_is_no_json(folder: Path) -> None:
    (folder / "environment.json").write_text("{")
    with refused("environment.json is damaged: "):
        load(folder)


@pytest.mark.parametrize("name", FRAMES)
def test_a_table_that_was_cut_off(folder: Path, name: str) -> None:
    path = folder / f"{name}.parquet"
    whole = path.read_bytes()
    for size in {0, 1, 4, 8, len(whole) // 3, len(whole) // 2, len(whole) - 100, len(whole) - 8, len(whole) - 1}:
        path.write_bytes(whole[:size])
        with refused(f"{name}.parquet is damaged: "):
            load(folder)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            str(SCHEMA_VERSION + 1),
            f"has tables of version {SCHEMA_VERSION + 1}, but this xoresnet reads",
        ),
        ("", "trials.parquet is not a table of a run"),
        ("new", "trials.parquet is not a table of a run"),
    ],
)
def test_tables_of_another_version(folder: Path, version: str, message: str) -> None:
    table = pq.read_table(folder / "trials.parquet")
    metadata = {**table.schema.metadata, VERSION_KEY: version.encode()}
    pq.write_table(table.replace_schema_metadata(metadata), folder / "trials.parquet")
    with refused(message):
        load(folder)


def test_a_table_of_somebody_elses(folder: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), folder / "trials.parquet")
    with refused("trials.parquet is not a table of a run"):
        load(folder)


class _Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


@pytest.mark.parametrize("name", ["trials.parquet", "history.parquet", "config.yaml", "environment.json"])
def test_nothing_is_unpickled(folder: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(_Hostile()))  # it does work
    assert Path("executed").exists()
    Path("executed").unlink()
    (folder / name).write_bytes(pickle.dumps(_Hostile()))
    with pytest.raises(RunError):
        load(folder)
    assert not Path("executed").exists()


def test_yaml_makes_no_objects(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "config.yaml").write_text("command: search\nx: !!python/object/apply:os.mkdir [executed]\n")
    with pytest.raises(RunError):
        load(folder)
    assert not Path("executed").exists()


def test_hostile_cells_stay_bytes(folder: Path) -> None:
    """Python's own pandas metadata in a Parquet file names types; none of them is made."""
    table = pq.read_table(folder / "trials.parquet")
    hostile = io.BytesIO()
    pickle.dump(_Hostile(), hostile)
    table = table.append_column("object", pa.array([hostile.getvalue()] * len(table)))
    pq.write_table(table, folder / "trials.parquet")
    assert isinstance(load(folder).trials["object"].iloc[0], bytes)


def test_passwords_are_not_passed_on(tmp_path: Path) -> None:
    """Neither to notebooks nor to the report, which others are sent."""
    made = run_of(trial(0), storage="postgresql://ann:tops3cret@db.lab/studies")
    folder = tmp_path / "run"
    write_run(made, folder)
    assert "tops3cret" in (folder / "config.yaml").read_text()
    run = load(folder)
    assert run.config["storage"] == "postgresql://ann:***@db.lab/studies"
    assert "tops3cret" not in repr(run)
    page = report(folder).read_text(encoding="utf-8")
    assert "tops3cret" not in page
    assert "postgresql://ann:***@db.lab/studies" in page


def test_the_id_of_the_folder_is_no_setting(folder: Path) -> None:
    config = folder / "config.yaml"
    config.write_text(f"run_id: 0a1b2c3d4e5f\n{config.read_text()}")
    assert not {"command", "run_id"} & set(load(folder).config)


def test_several_runs(tmp_path: Path) -> None:
    paths = [write_run(varied_run(count), tmp_path / name) for name, count in (("a", 20), ("b", 30))]
    runs = load_many(paths)
    assert runs.trials["run"].value_counts().to_dict() == {"a": 20, "b": 30}
    for part in (runs.trials, runs.history, runs.layers, runs.front):
        assert part.columns[0] == "run"
        assert list(part.index) == list(range(len(part)))
    fronts = [list(load(path).front["trial_id"]) for path in paths]
    assert [list(rows["trial_id"]) for _, rows in runs.front.groupby("run")] == fronts
    assert list(runs.configs) == list(runs.environments) == ["a", "b"]
    kinds = {name: str(kind) for name, kind in runs.trials.drop(columns="run").dtypes.items()}
    assert kinds == dict(TRIALS)


def test_runs_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    paths = [write_run(varied_run(20), tmp_path / place / "digits") for place in ("x", "y")]
    other = write_run(varied_run(20), tmp_path / "other")
    assert list(load_many([*paths, other]).configs) == [str(paths[0]), str(paths[1]), "other"]


def test_several_of_which_one_is_empty(tmp_path: Path) -> None:
    full, none = write_run(varied_run(20), tmp_path / "full"), write_run(empty_run(), tmp_path / "none")
    runs = load_many([none, full])
    assert set(runs.trials["run"]) == {"full"}
    assert list(runs.configs) == ["none", "full"]
    assert str(runs.trials["trial_id"].dtype) == "int64"


def test_no_runs() -> None:
    with pytest.raises(UsageError, match="expects at least one run"):
        load_many([])


def test_one_of_several_is_missing(folder: Path) -> None:
    shutil.rmtree(folder / "nothing", ignore_errors=True)
    with refused("/nothing"):
        load_many([folder, folder.parent / "nothing"])


def test_environment_is_plain_json(folder: Path) -> None:
    assert load(folder).environment == json.loads((folder / "environment.json").read_text())


def test_flipped_bits_are_noticed(tmp_path: Path) -> None:
    """In the middle of a table, where its numbers are."""
    folder = write_run(varied_run(), tmp_path / "run")
    content = bytearray((folder / "history.parquet").read_bytes())
    for place in range(len(content) // 4, len(content) // 2, 97):
        content[place] ^= 255
    (folder / "history.parquet").write_bytes(bytes(content))
    with pytest.raises(RunError, match=r"history\.parquet is damaged: "):
        load(folder)
