"""`SearchConfig`: the configuration of a search. Imports neither Optuna, Ray nor torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from xoresnet.data.spec import DataSpec
from xoresnet.description.recipe import Recipe
from xoresnet.description.schema import (
    Epochs,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Spec,
    Text,
    kind_or_fields,
    nearest,
)
from xoresnet.errors import Fault, SpecError, UsageError
from xoresnet.files.secrets import hidden_address
from xoresnet.limits import MOST_EPOCHS, MOST_SEEDS, MOST_TRIALS
from xoresnet.measures.records import MEASURED, EpochRecord
from xoresnet.plain_text import shown
from xoresnet.search.addresses import check_cluster_address, check_database_address
from xoresnet.search.loggers import check_logger_names
from xoresnet.search.objective import DEFAULT_OBJECTIVES, Objective, faults_of, listed_objectives
from xoresnet.search.registry import STRATEGIES, PrunerSpec, check_sampler_name
from xoresnet.space.search_space import SearchSpace

__all__ = ["CONFIRM_LIMITS", "FORMER", "MAY_CHANGE", "PriorSpec", "SearchConfig"]

RECORDED = tuple(field.name for field in fields(EpochRecord) if field.name not in ("epoch", "learning_rate", "layers"))
"""The figures that are measured in an epoch, which may be objectives."""
FORMER = {
    "trials": "is not a field any more; budget=N is the cost of N full trainings",
    "rescue": "is not a field any more; stopped networks go on when they promise most, or with a larger budget",
    "prior.exploration": "is not a field any more; the strategy draws a tenth of its new networks at random",
}
"""Fields of earlier versions, and the rule that a message gives for each."""
MAY_CHANGE = frozenset(
    {
        "address",
        "budget",
        "confirm_seeds",
        "cost",
        "cpus_per_trial",
        "data.root",
        "data.verify",
        "gpus_per_trial",
        "keep_paused",
        "keep_weights",
        "loggers",
        "max_concurrent",
        "retries",
        "stop",
        "time_budget",
        "trial_seconds",
    }
)
"""Fields that may differ when a search is continued."""
CONFIRM_LIMITS = (
    "address",
    "cpus_per_trial",
    "gpus_per_trial",
    "loggers",
    "max_concurrent",
    "retries",
    "trial_seconds",
    "data.root",
    "data.verify",
)
"""Fields that a confirmation may change too: resources, limits, what follows it, and where the data are."""


def _data(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _check_objectives(objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
    metrics = [objective.metric for objective in objectives]
    faults = [
        Fault(str(place), f"{shown(metric)} is not measured after an epoch{nearest(metric, RECORDED)}")
        for place, metric in enumerate(metrics)
        if metric not in RECORDED
    ]
    faults += faults_of(objectives)
    if faults:
        raise SpecError(faults)
    return objectives


def _space(value: Any) -> Any:
    """The fields of a space as the space itself writes them, from a space, its fields or the name of a preset.

    Image shape and number of classes stay away where they are not given, because they are those of the data.
    """
    if isinstance(value, str):
        value = SearchSpace.preset(value)
    if not isinstance(value, Mapping):
        return value.to_dict() if isinstance(value, SearchSpace) else value
    fields = SearchSpace.from_dict(_with_images(value)).to_dict()
    arch = value.get("arch", {})
    kept = {name: field for name, field in fields["arch"].items() if name in arch or name not in _ANY_IMAGES}
    return {**fields, "arch": kept}


_ANY_IMAGES: Mapping[str, Any] = {"input_shape": [3, 32, 32], "num_classes": 10}
"""What stands in for image shape and number of classes until the data are known."""


def _with_images(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a space with any image shape and number of classes, where they are not given."""
    arch = fields.get("arch", {})
    return {**fields, "arch": {**_ANY_IMAGES, **arch}} if isinstance(arch, Mapping) else dict(fields)


def _check_recipe(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check each field by itself; `full_recipe` checks combinations, because only it knows the data set's defaults."""
    if "seed" in recipe:
        raise SpecError([Fault("seed", "is set by the search; use seed=... without recipe.")])
    Recipe.from_dict({"schedule": "cosine", "epochs": MOST_EPOCHS, **recipe})
    return recipe


class PriorSpec(Spec):
    """What the search learns about the space before the first trial."""

    kind: Literal["none", "shared"] = "none"
    """`none`, or `shared`: weights that all networks train together rank networks before any is trained alone
    (docs/shared.md)."""
    epochs: Epochs | None = None
    """Epochs of each shared training; None for half the epochs of a trial."""
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS, strict=True)] = 1
    """How many sets of shared weights are trained; predictions are their mean."""
    networks: PositiveInt = 2000
    """The largest number of networks to predict; in larger spaces an evolutionary search over the predictions selects
    them."""


def _strategy(value: Any) -> Any:
    if isinstance(value, str) and value not in STRATEGIES:
        raise UsageError(f"{shown(value)} is not one of {', '.join(STRATEGIES)}{nearest(value, STRATEGIES)}")
    return value


def _baselines(value: Any) -> Any:
    """`true` and `false` as earlier versions had them."""
    return {True: "candidates", False: "none"}[value] if isinstance(value, bool) else value


def _gpus(value: Any) -> Any:
    """`auto` is None; earlier versions knew only None."""
    if isinstance(value, str) and value != "auto":
        raise UsageError(f"must be a number or auto, got {shown(value)}")
    return None if value == "auto" else value


class SearchConfig(Spec):
    """The configuration of a search: space, data, objectives, budget and resources. Only `space` has no default."""

    LISTED_BY: ClassVar[str] = "`xoresnet search --help`"
    space: Annotated[Mapping[str, Any], BeforeValidator(_space)]
    """The fields of a space (`SearchSpace.from_dict`), or the name of a preset; image shape and number of classes need
    not be given, and are replaced by those of the data."""
    data: Annotated[DataSpec, BeforeValidator(_data)] = DataSpec()
    recipe: Annotated[Mapping[str, Any], AfterValidator(_check_recipe)] = {}
    """Fields of `Recipe` that differ from the data set's defaults; values varied by the space take precedence."""
    objectives: Annotated[
        tuple[Objective, ...], BeforeValidator(listed_objectives), AfterValidator(_check_objectives)
    ] = tuple(DEFAULT_OBJECTIVES)
    strategy: Annotated[Literal["freeze-thaw", "promotion", "classic"], BeforeValidator(_strategy)] = "freeze-thaw"
    """`freeze-thaw` pauses networks and resumes those that promise the largest gain; `promotion` resumes the best half
    of those that have come as far; `classic` is a sampler with a pruner, which stops trials for good, and is implied
    where either is given."""
    budget: Annotated[float, Field(ge=1, le=MOST_TRIALS, allow_inf_nan=False, strict=True)] = 40.0
    """What the search may cost, in full trainings of a network; may be raised when a search is continued."""
    sampler: Annotated[Text, AfterValidator(check_sampler_name)] | None = None
    """`tpe`, `nsga2`, `random`, `grid` (each network once), or the dotted path of an Optuna sampler; None unless the
    strategy is `classic`, where it is `tpe`."""
    pruner: Annotated[PrunerSpec, BeforeValidator(kind_or_fields)] | None = None
    """None unless the strategy is `classic`, where it is `pareto`."""
    prior: Annotated[PriorSpec, BeforeValidator(kind_or_fields)] = PriorSpec()
    baselines: Annotated[Literal["candidates", "first", "none"], BeforeValidator(_baselines)] = "candidates"
    """The known networks of the space: `candidates` like all others, on which at most a fifth of the budget is spent;
    `first`, each trained before anything else; or `none`."""
    warm_start: Text | None = None
    """The folder or URL of an earlier run; the networks of its front are the first trials."""
    cost: Literal["seconds", "epochs"] = "seconds"
    """What `freeze-thaw` divides an expected gain by: the seconds that a network is expected to take, by those that
    networks have taken so far, or its epochs. The budget counts epochs in any case."""
    stop: Literal["budget", "plateau"] = "budget"
    """`plateau` ends the search, too, once no network promises a gain that one training could show."""
    confirm_seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS, strict=True)] = 3
    """On how many new seeds `xoresnet confirm` trains a network again, unless it is told otherwise: enough that the
    choice of the best hides in less than one standard deviation (docs/evidence.md)."""
    keep_paused: Annotated[int, Field(ge=1, le=MOST_TRIALS, strict=True)] = 200
    """How many networks that are paused keep their checkpoint, the most promising ones; others train from the beginning
    if they go on."""
    keep_weights: Literal["complete", "front"] = "complete"
    """Whose weights are kept: those of all networks that were trained to the end, or of the front alone."""
    epochs: Epochs | None = None
    """Epochs of a full training; None for the epochs of the recipe."""
    time_budget: PositiveFloat | None = None
    """Seconds after which no further trial is started; running ones are finished."""
    trial_seconds: PositiveFloat | None = None
    """Seconds after which a trial counts as failed."""
    retries: NonNegativeInt = 1
    """How often a failed trial is tried again."""
    cpus_per_trial: PositiveInt = 1
    gpus_per_trial: Annotated[
        NonNegativeFloat | None,
        BeforeValidator(_gpus),
        PlainSerializer(lambda gpus: "auto" if gpus is None else gpus),
    ] = None
    """May be a fraction; then trials run only on nodes with a GPU, unless it is 0. None, or `auto`: on nodes with a GPU
    a share of it that is measured before the first trial, and no GPU on others."""
    max_concurrent: PositiveInt | None = None
    """The largest number of trials at once; None for as many as fit."""
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0
    """The seed of the sampler and of each trial's training."""
    loggers: Annotated[tuple[Text, ...], BeforeValidator(_listed), AfterValidator(check_logger_names)] = ()
    """Where the epochs of all trials are also written: `tensorboard`, `mlflow`, `wandb`, or the dotted path of a
    callback of Ray Tune."""
    storage: Annotated[Text, AfterValidator(check_database_address)] | None = None
    """An Optuna storage URL, in which `${VAR}` takes a password from the environment; None for a journal in the run's
    folder."""
    study: Text | None = None
    """The name of the study in the storage, which belongs to this run alone; None for the name of the run's folder."""
    address: Annotated[Text, AfterValidator(check_cluster_address)] | None = None
    """The address of a Ray cluster, `host:port`, `ray://host:port` or `auto`; None for this machine."""

    @model_validator(mode="before")
    @classmethod
    def _with_strategy(cls, fields: Any) -> Any:
        """A sampler or a pruner implies the classic strategy, which has both."""
        if not isinstance(fields, Mapping):
            return fields
        prior = fields.get("prior")
        given_names = {*fields, *(f"prior.{name}" for name in prior)} if isinstance(prior, Mapping) else {*fields}
        former = [Fault(name, rule) for name, rule in FORMER.items() if name in given_names]
        if former:
            raise SpecError(former)
        given = {name: fields.get(name) for name in ("sampler", "pruner")}
        strategy = fields.get("strategy")
        if strategy is None and any(value is not None for value in given.values()):
            strategy = "classic"
        if strategy != "classic":
            return {name: value for name, value in fields.items() if name != "strategy" or value is not None}
        pruner = PrunerSpec() if given["pruner"] is None else given["pruner"]
        return {
            **fields,
            "strategy": strategy,
            "sampler": "tpe" if given["sampler"] is None else given["sampler"],
            "pruner": pruner,
        }

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        faults: list[Fault] = []
        metrics = [objective.metric for objective in self.objectives]
        if self.pruner is not None:
            faults += [fault._replace(path=f"pruner.{fault.path}") for fault in self.pruner.faults(metrics)]
        if self.strategy != "classic":
            rule = f"has no effect with strategy={self.strategy}; leave it out, or add strategy=classic"
            faults += [Fault(name, rule) for name in ("sampler", "pruner") if getattr(self, name) is not None]
        if self.stop == "plateau" and self.strategy != "freeze-thaw":
            faults.append(
                Fault("stop", f"plateau requires strategy=freeze-thaw, which expects gains, not {self.strategy}")
            )
        if self.cost == "epochs" and self.strategy != "freeze-thaw":
            faults.append(Fault("cost", f"has no effect with strategy={self.strategy}; leave it out"))
        if self.prior.kind != "none" and self.strategy != "freeze-thaw":
            faults.append(Fault("prior", f"requires strategy=freeze-thaw, not {self.strategy}"))
        unknown = [metric for metric in metrics if metric not in MEASURED and self.prior.kind == "shared"]
        rule = f"shared weights predict only {', '.join(MEASURED)}"
        faults += [Fault("prior", f"{rule}, not {metric}") for metric in unknown]
        if self.prior.kind == "none":
            rule = "has no effect without a prior; add prior=shared"
            changed = [name for name, value in self.prior if value != getattr(PriorSpec(), name)]
            faults += [Fault(f"prior.{name}", rule) for name in changed]
        epochs = self.recipe.get("epochs", self.epochs)
        if self.epochs is not None and epochs != self.epochs:
            faults.append(Fault("epochs", f"conflicting values: epochs={self.epochs} and recipe.epochs={epochs}"))
        if faults:
            raise SpecError(faults)
        return self

    def shown_fields(self) -> dict[str, Any]:
        """The fields as plain values, with `***` in place of the storage's password."""
        fields = self.model_dump(mode="json")
        return fields if self.storage is None else {**fields, "storage": hidden_address(self.storage)}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """As `shown_fields`, because configurations are printed in notebooks and logs."""
        for name, value in super().__repr_args__():
            yield name, hidden_address(value) if name == "storage" and isinstance(value, str) else value

    @property
    def search_space(self) -> SearchSpace:
        """The space as an object; before the data are known, image shape and classes may be arbitrary."""
        return SearchSpace.from_dict(_with_images(self.space))
