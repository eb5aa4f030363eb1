"""What a search may be told, in which spellings, and what is said of the rest."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xoresnet.data.load import DATASETS
from xoresnet.data.spec import DataSpec
from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, SpecError
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.measures.records import EpochRecord
from xoresnet.search.config import FORMER, SearchConfig
from xoresnet.search.loggers import LOGGERS
from xoresnet.search.objective import Objective
from xoresnet.search.registry import PRUNERS, SAMPLERS, PrunerSpec
from xoresnet.space import preset_names
from xoresnet.space.search_space import SearchSpace

SPACE: dict[str, Any] = {
    "arch": {"input_shape": [1, 8, 8], "num_classes": 10, "depth": 8, "width": [4, 8], "merge": ["or", "add"]}
}
ACCURACY = Objective(metric="val_accuracy", direction="max")
SPIKES = Objective(metric="spikes_per_sample", direction="min")
FIGURES = [field.name for field in fields(EpochRecord) if field.name not in ("epoch", "learning_rate", "layers")]


def faults(**told: Any) -> list[str]:
    """What is said of a configuration that has these fields."""
    with pytest.raises(SpecError) as caught:
        SearchConfig.from_dict({"space": SPACE, **told})
    return list(map(str, caught.value.faults))


def again(config: SearchConfig) -> SearchConfig:
    """Written as a run's folder has it, and read."""
    return SearchConfig.from_dict(read_yaml(write_yaml(config.model_dump(mode="json")), "config.yaml"))


# spellings


@pytest.mark.parametrize(
    "spelling",
    [
        ["val_accuracy:max", "spikes_per_sample:min"],
        ("val_accuracy:max", "spikes_per_sample:min"),
        [{"metric": "val_accuracy", "direction": "max"}, {"metric": "spikes_per_sample", "direction": "min"}],
        [{"metric": "val_accuracy", "direction": "max"}, "spikes_per_sample:min"],
        (ACCURACY, SPIKES),
        [ACCURACY, "spikes_per_sample:min"],
    ],
)
def test_objectives(spelling: Any) -> None:
    assert SearchConfig(space=SPACE, objectives=spelling).objectives == (ACCURACY, SPIKES)


def test_more_than_two_objectives_keep_their_order() -> None:
    metrics = ["synops_per_sample", "val_accuracy", "spikes_per_sample"]
    told = [f"{metric}:{direction}" for metric, direction in zip(metrics, ("min", "max", "min"), strict=True)]
    config = SearchConfig(space=SPACE, objectives=told)
    assert [objective.metric for objective in config.objectives] == metrics
    assert [objective.optuna_direction for objective in config.objectives] == ["minimize", "maximize", "minimize"]


@pytest.mark.parametrize("figure", FIGURES)
def test_any_figure_of_an_epoch_is_an_objective(figure: str) -> None:
    other = "val_loss" if figure != "val_loss" else "val_accuracy"
    config = SearchConfig(space=SPACE, objectives=[f"{figure}:min", f"{other}:min"])
    assert config.objectives[0] == Objective(metric=figure, direction="min")


def test_the_default_objectives() -> None:
    assert [(objective.metric, objective.direction) for objective in SearchConfig(space=SPACE).objectives] == [
        ("val_accuracy", "max"),
        ("spikes_per_sample", "min"),
    ]


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


@pytest.mark.parametrize("name", preset_names())
def test_a_space_by_the_name_of_a_preset(name: str) -> None:
    assert SearchConfig(space=name) == SearchConfig(space=SearchSpace.preset(name))


@pytest.mark.parametrize(
    "changes",
    [
        {"depth": [8]},
        {"depth": {"basic": [8]}},
        {"block": "basic", "xor": "none"},
        {"width": {"low": 4, "high": 8, "step": 4}},
        {"input_shape": (1, 8, 8), "merge": ("or", "add")},
    ],
)
def test_one_space_has_one_spelling(changes: dict[str, Any]) -> None:
    """But a range is no choice: samplers look at it otherwise."""
    config = SearchConfig(space={"arch": {**SPACE["arch"], **changes}, "recipe": {}, "constraints": None})
    assert (config == SearchConfig(space=SPACE)) is not ("width" in changes)
    assert config.space == config.search_space.to_dict()


@pytest.mark.parametrize("given", [(), ("input_shape",), ("num_classes",), ("input_shape", "num_classes")])
def test_image_shape_and_classes_need_not_be_repeated(given: tuple[str, ...]) -> None:
    """They are those of the data; what is not given is not made up either."""
    arch = {name: value for name, value in SPACE["arch"].items() if name not in ("input_shape", "num_classes")}
    config = SearchConfig(space={"arch": {**arch, **{name: SPACE["arch"][name] for name in given}}})
    assert {name for name in ("input_shape", "num_classes") if name in config.space["arch"]} == set(given)
    whole = SearchSpace.from_dict(SPACE)
    assert config.search_space.for_images(whole.input_shape, whole.num_classes) == whole
    assert SearchConfig.from_dict(config.model_dump(mode="json")) == config


def test_a_space_may_be_described_as_shortly_as_in_its_file() -> None:
    assert SearchConfig(space=SPACE).search_space == SearchSpace.from_dict(SPACE)


@pytest.mark.parametrize("kind", [*PRUNERS, "optuna.pruners.NopPruner", "mylab.pruners.Mine"])
def test_pruners(kind: str) -> None:
    assert SearchConfig(space=SPACE, pruner={"kind": kind}).pruner == PrunerSpec(kind=kind)
    assert SearchConfig(space=SPACE, pruner=PrunerSpec(kind=kind)).pruner == PrunerSpec(kind=kind)


@pytest.mark.parametrize("kind", [*PRUNERS, "mylab.pruners.Mine"])
def test_a_pruner_by_its_kind_alone(kind: str) -> None:
    assert SearchConfig(space=SPACE, pruner=kind) == SearchConfig(space=SPACE, pruner=PrunerSpec(kind=kind))


def test_a_pruner_has_its_arguments() -> None:
    told = {"min_epochs": 3, "reduction_factor": 4, "min_trials": 2, "ties": "pass", "brackets": 2}
    pruner = SearchConfig(space=SPACE, pruner={"metric": "spikes_per_sample", **told}).pruner
    assert pruner.model_dump() == {"kind": "pareto", "metric": "spikes_per_sample", **told}


def test_a_pruner_may_look_at_any_objective_and_at_no_other_metric() -> None:
    pruner = {"kind": "median", "metric": "val_accuracy"}
    config = SearchConfig(space=SPACE, objectives=["val_loss:min", "val_accuracy:max"], pruner=pruner)
    assert config.pruner.metric == "val_accuracy"
    (fault,) = faults(pruner={"kind": "median", "metric": "spikes_per_smaple"})
    known, nearest = "val_accuracy, spikes_per_sample", "spikes_per_sample"
    assert fault == (
        f"pruner.metric: 'spikes_per_smaple' is not one of the objectives {known}; did you mean {nearest!r}?"
    )


@pytest.mark.parametrize("name", [*SAMPLERS, "optuna.samplers.NSGAIIISampler", "mylab.samplers.Mine"])
def test_samplers(name: str) -> None:
    assert SearchConfig(space=SPACE, sampler=name).sampler == name


@pytest.mark.parametrize(
    ("told", "sampler", "pruner"),
    [
        ({"sampler": "nsga2"}, "nsga2", "pareto"),
        ({"pruner": "median"}, "tpe", "median"),
        ({"strategy": None, "pruner": "none"}, "tpe", "none"),
        ({"strategy": "classic"}, "tpe", "pareto"),
        ({"strategy": "classic", "sampler": None, "pruner": None}, "tpe", "pareto"),
    ],
)
def test_a_sampler_or_a_pruner_is_a_classic_search(told: dict[str, Any], sampler: str, pruner: str) -> None:
    config = SearchConfig(space=SPACE, **told)
    assert (config.strategy, config.sampler, config.pruner) == ("classic", sampler, PrunerSpec(kind=pruner))
    assert again(config) == config


@pytest.mark.parametrize("told", [{}, {"strategy": None}, {"strategy": "freeze-thaw"}, {"strategy": "promotion"}])
def test_other_strategies_have_neither(told: dict[str, Any]) -> None:
    config = SearchConfig(space=SPACE, **told)
    assert config.strategy == (told.get("strategy") or "freeze-thaw")
    assert (config.sampler, config.pruner) == (None, None)
    assert again(config) == config


@pytest.mark.parametrize(
    ("spelling", "baselines"),
    [(True, "candidates"), (False, "none"), *((name, name) for name in ("candidates", "first", "none"))],
)
def test_baselines(spelling: Any, baselines: str) -> None:
    assert SearchConfig(space=SPACE, baselines=spelling).baselines == baselines


def test_a_budget_need_not_be_whole() -> None:
    assert SearchConfig(space=SPACE, budget=1.5).budget == 1.5
    assert SearchConfig(space=SPACE, budget=7).budget == 7.0


def test_whole_seconds_are_seconds() -> None:
    config = SearchConfig(space=SPACE, time_budget=3, trial_seconds=1.5, gpus_per_trial=0.25)
    assert (config.time_budget, config.trial_seconds, config.gpus_per_trial) == (3.0, 1.5, 0.25)


@pytest.mark.parametrize(("spelling", "gpus"), [("auto", None), (None, None), (0, 0.0), (0.5, 0.5), (2, 2.0)])
def test_gpus_per_trial(spelling: Any, gpus: float | None) -> None:
    config = SearchConfig(space=SPACE, gpus_per_trial=spelling)
    assert config.gpus_per_trial == gpus
    assert config.model_dump(mode="json")["gpus_per_trial"] == ("auto" if gpus is None else gpus)
    assert again(config) == config


# strictness


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"budgt": 3}, "budgt: unknown field; did you mean 'budget'?"),
        ({"trials": 3}, f"trials: {FORMER['trials']}"),
        ({"rescue": 3}, f"rescue: {FORMER['rescue']}"),
        ({"data": {"nam": "digits"}}, "data.nam: unknown field; did you mean 'name'?"),
        ({"pruner": {"min_epoch": 3}}, "pruner.min_epoch: unknown field; did you mean 'min_epochs'?"),
        ({"recipe": {"learning_rat": 1}}, "recipe.learning_rat: unknown field; did you mean 'learning_rate'?"),
        ({"space": {"arch": {**SPACE["arch"], "deth": 8}}}, "space.arch.deth: unknown field; did you mean 'depth'?"),
        ({"space": None}, "space: must be a mapping of fields, got None"),
        (
            {"space": "digit"},
            f"space: unknown preset 'digit'; the presets are {', '.join(preset_names())}; did you mean 'digits'?",
        ),
        ({"space": 3}, "space: must be a mapping of fields, got 3"),
        ({"data": None}, "data: must be a mapping of fields, got None"),
        ({"data": {"name": 3}}, "data.name: must be a string, got 3"),
        ({"recipe": []}, "recipe: must be a mapping of fields, got []"),
        ({"recipe": "fast"}, "recipe: must be a mapping of fields, got 'fast'"),
        ({"recipe": None}, "recipe: must be a mapping of fields, got None"),
        ({"recipe": {"seed": 3}}, "recipe.seed: is set by the search; use seed=... without recipe."),
        ({"recipe": {"epochs": 3}, "epochs": 4}, "epochs: conflicting values: epochs=4 and recipe.epochs=3"),
        ({"recipe": {"learning_rate": -1}}, "recipe.learning_rate: must be greater than 0, got -1"),
        (
            {"objectives": "accuracy:max"},
            "objectives: must be a list such as [val_accuracy:max, spikes_per_sample:min], got 'accuracy:max'",
        ),
        ({"objectives": None}, "objectives: must be a list, got None"),
        ({"objectives": {"val_loss": "min"}}, "objectives: must be a list, got {'val_loss': 'min'}"),
        (
            {"objectives": ["val_accuracy:mx", "val_loss:min"]},
            "objectives.0.direction: 'mx' is not one of max, min; did you mean 'max'?",
        ),
        (
            {"objectives": ["val_accuracy:maximize", "val_loss:min"]},
            "objectives.0.direction: 'maximize' is not one of max, min",
        ),
        (
            {"objectives": ["val_accuracy:max:min", "val_loss:min"]},
            "objectives.0.direction: 'max:min' is not one of max, min; did you mean 'min'?",
        ),
        (
            {"objectives": ["val_accuracy", "val_loss:min"]},
            "objectives.0: 'val_accuracy' lacks a direction: write val_accuracy:max or val_accuracy:min",
        ),
        (
            {"objectives": ["val_accuracy:max", "spikes:min"]},
            "objectives.1: 'spikes' is not measured after an epoch; did you mean 'spikes_per_sample'?",
        ),
        ({"objectives": ["val_accuracy:max", "epoch:min"]}, "objectives.1: 'epoch' is not measured after an epoch"),
        ({"objectives": ["val_accuracy:max", "layers:min"]}, "objectives.1: 'layers' is not measured after an epoch"),
        ({"objectives": ["val_accuracy:max", 3]}, "objectives.1: must be a mapping of fields, got 3"),
        ({"objectives": ["val_loss:max", "val_loss:min"]}, "objectives: each metric may be an objective only once"),
        ({"objectives": []}, "objectives: a search requires at least two objectives, got 0"),
        ({"objectives": ["val_accuracy:max"]}, "objectives: a search requires at least two objectives, got 1"),
        (
            {"sampler": "tp"},
            "sampler: 'tp' is not one of tpe, nsga2, random, grid, or a dotted path; did you mean 'tpe'?",
        ),
        ({"sampler": "best"}, "sampler: 'best' is not one of tpe, nsga2, random, grid, or a dotted path"),
        (
            {"pruner": {"kind": "medan"}},
            f"pruner.kind: 'medan' is not one of {', '.join(PRUNERS)}, or a dotted path; did you mean 'median'?",
        ),
        (
            {"pruner": "medan"},
            f"pruner.kind: 'medan' is not one of {', '.join(PRUNERS)}, or a dotted path; did you mean 'median'?",
        ),
        ({"pruner": {"kind": None}}, "pruner.kind: must be a string, got None"),
        (
            {"pruner": {"ties": "pas"}},
            "pruner.ties: 'pas' is not one of epsilon-net, hypervolume, pass; did you mean 'pass'?",
        ),
        ({"pruner": {"min_epochs": 0}}, "pruner.min_epochs: must be at least 1, got 0"),
        ({"pruner": {"reduction_factor": 1}}, "pruner.reduction_factor: must be at least 2, got 1"),
        ({"pruner": {"min_trials": 1.0}}, "pruner.min_trials: must be a whole number, got 1.0"),
        ({"pruner": {"brackets": "2"}}, "pruner.brackets: must be a whole number, got '2'"),
        (
            {"strategy": "freeze"},
            "strategy: 'freeze' is not one of freeze-thaw, promotion, classic; did you mean 'freeze-thaw'?",
        ),
        ({"strategy": 3}, "strategy: 3 is not one of freeze-thaw, promotion, classic"),
        ({"baselines": 1}, "baselines: 1 is not one of candidates, first, none"),
        ({"baselines": "no"}, "baselines: 'no' is not one of candidates, first, none; did you mean 'none'?"),
        ({"baselines": None}, "baselines: None is not one of candidates, first, none; did you mean 'none'?"),
        ({"cost": "second"}, "cost: 'second' is not one of seconds, epochs; did you mean 'seconds'?"),
        ({"stop": "gain"}, "stop: 'gain' is not one of budget, plateau"),
        ({"stop": None}, "stop: None is not one of budget, plateau"),
        ({"keep_paused": 0}, "keep_paused: must be at least 1, got 0"),
        ({"budget": 0}, "budget: must be at least 1, got 0"),
        ({"budget": -1.5}, "budget: must be at least 1, got -1.5"),
        ({"budget": "5"}, "budget: must be a number, got '5'"),
        ({"budget": True}, "budget: must be a number, got True"),
        ({"budget": None}, "budget: must be a number, got None"),
        ({"budget": float("inf")}, "budget: must be finite, got inf"),
        ({"budget": float("nan")}, "budget: must be finite, got nan"),
        ({"epochs": 0}, "epochs: must be at least 1, got 0"),
        ({"time_budget": 0}, "time_budget: must be greater than 0, got 0"),
        ({"time_budget": True}, "time_budget: must be a number, got True"),
        ({"time_budget": "60"}, "time_budget: must be a number, got '60'"),
        ({"time_budget": float("inf")}, "time_budget: must be finite, got inf"),
        ({"trial_seconds": -1.5}, "trial_seconds: must be greater than 0, got -1.5"),
        ({"retries": -1}, "retries: must be at least 0, got -1"),
        ({"cpus_per_trial": 0.5}, "cpus_per_trial: must be a whole number, got 0.5"),
        ({"gpus_per_trial": -0.5}, "gpus_per_trial: must be at least 0, got -0.5"),
        ({"gpus_per_trial": "all"}, "gpus_per_trial: must be a number or auto, got 'all'"),
        ({"max_concurrent": 0}, "max_concurrent: must be at least 1, got 0"),
        ({"seed": -1}, "seed: must be at least 0, got -1"),
        ({"seed": 2**32}, "seed: must be less than 4294967296, got 4294967296"),
        ({"storage": 3}, "storage: must be a string, got 3"),
        ({"study": 3}, "study: must be a string, got 3"),
        ({"warm_start": 3}, "warm_start: must be a string, got 3"),
        ({"address": 3}, "address: must be a string, got 3"),
    ],
)
def test_what_is_refused(told: dict[str, Any], fault: str) -> None:
    assert faults(**told) == [fault]


def test_an_unknown_field_that_resembles_none_is_answered_with_where_all_are() -> None:
    assert faults(qqq=1) == ["qqq: unknown field; `xoresnet search --help` lists the fields"]
    assert faults(pruner={"qqq": 1}) == [
        f"pruner.qqq: unknown field; the fields are {', '.join(PrunerSpec.model_fields)}"
    ]


def test_the_space_is_required() -> None:
    with pytest.raises(SpecError, match=r"^space: required, but missing$"):
        SearchConfig()


def test_epochs_may_be_said_twice_alike() -> None:
    assert SearchConfig(space=SPACE, epochs=3, recipe={"epochs": 3}).epochs == 3
    assert SearchConfig(space=SPACE, recipe={"epochs": 3}).epochs is None


@pytest.mark.parametrize("recipe", [{"warmup_epochs": 3}, {"schedule": "cosine", "warmup_epochs": 500}])
def test_what_goes_together_in_a_recipe_is_not_known_before_the_data_set(recipe: dict[str, Any]) -> None:
    assert SearchConfig(space=SPACE, recipe=recipe).recipe == recipe


def test_ties_by_hypervolume_want_two_objectives() -> None:
    faults(pruner={"ties": "hypervolume"}, objectives=["val_accuracy:max", "spikes_per_sample:min", "val_loss:min"])


def test_an_objective_has_no_direction_of_its_own() -> None:
    sentences = faults(objectives=["val_accuracy", "spikes_per_sample:min", "synops_per_sample:"])
    rule = "lacks a direction: write"
    assert sentences == [
        f"objectives.0: 'val_accuracy' {rule} val_accuracy:max or val_accuracy:min",
        f"objectives.2: 'synops_per_sample:' {rule} synops_per_sample:max or synops_per_sample:min",
    ]


def test_all_faults_in_fields_at_once() -> None:
    sentences = faults(
        objectives=["val_accuracy:max", "val_loss:mi"],
        pruner={"ties": "non", "brackets": 0},
        data={"name": 1},
        budget=0,
        sede=1,
    )
    assert [sentence.partition(": ")[0] for sentence in sentences] == [
        "data.name",
        "objectives.1.direction",
        "budget",
        "pruner.ties",
        "pruner.brackets",
        "sede",
    ]


def test_all_faults_between_fields_at_once() -> None:
    sentences = faults(epochs=3, recipe={"epochs": 4}, pruner={"kind": "median", "metric": "val_los"})
    assert [sentence.partition(": ")[0] for sentence in sentences] == ["pruner.metric", "epochs"]


def test_all_faults_within_fields_at_once() -> None:
    sentences = faults(
        space={"arch": {"depth": 9, "input_shape": [1, 8], "num_classes": 1}},
        recipe={"epochs": 0, "momentum": 1},
        objectives=["nonsense:max", "val_loss:min", "val_loss:max"],
        pruner={"kind": "never"},
        sampler="best",
    )
    assert [sentence.partition(": ")[0] for sentence in sentences] == [
        "space.arch.input_shape",
        "space.arch.num_classes",
        "space.arch.depth",
        "recipe.epochs",
        "recipe.momentum",
        "objectives.0",
        "objectives",
        "sampler",
        "pruner.kind",
    ]


def test_what_is_no_mapping_of_names() -> None:
    with pytest.raises(SpecError, match=r"^SearchConfig must be a mapping of fields, got list$"):
        SearchConfig.from_dict([SPACE])  # type: ignore[arg-type]
    with pytest.raises(SpecError) as caught:
        SearchConfig.from_dict({"space": {1: 2}, 3: 4})  # type: ignore[dict-item]
    assert caught.value.faults == (
        Fault("space.1", "field names must be strings"),
        Fault("3", "field names must be strings"),
    )


def test_a_configuration_cannot_be_changed_but_copied() -> None:
    config = SearchConfig(space=SPACE)
    with pytest.raises(SpecError, match=r"make a copy: \.replace\(budget=\.\.\.\)"):
        config.budget = 3  # type: ignore[misc]
    copy = config.replace(budget=3, strategy="promotion")
    assert (copy.budget, copy.strategy, config.budget) == (3, "promotion", 40)
    assert copy.replace(budget=40, strategy="freeze-thaw") == config
    with pytest.raises(SpecError, match=r"^budget: must be at least 1, got 0$"):
        config.replace(budget=0)


# written and read


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


PATHS = st.just("mylab.things.Mine")
SECONDS = st.floats(0, exclude_min=True, allow_infinity=False, allow_subnormal=False) | st.integers(1, 10**9)
WHOLE = st.integers(1, 10**6)
SIDES = st.integers(1, 4096)
SPACES = st.sampled_from([SPACE, *(SearchSpace.preset(name).to_dict() for name in preset_names())])
OBJECTIVES = st.lists(
    st.builds(Objective, metric=st.sampled_from(FIGURES), direction=st.sampled_from(["max", "min"])),
    min_size=2, max_size=4, unique_by=lambda objective: objective.metric,
)  # fmt: skip
RECIPES = st.fixed_dictionaries(
    {},
    optional={
        "learning_rate": st.floats(1e-9, 1e6), "optimizer": st.sampled_from(["adamw", "sgd"]),
        "clip_norm": maybe(st.floats(1e-6, 1e6)), "flip": maybe(st.booleans()),
    },
)  # fmt: skip
NAMES = st.sampled_from([*DATASETS])
ADDRESSES = st.from_regex(r"(ray://)?[a-z0-9.\[\]:-]{1,12}:[1-9][0-9]{0,3}|auto", fullmatch=True)
STORAGES = st.from_regex(r"(sqlite|postgresql|mysql\+pymysql|oracle|\$\{DB\})://.{0,20}", fullmatch=True)
DATA = st.one_of(
    NAMES,
    st.builds(
        DataSpec, name=NAMES, root=maybe(st.text()), validation_seed=st.integers(0, 2**64),
        validation_share=maybe(st.floats(0.01, 0.99)), image_size=maybe(st.tuples(SIDES, SIDES)),
        channels=st.sampled_from([None, 1, 3]), verify=st.booleans(),
    ),
)  # fmt: skip


@st.composite
def configs(draw: st.DrawFn) -> SearchConfig:
    objectives = draw(OBJECTIVES)
    pruner = st.builds(
        PrunerSpec,
        kind=st.sampled_from([*PRUNERS]) | PATHS,
        metric=maybe(st.sampled_from([objective.metric for objective in objectives])),
        min_epochs=WHOLE,
        reduction_factor=st.integers(2, 9),
        min_trials=WHOLE,
        ties=st.sampled_from(["epsilon-net", "pass", *["hypervolume"] * (len(objectives) == 2)]),
        brackets=WHOLE,
    )
    classic = {"strategy": st.just("classic"), "sampler": st.sampled_from([*SAMPLERS]) | PATHS, "pruner": pruner}
    freeze_thaw = {
        "stop": st.sampled_from(["budget", "plateau"]),
        "cost": st.sampled_from(["seconds", "epochs"]),
    }
    promotion = {"strategy": st.just("promotion")}
    return draw(
        st.builds(
            SearchConfig,
            space=SPACES,
            data=DATA,
            recipe=RECIPES,
            objectives=st.just(objectives),
            **draw(st.sampled_from([classic, freeze_thaw, promotion])),
            baselines=st.sampled_from(["candidates", "first", "none"]),
            loggers=st.lists(st.sampled_from([*LOGGERS, "mylab.things.Mine"]), unique=True),
            warm_start=maybe(st.text()),
            budget=st.floats(1, 10**6) | WHOLE,
            keep_paused=WHOLE,
            confirm_seeds=st.integers(1, 9),
            epochs=maybe(WHOLE),
            time_budget=maybe(SECONDS),
            trial_seconds=maybe(SECONDS),
            retries=st.integers(0, 9),
            cpus_per_trial=WHOLE,
            gpus_per_trial=maybe(st.floats(0, 64)),
            max_concurrent=maybe(WHOLE),
            seed=st.integers(0, 2**32 - 1),
            storage=maybe(STORAGES),
            study=maybe(st.text()),
            address=maybe(ADDRESSES),
        )
    )


@settings(max_examples=40)
@given(config=configs())
def test_any_configuration_is_read_as_it_was_written(config: SearchConfig) -> None:
    assert again(config) == config
    assert Recipe.from_dict(again(config).recipe) == Recipe.from_dict(config.recipe)


FULL = SearchConfig(
    space=SearchSpace.preset("cifar"), data={"name": "folder", "root": "my pictures", "image_size": [8, 8]},
    recipe={"learning_rate": 1e-3, "flip": False}, objectives=["val_accuracy:max", "synops_per_sample:min"],
    baselines="first", warm_start="runs/earlier", budget=7, cost="epochs", stop="plateau", keep_paused=9, epochs=3,
    confirm_seeds=4,
    keep_weights="front",
    prior={"kind": "shared", "epochs": 3, "seeds": 2},
    time_budget=60, trial_seconds=0.5, retries=0, cpus_per_trial=2, gpus_per_trial=0.25, max_concurrent=3, seed=5,
    storage="sqlite:////data/here.db", study="mine", address="auto", loggers=["mlflow", "mylab.loggers.Mine"],
)  # fmt: skip
CLASSIC = SearchConfig(space=SPACE, sampler="nsga2", pruner={"kind": "median", "metric": "spikes_per_sample"})


def test_what_is_said_of_a_prior_wants_one() -> None:
    """It would change nothing."""
    with pytest.raises(SpecError, match=r"prior.epochs: has no effect without a prior; add prior=shared"):
        SearchConfig.from_dict({"space": "digits", "prior": {"epochs": 3}})
    assert SearchConfig.from_dict({"space": "digits", "prior": {"kind": "shared", "epochs": 3}}).prior.epochs == 3


@pytest.mark.parametrize(
    ("told", "sentences"),
    [
        (
            {"strategy": "promotion", "sampler": "tpe"},
            ["sampler: has no effect with strategy=promotion; leave it out, or add strategy=classic"],
        ),
        (
            {"strategy": "freeze-thaw", "pruner": "none"},
            ["pruner: has no effect with strategy=freeze-thaw; leave it out, or add strategy=classic"],
        ),
        ({"strategy": "promotion", "prior": "shared"}, ["prior: requires strategy=freeze-thaw, not promotion"]),
        ({"sampler": "tpe", "prior": "shared"}, ["prior: requires strategy=freeze-thaw, not classic"]),
        (
            {"pruner": "none", "stop": "plateau"},
            ["stop: plateau requires strategy=freeze-thaw, which expects gains, not classic"],
        ),
        (
            {"strategy": "promotion", "cost": "epochs"},
            ["cost: has no effect with strategy=promotion; leave it out"],
        ),
        (
            {"strategy": "promotion", "stop": "plateau"},
            ["stop: plateau requires strategy=freeze-thaw, which expects gains, not promotion"],
        ),
        (
            {"strategy": "promotion", "sampler": "tpe", "pruner": "none", "prior": "shared"},
            [
                "sampler: has no effect with strategy=promotion; leave it out, or add strategy=classic",
                "pruner: has no effect with strategy=promotion; leave it out, or add strategy=classic",
                "prior: requires strategy=freeze-thaw, not promotion",
            ],
        ),
    ],
)
def test_what_belongs_to_another_strategy(told: dict[str, Any], sentences: list[str]) -> None:
    assert faults(**told) == sentences


def test_nothing_of_everything_is_a_default() -> None:
    """So that what follows looks at every field."""
    plain = SearchConfig(space=SPACE)
    same = [field for field in SearchConfig.model_fields if getattr(FULL, field) == getattr(plain, field)]
    assert same == ["strategy", "sampler", "pruner"]
    assert [field for field in same if getattr(CLASSIC, field) == getattr(plain, field)] == []
