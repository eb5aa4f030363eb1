"""Small spaces, and what they hold by brute force: all combinations of listed values, compared by `arch_id`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

from hypothesis import strategies as st

from xoresnet.description.arch import Arch
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.description.hardware import HardwareUsage, hardware_layers, hardware_usage
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.space import SearchSpace

__all__ = ["SmallSpace", "descriptions", "listed", "small_spaces"]

IMAGES: dict[str, Any] = {"input_shape": [1, 6, 5], "num_classes": 3}
PLAIN: dict[str, Any] = {
    "stem": "conv3", "block": "basic", "depth": 8, "width": 2, "merge": "oa", "xor": "none", "timesteps": 2,
    "neuron": "lif", "logic_gradient": "arithmetic",
}  # fmt: skip
MEMBERS = [
    *(("basic", depth) for depth in (8, 10, 14, 18, 20)),
    *(("bottleneck", depth) for depth in (11, 14, 26, 29)),
]


class SmallSpace:
    """A space small enough to be written out."""

    def __init__(self, constraints: Mapping[str, int] | None = None, **arch: Any) -> None:
        self.fields: dict[str, Any] = {"arch": {**IMAGES, **PLAIN, **arch}, "constraints": dict(constraints or {})}

    def __repr__(self) -> str:
        return repr(self.fields)

    @cached_property
    def space(self) -> SearchSpace:
        return SearchSpace.from_dict(self.fields)

    @cached_property
    def groups(self) -> dict[str, list[Arch]]:
        """By network, all its descriptions in the order of the lists; networks beyond the constraints too."""
        by_network: dict[str, list[Arch]] = {}
        for arch in descriptions(self.fields["arch"]):
            by_network.setdefault(arch.arch_id, []).append(arch)
        return by_network

    @cached_property
    def costs(self) -> dict[str, tuple[int, int]]:
        """By network, parameters and multiply-adds."""
        return {name: (params_count(group[0]), dense_macs(group[0])) for name, group in self.groups.items()}

    @cached_property
    def inside(self) -> dict[str, list[Arch]]:
        """By network, those within the constraints."""
        limits = self.fields["constraints"].items()
        return {
            name: group
            for name, group in self.groups.items()
            if all(self.cost(name, limit) <= most for limit, most in limits)
        }

    @cached_property
    def usage(self) -> dict[str, HardwareUsage]:
        """By network, what all of its descriptions need of a chip."""
        return {
            name: _agreed(hardware_usage(hardware_layers(arch)) for arch in group)
            for name, group in self.groups.items()
        }

    def cost(self, network: str, limit: str) -> int:
        if limit in ("max_params", "max_macs"):
            return self.costs[network][limit == "max_macs"]
        return int(getattr(self.usage[network], limit.removeprefix("max_")))

    def limited(self, **constraints: int) -> SmallSpace:
        other = SmallSpace(constraints, **self.fields["arch"])
        vars(other).update(groups=self.groups, costs=self.costs)
        if not constraints.keys() <= {"max_params", "max_macs"}:
            vars(other).update(usage=self.usage)
        return other


def _agreed(usage: Iterable[HardwareUsage]) -> HardwareUsage:
    (one,) = set(usage)
    return one


def listed(value: Any) -> list[Any]:
    """What a constant, a list or a range with steps stands for."""
    if isinstance(value, Mapping):
        step = value.get("step", 1)
        return [value["low"] + i * step for i in range(1 + int((value["high"] - value["low"]) // step))]
    return list(value) if isinstance(value, list) else [value]


def descriptions(arch: Mapping[str, Any]) -> Iterator[Arch]:
    """All combinations of the values of a space's `arch`; nothing is ever left out."""
    for block in listed(arch["block"]):
        depths = arch["depth"][block] if isinstance(arch["depth"], Mapping) else arch["depth"]
        for depth in (depth for depth in listed(depths) if depth in DEPTHS[block]):
            stages = len(DEPTHS[block][depth])
            rows = product(
                listed(arch["stem"]),
                listed(arch["width"]),
                listed(arch["timesteps"]),
                _neurons(arch["neuron"]),
                listed(arch["logic_gradient"]),
                _names(arch["merge"], stages),
                _names(arch["xor"], stages),
            )
            for stem, width, timesteps, neuron, gradient, merge, xor in rows:
                yield Arch(
                    input_shape=tuple(arch["input_shape"]),
                    num_classes=arch["num_classes"],
                    stem=stem,
                    block=block,
                    depth=depth,
                    width=width,
                    merge=merge,
                    xor=xor,
                    timesteps=timesteps,
                    neuron=neuron,
                    logic_gradient=gradient,
                )


def _neurons(value: Any) -> list[dict[str, Any]]:
    fields = dict(value) if isinstance(value, Mapping) else {"kind": value}
    if isinstance(fields.get("surrogate"), Mapping):
        fields["surrogate"] = _rows(fields["surrogate"])
    return _rows(fields)


def _rows(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(fields, row, strict=True)) for row in product(*map(listed, fields.values()))]


def _names(value: Any, stages: int) -> list[tuple[str, ...]]:
    if isinstance(value, Mapping):
        return list(product(listed(value["per_stage"]), repeat=stages))
    return [(name,) * stages for name in listed(value)]


@st.composite
def small_spaces(draw: st.DrawFn, most: int = 150, **fixed: Any) -> SmallSpace:
    """Spaces of at most so many descriptions, over every field; limits, where there are any, cut anywhere."""
    members = draw(st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=2, unique=True))
    stages = max(len(DEPTHS[block][depth]) for block, depth in members)
    room = most // len(members)

    def some(options: Sequence[Any], power: int = 1) -> Any:
        """Some of the options, so that the combinations of them all stay few; one of them may stand alone."""
        nonlocal room
        fit = max(number for number in range(1, len(options) + 1) if number == 1 or number**power <= room)
        chosen = draw(st.lists(st.sampled_from(options), min_size=1, max_size=fit, unique=True))
        room //= len(chosen) ** power
        return chosen[0] if len(chosen) == 1 and draw(st.booleans()) else chosen

    def per_stage(options: Sequence[str]) -> Any:
        free = draw(st.booleans())
        chosen = some(options, stages if free else 1)
        return {"per_stage": chosen} if free else chosen

    def neuron() -> Any:
        kinds = listed(some(["lif", "if", "plif"]))
        taus = [1.5, 2.0] if "plif" in kinds else [1.0, 2.0, 1.5] if "lif" in kinds else [0.5, 1.0]
        fields = {
            "tau": lambda: some(taus),
            "threshold": lambda: some([1.0, 0.5]),
            "reset": lambda: some(["hard", "soft"]),
            "surrogate": lambda: some(["atan", "sigmoid"]),
            "detach_reset": lambda: some([True, False]),
        }
        names = draw(st.lists(st.sampled_from(list(fields)), max_size=3, unique=True))
        return {"kind": kinds, **{name: fields[name]() for name in names}}

    def timesteps() -> Any:
        chosen = some([1, 2, 3])
        if isinstance(chosen, list) and draw(st.booleans()):
            return {"low": 1, "high": 3 * len(chosen) - 2, "step": 3}
        return chosen

    parts = {
        "merge": lambda: per_stage(["oa", "or", "current", "membrane", "add", "iand", "and"]),
        "xor": lambda: per_stage(["none", "entry", "middle", "both"]),
        "timesteps": timesteps,
        "neuron": neuron,
        "logic_gradient": lambda: some(["saturating", "arithmetic", "straight-through"]),
        "stem": lambda: some(["conv3", "conv7-pool"]),
        "width": lambda: some([2, 1, 3]),
    }
    order = draw(st.permutations(list(parts)))
    drawn = {name: fixed[name] if name in fixed else parts[name]() for name in order}
    blocks = list(dict.fromkeys(block for block, _ in members))
    depths = {block: [depth for name, depth in members if name == block] for block in blocks}
    small = SmallSpace(block=blocks, depth=depths, **drawn)
    limits = draw(st.sets(st.sampled_from(["max_params", "max_macs"])))
    costs = list(small.costs.values())
    chosen = {name: draw(st.sampled_from(sorted({cost[name == "max_macs"] for cost in costs}))) for name in limits}
    return small.limited(**chosen)
