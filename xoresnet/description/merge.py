"""How a block's branch and its shortcut meet, and where XOR sits: the rules, free of tensors.

Each rule says where the spiking neurons SN sit around the merge, for blocks whose shortcut is the identity and for
blocks whose shortcut is a projection. The operations themselves are in `residual.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from xoresnet.description.user_code import find_user_code, is_dotted

__all__ = [
    "MERGES",
    "XOR_PLACEMENTS",
    "Join",
    "LogicGradient",
    "Merge",
    "Operation",
    "UserOperation",
    "find_merge",
]

LogicGradient = Literal["arithmetic", "saturating", "straight-through"]
"""Backward form of OR and XOR; tables in `residual.py`."""

XOR_PLACEMENTS: Mapping[str, tuple[bool, bool]] = MappingProxyType(
    {"none": (False, False), "entry": (True, False), "middle": (False, True), "both": (True, True)}
)
"""Where the XOR meta-residual sits: at the branch's entry, before its last convolution."""


class Join(StrEnum):
    """Where the neurons sit; i2 is the branch's last current, x what the block reads, P its projection."""

    SPIKES = "spikes"
    """Spikes meet: x op SN(i2), or SN(P x) op SN(i2)."""
    CURRENTS = "currents"
    """Currents add up and one neuron fires: SN(x + i2), or SN(P x + i2)."""
    POTENTIALS = "potentials"
    """Currents add up and travel on unspiked: x + i2, or P x + i2; the branch starts with SN where x is real."""


class Operation(StrEnum):
    """What is done with two spike tensors (shortcut, branch)."""

    ADD = "add"
    OR = "or"
    AND = "and"
    IAND = "iand"


@dataclass(frozen=True)
class UserOperation:
    """An operation of the user's own."""

    function: Callable[[Any, Any], Any]
    """Of two spike tensors of one shape (shortcut, branch); returns spikes, 0 and 1, and can be differentiated."""

    def __str__(self) -> str:
        return getattr(self.function, "__qualname__", repr(self.function))


@dataclass(frozen=True)
class Merge:
    """One merge: how identity blocks join, how projection blocks join, and with which operation spikes meet."""

    identity: Join
    projection: Join
    operation: Operation | UserOperation | None = None

    def __post_init__(self) -> None:
        joins = {self.identity, self.projection}
        if Join.SPIKES in joins and self.operation is None:
            raise ValueError("a Merge at which spikes meet needs an operation")
        if joins == {Join.SPIKES, Join.POTENTIALS}:
            raise ValueError("a Merge cannot let spikes meet in some blocks and leave real values in others")

    def join(self, *, projection: bool) -> Join:
        return self.projection if projection else self.identity


MERGES: Mapping[str, Merge] = MappingProxyType(
    {
        # SEW-ResNet's three, Fang et al. 2021, arXiv 2102.04159
        "add": Merge(Join.SPIKES, Join.SPIKES, Operation.ADD),
        "and": Merge(Join.SPIKES, Join.SPIKES, Operation.AND),
        "iand": Merge(Join.SPIKES, Join.SPIKES, Operation.IAND),
        "or": Merge(Join.SPIKES, Join.SPIKES, Operation.OR),
        # Spiking ResNet, Zheng et al. 2021, arXiv 2011.05280
        "current": Merge(Join.CURRENTS, Join.CURRENTS),
        # OR-ADD: our reading of the abstract of XOResNet, Wu & Wang, arXiv 2605.30362
        "oa": Merge(Join.SPIKES, Join.CURRENTS, Operation.OR),
        # MS-ResNet, Hu et al., arXiv 2112.08954
        "membrane": Merge(Join.POTENTIALS, Join.POTENTIALS),
    }
)
"""Every merge by name. Where two names build the same stage, the earlier one is canonical."""


def find_merge(name: str) -> Merge:
    """A merge of `MERGES`, or one of the user's by its dotted path. Raises `SpecError`, KeyError."""
    if is_dotted(name):
        found: Merge = find_user_code(name, lambda value: isinstance(value, Merge), "Merge")
        return found
    return MERGES[name]
