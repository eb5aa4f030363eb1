"""The samplers and pruners of a search: their names, what creates them, and their options.

A new sampler or pruner is one row in `SAMPLERS` or `PRUNERS` with the function that creates it. Users' own need no row:
a configuration also accepts the dotted path of any Optuna sampler or pruner. Optuna is imported when one is created,
because a configuration must be readable without it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field

from xoresnet.description.schema import PositiveInt, Spec, Text, nearest
from xoresnet.description.user_code import find_user_code, is_dotted
from xoresnet.errors import Fault, SpecError, UsageError
from xoresnet.limits import MOST_COUNT
from xoresnet.plain_text import shown
from xoresnet.search.objective import Objective

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    from xoresnet.search.strategy.base import Candidates
    from xoresnet.search.strategy.freeze_thaw import Cost
    from xoresnet.search.strategy.pruner import PausingPruner
    from xoresnet.search.strategy.sampler import PausingSampler

__all__ = [
    "PRUNERS",
    "SAMPLERS",
    "STRATEGIES",
    "PrunerEntry",
    "PrunerSpec",
    "SamplerEntry",
    "asks_sampler",
    "check_pruner_name",
    "check_sampler_name",
    "make_pruner",
    "make_sampler",
    "make_strategy",
]


def check_sampler_name(name: str) -> str:
    """The name, if it is one of `SAMPLERS` or a dotted path. Raises `UsageError` with the nearest spelling."""
    return _known_or_dotted(name, SAMPLERS)


def check_pruner_name(name: str) -> str:
    """The name, if it is one of `PRUNERS` or a dotted path. Raises `UsageError` with the nearest spelling."""
    return _known_or_dotted(name, PRUNERS)


class PrunerSpec(Spec):
    """Which pruner stops trials early, and its options; an option that a pruner does not use has no effect."""

    kind: Annotated[Text, AfterValidator(check_pruner_name)] = "pareto"
    """`pareto` (`ParetoPruner`); `none`: every trial is trained to its end; `median`, `successive-halving` or
    `hyperband` (Optuna's, on one metric); or the dotted path of a pruner, which is created without arguments."""
    metric: Text | None = None
    """The objective by which a single-objective pruner judges; None for the first objective."""
    min_epochs: PositiveInt = 1
    """The first rung, in epochs."""
    reduction_factor: Annotated[int, Field(ge=2, le=MOST_COUNT, strict=True)] = 2
    """The ratio between successive rungs; one of so many trials goes on."""
    min_trials: PositiveInt = 8
    """How many trials must have reached a rung before any is stopped there. More than `ParetoPruner`'s own default,
    because large networks start slowly (docs/pruning.md)."""
    ties: Literal["epsilon-net", "hypervolume", "pass"] = "epsilon-net"
    """How `pareto` chooses among trials of equal rank (`ParetoPruner`)."""
    brackets: PositiveInt = 1
    """Into how many groups `pareto` divides the trials; each group starts one rung later."""

    def faults(self, metrics: Sequence[str]) -> list[Fault]:
        """What does not fit a search with these objectives, by the fields of this specification."""
        found: list[Fault] = []
        if self.metric is not None and self.metric not in metrics:
            rule = f"{shown(self.metric)} is not one of the objectives {', '.join(metrics)}"
            found.append(Fault("metric", f"{rule}{nearest(self.metric, metrics)}"))
        if self.kind == "pareto" and self.ties == "hypervolume" and len(metrics) != 2:
            found.append(Fault("ties", f"hypervolume requires exactly two objectives, got {len(metrics)}"))
        return found


class SamplerEntry(NamedTuple):
    """One row of `SAMPLERS`."""

    create: Callable[[int], BaseSampler]
    """Called with the seed."""
    asked: bool = True
    """Whether the sampler chooses networks; if not, untried ones are drawn uniformly until none is left."""


class PrunerEntry(NamedTuple):
    """One row of `PRUNERS`."""

    create: Callable[[PrunerSpec, int], BasePruner]
    """Called with the options and the number of epochs of a full training."""
    single_objective: bool = False
    """Whether it judges one objective only; it then sees a study of that objective alone (`MetricPruner`)."""


def make_sampler(name: str, seed: int) -> BaseSampler:
    """The sampler of this name or dotted path; a user's class is called with `seed` if it accepts that argument.

    Raises `UsageError` for an unknown name, a path to something else, or a class that cannot be created.
    """
    check_sampler_name(name)
    if name in SAMPLERS:
        return SAMPLERS[name].create(seed)
    from optuna.samplers import BaseSampler

    kind = _user_class(name, BaseSampler, "sampler")
    try:
        takes_seed = "seed" in inspect.signature(kind).parameters
    except ValueError:  # a class written in C may have no signature
        takes_seed = False
    sampler: BaseSampler = _created(kind, name, "sampler", **({"seed": seed} if takes_seed else {}))
    return sampler


def asks_sampler(name: str) -> bool:
    """Whether a search with this sampler asks it for networks, or draws untried ones uniformly."""
    return name not in SAMPLERS or SAMPLERS[name].asked


def make_pruner(spec: PrunerSpec, epochs: int, objectives: Sequence[Objective]) -> BasePruner:
    """The pruner of a search whose full trainings have `epochs` epochs.

    Raises `UsageError` for a path to something else, or a class that cannot be created without arguments.
    """
    from optuna.pruners import BasePruner

    from xoresnet.search.pruning.metric_pruner import MetricPruner

    if spec.kind in PRUNERS:
        entry = PRUNERS[spec.kind]
        pruner = entry.create(spec, epochs)
        if not entry.single_objective:
            return pruner
    else:
        pruner = _created(_user_class(spec.kind, BasePruner, "pruner"), spec.kind, "pruner")
    metrics = [objective.metric for objective in objectives]
    return MetricPruner(pruner, metrics.index(spec.metric) if spec.metric is not None else 0)


STRATEGIES = ("freeze-thaw", "promotion", "classic")
"""The strategies that a configuration names; `classic` is a sampler and a pruner of Optuna's kind."""


def make_strategy(
    name: str,
    objectives: Sequence[Objective],
    *,
    epochs: int,
    budget: float,
    seed: int,
    candidates: Candidates,
    chance: float | None = None,
    images: int | None = None,
    cost: Cost = "seconds",
    stops: bool = False,
) -> tuple[PausingSampler, PausingPruner]:
    """The sampler and the pruner of a strategy that pauses networks: `freeze-thaw` or `promotion`.

    epochs: of a full training. budget: in full trainings. candidates: where new networks come from. chance: the
    accuracy of guessing, None for the lowest that is reported; images: how many it is measured on, if that is known.
    cost: what a gain is divided by, `seconds` or `epochs`.
    stops: whether the search ends once no network promises a gain that one training could show.
    """
    from xoresnet.search.strategy.dead import Chance
    from xoresnet.search.strategy.pruner import FreezeThawPruner, PromotionPruner
    from xoresnet.search.strategy.sampler import FreezeThawSampler, PromotionSampler

    accuracies = [place for place, objective in enumerate(objectives) if objective.is_accuracy]
    level = Chance(accuracies[0], chance, images) if accuracies else None
    common: dict[str, Any] = {"max_steps": epochs, "budget": budget, "seed": seed, "chance": level}
    common["candidates"] = lambda study: candidates
    if name == "promotion":
        return PromotionSampler(**common), PromotionPruner(max_steps=epochs)
    return FreezeThawSampler(**common, cost=cost, stops=stops), FreezeThawPruner(max_steps=epochs)


def _known_or_dotted(name: str, known: Iterable[str]) -> str:
    names = tuple(known)
    if name in names or is_dotted(name):
        return name
    raise UsageError(f"{shown(name)} is not one of {', '.join(names)}, or a dotted path{nearest(name, names)}")


def _user_class(path: str, base: type[Any], what: str) -> Callable[..., Any]:
    """The subclass of `base` at a dotted path. Raises `SpecError`."""
    try:
        kind: Callable[..., Any] = find_user_code(
            path, lambda value: isinstance(value, type) and issubclass(value, base), f"an Optuna {what}"
        )
    except SpecError as error:
        raise SpecError(fault._replace(path=what) for fault in error.faults) from None
    return kind


def _created(kind: Callable[..., Any], path: str, what: str, **arguments: Any) -> Any:
    try:
        return kind(**arguments)
    except Exception as error:  # the class may be the user's and raise anything
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise UsageError(f"{what}: {path} cannot be created without arguments: {reason}") from None


def _tpe(seed: int) -> BaseSampler:
    from xoresnet.search.samplers.bounded_tpe import BoundedTPESampler

    return BoundedTPESampler(seed=seed)


def _nsga2(seed: int) -> BaseSampler:
    from optuna.samplers import NSGAIISampler

    # few trials complete under pruning, and only complete ones fill its generations
    return NSGAIISampler(population_size=10, seed=seed)


def _random(seed: int) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


SAMPLERS: Mapping[str, SamplerEntry] = MappingProxyType(
    {
        "tpe": SamplerEntry(_tpe),
        "nsga2": SamplerEntry(_nsga2),
        "random": SamplerEntry(_random),
        "grid": SamplerEntry(_random, asked=False),
    }
)
"""The samplers that a configuration names."""


def _pareto(spec: PrunerSpec, epochs: int) -> BasePruner:
    from xoresnet.search.pruning.pareto_pruner import ParetoPruner

    return ParetoPruner(
        spec.min_epochs,
        max_steps=epochs,
        reduction_factor=spec.reduction_factor,
        min_trials=spec.min_trials,
        ties=spec.ties,
        brackets=spec.brackets,
    )


def _none(spec: PrunerSpec, epochs: int) -> BasePruner:
    from optuna.pruners import NopPruner

    return NopPruner()


def _median(spec: PrunerSpec, epochs: int) -> BasePruner:
    from optuna.pruners import MedianPruner

    return MedianPruner(n_warmup_steps=spec.min_epochs)


def _successive_halving(spec: PrunerSpec, epochs: int) -> BasePruner:
    from optuna.pruners import SuccessiveHalvingPruner

    return SuccessiveHalvingPruner(spec.min_epochs, reduction_factor=spec.reduction_factor)


def _hyperband(spec: PrunerSpec, epochs: int) -> BasePruner:
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner(spec.min_epochs, epochs, reduction_factor=spec.reduction_factor)


PRUNERS: Mapping[str, PrunerEntry] = MappingProxyType(
    {
        "pareto": PrunerEntry(_pareto),
        "none": PrunerEntry(_none),
        "median": PrunerEntry(_median, single_objective=True),
        "successive-halving": PrunerEntry(_successive_halving, single_objective=True),
        "hyperband": PrunerEntry(_hyperband, single_objective=True),
    }
)
"""The pruners that a configuration names."""
