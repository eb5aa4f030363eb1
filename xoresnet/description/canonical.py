"""When two descriptions are one network. Imports no torch.

Two descriptions have one canonical form if equal weights give equal outputs and equal gradients. So XOR counts only
where a block can take it, and the name of a merge, a time constant, a reset or a form of gradient only where they make
a difference. What merge and XOR mean in a stage depends on the blocks of that stage alone, so stages are examined one
by one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from xoresnet.description.arch_fields import ArchFields
from xoresnet.description.merge import MERGES, XOR_PLACEMENTS, Join, Operation, UserOperation, find_merge
from xoresnet.description.neuron_spec import NEURON_KINDS, NeuronSpec
from xoresnet.description.plan import Plan, make_plan, takes_entry, takes_middle
from xoresnet.description.user_code import is_dotted

__all__ = ["MergeMeaning", "StageRules", "XorMeaning", "canonical_fields", "canonical_neuron", "stage_rules"]

_Meeting = tuple[Join, Operation | UserOperation | None]


class MergeMeaning(NamedTuple):
    """How the blocks of a stage join; None for a kind of block that the stage lacks."""

    identity: _Meeting | None
    projection: _Meeting | None
    stem_fires: bool | None
    """Whether a neuron ends the stem before its pool; None where no pool follows, and a neuron after it is the same."""

    @property
    def logical(self) -> bool:
        """Whether the form of the logic gradient matters."""
        operations = [meeting[1] for meeting in (self.identity, self.projection) if meeting is not None]
        return any(operation is not None and operation.has_gradient_forms for operation in operations)


class XorMeaning(NamedTuple):
    """Whether any block of a stage takes XOR at its entry, and before its last convolution."""

    entry: bool
    middle: bool


class StageRules(NamedTuple):
    """What the names of merges and XOR placements mean in one stage."""

    has_identity: bool
    has_projection: bool
    closes: bool
    """Whether the stage has a single block, so that a stream that starts there also ends there."""
    takes_entry: bool
    takes_middle: bool
    follows_pool: bool
    """Whether the stage reads what the stem has pooled."""

    def merge(self, name: str) -> MergeMeaning:
        """Return what a merge means here. Raises `SpecError`; KeyError for an unknown name."""
        identity = self._meeting(name, projection=False) if self.has_identity else None
        projection = self._meeting(name, projection=True) if self.has_projection else None
        fires = find_merge(name).identity is not Join.POTENTIALS if self.follows_pool else None
        return MergeMeaning(identity, projection, fires)

    def xor(self, name: str) -> XorMeaning:
        """Return what an XOR placement means here. Raises KeyError for an unknown name."""
        entry, middle = XOR_PLACEMENTS[name]
        return XorMeaning(entry and self.takes_entry, middle and self.takes_middle)

    def _meeting(self, name: str, *, projection: bool) -> _Meeting:
        merge = find_merge(name)
        join = merge.join(projection=projection)
        if join is Join.POTENTIALS and projection and self.closes:
            join = Join.CURRENTS  # P x + i2, then the neuron that ends the stream
        return join, merge.operation if join is Join.SPIKES else None


def stage_rules(plan: Plan) -> tuple[StageRules, ...]:
    """Return the rules of each stage; they depend on stem, block and depth alone."""
    return tuple(
        StageRules(
            has_identity=any(block.projection is None for block in blocks),
            has_projection=any(block.projection is not None for block in blocks),
            # behind a pool in the stem a neuron cannot move: firing before the pool is not firing after it
            closes=len(blocks) == 1 and not (stage == 0 and plan.stem.pool),
            takes_entry=any(takes_entry(before) for before in blocks[:-1]),
            takes_middle=any(takes_middle(block.convs) for block in blocks),
            follows_pool=stage == 0 and plan.stem.pool,
        )
        for stage, blocks in enumerate(plan.stages)
    )


def canonical_fields(arch: ArchFields) -> dict[str, Any]:
    """Return the fields in which the canonical form may differ from `arch`, with their canonical values."""
    rules = stage_rules(make_plan(arch))
    merges = [(stage.merge, stage.merge(name)) for stage, name in zip(rules, arch.stage_merges, strict=True)]
    xors = [(stage.xor, stage.xor(name)) for stage, name in zip(rules, arch.stage_xors, strict=True)]
    logical = any(meaning.logical for _, meaning in merges) or any(any(meaning) for _, meaning in xors)
    return {
        "merge": _canonical_names((*MERGES, *filter(is_dotted, arch.stage_merges)), merges),
        "xor": _canonical_names(XOR_PLACEMENTS, xors),
        "neuron": arch.neuron.replace(**canonical_neuron(arch.neuron, arch.timesteps)),
        "logic_gradient": arch.logic_gradient if logical else "arithmetic",
    }


def canonical_neuron(neuron: NeuronSpec, timesteps: int) -> dict[str, Any]:
    """Return the fields in which a neuron's canonical form may differ from it, with their canonical values."""
    fields: dict[str, Any] = {}
    if is_dotted(neuron.kind):  # nothing is known of user code
        return fields
    kind = NEURON_KINDS[neuron.kind]
    forgets = kind.leaky and neuron.tau == 1  # h = x: nothing of v is left; tau = 1 cannot be learned
    if not kind.leaky or (forgets and timesteps == 1):
        fields |= {"kind": "if" if kind.leaky else neuron.kind, "tau": 2.0}
    if timesteps == 1 or forgets:  # nothing comes after the reset
        fields |= {"reset": "hard", "detach_reset": True}
    return fields


def _canonical_names(
    options: Iterable[str], stages: Sequence[tuple[Callable[[str], Hashable], Hashable]]
) -> str | tuple[str, ...]:
    """Return the first name that has the wanted meaning in every stage, else the first name of each stage."""
    choices = [[option for option in options if meaning(option) == wanted] for meaning, wanted in stages]
    everywhere = [option for option in choices[0] if all(option in others for others in choices)]
    return everywhere[0] if everywhere else tuple(first for first, *_ in choices)
