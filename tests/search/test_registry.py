"""Samplers and pruners by name and by path: what is created, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler

from xoresnet.errors import UsageError
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.pruning.metric_pruner import MetricPruner
from xoresnet.search.pruning.pareto_pruner import ParetoPruner
from xoresnet.search.registry import PRUNERS, SAMPLERS, PrunerSpec, asks_sampler, make_pruner, make_sampler
from xoresnet.search.samplers.bounded_tpe import BoundedTPESampler

# samplers


def drawn_by(sampler: BaseSampler) -> list[float]:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    return [study.ask().suggest_float("x", 0, 1) for _ in range(5)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tpe", BoundedTPESampler),
        ("nsga2", NSGAIISampler),
        ("random", RandomSampler),
        ("grid", RandomSampler),
        ("optuna.samplers.NSGAIISampler", NSGAIISampler),
    ],
)
def test_samplers_and_their_seed(name: str, kind: type[BaseSampler]) -> None:
    assert type(make_sampler(name, 0)) is kind
    assert drawn_by(make_sampler(name, 3)) == drawn_by(make_sampler(name, 3))
    assert drawn_by(make_sampler(name, 3)) != drawn_by(make_sampler(name, 4))


OWN = """
from optuna.samplers import RandomSampler
from xoresnet.search.pruning.pareto_pruner import ParetoPruner

class Mine(RandomSampler):
    def __init__(self):
        super().__init__(seed=11)

class Seeded(RandomSampler):
    def __init__(self, seed):
        super().__init__(seed=seed + 1)

class Broken(RandomSampler):
    def __init__(self):
        raise RuntimeError("not today\\nnor tomorrow")

class Picky(ParetoPruner):
    def __init__(self, mood):
        super().__init__()

def sampler(seed):
    return RandomSampler(seed)
"""


@pytest.fixture
def own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "code_of_test_registry.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.usefixtures("own_code")
def test_samplers_of_the_users_own() -> None:
    assert drawn_by(make_sampler("code_of_test_registry.Mine", 3)) == drawn_by(RandomSampler(seed=11))
    assert drawn_by(make_sampler("code_of_test_registry.Seeded", 3)) == drawn_by(RandomSampler(seed=4))


@pytest.mark.usefixtures("own_code")
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("optuna.samplers.TPESample", "'{path}' does not exist: optuna.samplers has no 'TPESample'; did you mean *?"),
        ("optuna.sampler.TPESampler", "'{path}' cannot be imported: ModuleNotFoundError: No module *"),
        (
            "nowhere.Sampler",
            "'{path}' cannot be imported: ModuleNotFoundError: No module named 'nowhere'; put nowhere.py *",
        ),
        ("optuna.samplers", "'{path}' must be an Optuna sampler, but its type is module"),
        ("optuna.pruners.MedianPruner", "'{path}' must be an Optuna sampler, but its type is ABCMeta"),
        ("code_of_test_registry.sampler", "'{path}' must be an Optuna sampler, but its type is function"),
    ],
)
def test_a_path_that_leads_to_no_sampler(path: str, sentence: str) -> None:
    head, star, tail = sentence.format(path=path).partition("*")
    with pytest.raises(UsageError) as caught:
        make_sampler(path, 0)
    message = str(caught.value)
    assert message.startswith(f"sampler: {head}")
    assert message.endswith(tail)
    assert star or message == f"sampler: {head}"
    assert "\n" not in message


@pytest.mark.parametrize("name", ["optuna.samplers.", ".Sampler", "two words.Sampler"])
def test_what_is_no_path(name: str) -> None:
    rule = f"^{re.escape(repr(name))} is not one of tpe, nsga2, random, grid, or a dotted path"
    with pytest.raises(UsageError, match=rule):
        make_sampler(name, 0)


@pytest.mark.usefixtures("own_code")
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("optuna.samplers.GridSampler", "TypeError: GridSampler.__init__() missing 1 required positional argument: "),
        ("optuna.samplers.BaseSampler", "TypeError: Can't instantiate abstract class BaseSampler "),
        ("code_of_test_registry.Broken", "RuntimeError: not today"),
    ],
)
def test_a_sampler_that_cannot_be_made(path: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_sampler(path, 0)
    assert str(caught.value).startswith(f"sampler: {path} cannot be created without arguments: {sentence}")
    assert "\n" not in str(caught.value)


# pruners


def described(value: Any) -> Any:
    """A pruner's kind and all that it was told."""
    if isinstance(value, BasePruner):
        return type(value), {name: described(inner) for name, inner in vars(value).items() if name != "_reached"}
    return value


@pytest.mark.parametrize(
    ("fields", "pruner"),
    [
        ({}, ParetoPruner(max_steps=6, min_trials=8)),
        (
            {"min_epochs": 2, "reduction_factor": 3, "min_trials": 5, "ties": "hypervolume", "brackets": 2},
            ParetoPruner(2, max_steps=6, reduction_factor=3, min_trials=5, ties="hypervolume", brackets=2),
        ),
        ({"kind": "none"}, NopPruner()),
        ({"kind": "none", "metric": "spikes_per_sample"}, NopPruner()),
        ({"kind": "median", "min_epochs": 2}, MetricPruner(MedianPruner(n_warmup_steps=2), 0)),
        ({"kind": "median", "metric": "val_accuracy"}, MetricPruner(MedianPruner(n_warmup_steps=1), 0)),
        ({"kind": "median", "metric": "spikes_per_sample"}, MetricPruner(MedianPruner(n_warmup_steps=1), 1)),
        (
            {"kind": "successive-halving", "min_epochs": 2, "reduction_factor": 3, "metric": "spikes_per_sample"},
            MetricPruner(SuccessiveHalvingPruner(2, reduction_factor=3), 1),
        ),
        (
            {"kind": "hyperband", "min_epochs": 2, "reduction_factor": 3},
            MetricPruner(HyperbandPruner(2, 6, reduction_factor=3), 0),
        ),
        ({"kind": "optuna.pruners.MedianPruner"}, MetricPruner(MedianPruner(), 0)),
        (
            {"kind": "optuna.pruners.SuccessiveHalvingPruner", "metric": "spikes_per_sample"},
            MetricPruner(SuccessiveHalvingPruner(), 1),
        ),
    ],
)
def test_pruners_are_made_as_they_were_asked_for(fields: Mapping[str, Any], pruner: BasePruner) -> None:
    assert described(make_pruner(PrunerSpec.from_dict(fields), 6, DEFAULT_OBJECTIVES)) == described(pruner)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("optuna.pruners.Median", "'{path}' does not exist: optuna.pruners has no 'Median'; did you mean *?"),
        (
            "nowhere.Pruner",
            "'{path}' cannot be imported: ModuleNotFoundError: No module named 'nowhere'; put nowhere.py *",
        ),
        ("optuna.samplers.TPESampler", "'{path}' must be an Optuna pruner, but its type is ABCMeta"),
    ],
)
def test_a_path_that_leads_to_no_pruner(path: str, sentence: str) -> None:
    head, star, tail = sentence.format(path=path).partition("*")
    with pytest.raises(UsageError) as caught:
        make_pruner(PrunerSpec(kind=path), 6, DEFAULT_OBJECTIVES)
    message = str(caught.value)
    assert message.startswith(f"pruner: {head}")
    assert message.endswith(tail)
    assert star or message == f"pruner: {head}"


@pytest.mark.usefixtures("own_code")
def test_a_pruner_that_cannot_be_made() -> None:
    with pytest.raises(UsageError) as caught:
        make_pruner(PrunerSpec(kind="code_of_test_registry.Picky"), 6, DEFAULT_OBJECTIVES)
    head = "pruner: code_of_test_registry.Picky cannot be created without arguments: TypeError: "
    assert str(caught.value).startswith(head)


# names


def test_every_row_creates_something() -> None:
    for name in SAMPLERS:
        assert isinstance(make_sampler(name, 1), BaseSampler)
    for kind in PRUNERS:
        assert isinstance(make_pruner(PrunerSpec(kind=kind), 6, DEFAULT_OBJECTIVES), BasePruner)


def test_only_grid_draws_without_asking_its_sampler() -> None:
    assert [name for name in SAMPLERS if not asks_sampler(name)] == ["grid"]
    assert asks_sampler("optuna.samplers.TPESampler")


@pytest.mark.parametrize(
    ("create", "sentence"),
    [
        (
            lambda: make_sampler("tp", 0),
            "'tp' is not one of tpe, nsga2, random, grid, or a dotted path; did you mean 'tpe'?",
        ),
        (lambda: make_sampler("best", 0), "'best' is not one of tpe, nsga2, random, grid, or a dotted path"),
        (
            lambda: PrunerSpec(kind="medan"),
            f"kind: 'medan' is not one of {', '.join(PRUNERS)}, or a dotted path; did you mean 'median'?",
        ),
    ],
)
def test_unknown_names_get_the_nearest_spelling(create: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        create()
    assert str(caught.value) == sentence
