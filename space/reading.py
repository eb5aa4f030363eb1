"""Read the fields of a space from plain values, as a YAML file has them, and report every fault with its path.

arch:
input_shape: [1, 28, 28]             a constant
num_classes: 10
block: [basic, bottleneck]           a choice
depth: {basic: [8, 14], bottleneck: [11]}   or one list for all blocks
width: {low: 8, high: 64, step: 8}   a range; `log: true` for a logarithmic one
merge: {per_stage: [add, or, oa]}    one name per stage; a plain list: one for all stages
xor: [none, middle]
neuron: {kind: [lif, plif], tau: {low: 1.2, high: 4.0}}
recipe:
learning_rate: {low: 0.001, high: 0.01, log: true}
constraints: {max_params: 500_000}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any, cast

from xoresnet.description.arch import Arch
from xoresnet.description.arch_fields import DEPTHS
from xoresnet.description.hardware import HARDWARE
from xoresnet.description.neuron_spec import NeuronSpec, Surrogate
from xoresnet.description.recipe import Recipe
from xoresnet.description.schema import Spec, nearest
from xoresnet.errors import Fault, SpecError
from xoresnet.limits import MOST_CELLS, MOST_CHOICES, MOST_EPOCHS, MOST_NUMBER, MOST_RANGE_VALUES
from xoresnet.plain_text import shown
from xoresnet.space.constraints import LIMITS, Constraints
from xoresnet.space.domain import Choice, Domain, FloatRange, IntRange, constant
from xoresnet.space.neurons import NEURON_FIELDS, neuron_fields
from xoresnet.space.space_fields import SpaceFields
from xoresnet.space.stages import StageDomain

__all__ = ["read_space"]

_PARTS = ("arch", "recipe", "constraints")
_RANGE_KEYS = ("low", "high", "step", "log")
_IMAGES = ("input_shape", "num_classes")
_SMALLEST = {"input_shape": (1, 8, 8), "num_classes": 2, "depth": 8}
_DEFAULT_DEPTHS = MappingProxyType({"basic": (8, 14, 20), "bottleneck": (11, 29)})
_DEFAULTS = MappingProxyType({"block": "basic", "merge": "oa", "xor": "none"})
_WHOLE, _REAL, _WORD = "whole", "real", "word"

Check = Callable[[Any], list[Fault]]
"""The faults of one value of a field, with paths below the field's."""


def read_space(fields: Mapping[str, Any]) -> SpaceFields:
    """Create the fields of a space from a mapping. Raises `SpecError` with every fault and its path."""
    reader = _Reader()
    parts = reader.mapping("", fields, _PARTS)
    arch = reader.mapping("arch", parts.get("arch", {}), Arch.model_fields)
    missing = [name for name in _IMAGES if name not in arch]
    reader.faults += [Fault(f"arch.{name}", "required, but missing") for name in missing]
    read: dict[str, Any] = {name: reader.images(name, arch[name]) for name in _IMAGES if name in arch}
    for name in ("stem", "width", "timesteps", "logic_gradient"):
        value = arch.get(name, Arch.model_fields[name].default)
        read[name] = reader.domain(f"arch.{name}", value, _kind(Arch, name), _arch_check(name))
    read["depths"] = reader.depths(arch.get("block", _DEFAULTS["block"]), arch.get("depth"))
    for name in ("merge", "xor"):
        read[name] = reader.stage_domain(f"arch.{name}", arch.get(name, _DEFAULTS[name]), _arch_check(name))
    read["neuron"] = reader.neuron(arch.get("neuron", {}))
    read["recipe"] = reader.recipe({} if parts.get("recipe") is None else parts["recipe"])
    read["constraints"] = reader.constraints({} if parts.get("constraints") is None else parts["constraints"])
    if not reader.faults:
        reader.check_cells(read)
    if reader.faults:
        raise SpecError(reader.faults)
    return SpaceFields(**read)


class _Reader:
    """Collects faults. The values that its methods return are valid only if there are none."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(path, message))

    def mapping(self, path: str, value: Any, known: Iterable[str]) -> dict[str, Any]:
        """The entries of a mapping whose keys are known."""
        names = list(known)
        if not isinstance(value, Mapping):
            subject = "" if path else "a space "
            self.fault(path, f"{subject}must be a mapping of fields ({', '.join(names)}), got {shown(value)}")
            return {}
        for key in value:
            if key not in names:
                name = key if isinstance(key, str) else shown(key)
                inner = f"{path}.{name}" if path else name
                guess = nearest(key, names) or f"; the fields are {', '.join(names)}"
                self.fault(inner, f"unknown field{guess}")
        return {key: inner for key, inner in value.items() if key in names}

    def images(self, name: str, value: Any) -> Any:
        faults = _arch_check(name)(value)
        self.faults += [fault._replace(path=f"arch.{name}{fault.path}") for fault in faults]
        return tuple(value) if isinstance(value, list) else value

    def domain(self, path: str, value: Any, kind: str, check: Check) -> Domain:
        """A constant, a list of choices, or a range."""
        if isinstance(value, Mapping):
            return self._range(path, value, kind, check)
        options = value if isinstance(value, list | tuple) else [value]
        self._check_options(path, options, single=options is not value, check=check)
        return Choice(tuple(options))

    def stage_domain(self, path: str, value: Any, check: Check) -> StageDomain:
        per_stage = isinstance(value, Mapping)
        if per_stage:
            if list(value) != ["per_stage"]:
                self.fault(path, f"must be a list or {{per_stage: [...]}}, got {shown(dict(value))}")
                return StageDomain(("oa",))
            path, value = f"{path}.per_stage", value["per_stage"]
        options = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(option, list | tuple) for option in options):
            self.fault(
                path, f"must list single names; to choose one per stage, write {{per_stage: [...]}}, got {shown(value)}"
            )
            return StageDomain(("oa",))
        self._check_options(path, options, single=options is not value, check=check)
        return StageDomain(tuple(map(str, options)), per_stage)

    def check_cells(self, read: Mapping[str, Any]) -> None:
        """Before the networks are counted: cells are what counting, sampling and enumerating go through."""
        domains = [read["width"], read["timesteps"], *read["neuron"].values()]
        counts = [len(domain.values) for domain in domains if domain.values is not None]
        skeletons = len(read["stem"].options) * sum(map(len, read["depths"].values()))
        cells = skeletons * math.prod(counts)
        if cells > MOST_CELLS:
            rule = f"more than {MOST_CELLS:,}: give fewer choices or larger steps"
            what = "combinations of stem, depth, width, timesteps and neuron"
            self.fault("arch", f"has {_large(cells)} {what}, {rule}")

    def depths(self, block: Any, depth: Any) -> Mapping[str, tuple[int, ...]]:
        """For each block its depths; depth: None means the default depths."""
        blocks = list(block) if isinstance(block, list | tuple) else [block]
        before = len(self.faults)
        self._check_options(
            "arch.block", blocks, single=not isinstance(block, list | tuple), check=_arch_check("block")
        )
        if len(self.faults) > before:
            return {}
        if depth is None:
            return {name: _DEFAULT_DEPTHS[name] for name in blocks}
        if isinstance(depth, Mapping) and not set(depth) & set(_RANGE_KEYS):
            self.mapping("arch.depth", depth, blocks)
            for missing in (name for name in blocks if name not in depth):
                self.fault(f"arch.depth.{missing}", f"required, because {missing} is among the blocks")
            return {name: self._depths(f"arch.depth.{name}", depth[name], [name]) for name in blocks if name in depth}
        before = len(self.faults)
        wanted = self._depths("arch.depth", depth, blocks)
        if len(self.faults) > before:
            return {}
        by_block = {name: tuple(number for number in wanted if number in DEPTHS[name]) for name in blocks}
        for name, depths in by_block.items():
            if not depths and wanted:
                known = _numbers(DEPTHS[name])
                self.fault("arch.depth", f"{shown(depth)} contains no depth of {name} blocks ({known})")
        return by_block

    def neuron(self, value: Any) -> Mapping[str, Domain]:
        if not isinstance(value, Mapping):
            value = {"kind": value}
        fields = self.mapping("arch.neuron", value, NeuronSpec.model_fields)
        surrogate = fields.pop("surrogate", None)
        if isinstance(surrogate, Mapping):
            inner = self.mapping("arch.neuron.surrogate", surrogate, ("kind", "alpha"))
            fields |= {f"surrogate.{name}": inner_value for name, inner_value in inner.items()}
        elif surrogate is not None:
            fields["surrogate.kind"] = surrogate
        before = len(self.faults)
        domains = {
            name: self.domain(f"arch.neuron.{name}", fields[name], _kind(NeuronSpec, name), _neuron_check(name))
            for name in NEURON_FIELDS
            if name in fields
        }
        domains = {"kind": domains.get("kind", constant("lif")), **domains}
        if len(self.faults) == before and "tau" in domains:
            self._check_tau(domains)
        return domains

    def recipe(self, value: Any) -> Mapping[str, Domain]:
        known = [name for name in Recipe.model_fields if name != "seed"]  # the search sets the seed
        fields = self.mapping("recipe", value, known)
        before = len(self.faults)
        domains = {
            name: self.domain(f"recipe.{name}", field, _kind(Recipe, name), _recipe_check(name))
            for name, field in fields.items()
        }
        if len(self.faults) == before and "warmup_epochs" in domains and "epochs" in domains:
            self._check_warmup(domains["warmup_epochs"], domains["epochs"])
        return domains

    def constraints(self, value: Any) -> Constraints:
        fields = self.mapping("constraints", value, (*LIMITS, "hardware"))
        hardware = fields.pop("hardware", None)
        if hardware is not None and (not isinstance(hardware, str) or hardware not in HARDWARE):
            guess = nearest(hardware, HARDWARE) or f"; the chips are {', '.join(HARDWARE)}"
            self.fault("constraints.hardware", f"unknown chip {shown(hardware)}{guess}")
        read: dict[str, int] = {}
        for name, limit in fields.items():
            if limit is None:
                continue
            number = isinstance(limit, int | float) and not isinstance(limit, bool)
            if number and limit > MOST_NUMBER:
                self.fault(f"constraints.{name}", f"must be at most {MOST_NUMBER:g}, got {shown(limit)}")
            elif not number or not limit >= 1 or limit != int(limit):
                self.fault(f"constraints.{name}", f"must be a whole number of at least 1, got {shown(limit)}")
            else:
                read[name] = int(limit)  # 5e5 counts as a whole number
        return Constraints(**read, hardware=hardware)

    def _depths(self, path: str, value: Any, blocks: list[str]) -> tuple[int, ...]:
        existing = sorted({depth for block in blocks for depth in DEPTHS[block]})
        rule = f"{' and '.join(blocks)} blocks come in depths {_numbers(existing)}"
        if isinstance(value, Mapping):
            before = len(self.faults)
            domain = self._range(path, value, _WHOLE, lambda number: [])
            if len(self.faults) > before:
                return ()
            depths = tuple(depth for depth in existing if depth in domain)
            if not depths:
                self.fault(path, f"no depth lies in {domain}: {rule}")
            return depths
        options = list(value) if isinstance(value, list | tuple) else [value]

        def check(depth: Any) -> list[Fault]:
            if isinstance(depth, int) and not isinstance(depth, bool) and depth in existing:
                return []
            return [Fault("", f"{shown(depth)} does not exist: {rule}")]

        self._check_options(path, options, single=not isinstance(value, list | tuple), check=check)
        return tuple(options)

    def _range(self, path: str, value: Mapping[str, Any], kind: str, check: Check) -> Domain:
        fields = self.mapping(path, value, _RANGE_KEYS)
        broken = Choice((None,))
        if kind == _WORD:
            self.fault(path, "takes a list of choices, not a range")
            return broken
        before = len(self.faults)
        for name in ("low", "high"):
            if fields.get(name) is None:
                self.fault(f"{path}.{name}", "required, but missing")
            else:
                self.faults += [Fault(f"{path}.{name}", fault.message) for fault in check(fields[name])]
        log, step = fields.get("log", False), fields.get("step")
        if not isinstance(log, bool):
            self.fault(f"{path}.log", f"must be true or false, got {shown(log)}")
        numbers = {name: fields[name] for name in ("low", "high", "step") if fields.get(name) is not None}
        for name, number in numbers.items():
            self._check_number(f"{path}.{name}", number, kind)
        if len(self.faults) > before:
            return broken
        low, high = numbers["low"], numbers["high"]
        if low > high:
            self.fault(path, f"low must not exceed high: {shown(low)} > {shown(high)}")
        if step is not None and step <= 0:
            self.fault(f"{path}.step", f"must be greater than 0, got {shown(step)}")
        if log and step is not None:
            self.fault(path, "a logarithmic range (log: true) cannot have a step")
        if log and low <= 0:
            self.fault(f"{path}.low", f"must be greater than 0 in a logarithmic range (log: true), got {shown(low)}")
        if len(self.faults) == before and (kind == _WHOLE or step is not None):
            self._check_count(path, low, high, step or 1)
        if len(self.faults) > before:
            return broken
        if kind == _WHOLE:
            step = step or 1
            return IntRange(low, high - (high - low) % step, step, log)
        domain = FloatRange(float(low), float(high), None if step is None else float(step), log)
        return domain if step is None else replace(domain, high=(domain.values or (high,))[-1])

    def _check_count(self, path: str, low: float, high: float, step: float) -> None:
        """Before the values of a range are made."""
        count = (Fraction(high) - Fraction(low)) / Fraction(step) + 1
        if count > MOST_RANGE_VALUES:
            self.fault(path, f"has {_large(int(count))} values, more than {MOST_RANGE_VALUES:,}: give a larger step")

    def _check_number(self, path: str, value: Any, kind: str) -> None:
        if any(fault.path == path for fault in self.faults):
            return
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or (kind == _REAL and isinstance(value, float) and math.isfinite(value))):
            self.fault(path, f"must be a {'whole ' if kind == _WHOLE else ''}number, got {shown(value)}")
        elif abs(value) > MOST_NUMBER:
            self.fault(path, f"must be at most {MOST_NUMBER:g} in size, got {shown(value)}")

    def _check_options(self, path: str, options: Any, *, single: bool, check: Check) -> None:
        if not options:
            self.fault(path, "needs at least one choice, got an empty list")
        if len(options) > MOST_CHOICES:
            self.fault(path, f"has {len(options):,} choices, more than {MOST_CHOICES:,}")
            return
        for i, option in enumerate(options):
            where = path if single else f"{path}.{i}"
            self.faults += [Fault(where, fault.message) for fault in check(option)]
            if option in list(options)[:i]:
                self.fault(where, f"{shown(option)} is given twice")

    def _check_tau(self, domains: Mapping[str, Domain]) -> None:
        smallest = min(cast(tuple[float, ...], domains["tau"].values or (cast(FloatRange, domains["tau"]).low,)))
        for kind in domains["kind"].values or ():
            try:
                NeuronSpec.from_dict({"kind": kind, "tau": smallest})
            except SpecError as error:
                self.faults += [Fault("arch.neuron.tau", fault.message) for fault in error.faults]

    def _check_warmup(self, warmup: Domain, epochs: Domain) -> None:
        longest = max(cast(tuple[float, ...], warmup.values or (cast(FloatRange, warmup).high,)))
        fewest = min(cast(tuple[int, ...], epochs.values))
        if longest >= fewest:
            self.fault("recipe.warmup_epochs", f"must be less than the {fewest} epochs, got {longest:g}")


@cache
def _kind(model: type[Spec], name: str) -> str:
    """Whether a field takes whole numbers, numbers, or only other values, such as words."""
    outer, _, inner = name.partition(".")
    if inner:
        return _kind(Surrogate, inner)
    schema = model.model_json_schema()["properties"][outer]
    types = {option.get("type") for option in schema.get("anyOf", [schema])}
    return _WHOLE if "integer" in types else _REAL if "number" in types else _WORD


def _arch_check(name: str) -> Check:
    fields = {**_SMALLEST, "depth": 14} if name == "block" else _SMALLEST  # 14 exists with every block
    return lambda value: _faults_of(Arch, {**fields, name: value}, name)


def _neuron_check(name: str) -> Check:
    def check(value: Any) -> list[Fault]:
        # the lower bound of tau depends on the kind of neuron; `_check_tau` checks both together
        return _faults_of(NeuronSpec, {"kind": "if", **neuron_fields({name: value})}, name)

    return check


def _recipe_check(name: str) -> Check:
    return lambda value: _faults_of(Recipe, {"epochs": MOST_EPOCHS, "schedule": "cosine", name: value}, name)


def _faults_of(model: type[Spec], fields: dict[str, Any], name: str) -> list[Fault]:
    try:
        model.from_dict(fields)
    except SpecError as error:
        return [Fault(fault.path.removeprefix(name), fault.message) for fault in error.faults]
    return []


def _large(number: int) -> str:
    return f"{number:,}" if number < 10**15 else shown(number) if number > 2**256 else f"{float(number):.0e}"


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
