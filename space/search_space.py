"""`SearchSpace`: which networks exist. Describes; what is done with it has files of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.errors import Fault, SpecError, YamlError
from xoresnet.space.domain import Choice, Domain
from xoresnet.space.stages import Skeleton, StageDomain, skeleton

if TYPE_CHECKING:
    from xoresnet.space.cells import Cells, Size
    from xoresnet.space.describe import Parameter

__all__ = ["Constraints", "SearchSpace"]


@dataclass(frozen=True)
class Constraints:
    """What is known before training; None for no limit."""

    max_params: int | None = None
    max_macs: int | None = None
    """Dense multiply-adds per sample over all time steps (`table.dense_macs`)."""

    def exceeded(self, params: int, macs: int) -> dict[str, int]:
        """By how much each limit is exceeded."""
        limits = {"max_params": (params, self.max_params), "max_macs": (macs, self.max_macs)}
        return {
            name: value - limit for name, (value, limit) in limits.items() if limit is not None and value > limit
        }  # fmt: skip


@dataclass(frozen=True)
class SearchSpace:
    """Networks for images of one shape, and recipes to train them with.

    Made by `SearchSpace.from_dict`, `.load` (a YAML file) or `.preset` (a name), which check everything. Its sampling
    is uniform over *networks*: descriptions that build the same one (`Arch.canonical`) count once.

    >>> space = SearchSpace.preset("digits")
    >>> arch = space.sample(Random(0))
    >>> space.contains(arch), arch.num_classes
    (True, 10)
    """

    input_shape: tuple[int, int, int]
    num_classes: int
    depths: Mapping[str, tuple[int, ...]]
    """The blocks, and the depths of each."""
    merge: StageDomain
    xor: StageDomain
    neuron: Mapping[str, Domain]
    """By field, with dots: `tau`, `surrogate.kind`; the rest is as `NeuronSpec` has it."""
    stem: Choice
    width: Domain
    timesteps: Domain
    logic_gradient: Choice
    recipe: Mapping[str, Domain]
    """Fields of `Recipe`; the others are the search's to set."""
    constraints: Constraints

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> SearchSpace:
        """From plain values, as a YAML file has them. Raises `SpecError` with every fault at its path."""
        from xoresnet.space.reading import read_space

        return read_space(fields)

    @classmethod
    def from_yaml(cls, text: str, where: str = "the space") -> SearchSpace:
        """Raises `YamlError`, `SpecError`."""
        from xoresnet.files.yaml_text import read_yaml

        return cls.from_dict(read_yaml(text, where))

    @classmethod
    def load(cls, path: str | Path) -> SearchSpace:
        """Read a YAML file. Raises `YamlError` and `SpecError`, which name the file, and OSError."""
        try:
            return cls.from_yaml(Path(path).read_text(encoding="utf-8"), str(path))
        except UnicodeDecodeError:
            raise YamlError(f"{path} is no text") from None
        except SpecError as error:
            raise SpecError(fault._replace(message=f"{fault.message} (in {path})") for fault in error.faults) from None

    @classmethod
    def preset(cls, name: str) -> SearchSpace:
        """One that comes along: see `preset_names`. Raises `SpecError`."""
        from xoresnet.space.presets import load_preset

        return load_preset(name)

    def to_dict(self) -> dict[str, Any]:
        """Plain values from which `from_dict` makes an equal space."""
        from xoresnet.space.writing import write_space

        return write_space(self)

    def to_yaml(self) -> str:
        from xoresnet.files.yaml_text import write_yaml

        return write_yaml(self.to_dict())

    def for_images(self, input_shape: tuple[int, int, int], num_classes: int) -> SearchSpace:
        """The same networks for other images."""
        return replace(self, input_shape=input_shape, num_classes=num_classes)

    def extend(self, *, merge: str | None = None, neuron: str | None = None) -> SearchSpace:
        """The same with one more merge or kind of neuron: of ours, or of the user's by dotted path.

        Raises `SpecError` for paths that lead nowhere.
        """
        fields = self.to_dict()
        arch = fields["arch"]
        if merge is not None:
            per_stage = {"per_stage": [*self.merge.options, merge]}
            arch["merge"] = per_stage if self.merge.per_stage else per_stage["per_stage"]
        if neuron is not None:
            arch["neuron"]["kind"] = [*(self.neuron["kind"].values or ()), neuron]
        return type(self).from_dict(fields)

    def size(self) -> Size:
        """How many networks there are, exactly: counted, not enumerated."""
        return self.cells.size()

    def enumerate(self) -> Iterator[Arch]:
        """Each network once. Raises ValueError where a field has infinitely many values."""
        return self.cells.enumerate()

    def sample(self, rng: Random) -> Arch:
        """Any network with equal probability; fields with infinitely many values are drawn from their range.

        Raises ValueError where no network keeps within the constraints.
        """
        return self.cells.draw(rng)

    def contains(self, arch: Arch) -> bool:
        """Whether this network is in the space, however it is described."""
        return not self.faults(arch)

    def faults(self, arch: Arch) -> tuple[Fault, ...]:
        """Why a network is not in the space; empty where it is."""
        from xoresnet.space.locate import locate

        found = locate(self, arch)
        return () if isinstance(found, Arch) else found

    def mutate(self, arch: Arch, rng: Random) -> Arch:
        """Another network that differs in one field; raises `SpecError` where `arch` is not in the space."""
        from xoresnet.space.variation import mutate

        return mutate(self, arch, rng)

    def crossover(self, one: Arch, other: Arch, rng: Random) -> Arch:
        """A network that has each of its fields from one of two; raises `SpecError` where one is not in the space."""
        from xoresnet.space.variation import crossover

        return crossover(self, one, other, rng)

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """All networks that differ in one field: other choices, or the next steps of a range."""
        from xoresnet.space.variation import neighbours

        return neighbours(self, arch)

    def describe(self) -> tuple[Parameter, ...]:
        """What a sampler is asked for, with ranges and conditions."""
        from xoresnet.space.describe import parameters

        return parameters(self)

    def exceeded(self, arch: Arch) -> dict[str, int]:
        """Constraints that a network breaks, and by how much."""
        limits = self.constraints
        if limits == Constraints():
            return {}
        return limits.exceeded(params_count(arch), dense_macs(arch))

    @cached_property
    def cells(self) -> Cells:
        from xoresnet.space.cells import Cells

        return Cells(self)

    @property
    def blocks(self) -> tuple[str, ...]:
        return tuple(self.depths)

    @cached_property
    def skeletons(self) -> tuple[Skeleton, ...]:
        return tuple(
            self.skeleton(str(stem), block, depth)
            for stem in self.stem.options
            for block, depths in self.depths.items()
            for depth in depths
        )

    def skeleton(self, stem: str, block: str, depth: int) -> Skeleton:
        return skeleton(stem, block, depth, self.merge.options)

    def build(self, fields: Mapping[str, Any]) -> Arch:
        """The network with these fields, on this space's images; one name for all stages is written once."""
        names = {
            key: fields[key][0] if len(set(fields[key])) == 1 else tuple(fields[key]) for key in ("merge", "xor")
        }  # fmt: skip
        return Arch(input_shape=self.input_shape, num_classes=self.num_classes, **{**fields, **names})
