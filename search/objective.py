"""What a search optimises: metrics with their directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from xoresnet.description.schema import Spec

__all__ = ["DEFAULT_OBJECTIVES", "Objective"]


class Objective(Spec):
    """A metric of an epoch's record, and whether more or less of it is better. Signs are never flipped."""

    metric: Annotated[str, Field(strict=True, min_length=1)]
    direction: Literal["max", "min"]

    @property
    def optuna_direction(self) -> Literal["maximize", "minimize"]:
        return "maximize" if self.direction == "max" else "minimize"


DEFAULT_OBJECTIVES: Sequence[Objective] = (
    Objective(metric="val_accuracy", direction="max"),
    Objective(metric="spikes_per_sample", direction="min"),
)
