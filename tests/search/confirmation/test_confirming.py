"""`confirm`: what is planned, trained, tried again and kept; here without Ray, with figures that are made up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest

from tests.search.confirmations import FRONT, begin, carry_out, confirming, made_search, states
from tests.search.views.test_search import complete, search_config, searching
from tests.xoresnet.data.datasets.pictures import write_classes
from xoresnet.errors import RunError, UsageError, XOResNetError
from xoresnet.results import confirmed_networks, load, load_many
from xoresnet.results.tables.columns import CONFIRMED
from xoresnet.search import confirm
from xoresnet.search.config import CONFIRM_LIMITS, MAY_CHANGE
from xoresnet.search.confirmation.confirming import ConfirmPlan, ConfirmRun, plan_confirm
from xoresnet.search.confirmation.table import confirmed_frame
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.opening import look_at_study


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Only read."""
    return made_search(tmp_path_factory.mktemp("searched") / "run")


@pytest.fixture
def folder(searched: Path, tmp_path: Path) -> Path:
    shutil.copytree(searched, tmp_path / "run")
    return tmp_path / "run"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def jobs(plan: ConfirmPlan) -> list[tuple[int | None, int]]:
    return [(job.trial_id, job.recipe.seed) for job in plan.jobs]


def weights(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in (folder / "confirmed").glob("*/weights.safetensors"))


# what is planned


def test_each_network_on_each_seed(searched: Path) -> None:
    plan = plan_confirm(searched, seeds=2)
    assert jobs(plan) == [(number, seed) for seed in (1, 2) for number in FRONT]
    assert plan.networks == 3
    assert {job.recipe.epochs for job in plan.jobs} == {2}


@pytest.mark.parametrize(("seed", "others"), [(0, [1, 2, 3]), (7, [8, 9, 10]), (2**32 - 2, [2**32 - 1, 0, 1])])
def test_other_seeds_than_the_searchs(seed: int, others: list[int], tmp_path: Path) -> None:
    """By whose luck the networks were chosen."""
    with searching(search_config(seed=seed), tmp_path / "run") as run:
        complete(run, 0.5, 1000)
    assert [seed for _, seed in jobs(plan_confirm(tmp_path / "run"))] == others


def test_planning_writes_nothing(folder: Path) -> None:
    """Not even where the tables are older than the study."""
    (folder / "front.csv").unlink()
    before = contents(folder)
    plan_confirm(folder, with_baselines=True, epochs=5).left()
    assert contents(folder) == before


def test_the_search_says_on_how_many_seeds(folder: Path) -> None:
    assert len(plan_confirm(folder).jobs) == 3 * len(FRONT)
    file = folder / "config.yaml"
    text = file.read_text()
    assert "confirm_seeds: 3" in text
    file.write_text(text.replace("confirm_seeds: 3", "confirm_seeds: 5"))
    assert len(plan_confirm(folder).jobs) == 5 * len(FRONT)
    assert len(plan_confirm(folder, seeds=1).jobs) == len(FRONT)


def test_the_study_is_read_and_not_its_tables(folder: Path) -> None:
    """A search that was killed wrote its journal later."""
    for name in ("trials", "history", "layers"):
        (folder / f"{name}.parquet").unlink()
    assert jobs(plan_confirm(folder, seeds=1)) == [(number, 1) for number in FRONT]


def test_a_study_in_a_storage_elsewhere(folder: Path) -> None:
    config = RunFolder(folder).saved_config()
    assert config is not None
    study = look_at_study(config, folder)
    assert study is not None
    storage, count = f"sqlite:///{folder.parent / 'studies.db'}", len(study.trials)
    optuna.copy_study(from_study_name=study.study_name, from_storage=study._storage, to_storage=storage)
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("storage: null", f"storage: {storage}"))
    (folder / "study.journal").unlink()
    with confirming(folder, seeds=1) as run:
        carry_out(run)
    assert list(load(folder).confirmed["trial_id"]) == FRONT
    copied = look_at_study(config.replace(storage=storage), folder)
    assert copied is not None
    assert len(copied.trials) == count
    (folder.parent / "studies.db").unlink()
    with pytest.raises(XOResNetError, match=r"the study 'run' in .* is missing .*; restore the database$") as caught:
        plan_confirm(folder)
    assert isinstance(caught.value, RunError)


def test_limits_of_its_own(searched: Path) -> None:
    plan = plan_confirm(searched, limits={"cpus_per_trial": 2, "trial_seconds": 60.0, "max_concurrent": 1})
    assert (plan.config.cpus_per_trial, plan.config.trial_seconds, plan.config.max_concurrent) == (2, 60.0, 1)
    assert plan.config.budget == 30
    assert set(CONFIRM_LIMITS) < MAY_CHANGE
    assert plan_confirm(searched, limits={"data": {"verify": False}}).config.data.verify is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"limits": {"budget": 3}},
            "budget is fixed by the search; confirm accepts only address, cpus_per_trial, gpus_per_trial, ",
        ),
        ({"limits": {"objectives": []}}, "objectives is fixed by the search; "),
        ({"limits": {"retries": -1}}, "retries: must be at least 0, got -1"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"epochs": 0}, "epochs: must be at least 1, got 0"),
        ({"wanted": ["knees"]}, "pick: 'knees' is neither "),
    ],
)
def test_what_was_asked_wrongly(searched: Path, options: dict[str, Any], message: str) -> None:
    before = contents(searched)
    with pytest.raises(XOResNetError) as caught:
        confirm(searched, **options)
    assert str(caught.value).startswith(message)
    assert isinstance(caught.value, UsageError)
    assert contents(searched) == before


# what is trained


def test_what_is_carried_out(folder: Path) -> None:
    before = look(folder)
    with confirming(folder, seeds=2, limits={"retries": 1}) as run:
        assert (run.to_do, states(run)) == (6, [])
        config = run.bridge.next_config("first")
        assert config is not None
        assert config["opens_test"] == "confirm"
        assert json.loads(config["data"])["name"] == "digits"
        assert config["threads"] == 1
        arch_id = run.plan.jobs[0].arch.arch_id
        assert config["folder"] == str(folder / "confirmed" / f"0000-{arch_id}")
        assert Path(config["folder"]).is_dir()
        run.bridge.on_end("first", "its worker died")  # it is tried once more
        assert carry_out(run) == [0, 1, 2, 3, 4, 5]
        assert (run.bridge.ended, run.bridge.failed) == ("the budget of 6 full trainings is spent", False)
    assert look(folder) == before
    trials = run.study.get_trials(deepcopy=False)
    assert [trial.user_attrs["confirms"] for trial in trials] == [*FRONT, *FRONT]
    assert [trial.values for trial in trials] == [[0.5, 50.0]] * 6  # of the validation images
    assert all(trial.datetime_start is not None for trial in trials)


def look(folder: Path) -> list[Any]:
    """All that belongs to the search."""
    files = [(folder / name).read_bytes() for name in ("study.journal", "trials.parquet", "front.csv", "config.yaml")]
    run = load(folder)
    return [files, run.trials.to_csv(), run.front.to_csv()]


def test_the_same_again_trains_nothing(folder: Path) -> None:
    with confirming(folder, seeds=2) as run:
        carry_out(run)
    before = contents(folder / "confirmed")
    table = load(folder).confirmed
    outcome = confirm(folder, seeds=2)  # starts no Ray either
    assert (outcome.ended, outcome.failed, outcome.interrupted) == ("all networks are confirmed", False, 0)
    assert contents(folder / "confirmed") == before
    pd.testing.assert_frame_equal(load(folder).confirmed, table)
    assert len(outcome.study.trials) == 6
    assert plan_confirm(folder, seeds=2).left() == []


def test_what_is_new_is_trained_alone(folder: Path) -> None:
    with confirming(folder, seeds=1) as run:
        assert carry_out(run) == [0, 1, 2]
    for options, seeds in (
        ({"seeds": 3}, [2, 2, 2, 3, 3, 3]),
        ({"seeds": 1, "wanted": ["5", "2"]}, [1, 1]),
        ({"seeds": 2, "wanted": ["5", "knee"]}, [2]),
        ({"seeds": 1, "epochs": 1}, [1, 1, 1]),
    ):
        with confirming(folder, **options) as run:
            before = len(run.study.get_trials(deepcopy=False))
            assert run.to_do == len(seeds)
            carry_out(run)
            new = run.study.get_trials(deepcopy=False)[before:]
        assert [json.loads(trial.user_attrs["recipe"])["seed"] for trial in new] == seeds
    assert states(run) == ["COMPLETE"] * 15


def test_what_failed_is_tried_again_by_the_next_command(folder: Path) -> None:
    with confirming(folder, seeds=1, limits={"retries": 1}) as run:
        for _ in range(2):
            run.bridge.on_end(begin(run, epochs=0) or "", "boom")
        carry_out(run)
        run.write_table()
    assert states(run) == ["FAIL", "COMPLETE", "COMPLETE"]
    assert run.study.trials[0].user_attrs["retried_after"] == ["boom"]
    (failed,) = load(folder).confirmed.query("state == 'FAIL'").to_dict("records")
    assert (failed["reason"], failed["trial_id"]) == ("boom", FRONT[0])
    assert not list((folder / "confirmed").glob("0000-*"))
    assert [job.trial_id for job in plan_confirm(folder, seeds=1).left()] == FRONT[:1]
    with confirming(folder, seeds=1) as run:
        assert carry_out(run) == [3]
        run.write_table()
    assert list(load(folder).confirmed["state"]) == ["COMPLETE"] * 3


def test_another_command_leaves_alone_what_was_interrupted(folder: Path) -> None:
    """Whoever finds that a hundred epochs take too long is not held to them."""
    with confirming(folder, seeds=1, epochs=100) as run:
        begin(run, epochs=3)
    with confirming(folder, seeds=1, epochs=1) as run:
        assert run.to_do == 3
        assert carry_out(run) == [1, 2, 3]
        assert run.bridge.ended == "the budget of 3 full trainings is spent"
    assert states(run) == ["RUNNING", "COMPLETE", "COMPLETE", "COMPLETE"]
    assert len(plan_confirm(folder, seeds=1, epochs=100).left()) == 3
    with confirming(folder, seeds=1, epochs=100) as run:
        assert run.to_do == 3
        config = run.bridge.next_config("again")
        assert config is not None
        assert config["number"] == 0
        assert (Path(config["folder"]) / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_driver_that_was_killed(folder: Path, epochs: int) -> None:
    """Between the making of a training and its first report, or later."""
    with confirming(folder, seeds=1) as run:
        run.bridge.on_end(begin(run) or "")
        begin(run, epochs=epochs)
    with (folder / "confirm.journal").open("ab") as file:
        file.write(b'{"op_code": 5, "trial_id"')
    with confirming(folder, seeds=1) as run:
        assert run.to_do == 2
        assert carry_out(run) == [1, 2]
    assert states(run) == ["COMPLETE"] * 3
    assert len(plan_confirm(folder, seeds=1).left()) == 0


# what is kept


def test_the_weights_of_the_best_seed_by_validation(folder: Path) -> None:
    """Though another did better on the test set."""
    accuracies = {0: 0.5, 1: 0.6, 2: 0.5, 3: 0.7, 4: 0.4, 5: 0.5}
    with confirming(folder, seeds=2) as run:
        ids = [job.arch.arch_id for job in run.plan.jobs]
        carry_out(run, accuracy=accuracies.__getitem__)
    # of each network, in the front's order: the second, the first, and of two equal ones the first
    assert weights(folder) == sorted([f"0003-{ids[0]}", f"0001-{ids[1]}", f"0002-{ids[2]}"])
    assert sorted(path.name for path in (folder / "confirmed").iterdir()) == weights(folder)
    assert not list((folder / "confirmed").rglob("checkpoint*"))
    networks = confirmed_networks(load(folder)).set_index("trial_id")
    assert list(networks.loc[FRONT, "weights"]) == [
        f"confirmed/{name}" for name in (f"0003-{ids[0]}", f"0001-{ids[1]}", f"0002-{ids[2]}")
    ]


def test_what_a_killed_driver_did_not_tidy(folder: Path) -> None:
    """It was killed when a training had just been written down as complete."""
    with confirming(folder, seeds=2, wanted=["0"]) as run:
        run.bridge.observers.clear()
        carry_out(run, accuracy=[0.5, 0.6].__getitem__)
        table = confirmed_frame(run.study, folder)
    assert list(table["weights"].notna()) == [False, True]  # of one seed at most, even so
    (folder / ".confirmed.parquet.4711").write_bytes(b"half a table")
    assert len(weights(folder)) == 2
    confirm(folder, seeds=2, wanted=["0"])
    (kept,) = weights(folder)
    assert kept.startswith("0001-")
    assert not list((folder / "confirmed").rglob("checkpoint*"))
    assert not list(folder.glob(".confirmed.*"))
    (row,) = confirmed_networks(load(folder)).to_dict("records")
    assert row["weights"] == f"confirmed/{kept}"


def test_budgets_are_kept_apart(folder: Path) -> None:
    for epochs in (2, 1):
        with confirming(folder, seeds=2, wanted=["0"], epochs=epochs) as run:
            carry_out(run)
        table = load(folder).confirmed
    assert list(table["weights"].notna()) == [True, False, True, False]
    (row,) = confirmed_networks(load(folder)).to_dict("records")
    assert (row["config.recipe.epochs"], row["seeds"]) == (2, 2)


def test_a_table_that_cannot_be_written_costs_nothing_else(folder: Path) -> None:
    with confirming(folder, seeds=1) as run:
        (folder / "confirmed.parquet").mkdir()
        carry_out(run)
    assert states(run) == ["COMPLETE"] * 3
    (error,) = run.bridge.errors
    assert error.startswith("confirmed.parquet: IsADirectoryError: ")


def test_several_runs_in_one_table(folder: Path, searched: Path) -> None:
    with confirming(folder, seeds=1) as run:
        carry_out(run)
    folder = folder.rename(folder.with_name("mine"))
    other = shutil.copytree(searched, folder.with_name("other"))
    table = load_many([folder, other]).confirmed
    assert list(table["run"]) == ["mine"] * 3
    types = {name: str(kind) for name, kind in table.dtypes.items() if name != "run"}
    assert types == dict(CONFIRMED)
    assert len(load(other).confirmed) == 0


# where it is not done


def test_a_search_is_at_work_in_the_folder(folder: Path) -> None:
    with claimed(folder):
        before = contents(folder)
        with pytest.raises(XOResNetError, match=r"^another process is working in .*run; wait") as caught:
            confirm(folder)
        assert contents(folder) == before
    assert isinstance(caught.value, RunError)


def test_no_search_while_it_goes_on(folder: Path) -> None:
    config = RunFolder(folder).saved_config()
    assert config is not None
    refused = pytest.raises(XOResNetError, match=r"^another process is working in ")
    with confirming(folder), refused, RunFolder(folder).opened(config):
        pass


def test_a_test_set_that_is_broken(tmp_path: Path) -> None:
    """That is said before hours of training."""
    write_classes(tmp_path / "pictures" / "train")
    write_classes(tmp_path / "pictures" / "test", per_class=3, classes=("cat", "dog"))
    data = {"name": "folder", "root": str(tmp_path / "pictures"), "image_size": [8, 8], "channels": 1}
    with searching(search_config(data=data), tmp_path / "run") as run:
        complete(run, 0.5, 1000)
    before = contents(tmp_path / "run")
    with pytest.raises(XOResNetError, match=r"class 'owl' is .* the test set in ") as caught:
        confirm(tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert contents(tmp_path / "run") == before
    write_classes(tmp_path / "pictures" / "test", per_class=3)
    assert len(plan_confirm(tmp_path / "run").jobs) == 3


def test_from_python(folder: Path) -> None:
    seen: list[ConfirmRun] = []
    with confirming(folder, seeds=1) as run:
        carry_out(run)
    confirm(folder, seeds=1, on_begin=seen.append)
    (begun,) = seen
    assert (begun.to_do, begun.plan.networks, begun.path) == (0, 3, folder)
