"""How a search ends where it could not begin, where its sampler fails, and where it was done when it was stopped."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from tests.search.command_line import xoresnet
from tests.search.runs import drive, leave_weights
from tests.search.views.test_search import PAUSING, complete, prune, search_config, searching, start
from xoresnet.errors import ClusterError
from xoresnet.files.remote import RemoteFolder
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.execute import Outcome, outcome
from xoresnet.search.folders.remote_run import writable_run
from xoresnet.search.prepare import plan_search
from xoresnet.search.run import SearchRun
from xoresnet.search.study.trials import TrialRecord, trials_of

CONFIG = search_config(retries=0)


# refused before its first trial


def test_a_refused_search_leaves_no_folder(tmp_path: Path) -> None:
    """As when no cluster answers: by then the study has been written."""
    path = tmp_path / "runs" / "deep" / "run"

    def search() -> None:
        with searching(CONFIG, path) as run:
            run.write_tables()
            assert (path / "study.journal").exists()
            raise ClusterError("nobody answers")

    with pytest.raises(ClusterError):
        search()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(ClusterError), searching(CONFIG, tmp_path / "run"):
        raise ClusterError("nobody answers")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert list((tmp_path / "run").iterdir()) == []


def test_a_search_that_had_begun_keeps_what_it_has(tmp_path: Path) -> None:

    def search() -> None:
        with searching(CONFIG, tmp_path / "run") as run:
            complete(run, 0.5, 100)
            raise ClusterError("the head is gone")

    with pytest.raises(ClusterError):
        search()
    with pytest.raises(ClusterError), searching(CONFIG, tmp_path / "run"):
        raise ClusterError("nobody answers")
    with searching(CONFIG, tmp_path / "run") as run:
        assert run.bridge.finished == 1


def test_a_dry_run_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = xoresnet("search", "digits", "--run", "runs/mine", "--dry-run", "epochs=1")
    assert (result.code, result.err) == (0, "")
    assert list(tmp_path.iterdir()) == []


# a sampler that raises


class Raising(RandomSampler):
    """Raises where its name says so."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, kind: Any) -> Any:
        if self._place == "in a parameter":
            raise RuntimeError("the sampler is broken")
        return super().sample_independent(study, trial, name, kind)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        if self._place == "at once":
            raise RuntimeError("the sampler is broken")
        return {}


@pytest.mark.parametrize("place", ["at once", "in a parameter"])
def test_a_trial_whose_sampler_raised_does_not_stay_running(place: str, tmp_path: Path) -> None:
    with searching(CONFIG, tmp_path / "run") as run:
        complete(run, 0.5, 100)
        run.study.sampler = Raising(place)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="the sampler is broken"):
                run.bridge.next_config("one")
        states = [trial.state.name for trial in trials_of(run.study)]
        assert states == ["COMPLETE", "FAIL", "FAIL"]
        assert trials_of(run.study)[1].failure == "RuntimeError: the sampler is broken"
        run.study.sampler = RandomSampler(seed=5)
        complete(run, 0.6, 200)
        assert run.bridge.finished == 2
    assert xoresnet("status", str(tmp_path / "run"), "--json").json["running"] == []


@pytest.mark.parametrize("place", ["at once", "in a parameter"])
def test_an_interrupted_trial_whose_sampler_raises(place: str, tmp_path: Path) -> None:
    """It was interrupted before it had a network."""
    with searching(CONFIG, tmp_path / "run") as run:
        complete(run, 0.5, 100)
        run.study.ask()
    with searching(CONFIG, tmp_path / "run") as run:
        run.study.sampler = Raising(place)
        with pytest.raises(RuntimeError, match="the sampler is broken"):
            run.bridge.next_config("one")
        assert [trial.state.name for trial in trials_of(run.study)][:2] == ["COMPLETE", "FAIL"]
        run.study.sampler = RandomSampler(seed=5)
        complete(run, 0.6, 200)
        assert run.bridge.finished == 2


# stopped when it was done


def test_a_trial_that_has_reported_its_last_epoch_is_complete_when_the_executor_stops(tmp_path: Path) -> None:
    with searching(CONFIG.replace(budget=1), tmp_path / "run") as run:
        run_id = start(run, (0.4, 50), (0.5, 100))
        leave_weights(run.bridge.live[run_id].config)
        run.bridge.end_done()
        assert run.bridge.live == {}
        assert run.bridge.finished == 1
        outcome = run.run()
        assert (outcome.ended, outcome.interrupted, outcome.failed) == (
            "the budget of 1 full training is spent",
            0,
            False,
        )


@pytest.mark.parametrize("number", [0, signal.SIGINT], ids=["by itself", "interrupted when it was done"])
def test_what_is_paused_when_the_budget_is_spent_is_pruned(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def carried_out(bridge: TrialBridge, *others: Any) -> Outcome:
        drive(bridge, epochs=2)
        return replace(outcome(bridge, others[3].lifeline), interrupted=number)

    monkeypatch.setattr("xoresnet.search.run.execute", carried_out)
    with searching(search_config(**PAUSING, budget=1.5), tmp_path / "run") as run:
        result = run.run()
        assert (result.ended, result.interrupted) == ("the budget of 1.5 full trainings is spent", 0)
        assert sorted(trial.state.name for trial in trials_of(run.study)) == ["COMPLETE", "PRUNED"]
        assert run.bridge.finished == 2


def test_others_are_left_to_be_continued(tmp_path: Path) -> None:
    with searching(CONFIG, tmp_path / "run") as run:
        start(run, (0.4, 50))
        pruned = start(run, (0.1, 70))
        run.bridge.live[pruned].stopped = True
        failing = start(run, (0.4, 50), (0.5, 100))
        run.bridge.fail(failing, "it hangs")
        run.bridge.end_done()
        states = [trial.state for trial in trials_of(run.study)]
        assert states == [TrialState.RUNNING, TrialState.PRUNED, TrialState.RUNNING]


# answers from the record


def test_answers_from_the_record_are_not_on_the_front_of_the_run(tmp_path: Path) -> None:
    """Those of earlier versions are complete trials of Optuna's: `best_trials` has them."""
    from xoresnet.search import front

    with searching(CONFIG, tmp_path / "run") as run:
        complete(run, 0.5, 100)
        prune(run, (0.1, 9000))
        answer = run.study.ask()
        answer.set_user_attr("duplicate_of", 0)
        run.study.tell(answer, [0.5, 100.0])
        assert len(run.study.best_trials) == 2
        assert [trial.number for trial in front(run.study)] == [0]
        assert [TrialRecord(trial).arch_id for trial in front(run.study)] == [trials_of(run.study)[0].arch_id]


# which weights are kept


def test_the_weights_of_the_front_alone(tmp_path: Path) -> None:
    """A network that leaves the front loses them; equal ones keep theirs."""
    with searching(search_config(keep_weights="front", retries=0), tmp_path / "run") as run:
        kept = []
        for accuracy, spikes in ((0.5, 100.0), (0.4, 200.0), (0.3, 50.0), (0.6, 100.0), (0.6, 100.0)):
            complete(run, accuracy, spikes)
            order = [trial.number for trial in trials_of(run.study, TrialState.COMPLETE)]
            weights = (tmp_path / "run").rglob("weights.safetensors")
            kept.append(sorted(order.index(int(file.parent.name[:4])) for file in weights))
        assert kept == [[0], [0], [0, 2], [2, 3], [2, 3, 4]]
        assert len([*(tmp_path / "run" / "trials").glob("*/arch.json")]) == 5


def test_all_weights_by_default(tmp_path: Path) -> None:
    with searching(CONFIG, tmp_path / "run") as run:
        complete(run, 0.5, 100)
        complete(run, 0.4, 200)
        assert len([*(tmp_path / "run").rglob("weights.safetensors")]) == 2


def test_what_a_killed_driver_was_to_remove_at_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoints of trials that have ended."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    url = f"local://{tmp_path}/far/run"
    remote = RemoteFolder(url)
    for attempt in range(2):
        with writable_run(url) as folder, folder.opened(plan_search(CONFIG).config) as config:
            assert folder.uploads is not None
            run = SearchRun(replace(plan_search(CONFIG), config=config), folder)
            if attempt == 0:
                complete(run, 0.5, 100)
                prune(run, (0.1, 10))
                for trial in trials_of(run.study):
                    remote.put_text("", f"trials/{trial.number:04d}-{trial.arch_id}/checkpoint.safetensors")
                folder.uploads._removals.clear()  # as if it had been killed
            assert folder.uploads.push() == ""
    names = {name.partition("-")[0] for name in remote.files() if name.endswith("checkpoint.safetensors")}
    assert names == set()  # where nothing pauses, a pruned trial never goes on
    assert "study.journal" in remote.files()
    assert "config.yaml" in remote.files()
