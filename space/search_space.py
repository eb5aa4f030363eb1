"""`SearchSpace`: which networks exist, and the operations on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from xoresnet.description.arch import Arch
from xoresnet.description.user_code import names_only
from xoresnet.errors import Fault, SpecError, YamlError
from xoresnet.files.small import read_small
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.space import variation
from xoresnet.space.cells import Cells, Size
from xoresnet.space.describe import Parameter, parameters
from xoresnet.space.locate import locate
from xoresnet.space.presets import preset_text
from xoresnet.space.reading import read_space
from xoresnet.space.space_fields import SpaceFields
from xoresnet.space.writing import write_space

__all__ = ["SearchSpace"]


@dataclass(frozen=True)
class SearchSpace(SpaceFields):
    """Networks for images of one shape, and recipes to train them with.

    Create one with `SearchSpace.from_dict`, `.load` (a YAML file) or `.preset` (a name); these check every value.
    Sampling is uniform over networks, not descriptions: descriptions that build the same network (`Arch.canonical`)
    count once.

    >>> space = SearchSpace.preset("digits")
    >>> arch = space.sample(Random(0))
    >>> space.contains(arch), arch.num_classes
    (True, 10)
    """

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> SearchSpace:
        """Create a space from the plain values of a YAML file.

        Raises `SpecError` with every fault and its path.
        """
        read = read_space(mapping)
        return cls(**{field.name: getattr(read, field.name) for field in fields(SpaceFields)})

    @classmethod
    def from_yaml(cls, text: str, where: str = "the space") -> SearchSpace:
        """Create a space from YAML text; `where` names the text in messages. Raises `YamlError` and `SpecError`."""
        return cls.from_dict(read_yaml(text, where))

    @classmethod
    def load(cls, path: str | Path, *, trust_code: bool = False) -> SearchSpace:
        """Read a YAML file.

        trust_code: import merges and neurons that the file names by dotted path, which runs their modules; modules that
        are imported already need no trust. Raises `YamlError` and `SpecError`, which name the file,
        `UntrustedCodeError`, which names the code, and OSError.
        """
        try:
            with names_only(path, trust_code=trust_code) as named:
                space = cls.from_yaml(read_small(Path(path)).decode("utf-8"), str(path))
        except UnicodeDecodeError:
            raise YamlError(f"{path} is not a text file") from None
        except SpecError as error:
            raise SpecError(fault._replace(message=f"{fault.message} (in {path})") for fault in error.faults) from None
        named.refuse()
        return space

    @classmethod
    def preset(cls, name: str) -> SearchSpace:
        """Load a preset; `preset_names` lists them. Raises `SpecError` for any other name."""
        return cls.from_yaml(preset_text(name), f"the preset {name}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values from which `from_dict` creates an equal space."""
        return write_space(self)

    def to_yaml(self) -> str:
        """YAML text from which `from_yaml` creates an equal space."""
        return write_yaml(self.to_dict())

    def for_images(self, input_shape: tuple[int, int, int], num_classes: int) -> SearchSpace:
        """The same space for images of another shape (channels, height, width) or other classes."""
        return replace(self, input_shape=input_shape, num_classes=num_classes)

    def extend(self, *, merge: str | None = None, neuron: str | None = None) -> SearchSpace:
        """The same space with one more merge or kind of neuron: a built-in name, or the dotted path of a user's own.

        Raises `SpecError` for an unknown name or a path that cannot be imported.
        """
        mapping = self.to_dict()
        arch = mapping["arch"]
        if merge is not None:
            per_stage = {"per_stage": [*self.merge.options, merge]}
            arch["merge"] = per_stage if self.merge.per_stage else per_stage["per_stage"]
        if neuron is not None:
            arch["neuron"]["kind"] = [*(self.neuron["kind"].values or ()), neuron]
        return type(self).from_dict(mapping)

    def size(self) -> Size:
        """The exact number of networks, computed without enumerating them."""
        return self.cells.size()

    def enumerate(self) -> Iterator[Arch]:
        """Every network once. Raises ValueError if a field has infinitely many values."""
        return self.cells.enumerate()

    def sample(self, rng: Random) -> Arch:
        """Draw a network, each with equal probability. Fields with infinitely many values are drawn from their range.

        Raises ValueError if no network keeps to the constraints.
        """
        return self.cells.draw(rng)

    def contains(self, arch: Arch) -> bool:
        """Whether the network is in the space, under any of its descriptions."""
        return not self.faults(arch)

    def faults(self, arch: Arch) -> tuple[Fault, ...]:
        """The reasons why a network is not in the space; empty if it is."""
        located = locate(self, arch)
        return () if isinstance(located, Arch) else located

    def mutate(self, arch: Arch, rng: Random) -> Arch:
        """A different network that differs in one field, or any other network if there is none.

        The only network of a space is returned unchanged. Raises `SpecError` if `arch` is not in the space.
        """
        return variation.mutate(self, arch, rng, self.sample)

    def crossover(self, first: Arch, second: Arch, rng: Random) -> Arch:
        """A network that takes each field from one of two parents.

        Returns a parent if no child tried keeps to the constraints. Raises `SpecError` if a parent is not in the space.
        """
        return variation.crossover(self, first, second, rng)

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """All networks that differ in one field: by another choice, or by one step of a range.

        Raises `SpecError` if `arch` is not in the space.
        """
        return variation.neighbours(self, arch)

    def describe(self) -> tuple[Parameter, ...]:
        """The parameters that a sampler is asked for, with their ranges and conditions."""
        return parameters(self)

    @cached_property
    def cells(self) -> Cells:
        return Cells(self)
