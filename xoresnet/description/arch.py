"""`Arch`: the frozen, validated description of one network, with its identity, its files and the known baselines."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xoresnet.description.arch_fields import DEPTHS, ArchFields
from xoresnet.description.canonical import canonical_fields
from xoresnet.description.schema import nearest
from xoresnet.description.user_code import names_only
from xoresnet.errors import Fault, SpecError, UsageError
from xoresnet.files.atomic import write_text
from xoresnet.files.small import read_small
from xoresnet.plain_text import shown

__all__ = ["ARCH_ID_LENGTH", "BASELINES", "Arch", "baseline_names"]

ARCH_ID_LENGTH = 10
"""Hexadecimal digits of a network's id."""

BASELINES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "spiking-resnet": {"merge": "current", "xor": "none"},
        "sew-resnet": {"merge": "add", "xor": "none"},
        "ms-resnet": {"merge": "membrane", "xor": "none"},
        "or-resnet": {"merge": "or", "xor": "none"},
        "xoresnet": {"merge": "oa", "xor": "middle"},
    }
)
"""Families of known networks; the name of a network is a family followed by a depth: `sew-resnet18`."""


class Arch(ArchFields):
    """One network, described completely; `XOResNet(arch)` builds it.

    `merge` and `xor` take one value, or one for each stage. Impossible combinations raise `SpecError`, which names the
    field, the value and the rule.

    >>> arch = Arch(input_shape=(1, 28, 28), num_classes=10, depth=20, merge=("or", "or", "add"))
    >>> arch.blocks_per_stage
    (3, 3, 3)
    >>> Arch.from_json(arch.to_json()) == arch
    True
    """

    def canonical(self) -> Arch:
        """Return the one description of all those that build and train the same network; rules in `canonical.py`."""
        return self.replace(**canonical_fields(self))

    @property
    def arch_id(self) -> str:
        """Ten hexadecimal digits that are the same for all descriptions of one network.

        They begin the SHA-256 of the canonical form's JSON. Fields that have their default value are left out, so that
        a field added later changes no id; for the same reason no default may ever change.

        >>> Arch.baseline("xoresnet18", input_shape=(3, 32, 32), num_classes=10).arch_id
        'fc30f31118'
        """
        fields = self.canonical().model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:ARCH_ID_LENGTH]

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return all fields as JSON text, defaults included."""
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Arch:
        """Read JSON text. Raises `SpecError` if it is not valid JSON or does not describe a network."""
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            problem = "a number has too many digits" if "int_max_str_digits" in str(error) else error
            raise SpecError([Fault("", f"not valid JSON: {problem}")]) from None
        return cls.from_dict(fields)

    def save(self, path: str | Path) -> None:
        """Write the JSON text to a file."""
        write_text(Path(path), self.to_json() + "\n")

    @classmethod
    def load(cls, path: str | Path, *, trust_code: bool = False) -> Arch:
        """Read a file that `save` wrote.

        trust_code: import merges and neurons that the file names by dotted path, which runs their modules; modules that
        are imported already need no trust. Raises `SpecError`, whose faults name the file, `UntrustedCodeError`, which
        names the code, `UsageError` where there is no file, or `OSError`.
        """
        try:
            with names_only(path, trust_code=trust_code) as named:
                arch = cls.from_json(read_small(Path(path)))
        except FileNotFoundError:
            raise UsageError(f"there is no file {path}") from None
        except SpecError as error:
            raise SpecError(fault._replace(message=f"{fault.message} (in {path})") for fault in error.faults) from None
        named.refuse()
        return arch

    @classmethod
    def baseline(cls, name: str, *, input_shape: tuple[int, int, int], num_classes: int, **changes: Any) -> Arch:
        """Return a known network by name: a family of `BASELINES` with a depth, `xoresnet18` or `sew-resnet20`.

        The block is basic wherever that depth exists with basic blocks. The first stage has 16 channels in networks of
        three stages and 64 in networks of four. Other fields have their defaults unless `changes` sets them: the stem
        is `conv3`, for small images (use `stem="conv7-pool"` for 224 pixels), and the neuron a LIF. Raises `SpecError`
        for an unknown name, and for changes to `depth`, `merge` or `xor`, which the name fixes.

        >>> Arch.baseline("sew-resnet18", input_shape=(3, 32, 32), num_classes=10).merge
        'add'
        """
        family, depth = _split_baseline(name)
        named = [field for field in ("depth", "merge", "xor") if field in changes]
        if named:
            rule = f"is fixed by the name {name!r}; change it afterwards with .replace()"
            raise SpecError([Fault(field, rule) for field in named])
        block = str(changes.get("block", "basic" if depth in DEPTHS["basic"] else "bottleneck"))
        stages = DEPTHS.get(block, {}).get(depth, ())
        fields = {"block": block, "depth": depth, "width": 64 if len(stages) == 4 else 16, **BASELINES[family]}
        return cls(input_shape=input_shape, num_classes=num_classes, **{**fields, **changes})


def baseline_names() -> list[str]:
    """Return every name that `Arch.baseline` accepts."""
    depths = sorted({depth for table in DEPTHS.values() for depth in table})
    return [f"{family}{depth}" for family in BASELINES for depth in depths]


def _split_baseline(name: str) -> tuple[str, int]:
    depths = sorted({depth for table in DEPTHS.values() for depth in table})
    match = re.fullmatch(r"(.*?)(\d{0,9})", str(name), re.ASCII)
    family, digits = match.groups() if match else ("", "")
    if family in BASELINES and digits and int(digits) in depths:
        return family, int(digits)
    if family in BASELINES:
        rule = f"{family} exists with depths {', '.join(map(str, depths))}"
        near = min(depths, key=lambda depth: abs(depth - int(digits))) if digits else 18
        guess = f"; did you mean '{family}{near}'?"
    else:
        rule = f"a baseline is a family ({', '.join(BASELINES)}) followed by a depth, like 'xoresnet18'"
        guess = nearest(name, baseline_names())
    raise SpecError([Fault("name", f"{shown(name)} is not a baseline: {rule}{guess}")])
