"""`SearchConfig`: everything that a search is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from xoresnet.data_spec import DataSpec
from xoresnet.recipe import Recipe
from xoresnet.schema import Fault, Spec, SpecError, nearest
from xoresnet.search.objective import DEFAULT_OBJECTIVES, Objective
from xoresnet.space.search_space import SearchSpace

__all__ = ["PrunerSpec", "SearchConfig"]

Number = Annotated[float, Field(gt=0, strict=True)]
Whole = Annotated[int, Field(ge=1, strict=True)]


def _data(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _objectives(value: Any) -> Any:
    """`[val_accuracy:max, spikes_per_sample:min]` as well as mappings."""
    if not isinstance(value, list | tuple):
        return value
    pairs = [one.partition(":") if isinstance(one, str) else None for one in value]
    return tuple(
        one if pair is None else {"metric": pair[0], "direction": pair[2] or "missing"}
        for one, pair in zip(value, pairs, strict=True)
    )


def _space(value: Any) -> Any:
    return value.to_dict() if isinstance(value, SearchSpace) else value


class PrunerSpec(Spec):
    """`pareto`, with the arguments of `ParetoPruner`; a pruner of Optuna's on one metric; or none."""

    kind: Annotated[str, Field(strict=True)] = "pareto"
    """`pareto`; `none`: every trial is trained to its end; `median`, `successive-halving`, `hyperband`, or a pruner by
    dotted path, made without arguments."""
    metric: Annotated[str, Field(strict=True)] | None = None
    """The objective that a pruner of Optuna's looks at; None for the first."""
    min_epochs: Whole = 1
    """The first rung."""
    reduction_factor: Annotated[int, Field(ge=2, strict=True)] = 2
    min_trials: Whole = 8
    """More than `ParetoPruner`'s own default: large networks start slowly (docs/pruning.md)."""
    ties: Literal["epsilon-net", "hypervolume", "pass"] = "epsilon-net"
    brackets: Whole = 1


class SearchConfig(Spec):
    """What is searched, how, and with what; the fields after `space` have defaults."""

    space: Annotated[Mapping[str, Any], BeforeValidator(_space)]
    """As in a space's YAML file (`SearchSpace.from_dict`)."""
    data: Annotated[DataSpec, BeforeValidator(_data)] = DataSpec()
    recipe: Mapping[str, Any] = {}
    """Fields of `Recipe` that differ from the data set's own; what the space varies goes before them."""
    objectives: Annotated[tuple[Objective, ...], BeforeValidator(_objectives), Field(min_length=2)] = tuple(
        DEFAULT_OBJECTIVES
    )
    sampler: Annotated[str, Field(strict=True)] = "tpe"
    """`tpe`, `nsga2`, `random`, `grid`, or any Optuna sampler by dotted path."""
    pruner: PrunerSpec = PrunerSpec()
    baselines: Annotated[bool, Field(strict=True)] = True
    """Whether the known networks of the space are tried first."""
    warm_start: Annotated[str, Field(strict=True)] | None = None
    """The folder of an earlier run: the networks of its front are tried first."""
    trials: Whole = 50
    """Complete or pruned; may be raised when a search goes on."""
    rescue: Annotated[int, Field(ge=0, strict=True)] = 0
    """How many of the pruned trials that came nearest to the front are finished in the end, beyond `trials`."""
    epochs: Whole | None = None
    """Full training of one trial; None for what the recipe says."""
    time_budget: Number | None = None
    """Seconds after which no trial is begun."""
    trial_seconds: Number | None = None
    """Limit for one trial."""
    retries: Annotated[int, Field(ge=0, strict=True)] = 1
    cpus_per_trial: Whole = 1
    gpus_per_trial: Annotated[float, Field(ge=0, strict=True)] | None = None
    """May be a fraction; None: a quarter of one where there are any."""
    max_concurrent: Whole | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0
    """Of the sampler, and of the recipe of each trial."""
    storage: str | None = None
    """An Optuna storage URL; None for a journal in the run's folder."""
    address: str | None = None
    """Of a Ray cluster; None for this machine."""

    @model_validator(mode="after")
    def _parts(self) -> Self:
        faults: list[Fault] = []
        for part, check in (("space", lambda: self.search_space), ("recipe", lambda: Recipe.from_dict(self.recipe))):
            try:
                check()
            except SpecError as error:
                faults += [
                    Fault(f"{part}.{fault.path}" if fault.path else part, fault.message) for fault in error.faults
                ]
        metrics = [objective.metric for objective in self.objectives]
        if len(set(metrics)) < len(metrics):
            faults.append(Fault("objectives", "each metric may be named once"))
        if "." not in self.pruner.kind and self.pruner.kind not in PRUNERS:
            rule = f"{self.pruner.kind!r} is not one of {', '.join(PRUNERS)}, or a dotted path"
            faults.append(Fault("pruner.kind", f"{rule}{nearest(self.pruner.kind, PRUNERS)}"))
        if self.pruner.metric is not None and self.pruner.metric not in metrics:
            rule = f"{self.pruner.metric!r} is no objective: there are {', '.join(metrics)}"
            faults.append(Fault("pruner.metric", f"{rule}{nearest(self.pruner.metric, metrics)}"))
        if "." not in self.sampler and self.sampler not in SAMPLERS:
            rule = f"{self.sampler!r} is not one of {', '.join(SAMPLERS)}, or a dotted path"
            faults.append(Fault("sampler", f"{rule}{nearest(self.sampler, SAMPLERS)}"))
        if faults:
            raise SpecError(faults)
        return self

    @property
    def search_space(self) -> SearchSpace:
        return SearchSpace.from_dict(self.space)


PRUNERS = ("pareto", "none", "median", "successive-halving", "hyperband")
SAMPLERS = ("tpe", "nsga2", "random", "grid")
MAY_CHANGE = frozenset(
    {
        "trials",
        "rescue",
        "time_budget",
        "trial_seconds",
        "retries",
        "cpus_per_trial",
        "gpus_per_trial",
        "max_concurrent",
        "address",
    }
)
"""When a search goes on."""
