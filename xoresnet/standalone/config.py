"""`ModelConfig`: the description of a model, everything but its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

import torch
from pydantic import Field, model_validator

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.description.schema import Spec
from xoresnet.errors import Fault, SpecError
from xoresnet.standalone.data_facts import DataFacts

if TYPE_CHECKING:  # models load without what training needs
    from xoresnet.training.fit import Training

__all__ = ["FORMAT_VERSION", "ModelConfig"]

FORMAT_VERSION = 1
"""Version of `config.json`; older programs refuse files of newer versions."""


class ModelConfig(Spec):
    """What a model is besides its weights; the content of `config.json`."""

    format_version: Annotated[int, Field(ge=1, strict=True)] = FORMAT_VERSION
    arch: Arch
    data: DataFacts
    """The data set that it was trained on: its classes, and the mean and deviation that normalise its images."""
    figures: Mapping[str, float] = {}
    """What was measured of these weights, under the names of an `EpochRecord`; for a confirmed network also the means
    over its seeds: `test_accuracy_mean`, `test_accuracy_std`, ..., and their number, `seeds`."""
    recipe: Recipe | None = None
    origin: str | None = None
    """Where the weights come from: `run:trial`."""
    versions: Mapping[str, str] = {}
    """Versions of the software that made it."""

    @classmethod
    def of(cls, training: Training, more: Mapping[str, float] = {}) -> Self:
        """The description of a finished training, with the figures of its last epoch and those in `more`."""
        last = {**training.records[-1].as_dict(), **more}
        return cls(
            arch=training.arch,
            data=DataFacts.of(training.data),
            figures={name: value for name, value in last.items() if math.isfinite(value)},
            recipe=training.recipe,
            versions={"torch": torch.__version__},
        )

    @model_validator(mode="after")
    def _data_fit_the_network(self) -> Self:
        channels, classes = self.arch.input_shape[0], self.arch.num_classes
        if (len(self.data.mean), len(self.data.classes)) != (channels, classes):
            given = f"{len(self.data.classes)} classes and {len(self.data.mean)} channels"
            raise SpecError([Fault("data", f"{given}, but the network has {classes} and {channels}")])
        return self
