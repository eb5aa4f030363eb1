"""What a search is before it begins: everything found and checked, nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.search.folders.test_run import contents
from tests.search.views.test_search import complete, searching
from tests.xoresnet.data.datasets.pictures import write_classes
from tests.xoresnet.data.datasets.test_fashion_mnist import write_fashion
from xoresnet.data.load import DATASETS
from xoresnet.errors import DataError, RunError, SpecError, UsageError, XOResNetError
from xoresnet.search.config import SearchConfig
from xoresnet.search.prepare import plan_search
from xoresnet.space import SearchSpace, preset_names

ARCH: dict[str, Any] = {
    "input_shape": [1, 8, 8], "num_classes": 10, "depth": 8, "width": [4, 8], "merge": ["or", "add"], "timesteps": 1,
}  # fmt: skip


def config(**told: Any) -> SearchConfig:
    return SearchConfig.from_dict({"space": {"arch": {**ARCH, **told.pop("arch", {})}}, **told})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two data sets, an earlier run and an empty folder."""
    folder = tmp_path_factory.mktemp("place")
    write_fashion(folder / "fashion")
    write_classes(folder / "pictures", per_class=6)
    (folder / "empty").mkdir()
    with searching(config(budget=2, epochs=2, pruner="none", sampler="random"), folder / "earlier") as run:
        complete(run, 0.5, 1000)
        complete(run, 0.9, 3000)
    return folder


@pytest.fixture(autouse=True)
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Planning writes nothing, whatever comes of it; but decoded images are kept beside the files."""
    monkeypatch.chdir(place)
    monkeypatch.delenv("XORESNET_DATA", raising=False)

    def written() -> dict[str, bytes | None]:
        return {name: content for name, content in contents(place).items() if ".xoresnet-cache" not in name}

    before = written()
    yield
    assert written() == before


def test_facts_that_the_tables_of_a_run_lack() -> None:
    facts = plan_search(config()).facts
    assert facts["data"] == {"classes": 10, "training_images": 1151, "validation_images": 287}
    assert facts["space"] == {"known_networks": 2, "known_sizes": "width 8 T=1"}  # OR-ResNet-8 and SEW-ResNet-8
    assert plan_search(config(arch={"merge": "and"})).facts["space"] == {"known_networks": 0, "known_sizes": ""}


def test_progress_is_silent_unless_it_is_handed_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("first", "second"):
        write_classes(tmp_path / name, per_class=6)
    calls: list[tuple[int, int]] = []
    plan_search(config(data={"name": "folder", "root": str(tmp_path / "first")}))
    plan_search(
        config(data={"name": "folder", "root": str(tmp_path / "second")}),
        progress=lambda done, total: calls.append((done, total)),
    )
    assert capsys.readouterr() == ("", "")
    assert calls[0][0] == 0
    assert calls[-1][0] == calls[-1][1] > 0


# what is found


def test_all_that_a_configuration_names() -> None:
    of = config(data="digits", recipe={"learning_rate": 0.5}, epochs=3, seed=5)
    plan = plan_search(of)
    assert (plan.config, plan.space) == (of, of.search_space)
    assert (plan.data.name, plan.data.input_shape, plan.data.num_classes) == ("digits", (1, 8, 8), 10)
    assert plan.recipe == DATASETS["digits"].recipe.replace(learning_rate=0.5, epochs=3, seed=5)
    assert plan.earlier == ()


@pytest.mark.parametrize(
    ("data", "input_shape", "num_classes"),
    [
        ({"name": "digits"}, (1, 8, 8), 10),
        ({"name": "fashion-mnist", "root": "fashion", "validation_share": 0.4}, (1, 28, 28), 10),
        ({"name": "folder", "root": "pictures"}, (3, 8, 10), 3),
        ({"name": "folder", "root": "pictures", "channels": 1, "image_size": [12, 16]}, (1, 12, 16), 3),
    ],
)
def test_the_space_is_for_the_images_and_classes_of_the_data(
    data: dict[str, Any], input_shape: tuple[int, ...], num_classes: int
) -> None:
    of = config(data=data, arch={"input_shape": [3, 84, 84], "num_classes": 100})
    plan = plan_search(of)
    assert (plan.space.input_shape, plan.space.num_classes) == (input_shape, num_classes)
    assert plan.space == of.search_space.for_images((*input_shape,), num_classes)  # type: ignore[arg-type]
    assert plan.config == of.replace(space=plan.space)
    assert plan_search(plan.config).config == plan.config


@pytest.mark.parametrize("name", preset_names())
def test_any_preset_fits_any_data(name: str) -> None:
    assert plan_search(SearchConfig(space=name)).space == SearchSpace.preset(name).for_images((1, 8, 8), 10)


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        ({}, {}),
        ({"epochs": 3}, {"epochs": 3}),
        ({"recipe": {"epochs": 3}}, {"epochs": 3}),
        ({"epochs": 3, "recipe": {"epochs": 3, "learning_rate": 1}}, {"epochs": 3, "learning_rate": 1.0}),
        ({"seed": 7}, {"seed": 7}),
        (
            {"recipe": {"schedule": "cosine", "warmup_epochs": 2.5}, "epochs": 3},
            {"schedule": "cosine", "warmup_epochs": 2.5, "epochs": 3},
        ),
    ],
)
@pytest.mark.parametrize("data", ["digits", "fashion-mnist"])
def test_the_recipe_is_the_data_sets_with_what_was_told(
    data: str, told: dict[str, Any], changes: dict[str, Any]
) -> None:
    plan = plan_search(config(data={"name": data, "root": "fashion"}, **told))
    assert plan.recipe == DATASETS[data].recipe.replace(**changes)


def test_known_networks_are_tried_unless_they_are_not_wanted() -> None:
    plan = plan_search(config())
    assert plan.baselines
    assert all(plan.space.contains(arch) for arch in plan.baselines.values())
    assert plan_search(config(baselines="first")).baselines == plan.baselines
    assert plan_search(config(baselines="none")).baselines == {}


def test_the_front_of_an_earlier_run() -> None:
    plan = plan_search(config(warm_start="earlier", data={"name": "folder", "root": "pictures"}))
    assert [start.name for start in plan.earlier] == ["earlier:0", "earlier:1"]
    assert all(plan.space.contains(start.arch) for start in plan.earlier)
    assert {start.arch.input_shape for start in plan.earlier} == {(3, 8, 10)}


@pytest.mark.parametrize(
    ("sampler", "pruner"),
    [
        ("tpe", "pareto"), ("nsga2", "none"), ("random", "median"), ("grid", "successive-halving"),
        ("optuna.samplers.NSGAIISampler", "hyperband"), ("tpe", "optuna.pruners.MedianPruner"),
    ],
)  # fmt: skip
def test_samplers_and_pruners_that_there_are(sampler: str, pruner: str) -> None:
    of = config(sampler=sampler, pruner=pruner)
    assert plan_search(of).config == of


# what is refused


@pytest.mark.parametrize(
    ("told", "kind", "sentence"),
    [
        ({"data": "dgits"}, UsageError, "data.name: there is no data set 'dgits'; *; did you mean 'digits'?"),
        ({"data": ""}, UsageError, "data.name: there is no data set ''; the data sets are *"),
        ({"data": "cifar10"}, DataError, "the data set cifar10 is not found in */data; to get it: *"),
        (
            {"data": {"name": "cifar10", "root": "empty"}}, DataError,
            "the data set cifar10 is not found in */empty, */data; *",
        ),
        (
            {"data": {"name": "folder", "root": "empty"}}, DataError,
            "*/empty contains no class folders with images",
        ),
        (
            {"data": {"name": "digits", "channels": 1}},
            UsageError,
            "digits has no option channels: its images are used as *",
        ),
        ({"sampler": "no.such.Path"}, UsageError, "sampler: 'no.such.Path' cannot be imported: ModuleNotFoundError: *"),
        (
            {"sampler": "optuna.samplers.GridSampler"}, UsageError,
            "sampler: optuna.samplers.GridSampler cannot be created *",
        ),
        ({"pruner": "no.such.Path"}, UsageError, "pruner: 'no.such.Path' cannot be imported: ModuleNotFoundError: *"),
        (
            {"pruner": "optuna.samplers.TPESampler"}, UsageError,
            "pruner: 'optuna.samplers.TPESampler' must be an Optuna pruner, but its *",
        ),
        ({"warm_start": "nowhere"}, RunError, "warm_start: there is no folder nowhere"),
        ({"warm_start": "empty"}, RunError, "warm_start: empty holds no search: it has no config.yaml"),
        ({"warm_start": "fashion"}, RunError, "warm_start: fashion holds no search: it has no config.yaml"),
        (
            {"warm_start": "earlier", "arch": {"width": 16}}, RunError,
            "warm_start: none of the 2 networks on the front of earlier is in this space",
        ),
        (
            {"space": {"arch": ARCH, "constraints": {"max_params": 10}}}, UsageError,
            "the space is empty: no network satisfies its constraints (max_params 10)",
        ),
        (
            {"space": {"arch": ARCH, "constraints": {"max_macs": 1}}}, UsageError,
            "the space is empty: no network satisfies its constraints (max_macs 1)",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(told: dict[str, Any], kind: type[XOResNetError], sentence: str) -> None:
    with pytest.raises(XOResNetError) as caught:
        plan_search(SearchConfig.from_dict({"space": {"arch": {**ARCH, **told.pop("arch", {})}}, **told}))
    assert fnmatchcase(str(caught.value), sentence.replace("?", "[?]")), str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, kind)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"recipe": {"schedule": "cosine", "warmup_epochs": 3}, "epochs": 3},
            "recipe.warmup_epochs: must be less than the 3 epochs, got 3",
        ),
        (
            {"recipe": {"schedule": "cosine", "warmup_epochs": 3, "epochs": 2}},
            "recipe.warmup_epochs: must be less than the 2 epochs, got 3",
        ),
        (
            {
                "recipe": {"schedule": "constant", "warmup_epochs": 10},
                "data": {"name": "fashion-mnist", "root": "fashion"},
            },
            "recipe.warmup_epochs: must be less than the 10 epochs, got 10",
        ),
        ({"recipe": {"warmup_epochs": 1}}, "recipe.warmup_epochs: must be 0 with schedule one-cycle, got 1"),
    ],
)
def test_what_does_not_go_together_in_a_recipe(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        plan_search(config(**told))
    assert str(caught.value) == sentence


def test_what_the_space_varies_goes_before_the_recipe() -> None:
    space = {"arch": ARCH, "recipe": {"schedule": ["cosine", "constant"]}}
    assert plan_search(SearchConfig(space=space, recipe={"warmup_epochs": 1})).recipe.warmup_epochs == 1


def test_a_merge_that_returns_no_spikes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything is trained, and not by each trial."""
    (tmp_path / "leaking.py").write_text(
        "from xoresnet import Join, Merge, UserOperation\n"
        "LEAK = Merge(Join.SPIKES, Join.SPIKES, UserOperation(lambda shortcut, branch: shortcut + 0.5 * branch))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=r"^space\.arch\.merge, leaking\.LEAK: the operation .* must return spikes"):
        plan_search(config(arch={"merge": ["or", "leaking.LEAK"]}))
