"""A journal for reading: as Optuna would read it, while it is written, damaged, and without holding it in memory."""

from __future__ import annotations

import gc
import json
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from xoresnet.description.arch import Arch
from xoresnet.search.pruning.reports import report, reports
from xoresnet.search.study.journal import JournalFile
from xoresnet.search.study.reading import ReadStorage

ARCH = Arch.baseline("xoresnet8", input_shape=(1, 8, 8), num_classes=10).to_json(indent=None)
LAYERS = json.dumps([{"name": "é" * 3000, "synops_per_sample": float("nan")}], ensure_ascii=False)
NAMES = ["val_accuracy", "spikes_per_sample"]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.journal"


def written(path: Path, *, guarded: bool = True) -> Study:
    """A study with trials in every state and with everything that a search writes."""
    storage = JournalStorage(JournalFile(path) if guarded else JournalFileBackend(str(path)))
    study = optuna.create_study(study_name="run", storage=storage, directions=["maximize", "minimize"])
    study._storage.set_study_system_attr(study._study_id, "study:metric_names", NAMES)
    study.set_user_attr("enqueued", True)
    study.enqueue_trial({"x": 0.25}, {"source": "xoresnet8"})
    for number in range(6):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        trial.suggest_categorical("merge", ["or", "add", None])
        for name, value in {"recipe": '{"epochs":2}', "arch": ARCH, "arch_id": f"id{number}"}.items():
            trial.set_user_attr(name, value)
        for step in (1, 2):
            trial.set_user_attr(f"record:{step}", {"epoch": step, "loss": float("nan"), "layers": LAYERS})
            report(trial, [x, step], step)
        if number < 3:
            state = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)[number]
            study.tell(trial, [x, 2.0] if number == 0 else None, state)
    trial.set_user_attr("retried_after", ["it died"])
    trial.set_user_attr("retried_after", ["it died", "again"])
    study.add_trial(create_trial(state=TrialState.WAITING, user_attrs={"arch": ARCH, "source": None}))
    rescued = create_trial(
        state=TrialState.RUNNING,
        params={"x": 0.5},
        distributions={"x": FloatDistribution(0, 1)},
        user_attrs={"rescues": 1, "arch": ARCH, "record:1": {"epoch": 1}},
    )
    study.add_trial(rescued)
    study.enqueue_trial({"x": 1.0})
    return study


def read(path: Path) -> Study:
    return optuna.load_study(study_name="run", storage=ReadStorage(path))


def facts(study: Study, *, copies: bool = False) -> list[Any]:
    """All that is known of the trials; as text, because NaN is not equal to itself."""
    return [
        repr((
            trial.number, trial._trial_id, trial.state, trial.values, trial.datetime_start, trial.datetime_complete,
            trial.params, trial.distributions, sorted(trial.user_attrs.items()), trial.system_attrs,
        ))
        for trial in study.get_trials(deepcopy=copies)
    ]  # fmt: skip


@pytest.mark.parametrize("guarded", [True, False])
def test_it_has_what_optuna_has(guarded: bool, path: Path) -> None:
    study = written(path, guarded=guarded)
    seen = read(path)
    assert facts(seen) == facts(study)
    assert facts(seen, copies=True) == facts(study)
    assert {type(trial) for trial in seen.trials} == {FrozenTrial}
    assert (seen.study_name, seen.directions, seen.user_attrs) == ("run", study.directions, study.user_attrs)
    assert seen.metric_names == NAMES
    assert [trial.number for trial in seen.best_trials] == [0]
    assert [reports(trial) for trial in seen.get_trials(deepcopy=False)] == [reports(trial) for trial in study.trials]
    running = seen.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    assert [trial.number for trial in running] == [3, 4, 5, 7]


def test_attributes_are_a_mapping(path: Path) -> None:
    written(path)
    attributes = read(path).get_trials(deepcopy=False)[0].user_attrs
    assert "record:2" in attributes
    assert "" not in attributes  # the name by which parameters are kept
    assert attributes.get("record:3") is None
    assert len(attributes) == len(list(attributes)) == 8
    with pytest.raises(KeyError):
        attributes[""]


def test_it_is_never_written(path: Path) -> None:
    written(path)
    before = path.read_bytes()
    study = read(path)
    for change in (study.ask, lambda: study.set_user_attr("x", 1), lambda: study.tell(3, [1.0, 2.0])):
        with pytest.raises(OSError, match=f"^{path} is open for reading only$"):
            change()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        ReadStorage(path.with_name("none"))


@pytest.mark.parametrize("guarded", [True, False])
def test_cut_anywhere_it_has_the_lines_before(guarded: bool, path: Path) -> None:
    written(path, guarded=guarded)
    content = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(content) if byte == 10]
    for end in [*ends[::7], *(end - 1 for end in ends[::7]), *(end + 9 for end in ends[:-1:7])]:
        path.write_bytes(content[:end])
        storage = ReadStorage(path)
        whole = path.with_name("whole.journal")
        whole.write_bytes(content[: max([0, *(each for each in ends if each <= end)])])
        assert storage.damage() is None
        expected = JournalStorage(JournalFileBackend(str(whole)))
        names = [study.study_name for study in storage.get_all_studies()]
        assert names == [study.study_name for study in expected.get_all_studies()]
        if names:
            study = optuna.load_study(study_name="run", storage=expected)
            assert facts(optuna.load_study(study_name="run", storage=storage)) == facts(study)


@pytest.mark.parametrize(
    "damage",
    [
        b"hello\n", b"\n", b"3\n", b"\0" * 512 + b"\n", b"\xff\n", b"{}\n", b'{"op_code":99}\n', b'{"op_code":4}\n',
        b'{"op_code":8,"trial_id":3,"user_attr":{"arch":5}}\n', b'{"op_code":8,"trial_id":3,"user_attr":[]}\n',
        b'{"op_code":6,"trial_id":3,"state":1,"values":[0.5],"datetime_complete":"2026-01-01T00:00:00"}\n',
        b'{"op_code":6,"trial_id":3,"state":1,"values":[0.5,1],"datetime_complete":"yesterday"}\n',
        b'{"op_code":8,"trial_id":3,"user_attr":{"report:1":[0.5]}}\n',
        b'{"op_code":8,"trial_id":3,"user_attr":{"arch":"{}"}}\n',
        b'{"op_code":8,"trial_id":3,"user_attr":{"recipe":"{"}}\n',
        b'{"op_code":8,"trial_id":3,"user_attr":{"record:1":{"train_loss":"x"}}}\n',
        b'{"op_code":8,"trial_id":3,"user_attr":{"record:1":{"layers":"[5]"}}}\n',
        b'{"op_code":8,"trial_id":3,"user_attr":{"record:1":{"timestamp":1e30}}}\n',
        b'{"op_code":[]}\n', b"[" * 5000 + b"\n",
        b'{"op_code":5,"trial_id":3,"param_name":"y","param_value_internal":1,"distribution":"{}"}\n',
        b'{"op_code":3,"study_id":0,"system_attr":{"study:metric_names":["one"]}}\n',
    ],
)  # fmt: skip
def test_it_is_read_up_to_the_first_damaged_line(damage: bytes, path: Path) -> None:
    written(path)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-4]))
    before = facts(read(path))
    path.write_bytes(b"".join([*lines[:-4], damage, *lines[-4:]]))
    storage = ReadStorage(path)
    assert facts(optuna.load_study(study_name="run", storage=storage)) == before
    noticed = storage.damage()
    assert noticed is not None
    assert (noticed.line, noticed.what) == (len(lines) - 3, "is damaged")


def test_one_reader_goes_on_where_it_was(path: Path) -> None:
    """However the writer's pieces fall."""
    written(path)
    content = path.read_bytes()
    grown = path.with_name("grown.journal")
    grown.touch()
    storage = ReadStorage(grown)
    with grown.open("ab", buffering=0) as writer:
        for start in range(0, len(content), 999):
            writer.write(content[start : start + 999])
            storage.get_all_studies()
    assert storage.damage() is None
    assert facts(optuna.load_study(study_name="run", storage=storage)) == facts(read(path))


def test_a_search_at_work_is_seen_as_it_was_at_some_moment(path: Path) -> None:
    study = optuna.create_study(
        study_name="run", storage=JournalStorage(JournalFile(path)), directions=["maximize", "minimize"]
    )
    seen = read(path)

    def search() -> None:
        for number in range(40):
            trial = study.ask()
            trial.set_user_attr("level", "x" * 2000)  # so that lines are long
            study.tell(trial, [number, -number])

    writer = threading.Thread(target=search)
    writer.start()
    finished = list[int]()
    while writer.is_alive() or not finished or finished[-1] < 40:
        for looked in (seen, read(path)):
            trials = looked.trials
            values = [trial.values for trial in trials if trial.state.is_finished()]
            assert values == [[number, -number] for number in range(len(values))]
            assert [trial.number for trial in trials] == list(range(len(trials)))
            finished.append(len(values))
    writer.join()
    assert sorted(finished) == finished
    assert [trial.user_attrs for trial in seen.trials] == [trial.user_attrs for trial in study.trials]


def test_what_stays_in_the_file_is_not_held(path: Path) -> None:
    """A hundredth of the file is enough for all trials."""
    study = written(path)
    record = next(line for line in path.read_bytes().splitlines() if b'"record:2"' in line and b'"trial_id":3,' in line)
    journal = JournalFile(path)
    entry = {name: value for name, value in json.loads(record).items() if name not in ("line", "crc32")}
    journal.append_logs([entry] * 500)
    assert path.stat().st_size > 4_000_000
    tracemalloc.start()
    seen = read(path)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 400_000
    assert most < 3_000_000  # a megabyte is read at once
    assert facts(seen) == facts(study)


def test_no_file_stays_open(path: Path) -> None:
    written(path)

    def is_open() -> int:
        return sum(link.exists() and link.resolve() == path for link in Path("/proc/self/fd").iterdir())

    study = read(path)
    assert len(facts(study)) == 9
    assert is_open() == 1
    del study
    gc.collect()
    assert is_open() == 0
