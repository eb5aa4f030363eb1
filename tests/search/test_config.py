"""What a search may be told, in which spellings, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xoresnet.data_spec import DataSpec
from xoresnet.recipe import Recipe
from xoresnet.schema import Fault, SpecError
from xoresnet.search.config import MAY_CHANGE, PRUNERS, SAMPLERS, PrunerSpec, SearchConfig
from xoresnet.search.errors import CommandError
from xoresnet.search.objective import Objective
from xoresnet.search.run_folder import RunFolder
from xoresnet.space import preset_names
from xoresnet.space.search_space import SearchSpace
from xoresnet.yaml_text import read_yaml, write_yaml

SPACE: dict[str, Any] = {
    "arch": {"input_shape": [1, 8, 8], "num_classes": 10, "depth": 8, "width": [4, 8], "merge": ["or", "add"]}
}
ACCURACY, SPIKES = Objective(metric="accuracy", direction="max"), Objective(metric="spikes", direction="min")


def faults(**fields: Any) -> list[str]:
    """What is said of a configuration that has these fields."""
    with pytest.raises(SpecError) as caught:
        SearchConfig.from_dict({"space": SPACE, **fields})
    return list(map(str, caught.value.faults))


def again(config: SearchConfig) -> SearchConfig:
    """Written as a run's folder has it, and read."""
    return SearchConfig.from_dict(read_yaml(write_yaml(config.model_dump(mode="json")), "config.yaml"))


# spellings


@pytest.mark.parametrize(
    "spelling",
    [
        ["accuracy:max", "spikes:min"],
        ("accuracy:max", "spikes:min"),
        [{"metric": "accuracy", "direction": "max"}, {"metric": "spikes", "direction": "min"}],
        [{"metric": "accuracy", "direction": "max"}, "spikes:min"],
        (ACCURACY, SPIKES),
        [ACCURACY, "spikes:min"],
    ],
)
def test_objectives(spelling: Any) -> None:
    assert SearchConfig(space=SPACE, objectives=spelling).objectives == (ACCURACY, SPIKES)


def test_more_than_two_objectives_keep_their_order() -> None:
    config = SearchConfig(space=SPACE, objectives=["synops:min", "accuracy:max", "spikes:min"])
    assert [objective.metric for objective in config.objectives] == ["synops", "accuracy", "spikes"]
    assert [objective.optuna_direction for objective in config.objectives] == ["minimize", "maximize", "minimize"]


def test_the_default_objectives() -> None:
    assert [(objective.metric, objective.direction) for objective in SearchConfig(space=SPACE).objectives] == [
        ("val_accuracy", "max"), ("spikes_per_sample", "min"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spelling", "spec"),
    [
        ("cifar10", DataSpec(name="cifar10")),
        ({"name": "cifar10"}, DataSpec(name="cifar10")),
        (DataSpec(name="cifar10"), DataSpec(name="cifar10")),
        (
            {"name": "folder", "root": "pictures", "image_size": [32, 24], "channels": 1},
            DataSpec(name="folder", root="pictures", image_size=(32, 24), channels=1),
        ),
    ],
)
def test_data(spelling: Any, spec: DataSpec) -> None:
    assert SearchConfig(space=SPACE, data=spelling).data == spec


@pytest.mark.parametrize("name", preset_names())
def test_a_space_as_an_object_or_as_its_fields(name: str) -> None:
    space = SearchSpace.preset(name)
    assert SearchConfig(space=space) == SearchConfig(space=space.to_dict())
    assert SearchConfig(space=space).search_space == space


def test_a_space_may_be_described_as_shortly_as_in_its_file() -> None:
    assert SearchConfig(space=SPACE).search_space == SearchSpace.from_dict(SPACE)


@pytest.mark.parametrize("kind", [*PRUNERS, "optuna.pruners.NopPruner", "mylab.pruners.Mine"])
def test_pruners(kind: str) -> None:
    assert SearchConfig(space=SPACE, pruner={"kind": kind}).pruner == PrunerSpec(kind=kind)
    assert SearchConfig(space=SPACE, pruner=PrunerSpec(kind=kind)).pruner == PrunerSpec(kind=kind)


def test_a_pruner_has_its_arguments() -> None:
    fields = {"min_epochs": 3, "reduction_factor": 4, "min_trials": 2, "ties": "pass", "brackets": 2}
    pruner = SearchConfig(space=SPACE, pruner={"metric": "spikes_per_sample", **fields}).pruner
    assert pruner.model_dump() == {"kind": "pareto", "metric": "spikes_per_sample", **fields}


def test_a_pruner_may_look_at_any_objective_and_at_no_other_metric() -> None:
    config = SearchConfig(space=SPACE, objectives=["a:max", "b:min"], pruner={"kind": "median", "metric": "b"})
    assert config.pruner.metric == "b"
    (fault,) = faults(pruner={"kind": "median", "metric": "spikes_per_smaple"})
    known, nearest = "val_accuracy, spikes_per_sample", "spikes_per_sample"
    assert fault == (
        f"pruner.metric: 'spikes_per_smaple' is no objective: there are {known}; did you mean {nearest!r}?"
    )  # fmt: skip


@pytest.mark.parametrize("name", [*SAMPLERS, "optuna.samplers.NSGAIIISampler", "mylab.samplers.Mine"])
def test_samplers(name: str) -> None:
    assert SearchConfig(space=SPACE, sampler=name).sampler == name


def test_whole_seconds_are_seconds() -> None:
    config = SearchConfig(space=SPACE, time_budget=3, trial_seconds=1.5, gpus_per_trial=0.25)
    assert (config.time_budget, config.trial_seconds, config.gpus_per_trial) == (3.0, 1.5, 0.25)


# strictness


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"trails": 3}, "trails: unknown field; did you mean 'trials'?"),
        ({"data": {"nam": "digits"}}, "data.nam: unknown field; did you mean 'name'?"),
        ({"pruner": {"min_epoch": 3}}, "pruner.min_epoch: unknown field; did you mean 'min_epochs'?"),
        ({"recipe": {"learning_rat": 1}}, "recipe.learning_rat: unknown field; did you mean 'learning_rate'?"),
        ({"space": {"arch": {**SPACE["arch"], "deth": 8}}}, "space.arch.deth: unknown field; did you mean 'depth'?"),
        ({"space": None}, "space: must be a mapping of fields, got None"),
        ({"space": 3}, "space: must be a mapping of fields, got 3"),
        ({"data": None}, "data: must be a mapping of fields, got None"),
        ({"data": {"name": 3}}, "data.name: must be a text, got 3"),
        ({"recipe": []}, "recipe: must be a mapping of fields, got []"),
        ({"recipe": {"learning_rate": -1}}, "recipe.learning_rate: must be greater than 0, got -1"),
        ({"objectives": "accuracy:max"}, "objectives: must be a list, got 'accuracy:max'"),
        ({"objectives": None}, "objectives: must be a list, got None"),
        ({"objectives": {"a": "max"}}, "objectives: must be a list, got {'a': 'max'}"),
        (
            {"objectives": ["a:mx", "b:min"]},
            "objectives.0.direction: 'mx' is not one of max, min; did you mean 'max'?",
        ),
        ({"objectives": ["a:maximize", "b:min"]}, "objectives.0.direction: 'maximize' is not one of max, min"),
        ({"objectives": ["a:max", 3]}, "objectives.1: must be a mapping of fields, got 3"),
        ({"objectives": ["a:max", "a:min"]}, "objectives: each metric may be named once"),
        (
            {"sampler": "tp"},
            "sampler: 'tp' is not one of tpe, nsga2, random, grid, or a dotted path; did you mean 'tpe'?",
        ),
        ({"sampler": "best"}, "sampler: 'best' is not one of tpe, nsga2, random, grid, or a dotted path"),
        ({"sampler": None}, "sampler: must be a text, got None"),
        (
            {"pruner": {"kind": "medan"}},
            f"pruner.kind: 'medan' is not one of {', '.join(PRUNERS)}, or a dotted path; did you mean 'median'?",
        ),
        ({"pruner": {"kind": None}}, "pruner.kind: must be a text, got None"),
        (
            {"pruner": {"ties": "pas"}},
            "pruner.ties: 'pas' is not one of epsilon-net, hypervolume, pass; did you mean 'pass'?",
        ),
        ({"pruner": {"min_epochs": 0}}, "pruner.min_epochs: must be at least 1, got 0"),
        ({"pruner": {"reduction_factor": 1}}, "pruner.reduction_factor: must be at least 2, got 1"),
        ({"pruner": {"min_trials": 1.0}}, "pruner.min_trials: must be a whole number, got 1.0"),
        ({"pruner": {"brackets": "2"}}, "pruner.brackets: must be a whole number, got '2'"),
        ({"baselines": 1}, "baselines: must be true or false, got 1"),
        ({"baselines": "no"}, "baselines: must be true or false, got 'no'"),
        ({"trials": 0}, "trials: must be at least 1, got 0"),
        ({"trials": "5"}, "trials: must be a whole number, got '5'"),
        ({"trials": 5.0}, "trials: must be a whole number, got 5.0"),
        ({"trials": True}, "trials: must be a whole number, got True"),
        ({"trials": None}, "trials: must be a whole number, got None"),
        ({"epochs": 0}, "epochs: must be at least 1, got 0"),
        ({"time_budget": 0}, "time_budget: must be greater than 0, got 0"),
        ({"time_budget": True}, "time_budget: must be a number, got True"),
        ({"time_budget": "60"}, "time_budget: must be a number, got '60'"),
        ({"time_budget": float("inf")}, "time_budget: must be finite, got inf"),
        ({"trial_seconds": -1.5}, "trial_seconds: must be greater than 0, got -1.5"),
        ({"retries": -1}, "retries: must be at least 0, got -1"),
        ({"cpus_per_trial": 0.5}, "cpus_per_trial: must be a whole number, got 0.5"),
        ({"gpus_per_trial": -0.5}, "gpus_per_trial: must be at least 0, got -0.5"),
        ({"max_concurrent": 0}, "max_concurrent: must be at least 1, got 0"),
        ({"seed": -1}, "seed: must be at least 0, got -1"),
        ({"seed": 2**32}, "seed: must be less than 4294967296, got 4294967296"),
        ({"storage": 3}, "storage: must be a text, got 3"),
        ({"address": 3}, "address: must be a text, got 3"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], fault: str) -> None:
    assert faults(**fields) == [fault]


def test_an_unknown_field_that_resembles_none_is_answered_with_all() -> None:
    (fault,) = faults(qqq=1)
    assert fault == f"qqq: unknown field; the fields are {', '.join(SearchConfig.model_fields)}"


def test_the_space_is_required() -> None:
    with pytest.raises(SpecError, match=r"^space: required, but missing$"):
        SearchConfig()


def test_one_objective_is_too_few() -> None:
    for few in ([], ["accuracy:max"]):
        (fault,) = faults(objectives=few)
        assert fault.startswith("objectives: ")


def test_an_objective_has_no_direction_of_its_own() -> None:
    found = faults(objectives=["accuracy", "spikes:min", "synops:"])
    assert [fault.partition(": ")[0] for fault in found] == ["objectives.0.direction", "objectives.2.direction"]


def test_all_faults_in_fields_at_once() -> None:
    found = faults(
        objectives=["a:max", "b:mi"], pruner={"ties": "non", "brackets": 0}, data={"name": 1}, trials=0, sede=1
    )
    assert [fault.partition(": ")[0] for fault in found] == [
        "data.name", "objectives.1.direction", "pruner.ties", "pruner.brackets", "trials", "sede",
    ]  # fmt: skip


def test_all_faults_between_fields_at_once() -> None:
    found = faults(
        space={"arch": {"depth": 9}}, recipe={"epochs": 0, "momentum": 1}, objectives=["a:max", "b:min", "a:min"],
        pruner={"kind": "never", "metric": "c"}, sampler="best",
    )  # fmt: skip
    assert {fault.partition(": ")[0] for fault in found} >= {
        "space.arch.input_shape", "space.arch.num_classes", "recipe.epochs", "recipe.momentum", "objectives",
        "pruner.kind", "pruner.metric", "sampler",
    }  # fmt: skip


def test_what_is_no_mapping_of_names() -> None:
    with pytest.raises(SpecError, match=r"^SearchConfig is a mapping of fields, got list$"):
        SearchConfig.from_dict([SPACE])  # type: ignore[arg-type]
    with pytest.raises(SpecError) as caught:
        SearchConfig.from_dict({"space": {1: 2}, 3: 4})  # type: ignore[dict-item]
    assert caught.value.faults == (Fault("space.1", "field names are strings"), Fault("3", "field names are strings"))


def test_a_configuration_cannot_be_changed_but_copied() -> None:
    config = SearchConfig(space=SPACE)
    with pytest.raises(SpecError, match=r"make a copy: \.replace\(trials=\.\.\.\)"):
        config.trials = 3  # type: ignore[misc]
    copy = config.replace(trials=3, sampler="nsga2")
    assert (copy.trials, copy.sampler, config.trials) == (3, "nsga2", 50)
    assert copy.replace(trials=50, sampler="tpe") == config
    with pytest.raises(SpecError, match=r"^trials: must be at least 1, got 0$"):
        config.replace(trials=0)


# written and read


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


PATHS = st.just("mylab.things.Mine")
SECONDS = st.floats(0, exclude_min=True, allow_infinity=False, allow_subnormal=False) | st.integers(1, 10**9)
WHOLE = st.integers(1, 10**6)
SPACES = st.sampled_from([SPACE, *(SearchSpace.preset(name).to_dict() for name in preset_names())])
OBJECTIVES = st.lists(
    st.builds(Objective, metric=st.text(min_size=1), direction=st.sampled_from(["max", "min"])),
    min_size=2, max_size=4, unique_by=lambda objective: objective.metric,
)  # fmt: skip
RECIPES = st.fixed_dictionaries(
    {},
    optional={
        "epochs": WHOLE, "learning_rate": st.floats(1e-9, 1e6), "optimizer": st.sampled_from(["adamw", "sgd"]),
        "clip_norm": maybe(st.floats(1e-6, 1e6)), "flip": maybe(st.booleans()), "seed": st.integers(0, 2**32 - 1),
    },
)  # fmt: skip
DATA = st.one_of(
    st.text(),
    st.builds(
        DataSpec, name=st.text(), root=maybe(st.text()), validation_seed=st.integers(0, 2**64),
        validation_share=maybe(st.floats(0.01, 0.99)), image_size=maybe(st.tuples(WHOLE, WHOLE)),
        channels=st.sampled_from([None, 1, 3]), verify=st.booleans(),
    ),
)  # fmt: skip


@st.composite
def configs(draw: st.DrawFn) -> SearchConfig:
    objectives = draw(OBJECTIVES)
    pruner = st.builds(
        PrunerSpec, kind=st.sampled_from(PRUNERS) | PATHS,
        metric=maybe(st.sampled_from([objective.metric for objective in objectives])),
        min_epochs=WHOLE, reduction_factor=st.integers(2, 9), min_trials=WHOLE,
        ties=st.sampled_from(["epsilon-net", "hypervolume", "pass"]), brackets=WHOLE,
    )  # fmt: skip
    return draw(
        st.builds(
            SearchConfig, space=SPACES, data=DATA, recipe=RECIPES, objectives=st.just(objectives),
            sampler=st.sampled_from(SAMPLERS) | PATHS, pruner=pruner, baselines=st.booleans(),
            warm_start=maybe(st.text()), trials=WHOLE, rescue=st.integers(0, 99),
            epochs=maybe(WHOLE), time_budget=maybe(SECONDS), trial_seconds=maybe(SECONDS), retries=st.integers(0, 9),
            cpus_per_trial=WHOLE, gpus_per_trial=maybe(st.floats(0, 64)), max_concurrent=maybe(WHOLE),
            seed=st.integers(0, 2**32 - 1), storage=maybe(st.text()), address=maybe(st.text()),
        )
    )  # fmt: skip


@settings(max_examples=40)
@given(config=configs())
def test_any_configuration_is_read_as_it_was_written(config: SearchConfig) -> None:
    assert again(config) == config
    assert Recipe.from_dict(again(config).recipe) == Recipe.from_dict(config.recipe)


FULL = SearchConfig(
    space=SearchSpace.preset("cifar"), data={"name": "folder", "root": "my pictures", "image_size": [8, 8]},
    recipe={"learning_rate": 1e-3, "flip": False}, objectives=["val_accuracy:max", "synops_per_sample:min"],
    sampler="nsga2", pruner={"kind": "median", "metric": "synops_per_sample"}, baselines=False,
    warm_start="runs/earlier", trials=7, rescue=2, epochs=3,
    time_budget=60, trial_seconds=0.5, retries=0, cpus_per_trial=2, gpus_per_trial=0.25, max_concurrent=3, seed=5,
    storage="sqlite:///here.db", address="auto",
)  # fmt: skip


def test_nothing_of_everything_is_a_default() -> None:
    """So that what follows looks at every field."""
    plain = SearchConfig(space=SPACE)
    assert [field for field in SearchConfig.model_fields if getattr(FULL, field) == getattr(plain, field)] == []


@pytest.mark.parametrize("config", [SearchConfig(space=SPACE), FULL], ids=["defaults", "everything"])
def test_the_folder_of_a_run_keeps_it(config: SearchConfig, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.saved_config() is None
    with folder.opened(config):
        pass
    saved = folder.saved_config()
    assert saved == config.model_dump(mode="json")
    assert SearchConfig.from_dict(saved) == config


# going on


OTHER: dict[str, Any] = {
    "trials": 90, "rescue": 2, "time_budget": 3.0, "trial_seconds": 4.0, "retries": 5, "cpus_per_trial": 6,
    "gpus_per_trial": 0.5, "max_concurrent": 8, "address": "auto",
}  # fmt: skip


def test_what_may_change_are_fields() -> None:
    assert set(SearchConfig.model_fields) >= MAY_CHANGE
    assert set(OTHER) == MAY_CHANGE
    assert MAY_CHANGE.isdisjoint({"space", "data", "recipe", "objectives", "sampler", "pruner", "epochs", "seed"})


@pytest.mark.parametrize("field", OTHER)
def test_a_search_goes_on_with_other_limits_and_resources(field: str, tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path), SearchConfig(space=SPACE)
    with folder.opened(config):
        pass
    with folder.opened(config.replace(**{field: OTHER[field]})):
        pass
    saved = folder.saved_config()
    assert saved is not None
    assert SearchConfig.from_dict(saved) == config.replace(**{field: OTHER[field]})


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"epochs": 3}, "epochs was None, is 3"),
        ({"seed": 1}, "seed was 0, is 1"),
        ({"data": "cifar10"}, "data.name was digits, is cifar10"),
        ({"recipe": {"learning_rate": 0.5}}, "recipe.learning_rate was None, is 0.5"),
        ({"space": {"arch": {**SPACE["arch"], "depth": 14}}}, "space.arch.depth was 8, is 14"),
        ({"sampler": "random", "baselines": False}, "sampler was tpe, is random; baselines was True, is False"),
        ({"pruner": {"ties": "pass"}}, "pruner.ties was epsilon-net, is pass"),
        ({"storage": "sqlite:///x.db"}, "storage was None, is sqlite:///x.db"),
    ],
)
def test_another_search_is_refused_with_what_differs(changes: dict[str, Any], difference: str, tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path), SearchConfig(space=SPACE)
    with folder.opened(config):
        pass
    before = (tmp_path / "config.yaml").read_bytes()
    with pytest.raises(CommandError) as caught, folder.opened(config.replace(trials=60, **changes)):
        raise AssertionError
    assert str(caught.value) == (
        f"{tmp_path} holds another search: {difference}; choose another folder with --run"
    )  # fmt: skip
    assert caught.value.exit_code == 2
    assert (tmp_path / "config.yaml").read_bytes() == before
