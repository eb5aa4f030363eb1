"""Which networks are confirmed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState, create_trial

from tests.search.confirmations import FRONT, made_search
from tests.search.views.test_search import complete, fail, search_config, searching
from xoresnet.description.recipe import Recipe
from xoresnet.errors import RunError, SpecError, UsageError, XOResNetError
from xoresnet.results import load
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.prepare import full_recipe
from xoresnet.search.retraining.candidates import Candidate, candidates
from xoresnet.search.study.opening import look_at_study
from xoresnet.search.study.trials import TrialRecord
from xoresnet.space.baseline_networks import baselines

RECIPE = Recipe(epochs=2, learning_rate=0.123)
"""Of baselines that were not searched."""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_search(tmp_path_factory.mktemp("searched") / "run")


def config_of(folder: Path) -> SearchConfig:
    config = RunFolder(folder).saved_config()
    assert config is not None
    return config


def chosen(folder: Path, *wanted: str, **options: Any) -> list[Candidate]:
    config = config_of(folder)
    study = look_at_study(config, folder)
    assert study is not None
    usual = {"known": baselines(config.search_space), "with_baselines": False, "recipe": RECIPE}
    return candidates(load(folder), study, wanted, **{**usual, **options})


def numbers(picks: list[Candidate]) -> list[int | None]:
    return [candidate.trial_id for candidate in picks]


@pytest.mark.parametrize(
    ("wanted", "trials"),
    [
        ([], FRONT),
        (["knee"], [4]),
        (["best-accuracy"], [1]),
        (["max-spikes=1500"], [0]),
        (["min-accuracy=0.6"], [4]),
        (["5"], [5]),  # dominated
        (["2", "3"], [2, 3]),  # pruned and failed
        (["1", "0"], [1, 0]),  # in the order that is asked for
        (["1", "best-accuracy", "1", "0"], [1, 0]),  # each once
    ],
)
def test_trials(searched: Path, wanted: list[str], trials: list[int]) -> None:
    assert numbers(chosen(searched, *wanted)) == trials


def test_they_are_trained_as_in_the_search(searched: Path) -> None:
    study = look_at_study(config_of(searched), searched)
    assert study is not None
    for candidate in chosen(searched, "0", "2"):
        assert candidate.trial_id is not None
        trial = study.trials[candidate.trial_id]
        assert (candidate.arch, candidate.recipe) == (TrialRecord(trial).arch, TrialRecord(trial).recipe)
        assert candidate.arch.arch_id == trial.user_attrs["arch_id"]
        assert candidate.recipe.epochs == 2
        assert candidate.source is None  # how they were drawn says nothing of them


def test_by_the_networks_id(searched: Path) -> None:
    (candidate,) = chosen(searched, "2")
    assert chosen(searched, candidate.arch.arch_id) == [candidate]


def test_for_other_epochs(searched: Path) -> None:
    (usual,) = chosen(searched, "0")
    (candidate, baseline) = chosen(searched, "0", "xoresnet8", epochs=7)
    assert candidate == usual._replace(recipe=usual.recipe.replace(epochs=7))
    assert baseline.recipe == RECIPE.replace(epochs=7)


def test_epochs_that_the_recipe_does_not_allow(tmp_path: Path) -> None:
    folder = made_search(tmp_path / "run", recipe={"schedule": "cosine", "warmup_epochs": 1.0})
    with pytest.raises(SpecError) as caught:
        chosen(folder, epochs=1)
    assert str(caught.value) == "epochs: must be less than the 1 epochs, got 1"


def test_baselines_that_were_not_searched(searched: Path) -> None:
    known = baselines(config_of(searched).search_space)
    (baseline,) = chosen(searched, "xoresnet8")
    assert baseline == Candidate(None, "xoresnet8", known["xoresnet8"].canonical(), RECIPE)
    picks = chosen(searched, with_baselines=True)
    assert numbers(picks[:3]) == FRONT
    assert [candidate.source for candidate in picks if candidate.trial_id is None] == [
        candidate.source for candidate in picks[3:]
    ]
    assert {candidate.arch.arch_id for candidate in picks} >= {arch.canonical().arch_id for arch in known.values()}
    assert len({candidate.arch.arch_id for candidate in picks}) == len(picks)


def test_baselines_that_were_searched(tmp_path: Path) -> None:
    with searching(search_config(baselines="first"), tmp_path / "run") as run:
        complete(run, 0.5, 1000)
        fail(run, "boom")
        run.frames.write()
    config = config_of(tmp_path / "run")
    first, second, *_ = baselines(config.search_space)
    picks = chosen(tmp_path / "run", first, second, recipe=full_recipe(config, config.search_space))
    assert [(candidate.trial_id, candidate.source) for candidate in picks] == [(0, first), (1, second)]
    # asked for as well as being on the front, it is there once
    everything = chosen(tmp_path / "run", with_baselines=True)
    assert everything[0] == picks[0]
    assert [candidate.source for candidate in everything].count(first) == 1
    assert everything[0].recipe != RECIPE


def test_a_baseline_that_was_searched_with_several_recipes(tmp_path: Path) -> None:
    """One that ended well stands for it, and none that failed with a recipe that nobody asked for."""
    folder = made_search(tmp_path / "run")
    config = config_of(folder)
    with searching(config, folder) as run:
        for name, states in (("xoresnet8", ["FAIL", "COMPLETE"]), ("xoresnet14", ["FAIL"])):
            arch = baselines(config.search_space)[name].canonical()
            for rate, state in enumerate(states, 1):
                recipe = RECIPE.replace(learning_rate=float(rate))
                attrs = {"arch": arch.to_json(), "arch_id": arch.arch_id, "recipe": recipe.model_dump_json()}
                values = [0.5, 10.0] if state == "COMPLETE" else None
                run.study.add_trial(create_trial(state=TrialState[state], values=values, user_attrs=attrs))
    complete_one, failed_one = chosen(folder, "xoresnet8", "xoresnet14")
    assert (complete_one.trial_id, complete_one.recipe.learning_rate) == (7, 2.0)
    assert (failed_one.trial_id, failed_one.recipe) == (None, RECIPE)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("99", "pick 99: run has no such trial; choose *"),
        ("knees", "pick: 'knees' is neither a criterion nor a network of run; did you mean 'knee'?"),
        ("xoresnet9", "pick: 'xoresnet9' is neither a criterion nor a network of run; did you mean 'xoresnet8'?"),
        ("or_resnet8", "pick: 'or_resnet8' is neither a criterion nor a network of run; did you mean 'or-resnet8'?"),
        ("max-spikes=few", "pick max-spikes=few: 'few' is not a number"),
    ],
)
def test_words_that_mean_nothing(searched: Path, wanted: str, message: str) -> None:
    with pytest.raises(XOResNetError, match=re.escape(message).replace(r"\*", r".*")) as caught:
        chosen(searched, wanted)
    assert isinstance(caught.value, UsageError)
    assert "\n" not in str(caught.value)


def test_baselines_are_among_what_it_may_be(searched: Path) -> None:
    with pytest.raises(XOResNetError, match=r"; choose .*xoresnet14, knee, .*, or the id of a trial or network$"):
        chosen(searched, "99")


def test_a_search_without_a_front(tmp_path: Path) -> None:
    with searching(search_config(retries=0), tmp_path / "run") as run:
        fail(run, "boom")
        run.frames.write()
    with pytest.raises(XOResNetError, match=r"^run has no front yet: no trial is complete$") as caught:
        chosen(tmp_path / "run")
    assert isinstance(caught.value, RunError)
    assert numbers(chosen(tmp_path / "run", "0")) == [0]  # but what failed can be named
    assert [candidate.source for candidate in chosen(tmp_path / "run", with_baselines=True)] != []


def test_networks_with_recipes_of_their_own(tmp_path: Path) -> None:
    from tests.search.views.test_search import SPACE

    space = {**SPACE, "recipe": {"learning_rate": [0.01, 0.02], "epochs": [1, 2]}}
    with searching(search_config(space=space, epochs=None), tmp_path / "run") as run:
        for _ in range(4):
            complete(run, 0.5, 1000)
        run.frames.write()
        recipes = [json.loads(trial.user_attrs["recipe"]) for trial in run.study.trials]
    assert len({(recipe["learning_rate"], recipe["epochs"]) for recipe in recipes}) > 1
    for candidate in chosen(tmp_path / "run", "0", "1", "2", "3"):
        assert candidate.trial_id is not None
        mine = recipes[candidate.trial_id]
        assert (candidate.recipe.learning_rate, candidate.recipe.epochs) == (mine["learning_rate"], mine["epochs"])
