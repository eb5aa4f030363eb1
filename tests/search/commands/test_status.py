"""`xoresnet status`: of searches that go on, were interrupted or have ended, and of folders that hold none."""

from __future__ import annotations

import os
import re
import shutil
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from tests.search.runs import leave_weights
from tests.search.views.test_search import (
    PAUSING,
    complete,
    fail,
    pause,
    prune,
    record,
    search_config,
    searching,
    start,
)
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.run import SearchRun
from xoresnet.search.study.attributes import DUPLICATE


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> float:
    """The time, which stands still: whole seconds, as records have them, and a minute after the tests begin."""
    now = float(int(time.time())) + 60
    monkeypatch.setattr(time, "time", lambda: now)
    return now


CONFIG = search_config(retries=0, sampler="grid")


def work(run: SearchRun) -> None:
    """Three complete, two pruned, one failed, and two that run."""
    complete(run, 0.5, 1000)
    prune(run, (0.1, 9000))
    complete(run, 0.9, 30000)
    fail(run, "boom")
    complete(run, 0.4, 2000)
    prune(run, (0.2, 8000))
    start(run, (0.1, 10), (0.2, 20))
    start(run)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A search that no process claims any more, and the ids of its networks; not to be changed."""
    with searching(CONFIG, tmp_path_factory.mktemp("made") / "run") as run:
        work(run)
    return run.folder.path, [trial.user_attrs["arch_id"] for trial in run.study.trials]


@pytest.fixture
def ids(made: tuple[Path, list[str]], tmp_path: Path) -> list[str]:
    """Of a copy of it, to be changed at will: `run`."""
    folder, ids_of_trials = made
    shutil.copytree(folder, tmp_path / "run")
    return ids_of_trials


def shown(*words: str) -> list[str]:
    result = xoresnet("status", *words)
    assert (result.code, result.err) == (0, "")
    return [line.rstrip() for line in result.out.splitlines()]


def test_a_search_that_goes_on() -> None:
    with searching(CONFIG, Path("run")) as made:
        work(made)
        ids = [trial.user_attrs["arch_id"] for trial in made.study.trials]
        assert shown("run")[:5] == [
            "running: 5.0 of 30 full trainings spent (3 complete, 0 paused, 2 pruned, 1 failed)",
            "failed: 1 x boom",
            f"  #6 {ids[6]} running after epoch 2",
            f"  #7 {ids[7]} running after epoch 0",
            "front: 2 networks",
        ]
        assert xoresnet("status", "run", "--json").json["searching"] is True


def test_a_search_that_was_interrupted(ids: list[str]) -> None:
    assert shown("run")[:5] == [
        "not running: 5.0 of 30 full trainings spent (3 complete, 0 paused, 2 pruned, 1 failed)",
        "failed: 1 x boom",
        f"  #6 {ids[6]} interrupted after epoch 2",
        f"  #7 {ids[7]} interrupted after epoch 0",
        "front: 2 networks",
    ]


def test_the_front_is_a_table(ids: list[str]) -> None:
    header, *rows = shown("run")[5:]
    assert header.split() == ["trial", "arch_id", "val_accuracy", "spikes_per_sample", "network"]
    assert [re.split(r" {2,}", row)[:4] for row in rows] == [
        ["0", ids[0], "50.00 %", "1,000"],
        ["2", ids[2], "90.00 %", "30 k"],
    ]


def test_the_same_as_json(ids: list[str]) -> None:
    assert xoresnet("status", "run", "--json").json == {
        "searching": False,
        "budget": 30,
        "spent": 5,
        "finished": 5,
        "complete": 3,
        "paused": 0,
        "pruned": 2,
        "failed": 1,
        "may_go_on": 0,
        "running": [
            {"trial_id": 6, "arch_id": ids[6], "epoch": 2},
            {"trial_id": 7, "arch_id": ids[7], "epoch": 0},
        ],
        "front": [
            {"trial_id": 0, "arch_id": ids[0], "val_accuracy": 0.5, "spikes_per_sample": 1000.0},
            {"trial_id": 2, "arch_id": ids[2], "val_accuracy": 0.9, "spikes_per_sample": 30000.0},
        ],
        "window_seconds": 0,
        "nodes": [],
        "utilisation": None,
        "trials_per_hour": None,
        "epochs_per_hour": None,
        "failures": {"boom": 1},
        "retries": {},
        "given_back": {},
    }


def report_from(run: SearchRun, run_id: str, epoch: int, ago: float, node: str, pid: int) -> None:
    """An epoch of 20 s that a worker on this node reported so many seconds ago."""
    where = {"timestamp": int(time.time() - ago), "hostname": node, "node_id": f"id of {node}", "pid": pid}
    run.bridge.on_report(run_id, {**record(epoch, 0.1 * epoch, 100), "train_seconds": 19.5, **where})


def work_on_nodes(run: SearchRun) -> None:
    """Two workers of node-a, one of which has completed a trial, and one of node-b; two trials fail twice."""
    first, second, third = (start(run) for _ in range(3))
    for epoch, ago in ((1, 50), (2, 30)):
        report_from(run, first, epoch, ago, "node-a", 11)
    leave_weights(run.bridge.live[first].config)
    run.bridge.on_end(first)
    report_from(run, second, 1, 35, "node-a", 12)
    report_from(run, third, 1, 40, "node-b", 11)
    for seconds in (60, 75):
        failing = [start(run), start(run)]
        run.bridge.on_end(failing[0], f"it took longer than {seconds} s")
        run.bridge.on_end(failing[1], "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")


def begun_before(folder: Path, seconds: float) -> None:
    """As if the search had been begun so long ago."""
    began = time.time() - seconds
    os.utime(folder / "environment.json", (began, began))


NODES = "2 nodes, 3 workers: node-a (2 workers, last report 30 s ago), node-b (1 worker, last report 40 s ago)"


def test_nodes_and_failures_of_a_search_that_goes_on(now: float) -> None:
    with searching(search_config(retries=1), Path("run")) as run:
        work_on_nodes(run)
        begun_before(run.folder.path, 120)
        lines = shown("run")
        assert lines[1] == NODES
        assert re.fullmatch(r"busy \d\d % of the last 2 min; 30 trials and 120 epochs an hour", lines[2])
        assert lines[3] == "failed: 1 x it ran out of GPU memory, 1 x it took longer than 75 s"
        assert lines[4] == "tried again: 1 x it ran out of GPU memory, 1 x it took longer than 60 s"
        fields = xoresnet("status", "run", "--json").json
    assert [(node["node_id"], node["name"], node["workers"]) for node in fields["nodes"]] == [
        ("id of node-a", "node-a", 2),
        ("id of node-b", "node-b", 1),
    ]
    ago = [now - datetime.fromisoformat(node["last_report"]).timestamp() for node in fields["nodes"]]
    assert ago == [30, 40]
    assert fields["window_seconds"] == 120
    assert (fields["epochs_per_hour"], fields["trials_per_hour"]) == (120, 30)
    assert 0.2 < fields["utilisation"] < 0.9
    assert fields["failures"] == {"it ran out of GPU memory": 1, "it took longer than 75 s": 1}
    assert fields["retries"] == {"it ran out of GPU memory": 1, "it took longer than 60 s": 1}


@pytest.mark.usefixtures("now")
def test_rates_of_a_search_that_is_over() -> None:
    with searching(search_config(retries=0), Path("run")) as run:
        work_on_nodes(run)
        begun_before(run.folder.path, 100)
    line = shown("run")[1]
    pattern = r"busy \d+ % of its last 1 min \d+ s \(2 nodes, 3 workers\); \d\d+ trials and \d\d\d epochs an hour"
    assert re.fullmatch(pattern, line), line


@pytest.mark.usefixtures("now")
def test_a_search_whose_trials_are_silent() -> None:
    with searching(CONFIG, Path("run")) as run:
        report_from(run, start(run), 1, 1500, "node-a", 11)
        begun_before(run.folder.path, 2000)
        assert shown("run")[1:3] == [
            "1 node: node-a (last report 25 min ago)",
            "no epoch was reported in the last 10 min",
        ]


def test_of_many_running_trials_the_first_are_listed() -> None:
    with searching(CONFIG, Path("run")) as run:
        for _ in range(26):
            start(run)
        listed = [line for line in shown("run") if line.startswith("  ")]
        assert [line.split()[0] for line in listed[:-1]] == [f"#{number}" for number in range(19)]
        assert listed[-1] == "  and 7 more running; --json lists all"
        assert len(xoresnet("status", "run", "--json").json["running"]) == 26


@pytest.mark.usefixtures("ids")
def test_looking_changes_nothing() -> None:
    def contents() -> dict[str, bytes | None]:
        return {str(path): path.read_bytes() if path.is_file() else None for path in Path().rglob("*")}

    before = contents()
    shown("run")
    shown("run", "--json")
    assert contents() == before


@pytest.mark.usefixtures("ids")
def test_looking_changes_nothing_where_there_is_no_lock() -> None:
    """A copy without hidden files, or on a medium that cannot be written to."""
    Path("run/.lock").unlink()
    shown("run")
    assert not Path("run/.lock").exists()


@pytest.mark.usefixtures("ids")
def test_a_folder_that_was_renamed_is_the_same_search() -> None:
    before = shown("run")
    Path("run").rename("other")
    assert shown("other") == before
    with searching(CONFIG, Path("other")) as run:
        assert len(run.study.trials) == 8
        complete(run, 0.95, 500)
    assert shown("other")[0].startswith("not running: 5.0 of 30 full trainings spent (4 complete, ")


@pytest.mark.usefixtures("ids")
def test_a_configuration_of_an_older_version() -> None:
    before, path = shown("run"), Path("run/config.yaml")
    fields = read_yaml(path.read_text(), "config.yaml")
    for name in ("keep_paused", "retries", "stop", "study", "warm_start"):
        del fields[name]
    path.write_text(write_yaml(fields))
    assert shown("run") == before


@pytest.mark.usefixtures("ids")
def test_what_is_before_the_damage_is_shown() -> None:
    journal = Path("run/study.journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:-4], b"\0" * 512 + b"\n", *lines[-4:]]))
    before = journal.read_bytes()
    result = xoresnet("status", "run")
    assert result.out.startswith(
        "not running: 5.0 of 30 full trainings spent (3 complete, 0 paused, 2 pruned, 1 failed)\n"
    )
    journal = journal.absolute()
    where = f"{journal}, line {len(lines) - 3} is damaged; what follows is left out"
    assert (result.code, result.err) == (0, f"note: {where}; to rebuild it: xoresnet repair {journal.parent}\n")
    assert journal.read_bytes() == before


@pytest.mark.usefixtures("ids")
def test_answers_from_the_record_are_no_trials() -> None:
    before = shown("run")
    with searching(CONFIG, Path("run")) as run:
        study = run.study
    answer = study.ask()
    answer.set_user_attr(DUPLICATE, 0)
    study.tell(answer, [0.99, 1.0])
    assert shown("run") == before


@pytest.mark.usefixtures("ids")
def test_a_larger_budget() -> None:
    with searching(CONFIG.replace(budget=50), Path("run")):
        pass
    assert shown("run")[0].startswith("not running: 5.0 of 50 full trainings spent ")


def test_paused_networks_are_neither_running_nor_interrupted() -> None:
    with searching(search_config(**PAUSING), Path("run")) as made:
        for number in range(3):
            pause(made, (0.5 + number / 10, 1000))
        assert shown("run")[0] == "running: 1.5 of 30 full trainings spent (0 complete, 3 paused, 0 pruned, 0 failed)"
        assert shown("run")[1:] == ["No trial is complete yet."]
        progress = xoresnet("status", "run", "--json").json
        assert (progress["paused"], progress["finished"], progress["running"]) == (3, 0, [])
        made.bridge.finish()
    ended = "not running: 1.5 of 30 full trainings spent (0 complete, 0 paused, 3 pruned, 0 failed)"
    ended += "; 3 networks may go on"
    assert shown("run")[0] == ended


def test_a_search_that_has_just_begun() -> None:
    with searching(CONFIG, Path("run")):
        assert shown("run") == [
            "running: 0.0 of 30 full trainings spent (0 complete, 0 paused, 0 pruned, 0 failed)",
            "No trial is complete yet.",
        ]
        progress = xoresnet("status", "run", "--json").json
        assert (progress["finished"], progress["running"], progress["front"]) == (0, [], [])


@pytest.mark.usefixtures("ids")
def test_what_a_kill_left_half_written_is_no_hindrance() -> None:
    before = shown("run")
    journal = Path("run/study.journal")
    journal.write_bytes(journal.read_bytes() + b'{"op_code":5,"wor')
    assert shown("run") == before
    assert journal.read_bytes().endswith(b'"wor')


def test_a_study_elsewhere() -> None:
    config = CONFIG.replace(storage=f"sqlite:///{Path().absolute()}/studies.db")
    with searching(config, Path("run")) as run:
        complete(run, 0.5, 1000)
    assert shown("run")[0] == "not running: 1.0 of 30 full trainings spent (1 complete, 0 paused, 0 pruned, 0 failed)"
    assert not Path("run/study.journal").exists()
    Path("studies.db").unlink()
    what = f"the study 'run' in {config.storage} is missing or empty, but trial 0 finished according to the tables"
    result = xoresnet("status", "run")
    assert (result.code, result.err) == (0, f"note: {what}; restore the database\n")
    assert (
        result.out.splitlines()[0]
        == "not running: 1.0 of 30 full trainings spent (1 complete, 0 paused, 0 pruned, 0 failed)"
    )
    assert not Path("studies.db").exists()


@pytest.mark.parametrize("storage", ["foo://bar", "redis://localhost:1"])
def test_a_study_at_an_address_that_is_none(storage: str) -> None:
    with RunFolder(Path("run")).opened(CONFIG.replace(storage=storage)):
        pass
    before = sorted(Path().rglob("*"))
    assert xoresnet("status", "run").is_refusal(1, f"storage: {storage}: *")
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("nothing", 2, "there is no folder nothing"),
        ("run/config.yaml", 2, "run/config.yaml is a file, not the folder of a run"),
        ("empty", 2, "empty holds no search: it has no config.yaml"),
        ("other", 2, "other holds no search: it has no config.yaml"),
        ("trained", 2, "trained holds a training, not a search"),
        ("strange", 2, "strange holds no search: its config.yaml was not written by one"),
        ("newer", 1, "*/newer/config.yaml is not a configuration of this version: colour: unknown field; *"),
        ("latin", 1, "*/latin/config.yaml cannot be read: 'utf-8' codec *"),
        ("torn", 1, "*/torn/config.yaml, line 1, column *: *"),
        ("begun", 1, "begun holds a search that has no study yet"),
        ("", 2, "Missing argument 'RUN'. (see xoresnet status --help)"),
        ("run run", 2, "Got unexpected extra argument (run) (see xoresnet status --help)"),
        ("run --jsn", 2, "No such option '--jsn'. Did you mean '--json'? (see xoresnet status --help)"),
    ],
)
def test_what_holds_no_search(words: str, code: int, message: str) -> None:
    texts = {
        "run/config.yaml": "command: search",
        "other/notes.txt": "mine",
        "torn/config.yaml": "[a: b",
        "strange/config.yaml": "depth: 8",
        "trained/config.yaml": write_yaml({"command": "train", "arch": {}}),
        "begun/config.yaml": write_yaml({"command": "search", **CONFIG.model_dump(mode="json")}),
        "newer/config.yaml": write_yaml({"command": "search", **CONFIG.model_dump(mode="json"), "colour": "red"}),
    }
    for name, text in texts.items():
        Path(name).parent.mkdir()
        Path(name).write_text(text)
    Path("latin").mkdir()
    Path("latin/config.yaml").write_bytes("command: search  # für mich".encode("latin-1"))
    Path("empty").mkdir()
    before = sorted(Path().rglob("*"))
    for json in ([], ["--json"]):
        result = xoresnet("status", *words.split(), *json)
        assert result.is_refusal(code, message)
        assert result.out == ""
    assert sorted(Path().rglob("*")) == before
