"""`Recipe`: how a network is trained. Imports no torch."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from xoresnet.description.schema import Spec
from xoresnet.errors import Fault, SpecError

__all__ = ["Recipe"]

NonNegativeFloat = Annotated[float, Field(ge=0, strict=True)]
NonNegativeInt = Annotated[int, Field(ge=0, strict=True)]
PositiveFloat = Annotated[float, Field(gt=0, strict=True)]
PositiveInt = Annotated[int, Field(ge=1, strict=True)]
StrictBool = Annotated[bool, Field(strict=True)]


class Recipe(Spec):
    """Everything that decides what training makes of a network, but for the network and the data."""

    epochs: PositiveInt = 20
    batch_size: Annotated[int, Field(ge=2, strict=True)] = 64
    """At most, or one more; the batches of an epoch differ by one image at most."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0, le=1e6, strict=True)] = 0.005
    """The highest of the schedule."""
    momentum: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.9
    """Nesterov momentum of `sgd`."""
    weight_decay: NonNegativeFloat = 0.01
    """On convolution and linear weights alone: none on norms, biases and neurons."""
    schedule: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    warmup_epochs: NonNegativeFloat = 0.0
    """Linear rise at the start of `cosine` and `constant`; `one-cycle` has its own."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.0
    loss: Literal["mean-logits", "tet"] = "mean-logits"
    """Cross-entropy of the logits' mean over time, or its mean over time steps (TET, Deng et al. 2022, arXiv
    2202.11946, without its regularising term)."""
    clip_norm: PositiveFloat | None = None
    """Largest norm of all gradients together."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """`auto`: bf16 where the hardware computes in it, else fp32."""
    channels_last: StrictBool = False
    """Memory format of convolutions; on CPUs, narrow networks keep torch's own, whatever this says (oneDNN#6035)."""
    flip: StrictBool | None = None
    """Mirror each training image with probability 1/2; None for what the data set says, likewise for the next two."""
    crop_padding: NonNegativeInt | None = None
    """Pixels by which training images are padded before a piece of their size is cut out at a random place."""
    cutout: NonNegativeInt | None = None
    """Side of a square of training images that is blanked at a random place, in pixels."""
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0
    """Of the weights, the order of the images and their augmentation."""

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if self.schedule == "one-cycle" and self.warmup_epochs:
            raise SpecError([Fault("warmup_epochs", f"one-cycle has its own warm-up, got {self.warmup_epochs:g}")])
        if self.warmup_epochs >= self.epochs:
            rule = f"must be less than the {self.epochs} epochs, got {self.warmup_epochs:g}"
            raise SpecError([Fault("warmup_epochs", rule)])
        return self

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, of so many steps in all.

        `one-cycle` is torch's OneCycleLR with its defaults: from a 25th up over 30 % of the steps, then down to a
        250,000th, both along a cosine.
        """
        top = self.learning_rate
        if self.schedule == "one-cycle":
            peak = 0.3 * steps - 1
            if step <= peak:
                return _cosine(top / 25, top, step / peak if peak else 1.0)
            return _cosine(top, top / 25 / 1e4, (step - peak) / (steps - 1 - peak))
        warmup = self.warmup_epochs / self.epochs * steps
        if step < warmup:
            return top * (step + 1) / (warmup + 1)
        return top if self.schedule == "constant" else _cosine(top, 0.0, (step - warmup) / (steps - warmup))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
