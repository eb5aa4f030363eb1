"""Which spiking neuron a network uses: its kind, its constants and its surrogate gradient. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import BeforeValidator, model_validator

from xoresnet.description.schema import PositiveFloat, Spec, StrictBool, kind_or_fields, nearest
from xoresnet.description.user_code import check_user_code, find_user_code, is_dotted
from xoresnet.errors import Fault, SpecError
from xoresnet.plain_text import shown

__all__ = [
    "NEURON_KINDS",
    "SURROGATE_ALPHAS",
    "NeuronKind",
    "NeuronMarker",
    "NeuronSpec",
    "Surrogate",
    "SurrogateKind",
    "find_neuron",
    "neuron_params_count",
]


class NeuronKind(NamedTuple):
    """What a description must know of a kind of neuron; the equations are in `neurons/neuron.py`."""

    leaky: bool
    """Whether the potential decays, with a time constant `tau` of at least 1 time step."""
    learns_tau: bool = False
    """Whether `tau` is learned, one number per layer; its initial value is then greater than 1."""


NEURON_KINDS: Mapping[str, NeuronKind] = MappingProxyType(
    {
        "lif": NeuronKind(leaky=True),
        "if": NeuronKind(leaky=False),
        "plif": NeuronKind(leaky=True, learns_tau=True),
    }
)
"""Every neuron of this package by name; `neurons/neuron.py` has a module for each."""

SurrogateKind = Literal["atan", "sigmoid", "rectangle", "triangle"]
SURROGATE_ALPHAS: Mapping[str, float] = MappingProxyType(
    {"atan": 2.0, "sigmoid": 4.0, "rectangle": 1.0, "triangle": 1.0}
)
"""Default sharpness of each surrogate gradient."""


class NeuronMarker:
    """Marks a class as a spiking neuron, so that descriptions recognise neurons without torch.

    `SpikingNeuron` inherits from it; users inherit from `SpikingNeuron`.
    """

    params_count: ClassVar[int] = 0
    """How many numbers one layer of these neurons learns."""


def find_neuron(path: str) -> Any:
    """Import a user's neuron class, a subclass of `SpikingNeuron`, by its dotted path.

    Raises `SpecError`, and `UntrustedCodeError` within `names_only`.
    """
    return find_user_code(path, _is_neuron, _WHAT)


_WHAT = "a SpikingNeuron"


def _is_neuron(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, NeuronMarker)


def neuron_params_count(kind: str) -> int:
    """How many numbers one layer of neurons of a kind learns. Raises `SpecError` for a dotted path that fails."""
    if is_dotted(kind):
        return int(find_neuron(kind).params_count)
    return int(NEURON_KINDS[kind].learns_tau)


def _checked_kind(value: Any) -> str:
    if is_dotted(value):
        check_user_code(value, _is_neuron, _WHAT)
    elif not isinstance(value, str) or value not in NEURON_KINDS:
        guess = nearest(value, NEURON_KINDS)
        raise SpecError([Fault("", f"{shown(value)} is not one of {', '.join(NEURON_KINDS)}{guess}")])
    return str(value)


class Surrogate(Spec):
    """The derivative that replaces the step function's in the backward pass; formulas in `neurons/surrogate.py`.

    >>> Surrogate(kind="sigmoid")
    Surrogate(kind='sigmoid', alpha=4.0)
    """

    kind: SurrogateKind = "atan"
    alpha: PositiveFloat = 2.0
    """Sharpness; by default 2 for atan, 4 for sigmoid, 1 for rectangle and triangle."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed; a new kind gets its default sharpness unless `alpha` is given."""
        if "kind" in changes and "alpha" not in changes:
            return type(self)(**changes)
        return super().replace(**changes)

    @model_validator(mode="before")
    @classmethod
    def _default_alpha(cls, fields: Any) -> Any:
        if isinstance(fields, Mapping) and "alpha" not in fields:
            kind = fields.get("kind", "atan")
            alpha = SURROGATE_ALPHAS.get(kind) if isinstance(kind, str) else None
            return {**fields, "alpha": alpha or 1.0}
        return fields


class NeuronSpec(Spec):
    """The spiking neuron used throughout a network; equations in `neurons/neuron.py`.

    >>> NeuronSpec(kind="plif", tau=3.0).reset
    'hard'
    """

    kind: Annotated[str, BeforeValidator(_checked_kind)] = "lif"
    """`lif`, `if`, `plif`, or the dotted path of your own `SpikingNeuron` (CONTRIBUTING.md)."""
    tau: PositiveFloat = 2.0
    """Membrane time constant in time steps; the initial one for `plif`, without effect for `if`."""
    threshold: PositiveFloat = 1.0
    reset: Literal["hard", "soft"] = "hard"
    """What a spike does to the potential: sets it to zero, or reduces it by the threshold."""
    surrogate: Annotated[Surrogate, BeforeValidator(kind_or_fields)] = Surrogate()
    detach_reset: StrictBool = True
    """Whether the backward pass treats the reset as a constant."""

    @model_validator(mode="after")
    def _tau_in_range(self) -> Self:
        kind = NEURON_KINDS.get(self.kind)
        if kind is None or not kind.leaky:
            return self
        if kind.learns_tau and self.tau <= 1:
            raise SpecError([Fault("tau", f"must be greater than 1 for a {self.kind} neuron, got {self.tau}")])
        if self.tau < 1:
            raise SpecError([Fault("tau", f"must be at least 1 for a {self.kind} neuron, got {self.tau}")])
        return self
