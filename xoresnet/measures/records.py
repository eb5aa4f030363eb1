"""What one epoch of training came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from xoresnet.measures.figures import LayerCounts

__all__ = ["MEASURED", "EpochRecord"]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch; what is counted is counted on the validation images, in evaluation mode, per sample (`spikes.py`)."""

    epoch: int
    """From 1."""
    learning_rate: float
    """Of the last step."""
    train_loss: float
    """Mean over the epoch, while the weights changed; likewise the accuracy."""
    train_accuracy: float
    val_loss: float
    """Cross-entropy of the mean logits, without smoothing."""
    val_accuracy: float
    spikes_per_sample: float
    stream_spikes_per_sample: float
    synops_per_sample: float
    macs_per_sample: float
    energy_pj_per_sample: float
    firing_rate: float
    train_seconds: float
    evaluation_seconds: float
    peak_memory_mib: float
    layers: tuple[LayerCounts, ...]

    def as_dict(self) -> dict[str, Any]:
        """All figures of the whole network by name, without the layers."""
        return {name: value for name, value in asdict(self).items() if name != "layers"}

    def to_fields(self) -> dict[str, Any]:
        """All that `from_fields` needs, in numbers, texts, lists and mappings."""
        return {**self.as_dict(), "layers": [layer._asdict() for layer in self.layers]}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> EpochRecord:
        return cls(**{**fields, "layers": tuple(LayerCounts(**layer) for layer in fields["layers"])})


MEASURED = tuple(
    field.name
    for field in fields(EpochRecord)
    if field.name.startswith("val_") or field.name.endswith("_per_sample") or field.name == "firing_rate"
)
"""Figures that tell of the network as it is after an epoch, not of how it was trained."""
