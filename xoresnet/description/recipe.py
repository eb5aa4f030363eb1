"""`Recipe`: how a network is trained. Imports no torch."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from xoresnet.description.schema import Epochs, NonNegativeFloat, Pixels, PositiveFloat, Spec, StrictBool
from xoresnet.errors import Fault, SpecError
from xoresnet.limits import MOST_BATCH

__all__ = ["Recipe"]


class Recipe(Spec):
    """How a network is trained: everything that decides the outcome except the network and the data.

    >>> Recipe(epochs=5, schedule="cosine", warmup_epochs=1).learning_rate_at(step=0, steps=50)
    0.00045454545454545455
    """

    epochs: Epochs = 20
    batch_size: Annotated[int, Field(ge=2, le=MOST_BATCH, strict=True)] = 64
    """Images per batch, about: the batches of an epoch differ by one image at most, so they may be a little smaller, or
    larger by one."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0, le=1e6, strict=True)] = 0.005
    """The maximum of the schedule."""
    momentum: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.9
    """Nesterov momentum of `sgd`."""
    weight_decay: NonNegativeFloat = 0.01
    """Applies to convolution and linear weights only, not to norms, biases and neurons."""
    schedule: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    warmup_epochs: NonNegativeFloat = 0.0
    """Length of the linear warm-up of `cosine` and `constant`; `one-cycle` has its own."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.0
    loss: Literal["mean-logits", "tet"] = "mean-logits"
    """Cross-entropy of the mean logits over time, or the mean of the cross-entropies of all time steps (TET, Deng et
    al. 2022, arXiv 2202.11946, without its regularising term)."""
    clip_norm: PositiveFloat | None = None
    """Largest allowed norm of the gradients of all parameters together; None for no clipping."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """`auto` is bf16 where the hardware supports it, else fp32."""
    channels_last: StrictBool = False
    """Memory format of convolutions; on CPUs, narrow networks always keep torch's default (oneDNN#6035)."""
    flip: StrictBool | None = None
    """Mirror each training image with probability 1/2; None for the data set's default, as in the next two fields."""
    crop_padding: Pixels | None = None
    """Padding in pixels before a window of the original size is cut out of a training image at a random place."""
    cutout: Pixels | None = None
    """Side, in pixels, of the square that is blanked at a random place of a training image."""
    drop_events: Annotated[float, Field(ge=0, lt=1, strict=True)] | None = None
    """Of recordings of event cameras: the largest share of its events that a training recording loses at random."""
    shift_time: Annotated[float, Field(ge=0, lt=1, strict=True)] | None = None
    """Of recordings: the largest random shift in time, as a share of the duration, rounded to whole frames."""
    swap_polarity: StrictBool | None = None
    """Of recordings: exchange the two polarities with probability 1/2."""
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0
    """Seed of the initial weights, the order of the images and their augmentation."""

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if self.schedule == "one-cycle" and self.warmup_epochs:
            raise SpecError(
                [
                    Fault(
                        "warmup_epochs",
                        f"must be 0 with schedule one-cycle, got {self.warmup_epochs:g}",
                    )
                ]
            )
        if self.warmup_epochs >= self.epochs:
            rule = f"must be less than the {self.epochs} epochs, got {self.warmup_epochs:g}"
            raise SpecError([Fault("warmup_epochs", rule)])
        return self

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of one of `steps` steps, where `step` counts from 0.

        `one-cycle` is torch's OneCycleLR with its defaults: a rise from 1/25 of the maximum over 30 % of the steps,
        then a fall to 1/250,000 of it, both along a cosine.
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
