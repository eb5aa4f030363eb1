"""`ArchFields`: the fields of one network with their validation, below `Arch` and everything derived from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from xoresnet.description.merge import MERGES, XOR_PLACEMENTS, LogicGradient, check_merge
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.description.schema import PositiveInt, Side, Spec, kind_or_fields, nearest, whole_number
from xoresnet.description.user_code import is_dotted
from xoresnet.errors import Fault, SpecError
from xoresnet.limits import MOST_CHANNELS, MOST_CLASSES, MOST_TIMESTEPS, MOST_WIDTH
from xoresnet.plain_text import shown

__all__ = ["DEPTHS", "ArchFields"]

DEPTHS: Mapping[str, Mapping[int, tuple[int, ...]]] = MappingProxyType(
    {
        "basic": MappingProxyType(
            {
                **{6 * n + 2: (n,) * 3 for n in (1, 2, 3, 5, 7, 9, 18)},
                10: (1, 1, 1, 1),
                18: (2, 2, 2, 2),
                34: (3, 4, 6, 3),
            }
        ),
        "bottleneck": MappingProxyType(
            {
                **{9 * n + 2: (n,) * 3 for n in (1, 3, 5)},
                14: (1, 1, 1, 1),
                26: (2, 2, 2, 2),
                50: (3, 4, 6, 3),
                101: (3, 4, 23, 3),
                152: (3, 8, 36, 3),
            }
        ),
    }
)
"""Blocks per stage, by block type and depth; depth counts layers as in ResNet (He et al. 2016)."""

_SYNONYMS: Mapping[str, str] = MappingProxyType({"or-add": "oa", "oradd": "oa", "sew": "add", "ms": "membrane"})
"""Other names of merges in the literature, for suggestions."""


def _usual(name: object) -> object:
    return _SYNONYMS.get(name, name) if isinstance(name, str) else name


_MOST_STAGES = max(len(blocks) for table in DEPTHS.values() for blocks in table.values())


def _per_stage(
    options: Iterable[str], check_dotted: Callable[[str], None] | None = None
) -> Callable[[Any], str | tuple[str, ...]]:
    """Make a validator of one name or a list of names; `check_dotted` checks dotted paths where they are allowed."""
    names = tuple(options)

    def check(value: Any) -> str | tuple[str, ...]:
        values = value if isinstance(value, list | tuple) else (value,)
        if len(values) > _MOST_STAGES:
            raise SpecError([Fault("", f"{len(values):,} values: give one value, or one for each stage")])
        faults = [
            Fault(
                str(stage) if values is value else "",
                f"{shown(name)} is not one of {', '.join(names)}{nearest(_usual(name), names)}",
            )
            for stage, name in enumerate(values)
            if not isinstance(name, str) or not (name in names or (check_dotted is not None and is_dotted(name)))
        ]
        if faults:
            raise SpecError(faults)
        if check_dotted is not None:
            for name in filter(is_dotted, values):
                check_dotted(name)
        return tuple(values) if values is value else str(value)

    return check


def _channels_height_width(value: Any) -> Any:
    values = value.tolist() if hasattr(value, "tolist") else value  # NumPy's
    if not isinstance(values, list | tuple) or len(values) != 3:
        raise SpecError([Fault("", f"must be a list of 3 values (channels, height, width), got {shown(value)}")])
    return values


Channels = Annotated[int, Field(ge=1, le=MOST_CHANNELS, strict=True), BeforeValidator(whole_number)]


class ArchFields(Spec):
    """The fields of an `Arch`. Impossible combinations raise `SpecError`, which names field, value and rule.

    Users build an `Arch`; this class exists so that `plan.py` and `canonical.py` depend on the fields alone.
    """

    input_shape: Annotated[tuple[Channels, Side, Side], BeforeValidator(_channels_height_width)]
    """Channels, height and width of one image."""
    num_classes: Annotated[int, Field(ge=2, le=MOST_CLASSES, strict=True), BeforeValidator(whole_number)]
    stem: Literal["conv3", "conv7-pool"] = "conv3"
    """3x3 at stride 1; or 7x7 at stride 2, the neuron, then 3x3 stride-2 max-pooling of its spikes."""
    block: Literal["basic", "bottleneck"] = "basic"
    depth: PositiveInt
    """Layers as counted in ResNet; `DEPTHS` lists the depths that exist."""
    width: Annotated[int, Field(ge=1, le=MOST_WIDTH, strict=True), BeforeValidator(whole_number)] = 16
    """Channels of the first stage (before a bottleneck's expansion by 4); doubles per stage."""
    merge: Annotated[str | tuple[str, ...], BeforeValidator(_per_stage(MERGES, check_merge))] = "oa"
    """How branch and shortcut are merged: a name of `MERGES` or the dotted path of your own, or one per stage."""
    xor: Annotated[str | tuple[str, ...], BeforeValidator(_per_stage(XOR_PLACEMENTS))] = "none"
    """Where the XOR meta-residual sits: a name of `XOR_PLACEMENTS`, or one per stage."""
    timesteps: Annotated[int, Field(ge=1, le=MOST_TIMESTEPS, strict=True), BeforeValidator(whole_number)] = 4
    neuron: Annotated[NeuronSpec, BeforeValidator(kind_or_fields)] = NeuronSpec()
    logic_gradient: LogicGradient = "arithmetic"
    """Backward form of OR and XOR; tables in `network/spike_logic.py`."""

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        depths = DEPTHS[self.block]
        if self.depth not in depths:
            options = ", ".join(map(str, sorted(depths)))
            rule = f"{self.block} blocks come in depths {options}"
            others = [block for block, table in DEPTHS.items() if self.depth in table]
            if others:
                rule += f"; it exists with block={others[0]!r}"
            raise SpecError([Fault("depth", f"{self.depth} does not exist: {rule}")])
        stages = len(depths[self.depth])
        faults = [
            Fault(name, f"{len(value)} values for {stages} stages: give one value, or one for each stage")
            for name, value in (("merge", self.merge), ("xor", self.xor))
            if isinstance(value, tuple) and len(value) != stages
        ]
        if faults:
            raise SpecError(faults)
        return self

    @property
    def blocks_per_stage(self) -> tuple[int, ...]:
        """The number of blocks of each stage."""
        return DEPTHS[self.block][self.depth]

    @property
    def stage_merges(self) -> tuple[str, ...]:
        """The merge of each stage."""
        return self._spread(self.merge)

    @property
    def stage_xors(self) -> tuple[str, ...]:
        """The XOR placement of each stage."""
        return self._spread(self.xor)

    def _spread(self, value: str | tuple[str, ...]) -> tuple[str, ...]:
        return (value,) * len(self.blocks_per_stage) if isinstance(value, str) else value
