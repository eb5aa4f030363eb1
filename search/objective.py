"""The objectives of a search: metrics with their directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from xoresnet.description.schema import Spec
from xoresnet.errors import Fault, SpecError

__all__ = ["DEFAULT_OBJECTIVES", "Objective"]


class Objective(Spec):
    """A metric of an epoch's record, and whether more (`max`) or less (`min`) of it is better."""

    metric: Annotated[str, Field(strict=True, min_length=1)]
    direction: Literal["max", "min"]

    @classmethod
    def of(cls, given: object) -> Objective:
        """An objective, from itself, `metric:direction`, a pair, or a mapping. Raises `SpecError`."""
        if isinstance(given, Objective):
            return given
        if isinstance(given, str):
            given = tuple(given.split(":", 1))
        if isinstance(given, tuple | list):
            given = dict(zip(("metric", "direction"), given, strict=False))
        if not isinstance(given, dict):
            raise SpecError([Fault("", f"must be metric:direction, as val_accuracy:max, got {given!r}")])
        return cls.from_dict(given)

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
