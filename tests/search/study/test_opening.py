"""A run's study: made, opened again, whole after any crash, and with the sampler and pruner that were asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState

from xoresnet.errors import RunError, UsageError, XOResNetError
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import JOURNAL
from xoresnet.search.pruning.reports import report, reports, should_prune
from xoresnet.search.study.attributes import IDENTITY
from xoresnet.search.study.opening import look_at_study, open_study

SPACE = {"arch": {"input_shape": [1, 8, 8], "num_classes": 10, "depth": 8, "width": [4, 8]}}
EPOCHS = 6


def config(**fields: Any) -> SearchConfig:
    return SearchConfig.from_dict({"space": SPACE, "sampler": "random", "study": "run", **fields})


def opened(folder: Path, of: SearchConfig | None = None) -> Study:
    return open_study(of or config(), folder, EPOCHS)


def looked_at(folder: Path, of: SearchConfig | None = None) -> Study | None:
    return look_at_study(of or config(), folder)


def draw(study: Study, count: int) -> list[float]:
    """What the sampler suggests next; nothing is finished."""
    return [study.ask().suggest_float("x", 0, 1) for _ in range(count)]


def work(study: Study, trials: int) -> None:
    """Complete, pruned and failed trials in turn, with reports."""
    for number in range(trials):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        trial.suggest_categorical("merge", ["or", "add"])
        report(trial, [x, 1 - x], 1)
        if number % 3 == 0:
            study.tell(trial, [x, 1 - x])
        else:
            study.tell(trial, state=(TrialState.FAIL, TrialState.PRUNED)[number % 3 - 1])


def facts(study: Study) -> list[tuple[Any, ...]]:
    """All that a study knows of its trials."""
    return [
        (trial.number, trial.state, trial.values, trial.params, dict(trial.user_attrs), trial.datetime_start)
        for trial in study.trials
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# made and opened again


def test_a_study_is_made(tmp_path: Path) -> None:
    study = opened(tmp_path)
    assert study.study_name == "run"
    assert study.directions == [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
    assert study.metric_names == ["val_accuracy", "spikes_per_sample"]
    assert study.trials == []
    assert list(contents(tmp_path)) == [JOURNAL]


def test_it_has_the_objectives_in_their_order(tmp_path: Path) -> None:
    study = opened(tmp_path, config(objectives=["val_loss:min", "val_accuracy:max", "macs_per_sample:min"]))
    assert study.metric_names == ["val_loss", "val_accuracy", "macs_per_sample"]
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE", "MINIMIZE"]


def test_it_is_opened_again(tmp_path: Path) -> None:
    first = opened(tmp_path)
    work(first, 7)
    running = first.ask()
    second = opened(tmp_path)
    assert facts(second) == facts(first)
    assert second.trials[-1].state == TrialState.RUNNING
    second.tell(running.number, [0.5, 0.5])
    work(second, 2)
    assert len(opened(tmp_path).trials) == 10


def test_a_study_that_a_crash_left_without_names_gets_them(tmp_path: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / JOURNAL)))
    optuna.create_study(study_name="run", storage=storage, directions=["maximize", "minimize"])
    assert opened(tmp_path).metric_names == ["val_accuracy", "spikes_per_sample"]


@pytest.mark.parametrize(
    ("objectives", "those"),
    [
        (["val_accuracy:max", "synops_per_sample:min"], "val_accuracy (maximize), synops_per_sample (minimize)"),
        (["spikes_per_sample:min", "val_accuracy:max"], "spikes_per_sample (minimize), val_accuracy (maximize)"),
        (["val_accuracy:min", "spikes_per_sample:min"], "val_accuracy (minimize), spikes_per_sample (minimize)"),
        (
            ["val_accuracy:max", "spikes_per_sample:min", "val_loss:min"],
            "val_accuracy (maximize), spikes_per_sample (minimize), val_loss (minimize)",
        ),
    ],
)
def test_another_searchs_study_is_refused(objectives: list[str], those: str, tmp_path: Path) -> None:
    work(opened(tmp_path), 2)
    with pytest.raises(XOResNetError) as caught:
        opened(tmp_path, config(objectives=objectives))
    known = "val_accuracy (maximize), spikes_per_sample (minimize)"
    assert str(caught.value) == f"the study 'run' has the objectives {known} instead of {those}"
    assert len(opened(tmp_path).trials) == 2


@pytest.mark.parametrize(
    "directions",
    [
        ["minimize", "minimize"],
        ["maximize", "minimize", "minimize"],
        ["maximize"],
    ],
)
def test_a_study_without_names_but_with_other_directions_is_refused(directions: list[str], tmp_path: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / JOURNAL)))
    optuna.create_study(study_name="run", storage=storage, directions=directions)
    with pytest.raises(
        XOResNetError, match=r"^the study 'run' has the objectives .* instead of val_accuracy \(maximize\), spikes_per_"
    ):
        opened(tmp_path)


def test_its_name_is_the_configurations_and_not_the_folders(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    first = opened(tmp_path / "one")
    work(first, 3)
    known = facts(first)
    (tmp_path / "one").rename(tmp_path / "other")
    assert facts(opened(tmp_path / "other")) == known
    seen = looked_at(tmp_path / "other")
    assert seen is not None
    assert (seen.study_name, facts(seen)) == ("run", known)


def test_one_that_was_not_named_is_called_like_its_folder(tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    of = config(study=None)
    assert opened(tmp_path / "digits", of).study_name == "digits"
    seen = looked_at(tmp_path / "digits", of)
    assert seen is not None
    assert seen.study_name == "digits"


# after a crash


def _asks(study: Study) -> None:
    study.ask()


def _suggests(study: Study) -> None:
    study.ask().suggest_categorical("merge", ["or", "add"])


def _reports(study: Study) -> None:
    report(study.ask(), [0.5, 1000.0], 1)


def _completes(study: Study) -> None:
    study.tell(study.ask(), [0.5, 1000.0])


def _enqueues(study: Study) -> None:
    study.enqueue_trial({"x": 0.5}, {"source": "xoresnet8"})


@pytest.mark.parametrize(
    ("last", "step"), [(_reports, 1), (_asks, 13), (_suggests, 13), (_completes, 13), (_enqueues, 13)]
)
def test_a_record_that_was_cut_off_is_all_that_is_lost(
    last: Callable[[Study], None], step: int, tmp_path: Path
) -> None:
    """Wherever the last write was cut, every record before it is there and the search goes on."""
    journal = tmp_path / JOURNAL
    study = opened(tmp_path)
    work(study, 3)
    last(study)
    text = journal.read_bytes()
    start = text.rfind(b"\n", 0, -1) + 1
    journal.write_bytes(text[:start])
    looked = looked_at(tmp_path)
    assert looked is not None
    before = facts(looked)
    for end in [*range(start, len(text), step), len(text) - 1]:
        journal.write_bytes(text[:end])
        seen = looked_at(tmp_path)
        assert seen is not None
        assert facts(seen) == before
        assert journal.read_bytes() == text[:end]  # who only looks leaves it to the search
        study = opened(tmp_path)
        assert facts(study) == before
        assert journal.read_bytes().startswith(text[:start])
        if end > start:
            assert (tmp_path / "study.journal.torn").read_bytes() == text[start:end]
    work(study, 1)
    assert facts(opened(tmp_path)) == facts(study)
    assert len(facts(study)) == len(before) + 1


def test_a_whole_journal_is_left_as_it_is(tmp_path: Path) -> None:
    study = opened(tmp_path)
    work(study, 3)
    text = (tmp_path / JOURNAL).read_bytes()
    assert facts(opened(tmp_path)) == facts(study)
    assert (tmp_path / JOURNAL).read_bytes().startswith(text)
    assert list(contents(tmp_path)) == [JOURNAL]


@pytest.mark.parametrize(
    "garbage",
    [b"\0" * 4096, b"\0" * 512 + b"\n", b"hello\n", b"hello\nwor", b"\n", b"\xff\xfe\n", b'{"op_code":5,\r"w', b"{"],
    ids=["zeros", "line of zeros", "text", "text and rest", "empty line", "bytes", "carriage return", "brace"],
)
def test_garbage_at_the_end_is_set_aside(garbage: bytes, tmp_path: Path) -> None:
    study = opened(tmp_path)
    work(study, 3)
    journal = tmp_path / JOURNAL
    text = journal.read_bytes()
    journal.write_bytes(text + garbage)
    again = opened(tmp_path)
    assert facts(again) == facts(study)
    assert journal.read_bytes().startswith(text)
    assert (tmp_path / "study.journal.torn").read_bytes() == garbage
    work(again, 2)
    assert len(opened(tmp_path).trials) == 5


def test_a_record_written_onto_a_torn_one_is_set_aside_with_it(tmp_path: Path) -> None:
    study = opened(tmp_path)
    work(study, 3)
    journal = tmp_path / JOURNAL
    text = journal.read_bytes()
    record = text.splitlines(keepends=True)[-1]
    journal.write_bytes(text + record[:30] + record)
    assert facts(opened(tmp_path)) == facts(study)
    assert (tmp_path / "study.journal.torn").read_bytes() == record[:30] + record


@pytest.mark.parametrize(
    "damage",
    [
        b"hello\n", b"\0" * 512 + b"\n", b'{"op_code":4,"wor\n', b"\xff\xfe\n", b"\n", b'{"op_code":4,"wor',
        b"[]\n", b"{}\n",
    ],
    ids=["text", "zeros", "torn", "bytes", "empty line", "torn and written on", "a list", "a mapping"],
)  # fmt: skip
def test_damage_in_the_middle_is_told_and_nothing_is_cut(damage: bytes, tmp_path: Path) -> None:
    journal = tmp_path / JOURNAL
    work(opened(tmp_path), 1)
    first = facts(opened(tmp_path))
    before = journal.read_bytes()
    work(opened(tmp_path), 3)
    content = before + damage + journal.read_bytes()[len(before) :]
    journal.write_bytes(content)
    with pytest.raises(XOResNetError) as caught:
        opened(tmp_path)
    assert str(caught.value).startswith(f"{journal}, line ")
    assert "\n" not in str(caught.value)
    seen = looked_at(tmp_path)  # who looks sees what is before
    assert seen is not None
    assert facts(seen) == first
    assert contents(tmp_path) == {JOURNAL: content}


@pytest.mark.parametrize("rest", [b"", b'{"op_code":5,"wor'], ids=["at the end", "before a torn line"])
def test_a_mapping_that_is_no_record_is_set_aside(rest: bytes, tmp_path: Path) -> None:
    study = opened(tmp_path)
    work(study, 2)
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(b"{}\n" + rest)
    assert facts(opened(tmp_path)) == facts(study)
    assert (tmp_path / "study.journal.torn").read_bytes() == b"{}\n" + rest


def test_a_journal_that_was_never_written_to(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).touch()
    assert looked_at(tmp_path) is None
    assert opened(tmp_path).trials == []


def test_a_journal_that_was_cut_within_its_first_record(tmp_path: Path) -> None:
    opened(tmp_path)
    text = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(text[:20])
    assert looked_at(tmp_path) is None
    study = opened(tmp_path)
    work(study, 1)
    assert facts(opened(tmp_path)) == facts(study)


def test_a_lock_that_a_killed_process_left_holds_nobody_up(tmp_path: Path) -> None:
    work(opened(tmp_path), 1)
    (tmp_path / f"{JOURNAL}.lock").touch()
    began = time.monotonic()
    work(opened(tmp_path), 1)
    assert time.monotonic() - began < 20  # Optuna itself waits half a minute
    assert list(contents(tmp_path)) == [JOURNAL]


# another storage


def test_any_storage_of_optunas(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    of = config(storage=f"sqlite:///{tmp_path}/studies.db")
    first = opened(folder, of)
    work(first, 3)
    second = opened(folder, of)
    assert facts(second) == facts(first)
    assert second.metric_names == ["val_accuracy", "spikes_per_sample"]
    seen = looked_at(folder, of)
    assert seen is not None
    assert facts(seen) == facts(first)
    assert looked_at(folder, of.replace(study="another")) is None
    assert list(folder.iterdir()) == []
    with pytest.raises(XOResNetError, match=r"objectives val_accuracy .*, spikes_.* instead of val_loss .*, macs_"):
        opened(folder, config(storage=of.storage, objectives=["val_loss:min", "macs_per_sample:min"]))


def test_a_database_is_not_made_by_looking(tmp_path: Path) -> None:
    for name in ("studies.db", "nowhere/studies.db"):
        assert looked_at(tmp_path, config(storage=f"sqlite:///{tmp_path}/{name}")) is None
    assert list(tmp_path.iterdir()) == []
    opened(tmp_path, config(storage=f"sqlite:///{tmp_path}/studies.db", study="another"))
    before = contents(tmp_path)
    assert looked_at(tmp_path, config(storage=f"sqlite:///{tmp_path}/studies.db")) is None
    assert contents(tmp_path) == before


def test_a_database_beside_which_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    of = config(storage="sqlite:///studies.db")
    assert looked_at(tmp_path, of) is None
    work(opened(tmp_path, of), 2)
    seen = looked_at(tmp_path, of)
    assert seen is not None
    assert len(seen.trials) == 2


def test_a_database_with_options(tmp_path: Path) -> None:
    of = config(storage=f"sqlite:///{tmp_path}/studies.db?timeout=5")
    work(opened(tmp_path, of), 2)
    seen = looked_at(tmp_path, of)
    assert seen is not None
    assert len(seen.trials) == 2


@pytest.mark.parametrize(
    ("storage", "sentence"),
    [
        ("foo://bar", "storage: foo://bar: NoSuchModuleError: "),
        ("redis://localhost:1", "storage: redis://localhost:1: "),
        ("postgresql+none://x", "storage: postgresql+none://x: "),
        ("sqlite:////nowhere/at/all.db", "storage: sqlite:////nowhere/at/all.db: OperationalError: "),
    ],
)
def test_an_address_that_leads_to_no_storage(storage: str, sentence: str, tmp_path: Path) -> None:
    of = config(storage=storage)
    with pytest.raises(XOResNetError) as caught:
        opened(tmp_path, of)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    if "nowhere" in storage:
        assert looked_at(tmp_path, of) is None
    else:
        with pytest.raises(XOResNetError) as again:
            looked_at(tmp_path, of)
        assert str(again.value) == str(caught.value)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("storage", ["foo", ""])
def test_what_is_no_address_is_refused_before_anything_is_opened(storage: str) -> None:
    with pytest.raises(UsageError, match=r"^storage: must be the URL of a database, for example sqlite:///study.db"):
        config(storage=storage)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine, and rather long, so that it cannot be taken for a database\n" * 20)
    of, before = config(storage=f"sqlite:///{tmp_path}/notes.txt"), contents(tmp_path)
    for ask in (opened, looked_at):
        with pytest.raises(XOResNetError, match=r"^storage: sqlite:///.*/notes.txt: .*file is not a database$"):
            ask(tmp_path, of)
    assert contents(tmp_path) == before


def test_a_study_of_another_space_in_a_common_storage_is_refused(tmp_path: Path) -> None:
    of = config(storage=f"sqlite:///{tmp_path}/studies.db")
    work(opened(tmp_path, of), 2)
    with pytest.raises(XOResNetError):
        opened(tmp_path, of.replace(space={"arch": {**SPACE["arch"], "width": 16}}))


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 7}, "seed was 0, is 7"),
        ({"sampler": "nsga2"}, "sampler was random, is nsga2"),
        ({"pruner": "median"}, "pruner.kind was pareto, is median"),
        ({"pruner": {"min_trials": 3}}, "pruner.min_trials was 8, is 3"),
        ({"data": {"name": "digits", "validation_seed": 2}}, "data.validation_seed was 0, is 2"),
        ({"epochs": 9}, "epochs was not set, is 9"),
        ({"baselines": "none"}, "baselines was candidates, is none"),
    ],
)
def test_what_decides_about_the_networks_belongs_to_a_study(
    changes: dict[str, Any], difference: str, tmp_path: Path
) -> None:
    """Where the configuration in the folder was edited, or lost."""
    work(opened(tmp_path), 2)
    with pytest.raises(RunError) as caught:
        opened(tmp_path, config(**changes))
    sentence = f"the study 'run' in {tmp_path}/study.journal belongs to another search: {difference}"
    assert str(caught.value) == f"{sentence}; choose another name with study="
    opened(tmp_path, config(data={"name": "digits", "root": "elsewhere", "verify": False}, budget=99))


def test_a_study_of_an_earlier_version_did_not_record_all_of_it(tmp_path: Path) -> None:
    study = opened(tmp_path)
    known = study.user_attrs[IDENTITY]
    earlier = {name: known[name] for name in ("space", "recipe", "epochs")} | {"data": "digits"}
    study.set_user_attr(IDENTITY, earlier)
    with pytest.raises(RunError, match=r"data\.name was digits, is cifar10"):
        opened(tmp_path, config(data="cifar10"))
    assert opened(tmp_path, config(seed=3)).user_attrs[IDENTITY]["seed"] == 3
    with pytest.raises(RunError, match="seed was 3, is 0"):
        opened(tmp_path)


# looking


def test_looking_changes_nothing(tmp_path: Path) -> None:
    study = opened(tmp_path)
    work(study, 4)
    before = contents(tmp_path)
    seen = looked_at(tmp_path)
    assert seen is not None
    assert facts(seen) == facts(study)
    assert seen.metric_names == study.metric_names
    assert contents(tmp_path) == before


def test_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert looked_at(tmp_path) is None
    assert looked_at(tmp_path / "nowhere") is None
    assert contents(tmp_path) == {}
    opened(tmp_path)
    assert looked_at(tmp_path, config(study="another")) is None


def test_a_search_that_goes_on_is_seen_to(tmp_path: Path) -> None:
    study = opened(tmp_path)
    for count in (1, 2, 3):
        work(study, 1)
        seen = looked_at(tmp_path)
        assert seen is not None
        assert len(seen.trials) == count


# samplers


def test_nsga2_has_small_generations(tmp_path: Path) -> None:
    study = opened(tmp_path, config(sampler="nsga2"))
    for _ in range(11):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        study.tell(trial, [x, x])
    generations = [value for trial in study.trials for value in trial.system_attrs.values() if isinstance(value, int)]
    assert generations == [0] * 10 + [1]


OWN = """
from xoresnet.search.pruning.pareto_pruner import ParetoPruner

class Never(ParetoPruner):
    def prune(self, study, trial):
        return False

class Always(ParetoPruner):
    def prune(self, study, trial):
        return True
"""


@pytest.fixture
def own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "code_of_test_study.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random", "optuna.samplers.TPESampler"])
def test_a_search_that_goes_on_draws_other_points(sampler: str, tmp_path: Path) -> None:
    """But the same ones again where it goes on from the same trials."""
    drawn = []
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        of = config(sampler=sampler, seed=5)
        drawn.append([x for _ in range(3) for x in draw(opened(folder, of), 4)])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 12


def test_the_seed_decides_what_is_drawn(tmp_path: Path) -> None:
    drawn = []
    for seed in (0, 2**32 - 1, 1):
        folder = tmp_path / str(seed)
        folder.mkdir()
        drawn += [x for _ in range(2) for x in draw(opened(folder, config(seed=seed)), 3)]
    assert len(set(drawn)) == 18


# pruners


def decisions(folder: Path, reopen: int) -> list[int]:
    """After how many epochs each of 40 trials is stopped; the study is opened anew after so many of them."""
    of = config(pruner={"kind": "hyperband", "reduction_factor": 2})
    folder.mkdir(parents=True)
    study, rng, stopped = opened(folder, of), Random(0), []
    for number in range(40):
        if number % reopen == 0:
            study = opened(folder, of)
        trial, level = study.ask(), rng.random()
        for epoch in range(1, EPOCHS + 1):
            report(trial, [level + epoch / 10, 1.0], epoch)
            if epoch < EPOCHS and should_prune(trial):
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, reports(trial)[EPOCHS])
        stopped.append(epoch)
    return stopped


def test_hyperband_decides_alike_in_two_runs(tmp_path: Path) -> None:
    """It deals trials to brackets by the name of the study."""
    first = decisions(tmp_path / "one", reopen=100)
    assert len(set(first)) > 2
    assert decisions(tmp_path / "other", reopen=100) == first


def test_hyperband_decides_alike_in_a_search_that_was_interrupted(tmp_path: Path) -> None:
    assert decisions(tmp_path / "one", reopen=7) == decisions(tmp_path / "other", reopen=100)


@pytest.mark.usefixtures("own_code")
@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
@pytest.mark.parametrize(
    ("pruner", "prunes"),
    [
        ({"min_trials": 3}, True),
        ({"min_trials": 3, "ties": "pass"}, True),
        ({"kind": "none"}, False),
        ({"kind": "median", "metric": "spikes_per_sample"}, True),
        ({"kind": "successive-halving"}, True),
        ({"kind": "hyperband", "reduction_factor": 3}, True),
        ({"kind": "optuna.pruners.MedianPruner"}, True),
        ({"kind": "code_of_test_study.Never"}, False),
        ({"kind": "code_of_test_study.Always"}, True),
    ],
)
def test_a_search_with_two_objectives_is_pruned_and_goes_on(
    pruner: dict[str, Any], prunes: bool, sampler: str, tmp_path: Path
) -> None:
    """Samplers of Optuna's break on pruned trials in such studies, unless these are told without values."""
    of = config(pruner=pruner, sampler=sampler)
    study = opened(tmp_path, of)
    for _ in range(18):
        trial = study.ask()
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        for epoch in range(1, EPOCHS + 1):
            report(trial, [x + epoch / 100, x + y + epoch / 100], epoch)
            if epoch < EPOCHS and should_prune(trial):
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, reports(trial)[EPOCHS])
    states = [trial.state for trial in opened(tmp_path, of).trials]
    assert set(states) <= {TrialState.PRUNED, TrialState.COMPLETE}
    assert (TrialState.PRUNED in states) is prunes
    assert (TrialState.COMPLETE in states) is (pruner.get("kind") != "code_of_test_study.Always")
