"""`SharedNetwork`: one set of weights for many architectures.

Merge, XOR placement and the number of blocks own no weights. So all networks with the same stem, block, width, neuron
and number of time steps, a *group*, can share one set: block 2 of stage 1 has the same convolutions in every network
that has such a block. How well a network does with shared weights predicts how good it would be alone (Guo et al. 2019,
arXiv 1904.00420; Yu & Huang 2019, arXiv 1903.05134), for the cost of a few trainings instead of all. (Time steps own no
weights either. But a network that is hard to train with one time step looks easy with weights that networks with four
have trained.) `training.py` trains the weights, `prediction.py` predicts from them.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from xoresnet.description.arch import Arch
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.description.plan import ConvPlan
from xoresnet.description.schema import Spec
from xoresnet.errors import UsageError
from xoresnet.network.block import ConvNorm
from xoresnet.network.xoresnet import XOResNet
from xoresnet.neurons.neuron import SpikingNeuron, make_neuron

__all__ = ["ArchSpace", "SharedNetwork", "WeightGroup", "groups_of"]


class WeightGroup(Spec):
    """What networks must have in common to share weights; hashable. `model_dump_json` and `from_dict` store it."""

    input_shape: tuple[int, int, int]
    num_classes: int
    stem: str
    block: str
    width: int
    neuron: NeuronSpec
    timesteps: int

    @classmethod
    def of(cls, arch: Arch) -> WeightGroup:
        """The group of a network, which is the same for all descriptions of it.

        >>> arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, merge="add", timesteps=2)
        >>> WeightGroup.of(arch) == WeightGroup.of(arch.replace(depth=20, merge="or", xor="both"))
        True
        """
        canonical = arch.canonical()
        return cls(**{name: getattr(canonical, name) for name in cls.model_fields})

    @property
    def group_id(self) -> str:
        """Ten hexadecimal digits of the SHA-256 of the fields that differ from their default."""
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()[:10]

    def __str__(self) -> str:
        fields = f"{self.stem}, {self.block}, width {self.width}, {self.neuron.kind}, T={self.timesteps}"
        return f"{fields} ({self.group_id})"


def groups_of(archs: Iterable[Arch]) -> dict[WeightGroup, list[Arch]]:
    """The networks of each group, each once and in canonical form, in the order given."""
    groups: dict[WeightGroup, dict[Arch, None]] = {}
    for arch in archs:
        canonical = arch.canonical()
        groups.setdefault(WeightGroup.of(canonical), {})[canonical] = None
    return {group: list(members) for group, members in groups.items()}


class ArchSpace(Protocol):
    """A set of networks; `xoresnet.space.SearchSpace` is one."""

    def contains(self, arch: Arch) -> bool: ...


class SharedNetwork:
    """Weights for every network of a space, each created when a network first needs it.

    The initial value of a weight depends only on the seed, the group and its place in the network, not on which
    networks were requested before; so groups can be trained in different processes.

    >>> shared = SharedNetwork(seed=0)
    >>> arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4)
    >>> shallow, deep = shared.view(arch), shared.view(arch.replace(depth=14, merge="add"))
    >>> shallow.stages[0][0].convs[0].conv.weight is deep.stages[0][0].convs[0].conv.weight
    True
    """

    def __init__(self, space: ArchSpace | None = None, seed: int = 0, *, device: str | torch.device = "cpu") -> None:
        """space: the networks that it serves; None for all. seed: of the initial weights."""
        self.space, self.seed = space, seed
        self.device = torch.device(device)
        self._weights: dict[WeightGroup, dict[str, nn.Parameter]] = {}

    def view(self, arch: Arch) -> XOResNet:
        """The network of an architecture's canonical form, whose parameters *are* the shared ones.

        It is an ordinary network, made anew at each call: to train it is to train them. Its buffers, the running
        statistics of batch norm, are new and its own, so running it, in any mode, changes nothing that others see.
        Raises `UsageError` for a network that is not in the space.
        """
        arch = arch.canonical()
        if self.space is not None and not self.space.contains(arch):
            raise UsageError(f"{arch.arch_id} is not in the space that these weights serve")
        with _without_draws():
            net = XOResNet(arch)
        weights = self._complete(net)
        for name, key in _keys(net).items():
            place, _, leaf = name.rpartition(".")
            setattr(net.get_submodule(place), leaf, weights[key])
        return net.to(self.device)

    def extract(self, arch: Arch) -> XOResNet:
        """A copy of `view` with weights of its own, to train further."""
        return copy.deepcopy(self.view(arch))

    def parameters(self, group: WeightGroup) -> Mapping[str, nn.Parameter]:
        """The weights of a group that exist so far, by their place in the network."""
        return MappingProxyType(self._weights.get(group, {}))

    def state_dict(self, group: WeightGroup) -> dict[str, Tensor]:
        """The same weights, detached."""
        return {key: weight.detach() for key, weight in self.parameters(group).items()}

    def load_state_dict(self, group: WeightGroup, weights: Mapping[str, Tensor]) -> None:
        """Replace the weights of a group; views that were made before keep the old ones."""
        self._weights[group] = {key: nn.Parameter(value.to(self.device)) for key, value in weights.items()}

    def _complete(self, net: XOResNet) -> dict[str, nn.Parameter]:
        """The weights of a network's group, after creating those that the network lacks."""
        group = WeightGroup.of(net.arch)
        weights = self._weights.setdefault(group, {})
        keys = _keys(net)
        for place, module in net.named_modules():
            make = _maker(module, net.arch)
            if make is None:
                continue
            names = {f"{place}.{name}": name for name, _ in module.named_parameters()}
            missing = {keys[full]: name for full, name in names.items() if keys[full] not in weights}
            if missing:
                first = min(keys[full] for full in names)
                with _drawing_from(f"{self.seed} {group.group_id} {first}"):
                    fresh = make()
                for key, name in missing.items():
                    weights[key] = nn.Parameter(fresh.get_parameter(name).detach().to(self.device))
        return weights


def _keys(net: XOResNet) -> dict[str, str]:
    """The key of the shared weight for each parameter: its name, for the read-out with the number of inputs."""
    read_out = f"head{net.head.in_features}."
    names = [name for name, _ in net.named_parameters()]
    return {name: read_out + name.removeprefix("head.") if name.startswith("head.") else name for name in names}


def _maker(module: nn.Module, arch: Arch) -> Callable[[], nn.Module] | None:
    """How to create a part of a network with its initial values; None for modules that are not such a part."""
    match module:
        case ConvNorm(conv=conv):
            sizes = conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.stride[0]
            return lambda: ConvNorm(ConvPlan(*sizes, in_size=(1, 1)))
        case SpikingNeuron():
            return lambda: make_neuron(arch.neuron)
        case nn.Linear(in_features=features):
            return lambda: nn.Linear(features, arch.num_classes)
        case _:
            return None


@contextmanager
def _drawing_from(text: str) -> Iterator[None]:
    """Let random initial values follow from a text; torch's own generator stays as it is."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


class _Undrawn(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (Tensor.normal_, Tensor.uniform_):
            return args[0]
        return func(*args, **(kwargs or {}))


@contextmanager
def _without_draws() -> Iterator[None]:
    """Create networks without drawing their initial weights, which takes most of the time and is replaced anyway."""
    with torch.random.fork_rng(devices=[]), _Undrawn():
        yield
