"""The objectives of a search: metrics with their directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from xoresnet.description.schema import NICKNAMES, Spec
from xoresnet.errors import Fault, SpecError, UsageError
from xoresnet.plain_text import shown

__all__ = ["DEFAULT_OBJECTIVES", "Objective", "faults_of", "listed_objectives", "objectives_of"]


class Objective(Spec):
    """A metric of an epoch's record, and whether more (`max`) or less (`min`) of it is better."""

    metric: Annotated[str, Field(strict=True, min_length=1)]
    direction: Literal["max", "min"]

    @property
    def optuna_direction(self) -> Literal["maximize", "minimize"]:
        """The direction in Optuna's words."""
        return "maximize" if self.direction == "max" else "minimize"

    @property
    def is_accuracy(self) -> bool:
        """Whether it is a share of right answers, which a network that learns nothing has at chance level."""
        return self.direction == "max" and "accuracy" in self.metric


DEFAULT_OBJECTIVES: Sequence[Objective] = (
    Objective(metric="val_accuracy", direction="max"),
    Objective(metric="spikes_per_sample", direction="min"),
)


def listed_objectives(value: Any) -> Any:
    """The fields of objectives that may be texts, `[val_accuracy:max, spikes_per_sample:min]`. Raises `SpecError`."""
    if isinstance(value, str):
        raise UsageError(f"must be a list such as [val_accuracy:max, spikes_per_sample:min], got {shown(value)}")
    if not isinstance(value, list | tuple):
        return value
    alone = [
        Fault(str(place), f"{shown(entry)} lacks a direction: write {_with_directions(entry.rstrip(':'))}")
        for place, entry in enumerate(value)
        if isinstance(entry, str) and not entry.partition(":")[2]
    ]
    if alone:
        raise SpecError(alone)
    return tuple(
        dict(zip(("metric", "direction"), entry.split(":", 1), strict=True)) if isinstance(entry, str) else entry
        for entry in value
    )


def _with_directions(metric: str) -> str:
    usual = next(iter(NICKNAMES.get(metric.lower(), ())), metric)
    return f"{usual}:max or {usual}:min"


def faults_of(objectives: Sequence[Objective]) -> list[Fault]:
    """What is wrong with objectives of any search."""
    metrics = [objective.metric for objective in objectives]
    faults = []
    if len(metrics) < 2:
        faults.append(Fault("", f"a search requires at least two objectives, got {len(metrics)}"))
    if len(set(metrics)) < len(metrics):
        faults.append(Fault("", "each metric may be an objective only once"))
    return faults


def objectives_of(given: Sequence[Objective | str]) -> tuple[Objective, ...]:
    """Objectives, from themselves or from texts. Raises `SpecError`."""
    return _Listed.from_dict({"objectives": given}).objectives


def _checked(objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
    faults = faults_of(objectives)
    if faults:
        raise SpecError(faults)
    return objectives


class _Listed(Spec):
    objectives: Annotated[tuple[Objective, ...], BeforeValidator(listed_objectives), AfterValidator(_checked)]
