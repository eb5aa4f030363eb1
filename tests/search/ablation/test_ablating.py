"""`ablate`: what is planned, trained, tried again and kept; here without Ray, with figures that are made up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.search.ablations import ablating, own_network
from tests.search.confirmations import FRONT, begin, carry_out, confirming, made_search, states
from tests.search.views.test_search import complete, search_config, searching
from xoresnet.errors import DataError, RunError, UsageError, XOResNetError
from xoresnet.results import load, load_ablation, load_many, paired_effects
from xoresnet.results.tables.columns import ABLATIONS
from xoresnet.search import ablate
from xoresnet.search.ablation.ablating import AblateRun
from xoresnet.search.ablation.planning import AblatePlan, plan_ablate
from xoresnet.search.ablation.study import ABLATION
from xoresnet.search.folders.claim import claimed


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


def jobs(plan: AblatePlan) -> list[tuple[str, int]]:
    return [(job.source or f"#{job.trial_id}", job.recipe.seed) for job in plan.jobs]


MERGE = {"fields": ["merge"], "values": {"merge": ["add", "or"]}}
"""A single change of each network of the front, whose merges are `add` or `or`."""


# what is planned


def test_the_knee_and_its_changes_on_each_seed(searched: Path) -> None:
    plan = plan_ablate(searched, seeds=2, fields=["merge"])
    (base,) = plan.bases
    assert base.network.trial_id in FRONT
    seeds = [job.recipe.seed for job in plan.jobs]
    assert seeds == [1] * plan.networks + [2] * plan.networks  # not the search's own, by whose luck it was chosen
    assert [job.arch.arch_id for job in plan.jobs[: plan.networks]] == [
        base.network.arch.arch_id,
        *(change.arch.arch_id for change in base.changes if change.arch is not None),
    ]
    assert len({job.recipe.replace(seed=0) for job in plan.jobs}) == 1
    assert {job.recipe.epochs for job in plan.jobs} == {2}


def test_a_network_that_is_the_change_of_another_is_trained_once(searched: Path) -> None:
    """Whose own change it may be in turn."""
    plan = plan_ablate(searched, seeds=1, with_front=True, **MERGE)
    assert [base.network.trial_id for base in plan.bases] == FRONT
    ids = [job.arch.arch_id for job in plan.jobs]
    assert len(ids) == len(set(ids)) == plan.networks
    assert ids[: len(FRONT)] == [base.network.arch.arch_id for base in plan.bases]
    assert sum(len(base.others) for base in plan.bases) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fields": ["merges"]}, "fields: 'merges' is not a field that ablate can change; did you mean 'merge'?"),
        ({"fields": []}, "fields: none are given; write for example merge,xor"),
        ({"values": {"merge": []}}, "values: none are given for merge"),
        ({"fields": ["xor"], "values": {"merge": ["or"]}}, "values: merge is not one of the fields xor"),
        ({"values": {"merge": ["oaa", "or"]}}, "values: merge=oaa is impossible: 'oaa' is not one of add, "),
        ({"fields": ["neuron"]}, "fields: the space of this run holds neuron.kind constant at lif; name the values"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"epochs": 0}, "epochs: must be at least 1, got 0"),
        ({"wanted": ["knees"]}, "pick: 'knees' is neither "),
        ({"wanted": ["knee"], "with_front": True}, "a pick and the front exclude each other; give one of them"),
        ({"limits": {"budget": 3}}, "budget is fixed by the search; ablate accepts only address, "),
        ({"data": "fashion-mnist"}, "data and recipe are those of the search; give them only with arch"),
    ],
)
def test_what_was_asked_wrongly(searched: Path, options: dict[str, Any], message: str) -> None:
    before = contents(searched)
    with pytest.raises(UsageError) as caught:
        ablate(searched, **options)
    assert str(caught.value).startswith(message)
    assert contents(searched) == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"recipe": {"seed": 3}}, "recipe must be of type Recipe, got dict"),
        ({"arch": {"depth": 8}}, "arch must be of type Arch, got dict"),
        ({"arch": "xoresnet14"}, "arch must be of type Arch, got str"),
    ],
)
def test_arguments_of_another_type(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=message):
        ablate(tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_nothing_to_compare(searched: Path) -> None:
    own = plan_ablate(searched, seeds=1).bases[0].network.arch.merge
    with pytest.raises(UsageError, match=r"^no value of merge gives another network$"):
        plan_ablate(searched, values={"merge": [own]})


def test_planning_writes_nothing(folder: Path, tmp_path: Path) -> None:
    before = contents(tmp_path)
    plan_ablate(folder, with_front=True, epochs=5).left()
    plan_ablate(tmp_path / "other", own_network()).left()
    assert contents(tmp_path) == before
    assert not (tmp_path / "other").exists()


# what is trained


def test_what_is_carried_out(folder: Path) -> None:
    names = ("study.journal", "trials.parquet", "front.csv", "config.yaml")
    before = [(folder / name).read_bytes() for name in names]
    with ablating(folder, seeds=2, limits={"retries": 1}, **MERGE) as run:
        assert (run.to_do, states(run)) == (4, [])
        config = run.bridge.next_config("first")
        assert config is not None
        assert config["opens_test"] == "ablate"
        assert Path(config["folder"]).parent == folder / "ablated"
        run.bridge.on_end("first", "its worker died")  # it is tried once more
        assert carry_out(run) == [0, 1, 2, 3]
        assert not run.bridge.failed
    assert [(folder / name).read_bytes() for name in names] == before
    assert list((folder / "ablated").iterdir()) == []  # no weights are kept
    table = load(folder).ablations
    pd.testing.assert_frame_equal(table, load_ablation(folder))
    assert dict(table.dtypes.astype(str)) == dict(ABLATIONS)
    (base,) = run.plan.bases
    own = str(base.network.arch.merge)
    assert set(table["base_trial_id"]) == {base.network.trial_id}
    assert list(table["value"].fillna(own)) == list(table["config.merge"])
    assert list(table["field"].isna()) == [True, True, False, False]
    assert list(table["reference"].dropna()) == [own, own]
    assert list(table["seed"]) == [1, 2, 1, 2]
    assert list(table["training_id"]) == [0, 2, 1, 3]
    assert set(table["test_accuracy"]) == {0.5}


def test_the_same_again_trains_nothing(folder: Path) -> None:
    with ablating(folder, seeds=2, **MERGE) as run:
        carry_out(run)
    table = load(folder).ablations
    outcome = ablate(folder, seeds=2, **MERGE)  # starts no Ray either
    assert (outcome.ended, outcome.failed, outcome.interrupted) == ("all networks are trained", False, 0)
    pd.testing.assert_frame_equal(load(folder).ablations, table)
    assert plan_ablate(folder, seeds=2, **MERGE).left() == []


def test_what_is_new_is_trained_alone(folder: Path) -> None:
    with ablating(folder, seeds=1, **MERGE) as run:
        assert len(carry_out(run)) == 2
    for options, new in (
        ({"seeds": 3, **MERGE}, [2, 2, 3, 3]),
        ({"seeds": 1, "values": {"xor": ["middle"]}}, [1]),
        ({"seeds": 1, "epochs": 1, **MERGE}, [1, 1]),
    ):
        with ablating(folder, **options) as run:
            before = len(run.study.get_trials(deepcopy=False))
            carry_out(run)
            trials = run.study.get_trials(deepcopy=False)[before:]
        assert [json.loads(trial.user_attrs["recipe"])["seed"] for trial in trials] == new
    table = load(folder).ablations
    assert set(table["field"].dropna()) == {"merge", "xor"}  # what came before stays
    effects = paired_effects(table, ["test_accuracy"])
    assert sorted(zip(effects["field"], effects["epochs"], effects["seeds"], strict=True)) == [
        ("merge", 1, 1),
        ("merge", 2, 3),
        ("xor", 2, 1),
    ]


def test_what_was_confirmed_is_taken_from_there(folder: Path) -> None:
    plan = plan_ablate(folder, seeds=2, **MERGE)
    knee = str(plan.bases[0].network.trial_id)
    with confirming(folder, seeds=1, wanted=[knee]) as confirmation:
        carry_out(confirmation, accuracy=lambda number: 0.75)
        theirs = confirmation.study.trials[0]
    assert [job.recipe.seed for job in plan.left()] == [1, 2, 2]
    with ablating(folder, seeds=2, **MERGE) as run:
        mine = run.study.trials[0]
        assert (mine.values, mine.user_attrs) == (theirs.values, theirs.user_attrs)
        assert (mine.datetime_start, mine.datetime_complete) == (theirs.datetime_start, theirs.datetime_complete)
        assert run.to_do == 3
        carry_out(run)
    with ablating(folder, seeds=2, **MERGE) as run:
        assert run.to_do == 0
        assert len(run.study.trials) == 4  # taken once
    table = load(folder).ablations
    assert list(table["val_accuracy"]) == [0.75, 0.5, 0.5, 0.5]


def test_a_damaged_confirmation_is_left_to_confirm(folder: Path) -> None:
    (folder / "confirm.journal").write_bytes(b'{"no": "journal"}\n{}\n')
    assert len(plan_ablate(folder, seeds=1, **MERGE).left()) == 2


def test_what_failed_is_tried_again_by_the_next_command(folder: Path) -> None:
    with ablating(folder, seeds=2, limits={"retries": 0}, **MERGE) as run:
        run.bridge.on_end(begin(run, epochs=1) or "", "boom")
        carry_out(run)
        run.write_table()
    (row,) = paired_effects(load(folder).ablations, ["test_accuracy"]).to_dict("records")
    assert (row["seeds"], row["failed"]) == (1, 1)
    assert load(folder).ablations["reason"].dropna().tolist() == ["boom"]
    with ablating(folder, seeds=2, **MERGE) as run:
        assert len(carry_out(run)) == 1
        run.write_table()
    assert list(load(folder).ablations["state"]) == ["COMPLETE"] * 4


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_driver_that_was_killed(folder: Path, epochs: int) -> None:
    with ablating(folder, seeds=2, **MERGE) as run:
        run.bridge.on_end(begin(run) or "")
        begin(run, epochs=epochs)
    with (folder / "ablation.journal").open("ab") as file:
        file.write(b'{"op_code": 5, "trial_id"')
    with ablating(folder, seeds=2, **MERGE) as run:
        assert run.to_do == 3
        carry_out(run)
    assert states(run) == ["COMPLETE"] * 4
    assert plan_ablate(folder, seeds=2, **MERGE).left() == []


def test_trainings_that_the_journal_has_lost(folder: Path) -> None:
    with ablating(folder, seeds=1, **MERGE) as run:
        carry_out(run)
    (folder / "ablation.journal").unlink()
    with pytest.raises(RunError, match=r"ablation.journal lacks 2 trainings that are in ablations.parquet; to rebuild"):
        ablate(folder, seeds=1, **MERGE)
    assert len(load(folder).ablations) == 2


def test_one_process_at_a_time(folder: Path) -> None:
    with claimed(folder), pytest.raises(RunError, match="another process is working in "):
        ablate(folder, seeds=1)


# a network of one's own


def test_a_network_without_a_search(tmp_path: Path) -> None:
    place = tmp_path / "or8"
    with ablating(place, own_network(seed=4), seeds=2, **MERGE) as run:
        assert jobs(run.plan) == [
            ("or-resnet8", 5),
            ("or-resnet8 merge=add", 5),
            ("or-resnet8", 6),
            ("or-resnet8 merge=add", 6),
        ]
        carry_out(run)
    table = load_ablation(place)
    assert set(table["base_source"]) == {"or-resnet8"}
    assert table["base_trial_id"].isna().all()
    with pytest.raises(RunError, match=r"or8 holds an ablation, not a search$"):
        load(place)
    begun: list[AblateRun] = []
    network = own_network(seed=4)
    done = ablate(
        place,
        arch=network.arch,
        recipe=network.recipe,
        seeds=2,
        on_begin=begun.append,
        **MERGE,
    )
    assert (done.ended, begun[0].to_do) == ("all networks are trained", 0)


def test_another_ablation_is_not_mixed_in(tmp_path: Path) -> None:
    place = tmp_path / "or8"
    with ablating(place, own_network(), seeds=1, **MERGE):
        pass
    before = contents(place)
    with pytest.raises(RunError, match=r"or8 holds another ablation: recipe.epochs was 2, is 3; choose another run"):
        plan_ablate(place, own_network(epochs=3), seeds=1, **MERGE)
    with pytest.raises(RunError, match=r"holds another ablation: .*arch.merge was or, is add"):
        plan_ablate(place, own_network("sew-resnet8"), seeds=1, **MERGE)
    assert contents(place) == before
    assert plan_ablate(place, own_network(), seeds=9, fields=["xor"]).jobs  # more of the same


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda place: (place / "thesis.tex").touch(), "holds other files; choose another run folder"),
        (lambda place: (place / "config.yaml").write_text("command: train\n"), "holds a training, not an ablation; "),
        (lambda place: (place / "config.yaml").write_text("- 1\n"), "holds no ablation: its config.yaml was not "),
    ],
)
def test_a_folder_with_something_else(make: Any, message: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(RunError) as caught:
        plan_ablate(tmp_path, own_network())
    assert message in str(caught.value)


def test_images_of_another_shape(tmp_path: Path) -> None:
    network = own_network()
    network.arch = network.arch.replace(input_shape=(3, 32, 32))
    with pytest.raises(DataError, match="the network takes images"):
        plan_ablate(tmp_path / "run", network)


def test_picks_are_of_a_search(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a pick or the front is of a search"):
        plan_ablate(tmp_path / "run", own_network(), with_front=True)


# tables


def test_runs_without_an_ablation(searched: Path, folder: Path, tmp_path: Path) -> None:
    assert len(load(searched).ablations) == 0
    assert dict(load(searched).ablations.dtypes.astype(str)) == dict(ABLATIONS)
    assert len(load_ablation(searched)) == 0
    with ablating(folder, seeds=1, **MERGE) as run:
        carry_out(run)
    mine = folder.rename(tmp_path / "mine")
    assert list(load_many([mine, searched]).ablations["run"]) == ["mine"] * 2
    with pytest.raises(RunError, match=r"holds no ablation: it has no config.yaml"):
        load_ablation(tmp_path / "nowhere")


def test_entries_of_another_form_are_left_out(folder: Path) -> None:
    """Nothing that stands in a journal is believed."""
    with ablating(folder, seeds=1, **MERGE) as run:
        carry_out(run)
        known = run.study.user_attrs["compared"]
        run.study.set_user_attr("compared", [*known, {"base_arch_id": 7}, "text", {**known[0], "field": 3}])
        run.write_table()
    assert len(load(folder).ablations) == 2
    study = ABLATION.look(folder)
    assert study is not None
    with ablating(folder, seeds=1, **MERGE) as run:
        run.study.set_user_attr("compared", "text")
    with ablating(folder, seeds=1, **MERGE) as run:
        assert run.study.user_attrs["compared"] == known


def test_a_front_that_is_not_there(tmp_path: Path) -> None:
    with searching(search_config(), tmp_path / "run"):
        pass
    with pytest.raises(XOResNetError) as caught:
        plan_ablate(tmp_path / "run")
    assert isinstance(caught.value, RunError)
    with searching(search_config(), tmp_path / "other") as run:
        complete(run, 0.5, 1000)
    assert plan_ablate(tmp_path / "other", seeds=1).jobs
