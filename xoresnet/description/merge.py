"""How a block's branch and shortcut are merged, and where XOR sits: rules without tensors. Imports no torch.

A `Merge` says where the spiking neurons SN sit, for blocks whose shortcut is the identity and for blocks whose shortcut
is a projection, and what is done where spikes meet. The operations themselves are in `network/spike_logic.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from xoresnet.description.user_code import check_user_code, find_user_code, is_dotted
from xoresnet.errors import Fault, SpecError

__all__ = [
    "MERGES",
    "XOR_PLACEMENTS",
    "Join",
    "LogicGradient",
    "Merge",
    "Operation",
    "UserOperation",
    "check_merge",
    "find_merge",
]

LogicGradient = Literal["arithmetic", "saturating", "straight-through"]
"""Backward form of OR and XOR; tables in `network/spike_logic.py`."""

XOR_PLACEMENTS: Mapping[str, tuple[bool, bool]] = MappingProxyType(
    {"none": (False, False), "entry": (True, False), "middle": (False, True), "both": (True, True)}
)
"""Where the XOR meta-residual sits: at the branch's entry, before its last convolution."""


class Join(StrEnum):
    """What meets in a block, and so where its neurons sit.

    i2 is the branch's last current, x what the block reads, P its projection.
    """

    SPIKES = "spikes"
    """Spikes meet: x op SN(i2), or SN(P x) op SN(i2)."""
    CURRENTS = "currents"
    """Currents are added and one neuron fires: SN(x + i2), or SN(P x + i2)."""
    POTENTIALS = "potentials"
    """Currents are added and leave without a spike: x + i2, or P x + i2; the branch starts with SN where x is real."""


class Operation(StrEnum):
    """What is done with two spike tensors (shortcut, branch)."""

    ADD = "add"
    OR = "or"
    AND = "and"
    IAND = "iand"

    @property
    def counts(self) -> bool:
        """Whether the result counts spikes, an integer stream, rather than being spikes."""
        return self is Operation.ADD

    @property
    def has_gradient_forms(self) -> bool:
        """Whether the gradient depends on the network's `logic_gradient`."""
        return self is Operation.OR


@dataclass(frozen=True)
class UserOperation:
    """An operation given by its function.

    Tensor operators need no import of torch, so a merge with a new operation is one row:

    >>> Merge(Join.SPIKES, Join.SPIKES, UserOperation(lambda shortcut, branch: (1 - shortcut) * branch)).identity
    <Join.SPIKES: 'spikes'>
    """

    function: Callable[[Any, Any], Any]
    """Takes two spike tensors of one shape (shortcut, branch); returns spikes, 0 and 1, and is differentiable. This is
    checked when a network is built."""
    counts: ClassVar[bool] = False
    has_gradient_forms: ClassVar[bool] = False

    def __str__(self) -> str:
        return getattr(self.function, "__qualname__", repr(self.function))


@dataclass(frozen=True)
class Merge:
    """How the blocks of a stage merge branch and shortcut. Raises `SpecError` for combinations that cannot be built.

    >>> Merge(Join.SPIKES, Join.CURRENTS, Operation.OR) == MERGES["oa"]
    True
    """

    identity: Join
    """In blocks whose shortcut is the identity."""
    projection: Join
    """In blocks whose shortcut is a projection."""
    operation: Operation | UserOperation | None = None
    """What is done where spikes meet; required there."""

    def __post_init__(self) -> None:
        joins = {self.identity, self.projection}
        if Join.SPIKES in joins and self.operation is None:
            raise SpecError([Fault("operation", "required where spikes meet, but missing")])
        if joins == {Join.SPIKES, Join.POTENTIALS}:
            rule = "spikes cannot meet in some blocks of a Merge while others pass on real values"
            raise SpecError([Fault("projection", f"{rule}, got {self.projection} after identity={self.identity}")])

    def join(self, *, projection: bool) -> Join:
        """Return what meets in a block with or without a projection."""
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


def check_merge(path: str) -> None:
    """Check that a dotted path leads to a merge, as far as `names_only` allows. Raises `SpecError`."""
    check_user_code(path, _is_merge, _WHAT)


def find_merge(name: str) -> Merge:
    """Return a merge of `MERGES`, or a user's by its dotted path.

    Raises `SpecError`, `UntrustedCodeError` within `names_only`, and KeyError for an unknown name.
    """
    if is_dotted(name):
        merge: Merge = find_user_code(name, _is_merge, _WHAT)
        return merge
    return MERGES[name]


_WHAT = "a Merge"


def _is_merge(value: object) -> bool:
    return isinstance(value, Merge)
