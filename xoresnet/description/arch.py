"""`Arch`: the frozen, validated description of one network. Imports no torch."""

from __future__ import annotations

import hashlib
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from xoresnet.description.merge import MERGES, XOR_PLACEMENTS, LogicGradient, find_merge
from xoresnet.description.schema import Spec, nearest
from xoresnet.description.user_code import find_user_code, is_dotted
from xoresnet.errors import Fault, SpecError

__all__ = [
    "BASELINES",
    "DEPTHS",
    "NEURON_KINDS",
    "Arch",
    "NeuronSpec",
    "Surrogate",
    "baseline_names",
    "find_neuron",
]

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

BASELINES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "spiking-resnet": {"merge": "current", "xor": "none"},
        "sew-resnet": {"merge": "add", "xor": "none"},
        "ms-resnet": {"merge": "membrane", "xor": "none"},
        "or-resnet": {"merge": "or", "xor": "none"},
        "xoresnet": {"merge": "oa", "xor": "middle"},
    }
)
"""The known families; a depth appended makes a name: `sew-resnet18`."""

NEURON_KINDS = ("lif", "if", "plif")

_SURROGATE_ALPHA = {"atan": 2.0, "sigmoid": 4.0, "rectangle": 1.0, "triangle": 1.0}


def _whole_number(value: Any) -> Any:
    """What counts as a whole number elsewhere in Python does so here: NumPy's too, but no truth value."""
    if isinstance(value, bool):
        return value
    try:
        return operator.index(value)
    except TypeError:
        return value


def _kind_alone(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


_OTHER_NAMES: Mapping[Any, str] = MappingProxyType({"or-add": "oa", "oradd": "oa", "sew": "add", "ms": "membrane"})


def _per_stage(
    options: Iterable[str], find: Callable[[str], object] | None = None
) -> Callable[[Any], str | tuple[str, ...]]:
    """find: resolves dotted names, where there may be any."""
    names = tuple(options)

    def check(value: Any) -> str | tuple[str, ...]:
        values = value if isinstance(value, list | tuple) else (value,)
        faults = [
            Fault(
                str(stage) if values is value else "",
                f"{name!r} is not one of {', '.join(names)}{nearest(_OTHER_NAMES.get(str(name), str(name)), names)}",
            )
            for stage, name in enumerate(values)
            if not isinstance(name, str) or not (name in names or (find is not None and is_dotted(name)))
        ]
        if faults:
            raise SpecError(faults)
        if find is not None:
            for name in filter(is_dotted, values):
                find(name)
        return tuple(values) if values is value else str(value)

    return check


def _channels_height_width(value: Any) -> Any:
    values = value.tolist() if hasattr(value, "tolist") else value  # NumPy's
    if not isinstance(values, list | tuple) or len(values) != 3:
        raise SpecError([Fault("", f"must be a list of 3 values (channels, height, width), got {value!r}")])
    return values


def _neuron_kind(value: Any) -> str:
    if is_dotted(value):
        find_neuron(value)
    elif value not in NEURON_KINDS:
        raise SpecError([Fault("", f"{value!r} is not one of {', '.join(NEURON_KINDS)}{nearest(value, NEURON_KINDS)}")])
    return str(value)


def find_neuron(path: str) -> Any:
    """A neuron of the user's: a subclass of `SpikingNeuron`. Raises `SpecError`."""
    from xoresnet.neurons.neuron import SpikingNeuron

    return find_user_code(
        path, lambda value: isinstance(value, type) and issubclass(value, SpikingNeuron), "SpikingNeuron"
    )


PositiveInt = Annotated[int, Field(ge=1, strict=True), BeforeValidator(_whole_number)]
PositiveFloat = Annotated[float, Field(gt=0, strict=True)]
StrictBool = Annotated[bool, Field(strict=True)]
PerStageMerge = Annotated[str | tuple[str, ...], BeforeValidator(_per_stage(MERGES, find_merge))]
PerStageXor = Annotated[str | tuple[str, ...], BeforeValidator(_per_stage(XOR_PLACEMENTS))]


class Surrogate(Spec):
    """The derivative that stands in for the step function's in the backward pass; formulas in `surrogate.py`."""

    kind: Literal["atan", "sigmoid", "rectangle", "triangle"] = "atan"
    alpha: PositiveFloat = 2.0
    """Sharpness; where it is not given, 2 for atan, 4 for sigmoid, 1 for rectangle and triangle."""

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; a new kind comes with its own sharpness unless that is given too."""
        if "kind" in changes and "alpha" not in changes:
            return type(self)(**changes)
        return super().replace(**changes)

    @model_validator(mode="before")
    @classmethod
    def _default_alpha(cls, fields: Any) -> Any:
        if isinstance(fields, Mapping) and "alpha" not in fields:
            kind = fields.get("kind", "atan")
            alpha = _SURROGATE_ALPHA.get(kind) if isinstance(kind, str) else None
            return {**fields, "alpha": alpha or 1.0}
        return fields


class NeuronSpec(Spec):
    """The spiking neuron used throughout a network; equations in `neuron.py`."""

    kind: Annotated[str, BeforeValidator(_neuron_kind)] = "lif"
    """`lif`, `if`, `plif`, or the dotted path of a neuron of your own (CONTRIBUTING.md)."""
    tau: PositiveFloat = 2.0
    """Membrane time constant in time steps; the initial one for `plif`, without effect for `if`."""
    threshold: PositiveFloat = 1.0
    reset: Literal["hard", "soft"] = "hard"
    surrogate: Annotated[Surrogate, BeforeValidator(_kind_alone)] = Surrogate()
    detach_reset: StrictBool = True
    """Whether the reset is constant in the backward pass."""

    @model_validator(mode="after")
    def _tau_in_range(self) -> Self:
        if self.kind == "lif" and self.tau < 1:
            raise SpecError([Fault("tau", f"must be at least 1 for a lif neuron, got {self.tau}")])
        if self.kind == "plif" and self.tau <= 1:
            raise SpecError([Fault("tau", f"must be greater than 1 for a plif neuron, got {self.tau}")])
        return self


class Arch(Spec):
    """One network, described completely; `XOResNet(arch)` builds it.

    `merge` and `xor` take one value, or one for each stage. Impossible combinations raise `SpecError`, which names the
    field, the value and the rule.

    >>> arch = Arch(input_shape=(1, 28, 28), num_classes=10, depth=20, merge=("or", "or", "add"))
    >>> arch.blocks_per_stage
    (3, 3, 3)
    >>> Arch.from_json(arch.to_json()) == arch
    True
    """

    input_shape: Annotated[tuple[PositiveInt, PositiveInt, PositiveInt], BeforeValidator(_channels_height_width)]
    """Channels, height and width of one image."""
    num_classes: Annotated[int, Field(ge=2, strict=True), BeforeValidator(_whole_number)]
    stem: Literal["conv3", "conv7-pool"] = "conv3"
    """3x3 at stride 1; or 7x7 at stride 2, the neuron, then 3x3 stride-2 max-pooling of its spikes."""
    block: Literal["basic", "bottleneck"] = "basic"
    depth: PositiveInt
    """Layers as counted in ResNet; `DEPTHS` has those that exist."""
    width: PositiveInt = 16
    """Channels of the first stage (before a bottleneck's expansion by 4); doubles per stage."""
    merge: PerStageMerge = "oa"
    """How branch and shortcut meet; `MERGES` has the rules."""
    xor: PerStageXor = "none"
    """Where the XOR meta-residual sits."""
    timesteps: PositiveInt = 4
    neuron: Annotated[NeuronSpec, BeforeValidator(_kind_alone)] = NeuronSpec()
    logic_gradient: LogicGradient = "arithmetic"
    """Backward form of OR and XOR; tables in `residual.py`."""

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
        return DEPTHS[self.block][self.depth]

    @property
    def stage_merges(self) -> tuple[str, ...]:
        """The merge of each stage."""
        return self._spread(self.merge)

    @property
    def stage_xors(self) -> tuple[str, ...]:
        """The XOR placement of each stage."""
        return self._spread(self.xor)

    def canonical(self) -> Arch:
        """The one description of all those that build and train the same network; rules in `canonical.py`."""
        from xoresnet.description.canonical import canonical_fields

        return self.replace(**canonical_fields(self))

    @property
    def arch_id(self) -> str:
        """Ten hexadecimal digits, the same for all descriptions of one network.

        They are of the SHA-256 of the canonical form's JSON without the fields that have their default value, so that
        a field added later changes no id. For the same reason no default may ever change.
        """
        fields = self.canonical().model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:10]

    def to_json(self, *, indent: int | None = 2) -> str:
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Arch:
        """Read what `to_json` wrote. Raises `SpecError`, also where the text is no JSON."""
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SpecError([Fault("", f"not a JSON text: {error}")]) from None
        return cls.from_dict(fields)

    def save(self, path: str | Path) -> None:
        """Write the JSON to a file."""
        Path(path).write_text(self.to_json() + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Arch:
        """Read a file that `save` wrote. Raises `SpecError`, which names the file, or `OSError`."""
        try:
            return cls.from_json(Path(path).read_bytes())
        except SpecError as error:
            raise SpecError(fault._replace(message=f"{fault.message} (in {path})") for fault in error.faults) from None

    @classmethod
    def baseline(cls, name: str, *, input_shape: tuple[int, int, int], num_classes: int, **changes: Any) -> Arch:
        """A known network by name: a family of `BASELINES` with a depth, `xoresnet18` or `sew-resnet20`.

        The block is basic wherever that depth exists as basic; the first stage has 16 channels in networks of three
        stages, 64 in networks of four. All else is as `Arch` has it: the stem is `conv3`, as for small images (224
        pixels want `stem="conv7-pool"`), the neuron a LIF. `changes` set further fields. Raises `SpecError`.

        >>> Arch.baseline("sew-resnet18", input_shape=(3, 32, 32), num_classes=10).merge
        'add'
        """
        family, depth = _split_baseline(name)
        named = [field for field in ("depth", "merge", "xor") if field in changes]
        if named:
            rule = f"follows from the name {name!r}; change it afterwards with .replace()"
            raise SpecError([Fault(field, rule) for field in named])
        block = str(changes.get("block", "basic" if depth in DEPTHS["basic"] else "bottleneck"))
        stages = DEPTHS.get(block, {}).get(depth, ())
        fields = {"block": block, "depth": depth, "width": 64 if len(stages) == 4 else 16, **BASELINES[family]}
        return cls(input_shape=input_shape, num_classes=num_classes, **{**fields, **changes})

    def _spread(self, value: str | tuple[str, ...]) -> tuple[str, ...]:
        return (value,) * len(self.blocks_per_stage) if isinstance(value, str) else value


def baseline_names() -> list[str]:
    """Every name that `Arch.baseline` knows."""
    depths = sorted({depth for table in DEPTHS.values() for depth in table})
    return [f"{family}{depth}" for family in BASELINES for depth in depths]


def _split_baseline(name: str) -> tuple[str, int]:
    depths = sorted({depth for table in DEPTHS.values() for depth in table})
    match = re.fullmatch(r"(.*?)(\d*)", str(name))
    family, digits = match.groups() if match else ("", "")
    if family in BASELINES and digits and int(digits) in depths:
        return family, int(digits)
    if family in BASELINES:
        rule = f"{family} has the depths {', '.join(map(str, depths))}"
        near = min(depths, key=lambda depth: abs(depth - int(digits))) if digits else 18
        guess = f"; did you mean '{family}{near}'?"
    else:
        rule = f"a baseline is a family ({', '.join(BASELINES)}) with a depth, like 'xoresnet18'"
        guess = nearest(name, baseline_names())
    raise SpecError([Fault("name", f"{name!r} is not known: {rule}{guess}")])
