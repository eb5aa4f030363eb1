"""`SearchConfig`: everything that a search is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xoresnet.data.spec import DataSpec
from xoresnet.description.recipe import Recipe
from xoresnet.description.schema import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Spec,
    StrictBool,
    Text,
    kind_or_fields,
    nearest,
)
from xoresnet.errors import Fault, SpecError
from xoresnet.measures.records import MEASURED, EpochRecord
from xoresnet.search.objective import DEFAULT_OBJECTIVES, Objective
from xoresnet.space.search_space import SearchSpace

__all__ = ["MAY_CHANGE", "PRUNERS", "SAMPLERS", "PriorSpec", "PrunerSpec", "SearchConfig"]

PRUNERS = ("pareto", "none", "median", "successive-halving", "hyperband")
SAMPLERS = ("tpe", "nsga2", "random", "grid")
METRICS = tuple(field.name for field in fields(EpochRecord) if field.name not in ("epoch", "layers"))
MAY_CHANGE = frozenset(
    {
        "address", "cpus_per_trial", "data.root", "data.verify", "gpus_per_trial", "max_concurrent", "rescue",
        "retries", "time_budget", "trial_seconds", "trials",
    }
)  # fmt: skip
"""When a search goes on."""


def _one_of(known: Iterable[str]) -> Callable[[str], str]:
    """A name of these, or a dotted path."""
    names = tuple(known)

    def check(name: str) -> str:
        if "." in name or name in names:
            return name
        raise ValueError(f"{name!r} is not one of {', '.join(names)}, or a dotted path{nearest(name, names)}")

    return check


def _data(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _objectives(value: Any) -> Any:
    """`[val_accuracy:max, spikes_per_sample:min]` as well as mappings."""
    if not isinstance(value, list | tuple):
        return value
    pairs = [one.split(":", 1) if isinstance(one, str) else None for one in value]
    names = ("metric", "direction")
    return tuple(
        one if pair is None else dict(zip(names, pair, strict=False)) for one, pair in zip(value, pairs, strict=True)
    )


def _check_objectives(objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
    metrics = [objective.metric for objective in objectives]
    faults = [
        Fault(str(place), f"{metric!r} is no figure of an epoch{nearest(metric, METRICS)}")
        for place, metric in enumerate(metrics)
        if metric not in METRICS
    ]
    if len(metrics) < 2:
        faults.append(Fault("", f"a search has two objectives or more, got {len(metrics)}"))
    if len(set(metrics)) < len(metrics):
        faults.append(Fault("", "each metric may be named once"))
    if faults:
        raise SpecError(faults)
    return objectives


def _space(value: Any) -> Any:
    """A space, its fields or the name of a preset; in the words in which the space itself writes it."""
    if isinstance(value, str):
        value = SearchSpace.preset(value)
    if isinstance(value, Mapping):
        value = SearchSpace.from_dict(value)
    return value.to_dict() if isinstance(value, SearchSpace) else value


def _check_recipe(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """Each field by itself; what goes together is seen where the data set's own recipe is at hand (`plan.py`)."""
    if "seed" in recipe:
        raise SpecError([Fault("seed", "the search says it: seed=...")])
    Recipe.from_dict({"schedule": "cosine", "epochs": 10**9, **recipe})
    return recipe


class PrunerSpec(Spec):
    """`pareto`, with the arguments of `ParetoPruner`; a pruner of Optuna's on one metric; or none."""

    kind: Annotated[Text, AfterValidator(_one_of(PRUNERS))] = "pareto"
    """`pareto`; `none`: every trial is trained to its end; `median`, `successive-halving`, `hyperband`, or a pruner by
    dotted path, made without arguments."""
    metric: Text | None = None
    """The objective that a pruner of Optuna's looks at; None for the first."""
    min_epochs: PositiveInt = 1
    """The first rung."""
    reduction_factor: Annotated[int, Field(ge=2, strict=True)] = 2
    min_trials: PositiveInt = 8
    """More than `ParetoPruner`'s own default: large networks start slowly (docs/pruning.md)."""
    ties: Literal["epsilon-net", "hypervolume", "pass"] = "epsilon-net"
    brackets: PositiveInt = 1


class PriorSpec(Spec):
    """What is known of the space before the first trial."""

    kind: Literal["none", "shared"] = "none"
    """`shared`: weights that networks train together say what each is good for (docs/shared.md)."""
    epochs: PositiveInt | None = None
    """Of each shared training; None for half of those of a trial."""
    seeds: PositiveInt = 1
    """How many sets of shared weights each network is predicted from."""
    networks: PositiveInt = 2000
    """How many networks are predicted at most; of larger spaces those that an evolution on the predictions comes to."""
    exploration: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.1
    """Share of trials that the sampler suggests as if there were no prior."""


class SearchConfig(Spec):
    """What is searched, how, and with what; the fields after `space` have defaults."""

    space: Annotated[Mapping[str, Any], BeforeValidator(_space)]
    """As in a space's YAML file (`SearchSpace.from_dict`), or a preset's name; images and classes are the data's."""
    data: Annotated[DataSpec, BeforeValidator(_data)] = DataSpec()
    recipe: Annotated[Mapping[str, Any], AfterValidator(_check_recipe)] = {}
    """Fields of `Recipe` that differ from the data set's own; what the space varies goes before them."""
    objectives: Annotated[tuple[Objective, ...], BeforeValidator(_objectives), AfterValidator(_check_objectives)] = (
        tuple(DEFAULT_OBJECTIVES)
    )
    sampler: Annotated[Text, AfterValidator(_one_of(SAMPLERS))] = "tpe"
    """`tpe`, `nsga2`, `random`, `grid`, or any Optuna sampler by dotted path."""
    pruner: Annotated[PrunerSpec, BeforeValidator(kind_or_fields)] = PrunerSpec()
    prior: Annotated[PriorSpec, BeforeValidator(kind_or_fields)] = PriorSpec()
    baselines: StrictBool = True
    """Whether the known networks of the space are tried first."""
    warm_start: Text | None = None
    """The folder of an earlier run: the networks of its front are tried first."""
    trials: PositiveInt = 50
    """Complete or pruned; may be raised when a search goes on."""
    rescue: NonNegativeInt = 0
    """How many of the pruned trials that came nearest to the front are finished in the end, beyond `trials`, and
    beyond those that a prior has finished."""
    epochs: PositiveInt | None = None
    """Full training of one trial; None for what the recipe says."""
    time_budget: PositiveFloat | None = None
    """Seconds after which no trial is begun."""
    trial_seconds: PositiveFloat | None = None
    """Limit for one trial."""
    retries: NonNegativeInt = 1
    cpus_per_trial: PositiveInt = 1
    gpus_per_trial: NonNegativeFloat | None = None
    """May be a fraction; None: a quarter of one where there are any."""
    max_concurrent: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0
    """Of the sampler, and of the recipe of each trial."""
    storage: Text | None = None
    """An Optuna storage URL; None for a journal in the run's folder."""
    study: Text | None = None
    """Its name in the storage; None for that of the run's folder when the search was begun."""
    address: Text | None = None
    """Of a Ray cluster; None for this machine."""

    @model_validator(mode="after")
    def _parts(self) -> Self:
        faults: list[Fault] = []
        metrics = [objective.metric for objective in self.objectives]
        if self.pruner.metric is not None and self.pruner.metric not in metrics:
            rule = f"{self.pruner.metric!r} is no objective: there are {', '.join(metrics)}"
            faults.append(Fault("pruner.metric", f"{rule}{nearest(self.pruner.metric, metrics)}"))
        if self.pruner.kind == "pareto" and self.pruner.ties == "hypervolume" and len(metrics) != 2:
            faults.append(Fault("pruner.ties", f"hypervolume is for two objectives, there are {len(metrics)}"))
        unknown = [metric for metric in metrics if metric not in MEASURED and self.prior.kind == "shared"]
        rule = f"shared weights say something of {', '.join(MEASURED)} alone"
        faults += [Fault("prior", f"{rule}, not of {metric}") for metric in unknown]
        if self.prior.kind == "none":
            rule = "there is no prior that it could hold for: add prior=shared"
            said = [name for name, value in self.prior if value != getattr(PriorSpec(), name)]
            faults += [Fault(f"prior.{name}", rule) for name in said]
        epochs = self.recipe.get("epochs", self.epochs)
        if self.epochs is not None and epochs != self.epochs:
            faults.append(Fault("epochs", f"said twice: {self.epochs}, and recipe.epochs={epochs}"))
        if faults:
            raise SpecError(faults)
        return self

    @property
    def search_space(self) -> SearchSpace:
        return SearchSpace.from_dict(self.space)
