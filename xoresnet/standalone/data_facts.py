"""`DataFacts`: what a model must know about the images or recordings that it was trained on. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from xoresnet.description.schema import Side, Spec
from xoresnet.errors import Fault, SpecError

if TYPE_CHECKING:  # reading a description needs no torch
    from xoresnet.data.load import DataSet

__all__ = ["DataFacts"]

Positive = Annotated[float, Field(gt=0)]


class DataFacts(Spec):
    """Facts of one data set."""

    name: str
    classes: tuple[str, ...]
    """In the order of the logits."""
    mean: tuple[float, ...]
    """Per channel, of images in [0, 1]."""
    std: tuple[Positive, ...]
    """Standard deviation, likewise."""
    fingerprint: str = ""
    """Identifies what training saw (`DataSet.fingerprint`)."""
    frames: Literal["count", "time"] | None = None
    """How recordings of event cameras become frames, of equally many events or equally long; None for images."""
    sensor: tuple[Side, Side] | None = None
    """Height and width of the sensor of recordings."""

    @model_validator(mode="after")
    def _one_deviation_per_mean(self) -> Self:
        if len(self.mean) != len(self.std):
            raise SpecError([Fault("std", f"{len(self.std)} values, but {len(self.mean)} means")])
        if (self.frames is None) != (self.sensor is None):
            raise SpecError([Fault("sensor", "must be given with frames, and only with them")])
        return self

    @classmethod
    def of(cls, data: DataSet) -> Self:
        names = ("name", "classes", "mean", "std", "fingerprint", "frames", "sensor")
        return cls(**{name: getattr(data, name) for name in names})
