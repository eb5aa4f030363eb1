"""When two descriptions are one network. Imports no torch.

Two descriptions have one canonical form if they build networks with equal weights, equal outputs and equal gradients:
XOR counts only where a block takes it; a merge's name, a time constant, a reset or a form of gradient only where they
make a difference. What a stage's merge and XOR mean depends on its blocks alone, so stages can be looked at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from xoresnet.description.merge import MERGES, XOR_PLACEMENTS, Join, Operation, UserOperation, find_merge
from xoresnet.description.plan import Plan, make_plan, takes_entry, takes_middle
from xoresnet.description.user_code import is_dotted

if TYPE_CHECKING:
    from xoresnet.description.arch import Arch, NeuronSpec

__all__ = ["MergeMeaning", "StageRules", "XorMeaning", "canonical_fields", "canonical_neuron", "stage_rules"]

_Meeting = tuple[Join, Operation | UserOperation | None]


class MergeMeaning(NamedTuple):
    """How the blocks of a stage join; None for a kind of block that the stage does not have."""

    identity: _Meeting | None
    projection: _Meeting | None

    @property
    def logical(self) -> bool:
        """Whether an operation has several forms of gradient."""
        return any(meeting is not None and meeting[1] is Operation.OR for meeting in self)


class XorMeaning(NamedTuple):
    """Where XOR really sits."""

    entry: bool
    middle: bool


class StageRules(NamedTuple):
    """What the names of a merge and of an XOR placement come to in one stage."""

    has_identity: bool
    has_projection: bool
    closes: bool
    """Whether the stream that its one block writes ends with that block."""
    takes_entry: bool
    takes_middle: bool

    def merge(self, name: str) -> MergeMeaning:
        identity = self._meeting(name, projection=False) if self.has_identity else None
        projection = self._meeting(name, projection=True) if self.has_projection else None
        return MergeMeaning(identity, projection)

    def xor(self, name: str) -> XorMeaning:
        entry, middle = XOR_PLACEMENTS[name]
        return XorMeaning(entry and self.takes_entry, middle and self.takes_middle)

    def _meeting(self, name: str, *, projection: bool) -> _Meeting:
        merge = find_merge(name)
        join = merge.join(projection=projection)
        if join is Join.POTENTIALS and projection and self.closes:
            join = Join.CURRENTS  # P x + i2, then the neuron that ends the stream
        return join, merge.operation if join is Join.SPIKES else None


def stage_rules(plan: Plan) -> tuple[StageRules, ...]:
    """The rules of each stage; they follow from stem, block and depth alone."""
    return tuple(
        StageRules(
            has_identity=any(block.projection is None for block in blocks),
            has_projection=any(block.projection is not None for block in blocks),
            # with a pool in the stem, firing before the pool is not firing after it
            closes=len(blocks) == 1 and not (stage == 0 and plan.stem.pool),
            takes_entry=any(takes_entry(before) for before in blocks[:-1]),
            takes_middle=any(takes_middle(block.convs) for block in blocks),
        )
        for stage, blocks in enumerate(plan.stages)
    )


def canonical_fields(arch: Arch) -> dict[str, Any]:
    """The fields in which the canonical form of `arch` may differ from it."""
    rules = stage_rules(make_plan(arch))
    merges = [(stage.merge, stage.merge(name)) for stage, name in zip(rules, arch.stage_merges, strict=True)]
    xors = [(stage.xor, stage.xor(name)) for stage, name in zip(rules, arch.stage_xors, strict=True)]
    logical = any(meant.logical for _, meant in merges) or any(any(meant) for _, meant in xors)
    return {
        "merge": _canonical_names((*MERGES, *filter(is_dotted, arch.stage_merges)), merges),
        "xor": _canonical_names(XOR_PLACEMENTS, xors),
        "neuron": arch.neuron.replace(**canonical_neuron(arch.neuron, arch.timesteps)),
        "logic_gradient": arch.logic_gradient if logical else "arithmetic",
    }


def canonical_neuron(neuron: NeuronSpec, timesteps: int) -> dict[str, Any]:
    """The fields in which a neuron's canonical form may differ from it."""
    fields: dict[str, Any] = {}
    if is_dotted(neuron.kind):  # the user's own: nothing is known of it
        return fields
    forgets = neuron.kind == "lif" and neuron.tau == 1  # h = x: nothing of v is left
    if neuron.kind == "if" or (forgets and timesteps == 1):
        fields |= {"kind": "if", "tau": 2.0}
    if timesteps == 1 or forgets:  # nothing comes after the reset
        fields |= {"reset": "hard", "detach_reset": True}
    return fields


def _canonical_names(
    options: Iterable[str], stages: Sequence[tuple[Callable[[str], Hashable], Hashable]]
) -> str | tuple[str, ...]:
    """The first name that means in every stage what is meant there; where none does, the first in each stage."""
    choices = [[option for option in options if meaning(option) == meant] for meaning, meant in stages]
    everywhere = [option for option in choices[0] if all(option in others for others in choices)]
    return everywhere[0] if everywhere else tuple(first for first, *_ in choices)
