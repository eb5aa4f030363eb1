"""The record of one epoch of training."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from xoresnet.measures.figures import LayerCounts

__all__ = ["MEASURED", "EpochRecord"]


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch. Counts are per sample, over the validation images, in evaluation mode (`network/count_spikes.py`)."""

    epoch: int
    """From 1."""
    learning_rate: float
    """At the last step."""
    train_loss: float
    """The mean over the epoch while the weights changed; likewise `train_accuracy`, a share from 0 to 1."""
    train_accuracy: float
    val_loss: float
    """The cross-entropy of the logits averaged over time, without label smoothing."""
    val_accuracy: float
    spikes_per_sample: float
    stream_spikes_per_sample: float
    synops_per_sample: float
    macs_per_sample: float
    energy_pj_per_sample: float
    firing_rate: float
    energy_memory_pj_per_sample: float = math.nan
    """By the models of `xoresnet/energy`, as the next ones; NaN in records of versions that had none."""
    energy_loihi_pj_per_sample: float = math.nan
    twin_energy_pj_per_sample: float = math.nan
    """Of the same layers with ReLU, run once."""
    twin_energy_memory_pj_per_sample: float = math.nan
    train_seconds: float
    evaluation_seconds: float
    peak_memory_mib: float
    layers: tuple[LayerCounts, ...]

    def as_dict(self) -> dict[str, Any]:
        """All values of the whole network by name, without the layers."""
        return {name: value for name, value in asdict(self).items() if name != "layers"}

    def to_fields(self) -> dict[str, Any]:
        """The whole record as numbers, texts, lists and mappings, for `from_fields`."""
        return {**self.as_dict(), "layers": [layer._asdict() for layer in self.layers]}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> EpochRecord:
        """The record that `to_fields` returned."""
        return cls(**{**fields, "layers": tuple(LayerCounts(**layer) for layer in fields["layers"])})


MEASURED = tuple(
    field.name
    for field in fields(EpochRecord)
    if field.name.startswith("val_") or field.name.endswith("_per_sample") or field.name == "firing_rate"
)
"""The metrics of the network after an epoch, as opposed to those of its training."""
